# SPDX-License-Identifier: MIT
"""A C program that compiles and links exactly where api.json says of the header and of the library
what is so: numbers, sizes, offsets, types of fields, callbacks and functions."""


def pointer(c, name):
    """A declarator: "int64_t *" and name give "int64_t *(*name)" for pointers to such a thing."""
    return f"{c}{'' if c.endswith('*') else ' '}*{name}"


def signature(function, names="parameters"):
    kinds = [parameter["c"] for parameter in function[names]]
    return f"({', '.join(kinds) or 'void'})"


def program(api):
    lines = ["/* Made from api.json by scripts/api. */", "#include <stddef.h>",
             "#include <tapegrad/tapegrad.h>",
             "#define HOLDS(name, what) typedef char name[(what) ? 1 : -1]"]
    for constant in api["constants"]:
        lines.append(f'HOLDS(number_{constant["name"]}, '
                     f'{constant["name"]} == {constant["value"]});')
    for kind in api["types"]:
        name = kind["name"]
        lines.append(f'HOLDS(size_{name}, sizeof({name}) == {kind["size"]});')
        if kind["kind"] != "struct":
            lines.append(f'{kind["c"]} *type_{name}({name} *value);')
            lines.append(f'{kind["c"]} *type_{name}({name} *value) {{ return value; }}')
            continue
        for field in kind["fields"]:
            lines += field_lines(name, field, field["name"])
            for member in field.get("members", []):
                lines += field_lines(name, member, f'{field["name"]}.{member["name"]}')
    for callback in api["callbacks"]:
        name, types = callback["name"], signature(callback)
        declaration = f'{callback["returns"]} (*type_{name}({name} function)){types}'
        lines += [f"{declaration};", f"{declaration} {{ return function; }}"]
    for number, function in enumerate(api["functions"]):
        returns = function["returns"]["c"]
        space = "" if returns.endswith("*") else " "
        lines.append(f"{returns}{space}(*const address_{number}){signature(function)} = "
                     f'{function["name"]};')
    lines += ["int main(void) {", "  int missing = 0;"]
    for number in range(len(api["functions"])):
        lines.append(f"  missing += address_{number} == NULL;")
    lines += ["  return missing;", "}"]
    return "\n".join(lines) + "\n"


def field_lines(struct, field, place):
    name = place.replace(".", "_")
    result = [f'HOLDS(offset_{struct}_{name}, offsetof({struct}, {place}) == {field["offset"]});']
    if field["c"] != "union":
        declaration = f'{pointer(field["c"], f"type_{struct}_{name}")}({struct} *value)'
        result += [f"{declaration};", f"{declaration} {{ return &value->{place}; }}"]
    return result
