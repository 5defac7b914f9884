# SPDX-License-Identifier: MIT
"""Makes the object of api.json from the header's declarations and comments, and refuses a header
whose entries are incomplete or contradict themselves."""
import abi
import grammar
from header import Refused

INTEGERS = {"int32_t", "uint32_t", "int64_t", "uint64_t", "size_t"}
ELEMENTS = {"int64_t": "int64", "double": "double", "tg_value": "value", "uint8_t": "uint8"}
# No constants: what the environment may set, and a text that tg_status_name gives.
OTHER_NAMES = {"TG_BLAS", "TG_NUM_THREADS", "TG_ERROR_UNKNOWN", "TG_SITE"}
GENERAL = "What each function can give, without being repeated below:"


class Library:
    """The names that the header gives, and what they are."""

    def __init__(self, header):
        self.header = header
        self.groups, self.group_of, self.value_of = {}, {}, {}
        self.handles, self.integers = {}, {}
        for alias in header.aliases:
            if alias.name == "tg_handle":
                self.handles["tg_handle"] = "any"
            elif alias.type == "tg_handle":
                self.handles[alias.name] = alias.name[len("tg_"):]
            elif alias.type in abi.SIZES:
                self.integers[alias.name] = alias.type
            else:
                raise Refused(f"{alias.name}: a type of {alias.type!r}")
        self.callbacks = {callback.name for callback in header.callbacks}
        self.structs = {struct.name for struct in header.structs}
        self.names = set(self.handles) | set(self.integers) | self.callbacks | self.structs | {
            function.name for function in header.functions}
        self.sizes = {name: 8 for name in list(self.handles) + list(self.callbacks)}
        self.sizes.update({name: abi.SIZES[c] for name, c in self.integers.items()})

    def constants(self):
        """The comment above or beside `enum {` names the group: "dtype: only the floating ..."."""
        result = []
        for enum in self.header.enums:
            said = self.header.above(enum.line)
            group, colon, text = said.partition(":")
            if not colon or not group.isidentifier():
                raise Refused(f"{enum.constants[0].name}: the comment above its enum names no "
                              f"group (`group: what it is about`)")
            self.groups[group] = {"documentation": grammar.joined(text), "names": []}
            for constant in enum.constants:
                self.groups[group]["names"].append(constant.name)
                self.group_of[constant.name] = group
                self.value_of[constant.name] = constant.value
                result.append({
                    "name": constant.name, "value": constant.value, "group": group,
                    "documentation": self._beside(constant.name, constant.line)})
        return result

    def _said(self, name, line):
        text = self.header.behind(line) or self.header.above(line)
        if not text:
            raise Refused(f"{name}: nothing says what it is")
        return grammar.joined(text)

    def _beside(self, name, line):
        text = self.header.behind(line)
        if not text:
            raise Refused(f"{name}: nothing beside it says what it is")
        return grammar.joined(text)

    def types(self):
        result = []
        for alias in self.header.aliases:
            integer = alias.name in self.integers or alias.name == "tg_handle"
            kind = "integer" if integer else "handle"
            result.append((alias.line, {"name": alias.name, "kind": kind, "c": alias.type,
                                        "size": self.sizes[alias.name],
                                        "documentation": self._said(alias.name, alias.line)}))
        for struct in self.header.structs:
            offsets, size = abi.layout(struct.fields, self.sizes)
            self.sizes[struct.name] = size
            fields = []
            for item, offset in zip(struct.fields, offsets):
                entry = {"name": item.name, "c": item.type, "offset": offset,
                         "documentation": self._beside(f"{struct.name}.{item.name}", item.line)}
                if item.members:
                    entry["members"] = [
                        {"name": member.name, "c": member.type, "offset": offset,
                         "documentation": self._beside(f"{struct.name}.{member.name}", member.line)}
                        for member in item.members]
                fields.append(entry)
            result.append((struct.line, {"name": struct.name, "kind": "struct", "size": size,
                                         "fields": fields,
                                         "documentation": self._said(struct.name, struct.line)}))
        return [entry for _, entry in sorted(result, key=lambda pair: pair[0])]

    def callback_entries(self):
        return [{"name": c.name, "returns": c.returns,
                 "parameters": [{"name": p.name, "c": p.type} for p in c.parameters],
                 "documentation": self._said(c.name, c.line)} for c in self.header.callbacks]

    def sections(self):
        """Headings of the form "==== name ====" with the text below them."""
        result = []
        for comment in self.header.comments:
            first, _, text = comment.text.partition("\n")
            if first.startswith("==== ") and first.endswith(" ===="):
                name = first[5:-5]
                result.append((comment.first, {"name": name[:1].lower() + name[1:],
                                               "documentation": text.strip("\n")}))
        return result

    def opening(self):
        for comment in self.header.comments:
            if "---- " in comment.text and GENERAL in comment.text:
                return comment.text
        raise Refused("the opening text has no list of what each function can give")

    def common_errors(self):
        lines = self.opening().split(GENERAL, 1)[1].strip("\n").split("\n")
        result = []
        for line in lines:
            if not line.startswith("  "):
                break
            code, _, when = line.strip().partition(" ")
            if code not in self.value_of:
                raise Refused(f"the opening text: no such code {code}")
            result.append({"code": code, "when": when.strip()})
        return result

    # ---- functions ----

    def functions(self):
        result, faults, sections = [], [], self.sections()
        for function in self.header.functions:
            try:
                result.append(self._function(function, sections))
            except Refused as fault:
                faults.append(f"{function.name} (line {function.line}): {fault}")
        if faults:
            raise Refused("\n".join(faults))
        return result

    def _function(self, function, sections):
        text = self.header.above(function.line)
        if not text:
            raise Refused("no comment directly above")
        comment = grammar.comment(text)
        section = [s["name"] for line, s in sections if line < function.line]
        if not section:
            raise Refused("stands in no section")
        names = [parameter.name for parameter in function.parameters]
        if [name for name, _ in comment.parameters] != names:
            raise Refused(f"@param names {[n for n, _ in comment.parameters]}, the declaration "
                          f"{names}")
        block, back = grammar.blocks(comment.fields["blocks"])
        entry = {"name": function.name, "section": section[-1],
                 "returns": self._returns(function, comment),
                 "brief": grammar.brief(comment.text), "documentation": comment.text,
                 "parameters": self._parameters(function, comment)}
        for name in ("shape", "dtypes", "gradient", "saved"):
            if name in comment.fields:
                entry[name] = comment.fields[name]
        known = {name: self.value_of[name] for name in self.groups["tg_status"]["names"]}
        entry["errors"] = grammar.errors(comment.fields["errors"], known)
        entry["threads"] = grammar.threads(comment.fields["threads"])
        entry["since"] = comment.fields["since"]
        entry["may_block"], entry["may_call_back"] = block, back
        self._agree(entry)
        return entry

    def _returns(self, function, comment):
        said, c = comment.fields.get("return"), function.returns
        if c == "void" or (c == "tg_status" and said is None):
            if said is not None:
                raise Refused("@return where nothing is returned")
            return {"c": c, "kind": "none" if c == "void" else "status"}
        if said is None:
            raise Refused("@return is missing")
        result = {"c": c}
        if c == "const char *":
            result["kind"] = "text"
            if said.startswith("static text"):
                result["lifetime"] = "static"
            else:
                lifetime = said.partition(", valid ")[2]
                if not lifetime:
                    raise Refused("@return: `static text` or `..., valid until ...`")
                result["lifetime"] = lifetime
        elif c == "double":
            result["kind"] = "double"
        elif c in INTEGERS or c in self.integers:
            result["kind"] = "integer"
            if c == "tg_status":
                result["enum"] = "tg_status"
            elif said.startswith("1 or 0"):
                result["boolean"] = True
        else:
            raise Refused(f"returns a {c}")
        result["documentation"] = said
        return result

    def _parameters(self, function, comment):
        entries, said = [], []
        for parameter, (_, text) in zip(function.parameters, comment.parameters):
            base = parameter.type.replace("const ", "").rstrip("*").strip()
            stars = parameter.type.count("*")
            is_out = stars > 0 and not parameter.type.startswith("const ")
            words = grammar.words(parameter.name, text, base in self.handles,
                                  stars > 0 or base in self.callbacks, is_out)
            entries.append(self._parameter(function, parameter, base, stars, words))
            said.append(words)
        by_name = {entry["name"]: entry for entry in entries}
        for index, (entry, words) in enumerate(zip(entries, said)):
            self._count(function, entries, by_name, index, words)
        for entry in entries:  # the text stands last
            entry["documentation"] = entry.pop("documentation")
        return entries

    def _parameter(self, function, parameter, base, stars, words):
        c, name, constant = parameter.type, parameter.name, parameter.type.startswith("const ")
        entry = {"name": name, "c": c}

        def put(kind, direction="in", **more):
            entry.update({"kind": kind, **more, "direction": direction,
                          "ownership": words.ownership, "nullable": words.nullable})

        if stars == 0:
            if base in self.handles:
                put("handle", handle=self.handles[base])
                if words.ownership not in ("borrowed", "consumed"):
                    raise Refused(f"@param {name} takes a handle: borrowed or consumed?")
            elif base in self.callbacks:
                put({"tg_destructor": "destructor", "tg_deleter": "deleter"}.get(base, "callback"))
            elif base == "double":
                put("double")
            else:
                self._integer(base, words, put, "in")
        elif c == "const char *":
            put("text")
        elif c == "char *":
            put("text", "out")
            if not words.bytes_of:
                raise Refused(f"@param {name}: `memory of <parameter> bytes`")
        elif c in ("void *", "const void *"):
            if name == "user_data":  # only its functions know what it is
                words.nullable = True
                put("user_data")
            elif words.bytes_of:
                put("bytes", "in" if constant else "out")
            else:
                put("pointer")
        elif c == "void **":
            put("pointer", "out")
            if words.ownership == "none" and not words.lifetime:
                raise Refused(f"@param {name} gives an address: `valid while ...`, or new?")
        elif base in self.structs and not words.array_of:
            put("struct", "in" if constant else "inout", struct=base)
        elif words.array_of:
            element = {"element": ELEMENTS.get(base, "handle")}
            if base in self.handles:
                element["handle"] = self.handles[base]
            elif base not in ELEMENTS:
                raise Refused(f"@param {name}: an array of {base}")
            put("array", "in" if constant else "out", **element)
        elif stars == 1 and not constant:
            if base in self.handles:
                put("handle", "out", handle=self.handles[base])
            elif base == "double":
                put("double", "out")
            else:
                self._integer(base, words, put, "out")
        else:
            raise Refused(f"{name}: a parameter of type {c!r}")
        if entry["direction"] == "out" and (entry.get("handle") is not None):
            if words.ownership not in ("new", "borrowed"):
                raise Refused(f"@param {name} gives a handle: new?")
        for mark in ("written", "moved on"):
            if mark in words.marks:
                entry["written"] = True
        if "copied" in words.marks:
            entry["copied"] = True
        if words.nullable_elements:
            entry["nullable_elements"] = True
        if words.may_give_none:
            entry["may_give_none"] = True
        if words.lifetime:
            entry["lifetime"] = words.lifetime
        entry["documentation"] = words.text
        return entry

    def _integer(self, base, words, put, direction):
        """Tells booleans, constants of a group and flags from numbers by how the text begins."""
        if base not in INTEGERS and base not in self.integers:
            raise Refused(f"a parameter of type {base!r}")
        named = self._constants_named(words.leading)
        if base == "tg_status":
            put("enum", direction, enum="tg_status")
        elif words.leading.startswith(("1 or 0", "1: ")) and base == "int32_t":
            put("boolean", direction)
        elif named:
            group, names = named
            kind = "flags" if base == "uint32_t" else "enum"
            more = {"enum": group}
            if names != self.groups[group]["names"]:
                more["constants"] = names
            put(kind, direction, **more)
        else:
            if base == "uint32_t" and "TG_" in words.text:
                raise Refused("a constant is named, but not at the beginning")
            put("integer", direction)

    def _constants_named(self, text):
        """The group and names of a text that begins with constants: "TG_FLOAT32 ... TG_BOOL",
        "TG_REDUCTION_*", "TG_READ_ONLY or 0", "0, or TG_FILE_MAP: maps"."""
        text = text[len("0, or "):] if text.startswith("0, or ") else text
        text = text.partition(": ")[0]
        if not text.startswith("TG_"):
            return None
        if text.endswith("_*"):
            names = [n for n in self.group_of if n.startswith(text[:-1])]
        elif " ... " in text:
            first, last = text.split(" ... ")
            group = self.groups[self._group(first)]["names"]
            names = group[group.index(first):group.index(last) + 1]
        else:
            names = [w for w in text.replace(",", " ").split() if w not in ("or", "0")]
        groups = {self._group(name) for name in names}
        if len(groups) != 1:
            raise Refused(f"constants of several groups, or of none: {text!r}")
        return groups.pop(), names

    def _group(self, name):
        if name not in self.group_of:
            raise Refused(f"no such constant: {name}")
        return self.group_of[name]

    def _count(self, function, entries, by_name, index, words):
        """Ties an array, a text or bytes to the parameter that counts it."""
        entry = entries[index]
        if entry["kind"] == "bytes" and len(words.bytes_of) > 1:
            for name in words.bytes_of:
                if name not in by_name:
                    raise Refused(f"@param {entry['name']}: no parameter {name}")
            entry["bytes_of"] = words.bytes_of
            return
        counter = words.array_of or (words.bytes_of[0] if words.bytes_of else "")
        if not counter:
            return
        if counter not in by_name:
            raise Refused(f"@param {entry['name']}: no parameter {counter} counts it")
        number = by_name[counter]
        at = entries.index(number)
        if number["c"] not in ("size_t", "int32_t"):
            raise Refused(f"@param {entry['name']}: {counter} is no count")
        full = entries[at + 1] if at + 1 < len(entries) else None
        takes_count = (entry["direction"] == "out" and entry["kind"] in ("array", "text") and
                       at == index + 1)
        if takes_count and (entry["kind"] == "text" or
                            (full and full["c"] == number["c"] + " *")):
            self._role(number, "capacity", entry)
            entry["capacity"] = counter
            if full and full["c"] == number["c"] + " *":
                self._role(full, "count", entry)
                entry["count"] = full["name"]
            elif function.returns == "size_t":
                entry["count"] = "return"
            else:
                raise Refused(f"@param {entry['name']}: nothing tells its full length")
        else:
            self._role(number, "length", entry)
            entry["length"] = counter

    @staticmethod
    def _role(number, role, entry):
        if number["kind"] not in ("integer", role):
            raise Refused(f"{number['name']} counts {entry['name']}, and is a {number['kind']}")
        number["kind"] = role
        number.setdefault("of", []).append(entry["name"])

    def _agree(self, entry):
        """What @param, @errors and the rest say must be one thing."""
        self._known_names(entry)
        when = {error["code"]: error["when"] for error in entry["errors"]}
        for parameter in entry["parameters"]:
            name = parameter["name"]
            plain = parameter["documentation"].startswith("counts no array: ")
            if parameter["kind"] == "integer" and not plain and (
                    name == "rank" or (parameter["c"].startswith("size_t") and
                                       name.endswith(("count", "capacity", "length")))):
                raise Refused(f"{name} counts no array")
        for parameter in entry["parameters"] if entry["returns"]["kind"] == "status" else []:
            name = parameter["name"]
            if "handle" in parameter and parameter["direction"] == "in" and not named_by(
                    when.get("TG_ERROR_INVALID_HANDLE", ""), name):
                if parameter["handle"] != "any" or parameter["ownership"] != "borrowed":
                    raise Refused(f"@errors: TG_ERROR_INVALID_HANDLE does not name {name}")
            if parameter["kind"] in ("user_data", "destructor", "deleter"):
                continue
            if "*" in parameter["c"] or parameter["kind"] == "callback":
                null = null_forms(when.get("TG_ERROR_INVALID_ARGUMENT", ""), name)
                if parameter["nullable"] and "always" in null:
                    raise Refused(f"@param {name} may be NULL, @errors says that it may not")
                if not parameter["nullable"] and "always" not in null:
                    raise Refused(f"@param {name} may not be NULL, and @errors does not say so")

    def _known_names(self, entry):
        """Names that the texts use must be there."""
        texts = [entry["documentation"], entry["returns"].get("documentation", "")]
        texts += [parameter["documentation"] for parameter in entry["parameters"]]
        texts += [error["when"] for error in entry["errors"]]
        texts += [entry.get(name, "") for name in ("shape", "dtypes", "gradient", "saved")]
        for word in grammar.identifiers(" ".join(texts)):
            known = word in self.names or word in self.value_of or word in OTHER_NAMES
            if word.startswith("TG_") and word.endswith("_"):  # TG_REDUCTION_*
                known = any(name.startswith(word) for name in self.value_of)
            if word.startswith(("tg_", "TG_")) and not known:
                raise Refused(f"the comment names {word}, which is not there")


def named_by(when, name):
    return name in grammar.identifiers(when)


def null_forms(when, name):
    """"out is NULL", "a, b or out is NULL": always; "shape is NULL but rank is not 0": where."""
    found = set()
    words = when.replace(",", " , ").replace(";", " ; ").split()
    for at, word in enumerate(words):
        if word != "NULL" or at < 2 or words[at - 1] != "is":
            continue
        condition = at + 1 < len(words) and words[at + 1] == "but"
        back = at - 2  # names, parted by "," or "or", read backwards
        while back >= 0 and words[back].isidentifier() and words[back] != "or":
            if words[back] == name:
                found.add("where" if condition else "always")
            if back == 0 or words[back - 1] not in (",", "or"):
                break
            back -= 2
    return found


def project_version(path):
    """`project(tapegrad VERSION 0.1.0 ...)` of CMakeLists.txt."""
    with open(path, encoding="utf-8") as file:
        words = file.read().split()
    at = words.index("project(tapegrad")
    return words[words.index("VERSION", at) + 1]


def symbol_version(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("{\n"):
                return line.split()[0]
    raise Refused("the version script names no version")


def make(header, root):
    library = Library(header)
    version = project_version(f"{root}/CMakeLists.txt")
    result = {"name": "tapegrad", "version": version,
              "soname": f"libtapegrad.so.{version.split('.')[0]}",
              "symbol_version": symbol_version(f"{root}/cmake/tapegrad.map"),
              "documentation": library.opening()}
    constants = library.constants()
    result["common_errors"] = library.common_errors()
    result["constants"] = constants
    result["groups"] = [{"name": name, "documentation": group["documentation"]}
                        for name, group in library.groups.items()]
    result["types"] = library.types()
    result["callbacks"] = library.callback_entries()
    result["sections"] = [section for _, section in library.sections()]
    result["functions"] = library.functions()
    return result
