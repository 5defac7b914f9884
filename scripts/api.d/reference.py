# SPDX-License-Identifier: MIT
"""The reference in Markdown: a page for each section of the header, and an index."""
import prose

NOTE = "<!-- Made from include/tapegrad/tapegrad.h by scripts/api; edits here are lost. -->"
SPECIAL = "\\*<"


def file_of(section):
    plain = "".join(c if c.isalnum() else " " for c in section.lower())
    return "-".join(plain.split()) + ".md"


class Pages:
    def __init__(self, api):
        self.api = api
        self.place = {f["name"]: f"{file_of(f['section'])}#{f['name']}" for f in api["functions"]}
        types = file_of(api["sections"][0]["name"])
        for kind in api["types"] + api["callbacks"]:
            self.place[kind["name"]] = f"{types}#{kind['name']}"

    def text(self, words, here):
        """A paragraph: what stands in backquotes as it is, names of the library as links."""
        result = []
        for number, piece in enumerate(words.split("`")):
            result.append(f"`{piece}`" if number % 2 else self._linked(piece, here))
        return "".join(result)

    def _linked(self, piece, here):
        out, word = [], ""
        for character in piece + "\0":
            group = character == "*" and word.startswith("TG_")  # "TG_REDUCTION_*"
            if character.isalnum() or character == "_" or group:
                word += character
                continue
            out.append(self._word(word, here))
            word = ""
            if character != "\0":
                out.append("\\" + character if character in SPECIAL else character)
        return "".join(out)

    def _word(self, word, here):
        place = self.place.get(word)
        if place and word != here:
            return f"[`{word}`]({place})"
        if place or word.startswith(("TG_", "tg_")) or word.endswith("_t"):
            return f"`{word}`"
        inside = word.strip("_")
        left, right = word.partition(inside)[::2] if inside else (word, "")
        return left.replace("_", "\\_") + inside + right.replace("_", "\\_")

    def prose(self, source):
        lines = []
        for kind, content in prose.blocks(source):
            if kind == "item":
                if not lines or not lines[-1].startswith("- "):
                    lines.append("")
                lines.append("- " + self.text(content, ""))
            elif kind == "heading":
                lines += ["", f"## {content}"]
            elif kind == "literal":
                lines += ["", "```", *content, "```"]
            else:
                lines += ["", self.text(content, "")]
        return lines

    def function(self, function):
        name = function["name"]
        lines = ["", f"## {name}", "", "```", prose.prototype(function), "```", "",
                 self.text(function["documentation"], name)]
        if function["parameters"]:
            lines.append("")
        for parameter in function["parameters"]:
            lines.append(f"- `{parameter['name']}`: {self.text(parameter['documentation'], name)}")
        facts = [(title, function[key]) for title, key in (
            ("Shape", "shape"), ("Dtypes", "dtypes"), ("Gradient", "gradient"), ("Saved", "saved"))
            if key in function]
        if "documentation" in function["returns"]:
            facts.append(("Returns", function["returns"]["documentation"]))
        if facts:
            lines.append("")
        for title, words in facts:
            lines.append(f"- {title}: {self.text(words, name)}")
        if function["errors"]:
            rules = " ([R1 to R7](operators.md))" if prose.rules(function) else ""
            lines += ["", f"Errors{rules}:", ""]
        for error in function["errors"]:
            lines.append(f"- `{error['code']}`: {self.text(error['when'], name)}")
        lines += ["", f"Threads: {function['threads']}. {prose.blocking(function)} "
                      f"Since {function['since']}."]
        return lines

    def section(self, section):
        name = section["name"]
        lines = [NOTE, f"# {name[:1].upper()}{name[1:]}", "", "[Index](index.md)"]
        lines += self.prose(section["documentation"])
        own = [f for f in self.api["functions"] if f["section"] == name]
        if own:
            lines.append("")
        lines += [f"- {self.entry(f)}" for f in own]
        for function in own:
            lines += self.function(function)
        if section is self.api["sections"][0]:
            lines += self.types()
        return "\n".join(lines) + "\n"

    def entry(self, function):
        name = function["name"]
        return f"[`{name}`]({self.place[name]}): {self.text(function['brief'], name)}"

    def types(self):
        lines = []
        for kind in self.api["types"]:
            lines += ["", f"## {kind['name']}", "", self.text(kind["documentation"], "")]
            if kind["kind"] != "struct":
                lines += ["", f"`typedef {kind['c']} {kind['name']};`"]
                continue
            lines += ["", f"A struct of {kind['size']} bytes where a pointer has 64 bits:", ""]
            for field in kind["fields"]:
                lines.append(f"- `{prose.spelled(field)}` at {field['offset']}: "
                             f"{self.text(field['documentation'], '')}")
                lines += [f"  - `{prose.spelled(m)}`: {self.text(m['documentation'], '')}"
                          for m in field.get("members", [])]
        for callback in self.api["callbacks"]:
            parameters = ", ".join(prose.spelled(p) for p in callback["parameters"])
            lines += ["", f"## {callback['name']}", "",
                      self.text(callback["documentation"], ""), "", "```",
                      f"typedef {callback['returns']} (*{callback['name']})({parameters});",
                      "```"]
        for group in self.api["groups"]:
            lines += ["", f"## {group['name']}", ""]
            if group["name"] in self.place:  # the type has the heading already
                lines[-2] = f"## {group['name']}: its values"
            what = group["documentation"]
            lines += [self.text(f"{what[:1].upper()}{what[1:]}.", ""), ""]
            lines += [f"- `{c['name']}` = {c['value']}: {self.text(c['documentation'], '')}"
                      for c in self.api["constants"] if c["group"] == group["name"]]
        return lines

    def index(self):
        first, _, rest = self.api["documentation"].partition("\n\n")
        lines = [NOTE, "# Reference", "", self.text(" ".join(first.split("\n")), ""), "",
                 f"Version {self.api['version']}, `{self.api['soname']}`. The same as manual "
                 "pages: `man 3 tapegrad`; as data for bindings: [api.json](../../api/api.json).",
                 "", "## Sections"]
        for section in self.api["sections"]:
            name = section["name"]
            own = [f for f in self.api["functions"] if f["section"] == name]
            lines += ["", f"### [{name[:1].upper()}{name[1:]}]({file_of(name)})"]
            if own:
                lines.append("")
            lines += [f"- {self.entry(f)}" for f in own]
        return "\n".join(lines + self.prose(rest)) + "\n"


def make(api):
    """The pages by name."""
    pages = Pages(api)
    result = {file_of(section["name"]): pages.section(section) for section in api["sections"]}
    result["index.md"] = pages.index()
    return result
