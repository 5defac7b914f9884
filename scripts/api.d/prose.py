# SPDX-License-Identifier: MIT
"""The blocks of a text of the header: headings, paragraphs, list items, and what is laid out."""
import grammar


def blocks(text):
    """(kind, content): heading and paragraph and item have a text, literal has lines."""
    result = []
    for line in text.split("\n"):
        last = result[-1] if result else None
        if not line.strip():
            result.append(("end", ""))
        elif line.startswith("---- ") and line.endswith(" ----"):
            result.append(("heading", line[5:-5]))
        elif line.startswith("- "):
            result.append(("item", line[2:]))
        elif line.startswith("  ") and last and last[0] == "item":
            result[-1] = ("item", f"{last[1]} {line.strip()}")
        elif line.startswith("  "):
            if last and last[0] == "literal":
                last[1].append(line)
            elif last and last[0] == "end" and len(result) > 1 and result[-2][0] == "literal":
                result.pop()
                result[-1][1].extend(["", line])
            else:
                result.append(("literal", [line]))
        elif last and last[0] == "paragraph":
            result[-1] = ("paragraph", f"{last[1]} {line}")
        else:
            result.append(("paragraph", line))
    return [(kind, outdented(content) if kind == "literal" else content)
            for kind, content in result if kind != "end"]


def outdented(lines):
    space = min(len(line) - len(line.lstrip()) for line in lines if line)
    return [line[space:] for line in lines]


def sentences(text):
    """A paragraph as its sentences."""
    result = []
    while text:
        first = grammar.brief(text)
        result.append(first)
        text = text[len(first):].lstrip()
    return result


def prototype(function):
    """The declaration, broken at 80 columns."""
    space = "" if function["returns"]["c"].endswith("*") else " "
    head = f'{function["returns"]["c"]}{space}{function["name"]}('
    items = [spelled(parameter) for parameter in function["parameters"]] or ["void"]
    lines, line = [], head
    for number, item in enumerate(items):
        item += ", " if number + 1 < len(items) else ");"
        if len(line) + len(item.rstrip()) > 80 and line != head:
            lines.append(line.rstrip())
            line = " " * len(head)
        line += item
    return "\n".join(lines + [line])


def spelled(parameter):
    space = "" if parameter["c"].endswith("*") else " "
    return f'{parameter["c"]}{space}{parameter["name"]}'


def rules(function):
    """Whether its errors point to the rules R1 to R7 of the operators."""
    texts = " ".join(error["when"] for error in function["errors"])
    return any(word in grammar.identifiers(texts) for word in ("R1", "R2", "R3", "R4", "R5", "R6",
                                                               "R7"))


def blocking(function):
    if function["may_call_back"]:
        return "May take long, and may call functions of the caller."
    if function["may_block"]:
        return "May take long; calls no function of the caller."
    return "Takes less than a millisecond; calls no function of the caller."
