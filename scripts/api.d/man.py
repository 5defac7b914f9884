# SPDX-License-Identifier: MIT
"""Manual pages in mdoc: one for each function, and tapegrad(3) for what they have in common."""
import datetime
import os
import textwrap
import time

import grammar
import prose


def date():
    """The day of SOURCE_DATE_EPOCH, so that a package can be built again bit for bit."""
    moment = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    day = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return f"{day:%B} {day.day}, {day.year}"


def text(line):
    """A line of text: nothing in it is taken for a request."""
    line = line.replace("\\", "\\e")
    return "\\&" + line if line.startswith((".", "'")) else line


def argument(words):
    """An argument of a macro."""
    return '"' + words.replace("\\", "\\e").replace('"', "\\(dq") + '"'


def paragraph(words):
    """Each sentence begins a line, which is how mdoc wants to find their ends."""
    return [text(line) for sentence in prose.sentences(words)
            for line in textwrap.wrap(sentence, 78, break_long_words=False, break_on_hyphens=False)]


def formatted(source):
    """Blocks of a longer text."""
    lines, in_list = [], False
    for kind, content in prose.blocks(source):
        if in_list and kind != "item":
            lines.append(".El")
            in_list = False
        if kind == "heading":
            lines.append(f".Ss {content}")
        elif kind == "item":
            if not in_list:
                lines.append(".Bl -bullet")
                in_list = True
            lines += [".It"] + paragraph(content)
        elif kind == "literal":
            lines += [".Bd -literal -offset indent"] + [text(line) for line in content] + [".Ed"]
        else:
            if lines and not lines[-1].startswith((".Ss", ".Sh", ".Pp")):
                lines.append(".Pp")
            lines += paragraph(content)
    return lines + ([".El"] if in_list else [])


def short(brief):
    """Of a long sentence what comes before its explanation."""
    for end in ("; ", ": ", " (", ", "):
        if len(brief) > 100:
            brief = brief.partition(end)[0]
    return brief


def head(api, title, name, brief):
    brief = short(brief).rstrip(".")
    if brief[1:2].islower() or brief.startswith("A "):
        brief = brief[0].lower() + brief[1:]
    return [".\\\" SPDX-License-Identifier: MIT",
            f".\\\" Made from the header of {api['name']} {api['version']} by scripts/api.",
            f".Dd {date()}", f".Dt {title.upper()} 3", f".Os {api['name']} {api['version']}",
            ".Sh NAME", f".Nm {name}", ".Nd " + text(brief).replace('"', "\\(dq")]


def synopsis(function):
    lines = [".In tapegrad/tapegrad.h", f".Ft {argument(function['returns']['c'])}",
             f".Fo {function['name']}"]
    for parameter in function["parameters"]:
        lines.append(f".Fa {argument(prose.spelled(parameter))}")
    if not function["parameters"]:
        lines.append(".Fa void")
    return lines + [".Fc"]


def tagged(pairs, width):
    lines = [f".Bl -tag -width {width}"]
    for tag, words in pairs:
        lines += [f".It {tag}"] + paragraph(words)
    return lines + [".El"]


def page(api, function, others):
    name = function["name"]
    lines = head(api, name, name, function["brief"])
    lines += [".Sh SYNOPSIS"] + synopsis(function)
    lines += [".Sh DESCRIPTION"] + paragraph(function["documentation"])
    if function["parameters"]:
        lines += tagged([(f"Fa {parameter['name']}", parameter["documentation"])
                         for parameter in function["parameters"]], "requires_grad")
    fields = [(f"Sy {title}", function[key])
              for key, title in (("shape", "shape"), ("dtypes", "dtypes"),
                                 ("gradient", "gradient"), ("saved", "saved")) if key in function]
    if fields:
        lines += [".Pp", "As an operator:"]
        lines += tagged(fields, "gradient")
    lines += [".Pp", f"Threads: {function['threads']}.", prose.blocking(function)]
    returns = function["returns"]
    if returns["kind"] != "none":
        lines.append(".Sh RETURN VALUES")
        if returns["kind"] == "status":
            lines += [".Dv TG_OK", "(0) or one of the errors below; the error's text is given by",
                      ".Xr tg_last_error_message 3 ."]
            if name == "tg_last_error_message":
                lines.pop()
        else:
            lines += paragraph(returns["documentation"])
    if function["errors"]:
        lines.append(".Sh ERRORS")
        lines += tagged([(f"Dv {error['code']}", error["when"]) for error in function["errors"]],
                        "Ds")
        lines.append(".Pp")
        if prose.rules(function):
            lines.append("The rules R1 to R7 stand in")
        else:
            lines.append("What every function can give besides stands in")
        lines.append(".Xr tapegrad 3 .")
    words = set(grammar.identifiers(" ".join(lines)))
    related = sorted(words & others - {name} | {"tapegrad"})
    lines.append(".Sh SEE ALSO")
    lines += [f".Xr {other} 3 ," for other in related[:-1]] + [f".Xr {related[-1]} 3"]
    lines += [".Sh HISTORY", f"It stands in {api['name']} since version {function['since']}."]
    return "\n".join(lines) + "\n"


def overview(api):
    first, _, rest = api["documentation"].partition("\n\n")
    lines = head(api, "tapegrad", "tapegrad", first.partition(": ")[2].partition(".")[0])
    lines += [".Sh SYNOPSIS", ".In tapegrad/tapegrad.h", ".Sh DESCRIPTION"]
    lines += formatted(f"{first}\n\n{rest}")
    lines.append(".Sh FUNCTIONS")
    for section in api["sections"]:
        lines.append(f".Ss {section['name'][:1].upper()}{section['name'][1:]}")
        lines += formatted(section["documentation"])
        own = [f for f in api["functions"] if f["section"] == section["name"]]
        if own:
            lines.append(".Bl -tag -width Ds")
            for function in own:
                lines += [f".It Xr {function['name']} 3"] + paragraph(function["brief"])
            lines.append(".El")
        if section is api["sections"][0]:
            lines += constants(api)
    lines.append(".Sh ERRORS")
    lines += ["Every function can give:"]
    lines += tagged([(f"Dv {error['code']}", error["when"]) for error in api["common_errors"]],
                    "Ds")
    return "\n".join(lines) + "\n"


def constants(api):
    lines = []
    for group in api["groups"]:
        own = [c for c in api["constants"] if c["group"] == group["name"]]
        lines += [".Pp"] if lines else []
        lines += paragraph(f"{group['name']}: {group['documentation']}.")
        lines += tagged([(f"Dv {c['name']} No = {c['value']}", c["documentation"]) for c in own],
                        "Ds")
    return lines


def write(api, folder):
    os.makedirs(folder, exist_ok=True)
    others = {function["name"] for function in api["functions"]}
    pages = {f["name"]: page(api, f, others) for f in api["functions"]}
    pages["tapegrad"] = overview(api)
    for name, content in pages.items():
        with open(os.path.join(folder, f"{name}.3"), "w", encoding="utf-8") as file:
            file.write(content)
