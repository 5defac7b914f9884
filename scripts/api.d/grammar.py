# SPDX-License-Identifier: MIT
"""The grammar of the header's comments, as its opening text states it: fields, the words of a
@param, the list of @errors. What it does not know it refuses."""
from dataclasses import dataclass, field

from header import Refused

# Fields in the order in which they may stand; those of operators need not stand.
ORDER = ["param", "shape", "dtypes", "gradient", "saved", "return", "errors", "threads", "blocks",
         "since"]
NEEDED = ["errors", "threads", "blocks", "since"]

OWNERSHIP = {"borrowed": "borrowed", "borrowed and held": "borrowed", "new": "new",
             "consumed": "consumed", "kept": "consumed", "not a new handle": "borrowed",
             "called before this function returns": "borrowed"}
MARKS = {"written", "moved on", "copied"}


def joined(text):
    return " ".join(text.split())


def identifiers(text):
    """The words of a text that could be names of C."""
    plain = "".join(c if c.isalnum() or c == "_" else " " for c in text)
    return plain.split()


def split_outside(text, separators):
    """Splits where one of the separators stands outside of brackets and quotes."""
    pieces, start, depth, at, quote = [], 0, 0, 0, None
    while at < len(text):
        character = text[at]
        if quote:
            quote = None if character == quote else quote
        elif character in '`"':
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif depth <= 0:
            found = next((s for s in separators if text.startswith(s, at)), None)
            if found == ". " and text[at - 1] == ".":  # "TG_FLOAT32 ... TG_BOOL"
                found = None
            if found:
                pieces.append(text[start:at])
                at += len(found)
                start = at
                continue
        at += 1
    pieces.append(text[start:])
    return pieces


@dataclass
class Comment:
    text: str
    parameters: list  # of (name, text)
    fields: dict


def comment(text):
    """A function's comment: what it does, then the fields."""
    lines = text.split("\n")
    prose, found = [], []
    for line in lines:
        line = line.strip()
        if line.startswith("@"):
            name, _, rest = line[1:].partition(" ")
            found.append([name, rest])
        elif found:
            found[-1][1] += " " + line
        else:
            prose.append(line)
    if not joined(" ".join(prose)):
        raise Refused("no sentence says what it does")
    result, stage = Comment(joined(" ".join(prose)), [], {}), 0
    for name, rest in found:
        if name not in ORDER:
            raise Refused(f"unknown field @{name}")
        if ORDER.index(name) < stage:
            raise Refused(f"@{name} comes too late")
        stage = ORDER.index(name)
        rest = joined(rest)
        if not rest:
            raise Refused(f"@{name} is empty")
        if name == "param":
            first, _, rest = rest.partition(" ")
            if not rest:
                raise Refused(f"@param {first} says nothing")
            result.parameters.append((first, rest))
        elif name in result.fields:
            raise Refused(f"@{name} stands twice")
        else:
            result.fields[name] = rest
    for name in NEEDED:
        if name not in result.fields:
            raise Refused(f"@{name} is missing")
    return result


def brief(text):
    """The first sentence."""
    at = 0
    while (at := text.find(". ", at)) >= 0:
        following = text[at + 2]
        if (following.isupper() or following in "`\"0123456789" or text.startswith("tg_", at + 2) or
                text.startswith("x ", at + 2)) and text[:at].count("(") == text[:at].count(")"):
            return text[:at + 1]
        at += 2
    return text


def errors(text, known):
    if text == "none":
        return []
    result = []
    for number, piece in enumerate(text.split("; TG_ERROR_")):
        code, colon, when = piece.partition(": ")
        code = code if number == 0 else "TG_ERROR_" + code
        if code not in known:
            raise Refused(f"@errors: no such code {code}")
        if not colon or not when:
            raise Refused(f"@errors: no condition for {code}")
        if result and known[code] <= known[result[-1]["code"]]:
            raise Refused(f"@errors: {code} is out of order")
        result.append({"code": code, "when": when})
    return result


def threads(text):
    if text.split(",")[0] not in ("any thread", "this thread"):
        raise Refused("@threads: any thread or this thread?")
    return text


def blocks(text):
    """"yes, calls back no": may it block, may it call back."""
    block, comma, back = text.partition(", calls back ")
    if not comma or block not in ("yes", "no") or back not in ("yes", "no"):
        raise Refused(f"@blocks: {text!r} is not of the form `yes|no, calls back yes|no`")
    if block == "no" and back == "yes":
        raise Refused("@blocks: what calls back takes as long as what it calls")
    return block == "yes", back == "yes"


@dataclass
class Words:
    """What the text of a @param says."""
    text: str
    ownership: str = "none"
    marks: set = field(default_factory=set)
    nullable: bool = False  # NULL, or the handle 0
    nullable_elements: bool = False
    may_give_none: bool = False  # a handle or address that comes out may be 0
    array_of: str = ""  # the parameter that counts the elements
    bytes_of: list = field(default_factory=list)
    lifetime: str = ""
    leading: str = ""  # the first clause


NULL_FORMS = ("may be NULL", "NULL: ", "NULL with capacity 0", "or NULL with capacity 0")
ZERO_FORMS = ("may be 0", "0: ")


def words(name, text, is_handle, is_pointer, is_out):
    said = Words(text)
    clauses = [c.strip() for c in split_outside(text.rstrip("."), ["; ", ". "])]
    said.leading = clauses[0]
    for number, clause in enumerate(clauses):
        plain = clause[:1].lower() + clause[1:] if clause.startswith("May ") else clause
        if is_out and plain.startswith(("0 where ", "0 for ", "0 with ") if is_handle else
                                       "NULL where "):
            said.may_give_none = True
        elif plain.startswith("0 among them"):
            said.nullable_elements = True
        elif is_handle and not is_pointer and plain.startswith(ZERO_FORMS):
            said.nullable = True
        elif is_handle and is_out and plain.startswith("0: "):
            said.may_give_none = True
        elif is_pointer and plain.startswith(NULL_FORMS):
            said.nullable = True
        elif is_pointer and "NULL" in plain.split():
            raise Refused(f"@param {name}: NULL in a form that is not known: {clause!r}")
        if number == 0 or plain in OWNERSHIP or plain in MARKS:
            _pieces(name, plain, said)
        if plain.startswith(("valid while ", "valid until ")):
            said.lifetime = plain[len("valid "):]
    return said


def _pieces(name, clause, said):
    for number, piece in enumerate(split_outside(clause, [", "])):
        if number == 0:
            _start(name, piece, said)
        if piece in OWNERSHIP:
            if said.ownership != "none":
                raise Refused(f"@param {name}: two words say who owns it")
            said.ownership = OWNERSHIP[piece]
        elif piece in MARKS:
            said.marks.add(piece)
        elif piece.startswith("borrowed until "):
            said.ownership, said.lifetime = "borrowed", piece[len("borrowed "):]
        elif piece.startswith(("valid while ", "valid until ")):
            said.lifetime = piece[len("valid "):]
        elif piece in NULL_FORMS or piece == "or NULL with capacity 0":
            said.nullable = True


def _start(name, piece, said):
    parts = piece.split()
    if piece.startswith("array of "):
        if len(parts) < 4:
            raise Refused(f"@param {name}: `array of <parameter> <what>`")
        said.array_of = parts[2]
    elif piece.startswith("memory of ") and parts[-1] == "bytes" and len(parts) == 4:
        said.bytes_of = [parts[2]]
    elif piece.startswith("elements by "):  # "elements by dtype, shape and rank"
        head, _, last = said.leading[len("elements by "):].partition(" and ")
        said.bytes_of = head.split(", ") + [last.split(",")[0]]
    elif piece.startswith(("array", "memory")):
        raise Refused(f"@param {name}: a form of array or memory that is not known: {piece!r}")
