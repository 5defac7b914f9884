# SPDX-License-Identifier: MIT
"""Sizes and offsets by the rules of the C ABI where a pointer has 64 bits: each thing stands at a
multiple of its own size, a struct is filled up to a multiple of its widest member. The house test
proves the numbers by offsetof and sizeof."""
from header import Refused

SIZES = {"int8_t": 1, "uint8_t": 1, "char": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4,
         "uint32_t": 4, "int64_t": 8, "uint64_t": 8, "size_t": 8, "double": 8, "float": 4}


def size_of(c, known):
    """Bytes of a type; known maps names of the header to their sizes."""
    if c.endswith("*"):
        return 8
    if c in SIZES:
        return SIZES[c]
    if c in known:
        return known[c]
    raise Refused(f"the size of {c!r} is not known")


def layout(fields, known):
    """Offsets of the fields, and the size of the whole."""
    at, widest, offsets = 0, 1, []
    for item in fields:
        if item.type == "union":
            size = max(size_of(member.type, known) for member in item.members)
        else:
            size = size_of(item.type, known)
        at = (at + size - 1) // size * size
        offsets.append(at)
        at += size
        widest = max(widest, size)
    return offsets, (at + widest - 1) // widest * widest
