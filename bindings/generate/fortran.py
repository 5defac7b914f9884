#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fortran.py api.json tapegrad_c.f90: the module tapegrad_c, the constants and an interface for each
function. fortran.py api.json tapegrad.f90: the module tapegrad, which adds to it and to the type
tensor (bindings/fortran/tapegrad_tensor.f90) what makes tensors of arrays, for each type and rank."""
import sys

import api

NUMBERS = {"int32_t": "integer(c_int32_t)", "tg_status": "integer(c_int32_t)",
           "uint32_t": "integer(c_int32_t)", "int64_t": "integer(c_int64_t)",
           "uint64_t": "integer(c_int64_t)", "size_t": "integer(c_size_t)",
           "double": "real(c_double)"}
HANDLE = "integer(c_int64_t)"
ELEMENTS = {"int64": HANDLE, "handle": HANDLE, "double": "real(c_double)"}
# Types of arrays that a tensor can share, and their dtypes.
SHARED = (("real32", "real(c_float)", "TG_FLOAT32"), ("real64", "real(c_double)", "TG_FLOAT64"),
          ("int32", "integer(c_int32_t)", "TG_INT32"), ("int64", HANDLE, "TG_INT64"))
MOST_RANKS = 4


def own_type(parameter):
    """Type without *, as a number or handle."""
    own = parameter["c"].replace("const", "").replace("*", "").strip()
    return HANDLE if parameter["kind"] == "handle" else NUMBERS.get(own)


def declared(parameter):
    """Declaration of a dummy argument, up to the ::."""
    kind, out = parameter["kind"], parameter["direction"] != "in"
    # An absent array, text or buffer is NULL, and the library says where that may be.
    optional = ", optional" if parameter["nullable"] or kind in ("array", "text", "bytes") else ""
    intent = "inout" if out else "in"
    if kind == "array" and parameter["element"] in ELEMENTS:
        return f"{ELEMENTS[parameter['element']]}{optional}, intent({intent})", "(*)"
    if kind == "text":
        return f"character(kind=c_char){optional}, intent({intent})", "(*)"
    if kind == "bytes":
        return f"type(*){optional}, intent({intent})", "(*)"
    if kind == "pointer" and out:
        return f"type(c_ptr){optional}, intent(inout)", ""
    if kind in ("callback", "destructor", "deleter"):
        return "type(c_funptr), value", ""
    if own_type(parameter) is None:
        return "type(c_ptr), value", ""
    if out:
        return f"{own_type(parameter)}{optional}, intent(inout)", ""
    return f"{own_type(parameter)}, value", ""


def folded(line):
    """A statement of at most 100 columns a line."""
    lines = []
    while len(line) > 100:
        cut = line.rindex(" ", 0, 98)
        lines.append(line[:cut] + " &")
        line = "      " + line[cut + 1:]
    return lines + [line]


def interface(function):
    names = [p["name"] for p in function.parameters]
    kind = function.returns["kind"]
    head = f"{function.name}({', '.join(names)})"
    bind = f'bind(c, name="{function.name}")'
    lines = api.wrapped(function.entry["brief"], "    !")
    if kind == "none":
        lines += folded(f"    subroutine {head} {bind}")
    else:
        lines += folded(f"    function {head} result(returned) {bind}")
    lines.append("      import")
    for p in function.parameters:
        declaration, dimension = declared(p)
        lines += folded(f"      {declaration} :: {p['name']}{dimension}")
    if kind != "none":
        given = "type(c_ptr)" if kind == "text" else NUMBERS[function.returns["c"]]
        lines.append(f"      {given} :: returned")
    return lines + [f"    end {'subroutine' if kind == 'none' else 'function'}"]


def array_procedures(name, declaration, dtype, rank):
    """For one type and rank: sharing, copying, reading back."""
    colons = ", ".join([":"] * rank)
    ones = [f"lbound(a, {d + 1})" for d in range(rank)]
    end = f"{name}_{rank}"
    lines = [f"  function shared_{end}(a) result(x)",
             f"    {declaration}, intent(in), target :: a({colons})",
             "    type(tensor) :: x", f"    integer(c_int64_t) :: strides({rank})",
             "    type(c_ptr) :: first", "    strides = 1", "    first = c_loc(nothing)",
             "    if (size(a) > 0) then", *folded(f"      first = c_loc(a({', '.join(ones)}))")]
    for d in range(rank):
        beside = ", ".join(one + (" + 1" if d == e else "") for e, one in enumerate(ones))
        lines += [f"      if (size(a, {d + 1}) > 1) &",
                  *folded(f"        strides({d + 1}) = distance(first, c_loc(a({beside})), "
                          f"storage_size(a))")]
    return lines + [
        "    end if",
        f"    x = memory(first, {dtype}, int(shape(a), c_int64_t), strides)",
        "    call hand_out(x)", "  end function", "",
        f"  function copied_{end}(a, requires_grad) result(x)",
        f"    {declaration}, intent(in), target :: a({colons})",
        "    logical, intent(in), optional :: requires_grad", "    type(tensor) :: x",
        f"    x = row_major_copy(shared_{end}(a), requires_grad)", "    call hand_out(x)",
        "  end function", "",
        f"  subroutine to_array_{end}(x, a)", "    class(tensor), intent(in) :: x",
        f"    {declaration}, intent(inout), target :: a({colons})",
        "    type(tensor) :: elements", f"    elements = shared_{end}(a)",
        "    call overwrite(elements, x)", "  end subroutine", ""]


def number_operators():
    """The generic operators between a tensor and a number, and their functions."""
    kinds = (("double", "real(c_double)"), ("float", "real(c_float)"), ("int", "integer(c_int32_t)"))
    names = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
    generics, functions = [], []
    for sign, name in list(names.items()) + [("**", "pow")]:
        generics.append(f"  interface operator({sign})")
        for kind, declaration in kinds:
            number = "real(number, c_double)"
            made = [(f"{name}_{kind}", "x, number", f"by_number(tg_{name}_scalar, x, {number})")]
            if sign in "+*":
                made.append((f"{kind}_{name}", "number, x", made[0][2]))
            elif sign in "-/":
                made.append((f"{kind}_{name}", "number, x", f"of_number({number}, x) {sign} x"))
            for function, arguments, value in made:
                generics.append(f"    module procedure {function}")
                functions += [f"  type(tensor) function {function}({arguments}) result(made)",
                              "    class(tensor), intent(in) :: x",
                              f"    {declaration}, intent(in) :: number", f"    made = {value}",
                              "    call hand_out(made)", "  end function", ""]
        generics.append("  end interface")
    return generics, functions


def constants_and_interfaces(description):
    lines = ["module tapegrad_c", "  use, intrinsic :: iso_c_binding", "  implicit none",
             "  public", ""]
    for c in description.constants:
        lines += folded(f"  integer(c_int32_t), parameter :: {c['name']} = {c['value']}_c_int32_t")
    lines += ["", "  ! Handles are integers; a size is c_size_t; an optional argument that is absent is",
              "  ! NULL; text in ends with c_null_char.", "  interface"]
    for function in description.functions:
        lines += interface(function)
    return lines + ["  end interface", "end module tapegrad_c", ""]


def arrays(_):
    procedures = [(name, declaration, dtype, rank) for name, declaration, dtype in SHARED
                  for rank in range(1, MOST_RANKS + 1)]
    lines = ["! The whole binding, for programs: constants and functions of C, the type tensor, and",
             "! tensors of arrays. Element (i, j) of a tensor, counted from 0, is element",
             "! (i + 1, j + 1) of the array; sections and turned arrays are shared as they lie.",
             "module tapegrad", "  use tapegrad_c", "  use tapegrad_tensor", "  implicit none",
             "  public", "  integer(c_int64_t), target, private :: nothing = 0", ""]
    for generic, says in (("shared", "shared(a): a tensor whose elements are those of the array, "
                           "which has to outlive it and to be a target."),
                          ("copied", "copied(a [, requires_grad]): a tensor with a copy of the "
                           "elements, row-major."),
                          ("to_array", "call to_array(x, a): the elements of x into the array.")):
        lines += api.wrapped(says, "  !") + [f"  interface {generic}"]
        lines += [f"    module procedure {generic}_{name}_{rank}" for name, _, _, rank in procedures]
        lines += ["  end interface"]
    generics, functions = number_operators()
    lines += generics + ["  private :: distance", "contains",
              "  ! How many elements of so many bits lie between two addresses.",
              "  integer(c_int64_t) function distance(from, to, bits)",
              "    type(c_ptr), intent(in) :: from, to", "    integer, intent(in) :: bits",
              "    integer(c_intptr_t) :: bytes",
              "    bytes = transfer(to, bytes) - transfer(from, bytes)",
              "    distance = bytes / (bits / 8)", "  end function", ""]
    for procedure in procedures:
        lines += array_procedures(*procedure)
    return lines + functions + ["end module tapegrad", ""]


def generate(description):
    head = ["! SPDX-License-Identifier: MIT",
            "! Made by bindings/generate/fortran.py from api.json; do not edit."]
    make = arrays if sys.argv[2].endswith("tapegrad.f90") else constants_and_interfaces
    return "\n".join(head + make(description))


if __name__ == "__main__":
    api.main(generate)
