# SPDX-License-Identifier: MIT
"""What the public header declares, as Doxygen reads it: declarations from its XML, comments word
for word from its listing of the source. Nothing here looks at C but through that XML."""
import os
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

OPTIONS = """
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = YES
STRIP_CODE_COMMENTS = NO
EXTRACT_ALL = YES
OPTIMIZE_OUTPUT_FOR_C = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = TG_API=
MARKDOWN_SUPPORT = NO
AUTOLINK_SUPPORT = NO
WARNINGS = NO
QUIET = YES
"""


class Refused(Exception):
    """The header does not say what it must, or contradicts itself."""


@dataclass
class Comment:
    first: int  # lines of the header
    last: int
    behind_code: bool  # stands on a line behind a declaration
    text: str  # without the stars


@dataclass
class Variable:  # a parameter, or a field of a struct
    name: str
    type: str
    line: int = 0
    members: list = field(default_factory=list)  # of a union


@dataclass
class Function:  # also the type of a callback
    name: str
    line: int
    returns: str
    parameters: list


@dataclass
class Constant:
    name: str
    value: int
    line: int


@dataclass
class Enum:
    line: int
    last: int
    constants: list


@dataclass
class Struct:
    name: str
    line: int
    fields: list


@dataclass
class Alias:
    name: str
    line: int
    type: str


def c_type(text):
    """One spelling for a type: "const int64_t *", "void **"."""
    words = text.replace("*", " * ").split()
    return " ".join(words).replace("* *", "**")


def parameter(text):
    """A parameter of a callback's type, which the XML gives as text: "const tg_tensor *inputs"."""
    words = text.replace("*", " * ").split()
    if words == ["void"]:
        return None
    if len(words) < 2 or not words[-1].isidentifier():
        raise Refused(f"a callback's parameter has no name: {text!r}")
    return Variable(words[-1], c_type(" ".join(words[:-1])))


class Header:
    """The declarations of one header, each in the order of the file."""

    def __init__(self, path):
        self.path = path
        with tempfile.TemporaryDirectory() as folder:
            settings = os.path.join(folder, "Doxyfile")
            with open(settings, "w", encoding="utf-8") as file:
                file.write(f'INPUT = "{path}"\nOUTPUT_DIRECTORY = "{folder}"\n{OPTIONS}')
            self._doxygen(settings)
            self._read(os.path.join(folder, "xml"))

    def _read(self, folder):
        index = ElementTree.parse(os.path.join(folder, "index.xml")).getroot()
        name = os.path.basename(self.path)
        files = [c.get("refid") for c in index.findall("compound")
                 if c.get("kind") == "file" and c.findtext("name") == name]
        structs = [c.get("refid") for c in index.findall("compound") if c.get("kind") == "struct"]
        if len(files) != 1:
            raise Refused(f"doxygen read no {name}")
        tree = ElementTree.parse(os.path.join(folder, files[0] + ".xml")).getroot()
        self._listing(tree)
        self.functions, self.callbacks, self.aliases, self.enums = [], [], [], []
        for member in tree.iter("memberdef"):
            kind = member.get("kind")
            if kind == "function":
                self.functions.append(self._function(member))
            elif kind == "typedef":
                self._typedef(member)
            elif kind == "enum":
                self.enums.append(self._enum(member))
            elif kind != "define":
                raise Refused(f"{member.findtext('name')}: the header declares a {kind}")
        self.structs = [self._struct(os.path.join(folder, refid + ".xml")) for refid in structs]
        for group in (self.functions, self.callbacks, self.aliases, self.enums, self.structs):
            group.sort(key=lambda declaration: declaration.line)

    @staticmethod
    def _doxygen(settings):
        # It warns of each tag of ours, whatever it is told; its words matter where it fails.
        said = subprocess.run(["doxygen", settings], capture_output=True, text=True)
        if said.returncode != 0:
            raise Refused(f"doxygen ended with {said.returncode}:\n{said.stdout}{said.stderr}")

    @staticmethod
    def _line(member):
        return int(member.find("location").get("line"))

    @staticmethod
    def _type(element):
        return c_type("".join(element.itertext()))

    def _function(self, member):
        parameters = []
        for item in member.findall("param"):
            name = item.findtext("declname")
            if name is None:
                if self._type(item.find("type")) == "void":
                    continue
                raise Refused(f"{member.findtext('name')}: a parameter has no name")
            parameters.append(Variable(name, self._type(item.find("type"))))
        return Function(member.findtext("name"), self._line(member),
                        self._type(member.find("type")), parameters)

    def _typedef(self, member):
        name, kind = member.findtext("name"), self._type(member.find("type"))
        arguments = (member.findtext("argsstring") or "").strip()
        if arguments:  # "int32_t(*" and ")(void *user_data, ...)"
            if not kind.endswith("( *") or not arguments.startswith(")("):
                raise Refused(f"{name}: a type that is no pointer to a function: {kind}")
            items = [parameter(text) for text in arguments[2:-1].split(",")]
            self.callbacks.append(Function(name, self._line(member), kind[:-3],
                                           [item for item in items if item]))
        elif not kind.startswith("struct "):  # a struct has a file of its own
            self.aliases.append(Alias(name, self._line(member), kind))

    def _enum(self, member):
        location = member.find("location")
        constants = []
        for item in member.findall("enumvalue"):
            name, value = item.findtext("name"), item.findtext("initializer") or ""
            if not value.startswith("= "):
                raise Refused(f"{name}: a constant without a number of its own")
            constants.append(Constant(name, int(value[2:], 0), self._lines_of[item.get("id")]))
        return Enum(int(location.get("bodystart")), int(location.get("bodyend")), constants)

    def _struct(self, path):
        tree = ElementTree.parse(path).getroot().find("compounddef")
        variables = [Variable(m.findtext("name"), self._type(m.find("type")), self._line(m))
                     for m in tree.iter("memberdef")]
        fields, members = [], []
        # Doxygen lists a union's members before the union itself, all at the level of the struct.
        unions = [v for v in variables if v.type.startswith("union ")]
        if len(unions) > 1:
            raise Refused(f"{tree.findtext('compoundname')}: more than one union")
        inside = {m.findtext("name") for m in tree.iter("memberdef")
                  if unions and self._in_union(m, unions[0])}
        for variable in variables:
            if variable in unions:
                variable.type = "union"
                variable.members = members
                fields.append(variable)
            elif variable.name in inside:
                members.append(variable)
            else:
                fields.append(variable)
        return Struct(tree.findtext("compoundname"),
                      int(tree.find("location").get("bodystart")), fields)

    def _in_union(self, member, union):
        start = max(line for line in self._union_lines if line < union.line)
        return start < self._line(member) < union.line

    def _listing(self, tree):
        """The comments, the line of each enumerator, and where a union opens."""
        self.comments, self._lines_of, self._union_lines = [], {}, []
        open_comment = None
        for code in tree.iter("codeline"):
            number = int(code.get("lineno"))
            seen_code = False
            for part in code.findall("highlight"):
                for reference in part.findall("ref"):
                    self._lines_of.setdefault(reference.get("refid"), number)
                text = self._text(part)
                if part.get("class") != "comment":
                    seen_code = seen_code or bool(text.strip())
                    if part.get("class") == "keyword" and text.strip() == "union":
                        self._union_lines.append(number)
                    continue
                while text:
                    if open_comment is None:
                        start = text.find("/*")
                        if start < 0:
                            raise Refused(f"line {number}: a comment that is none of C89")
                        open_comment = [number, seen_code, []]
                        text = text[start:]
                    end = text.find("*/", 2 if not open_comment[2] else 0)
                    line = text if end < 0 else text[:end + 2]
                    open_comment[2].append(line)
                    text = "" if end < 0 else text[end + 2:].lstrip()
                    if end >= 0:
                        first, behind, lines = open_comment
                        self.comments.append(Comment(first, number, behind, bare(lines)))
                        open_comment = None
            if open_comment is not None and not code.findall("highlight"):
                open_comment[2].append("")
        self._above = {c.last: c for c in self.comments if not c.behind_code}
        self._behind = {c.first: c for c in self.comments if c.behind_code}

    @staticmethod
    def _text(part):
        pieces = [part.text or ""]
        for child in part:
            pieces.append(" " if child.tag == "sp" else "".join(child.itertext()))
            pieces.append(child.tail or "")
        return "".join(pieces)

    def above(self, line):
        comment = self._above.get(line - 1)
        return comment.text if comment else ""

    def behind(self, line):
        comment = self._behind.get(line)
        return comment.text if comment else ""


def bare(lines):
    """The text of a comment: without its marks, stars and the spaces that line it up."""
    out = []
    for number, line in enumerate(lines):
        line = line.strip()
        if number == 0:
            line = line[3:] if line.startswith("/**") else line[2:]
        elif line.startswith("*") and not line.startswith("*/"):
            line = line[1:]
        if number == len(lines) - 1:
            line = line[:-2] if line.endswith("*/") else line
        out.append(line.rstrip())
    # One blank follows each star; what is more is the author's.
    out = [line[1:] if line.startswith(" ") else line for line in out]
    return "\n".join(out).strip("\n")
