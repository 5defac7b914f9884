#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make.py api.json wrappers.cpp options.txt

Writes for each function of the header one that has its very parameters and calls it by its name,
the linker's options that put it in the place of the function (ld's --wrap), and a table of what
each takes.
"""
import json
import sys

# Not called by name: it is what the others are called by.
DIRECT = {"tg_call"}

INTEGERS = {"int32_t", "uint32_t", "int64_t", "uint64_t", "size_t", "tg_status"}
ARRAYS = {"int64": "TG_VALUE_INT64_ARRAY", "handle": "TG_VALUE_HANDLE_ARRAY",
          "double": "TG_VALUE_DOUBLE_ARRAY"}


def declared(parameter):
    c = parameter["c"]
    return c + ("" if c.endswith("*") else " ") + parameter["name"]


def value_of(parameter, counter, shares):
    """The value that stands for a parameter that goes in; shares: its count is another's too."""
    name, kind, c = parameter["name"], parameter["kind"], parameter["c"]
    if kind == "array" and parameter["direction"] == "in" and parameter["element"] in ARRAYS:
        absent = "true" if parameter["nullable"] and shares else "false"
        return f"array({ARRAYS[parameter['element']]}, {name}, {counter}, {absent})"
    if kind == "bytes" and "bytes_of" in parameter:
        return f"tensor_bytes({name}, {', '.join(parameter['bytes_of'])})"
    if counter:
        return f"array(TG_VALUE_BUFFER, {name}, {counter}, false)"
    if kind == "text":
        return f"calls::of_text({name})"
    if kind == "handle":
        return f"{name} == 0 ? calls::none() : calls::of_handle({name})"
    if "*" in c or kind in ("callback", "destructor", "deleter"):
        return f"pointer({name})"
    if kind == "double":
        return f"calls::of_number({name})"
    if c in INTEGERS:
        return f"calls::of_integer(static_cast<int64_t>({name}))"
    sys.exit(f"make.py: no value for {c} {name}")


def kind_of(parameter, counter):
    """The kind of that value, a member of wrap::Takes."""
    kind, c = parameter["kind"], parameter["c"]
    if kind == "array" and parameter["direction"] == "in" and parameter["element"] in ARRAYS:
        return {"int64": "int64s", "handle": "handles", "double": "doubles"}[parameter["element"]]
    if kind == "bytes" and "bytes_of" in parameter:
        return "tensor_bytes"
    if counter:
        return "places" if kind == "array" else "buffer"
    if kind in ("text", "handle"):
        return kind
    if "*" in c or kind in ("callback", "destructor", "deleter"):
        return "pointer"
    return {"double": "number", "int32_t": "int32", "tg_status": "int32", "uint32_t": "uint32",
            "size_t": "size", "int64_t": "int64", "uint64_t": "int64"}[c]


def result_of(parameter, at):
    """Kind of the value, what puts it into its place, and what is done where there is none."""
    name, kind, c = parameter["name"], parameter["kind"], parameter["c"]
    if kind == "handle":
        return "TG_VALUE_HANDLE", f"*{name} = results_[{at}].as.handle;", f"*{name} = 0;"
    if kind == "double":
        return "TG_VALUE_DOUBLE", f"*{name} = results_[{at}].as.number;", ""
    if c.count("*") == 2:
        return "TG_VALUE_POINTER", f"*{name} = results_[{at}].as.pointer;", ""
    own = c.replace("*", "").strip()
    return "TG_VALUE_INT64", f"*{name} = static_cast<{own}>(results_[{at}].as.integer);", ""


def wrapper(function):
    name, parameters, c = function["name"], function["parameters"], function["returns"]["c"]
    is_status = c == "tg_status" and name != "tg_last_error"
    counts = {parameter[key] for parameter in parameters for key in ("length", "capacity")
              if key in parameter}
    values, results, inexpressible, takes = [], [], [], []
    for parameter in parameters:
        counter = parameter.get("length") or parameter.get("capacity")
        if parameter["name"] in counts:
            inexpressible.append(f"!fits({parameter['name']})")
        elif parameter["kind"] == "count" or (
                parameter["direction"] == "out" and parameter["kind"] != "bytes" and not counter):
            results.append(parameter)
            # A length that is not wanted is no other call; an answer that is not wanted may be.
            if not parameter["nullable"] or parameter["kind"] != "count":
                inexpressible.append(f"{parameter['name']} == nullptr")
        else:
            shares = sum(other.get("length") == counter for other in parameters) > 1
            values.append(value_of(parameter, counter, shares))
            takes.append(f'{{"{parameter["name"]}", Takes::{kind_of(parameter, counter)}}}')
    returned = 0 if is_status or c == "void" else 1
    size = returned + len(results)
    taken = ", ".join(declared(parameter) for parameter in parameters)
    given = ", ".join(parameter["name"] for parameter in parameters)
    space = "" if c.endswith("*") else " "
    lines = [f"{c}{space}__real_{name}({taken});", f"{c}{space}__wrap_{name}({taken}) {{"]
    if inexpressible:
        lines.append(f"  if ({' || '.join(inexpressible)}) return __real_{name}({given});")
    lines.append(f"  const tg_value values_[] = {{{', '.join(values)}}};" if values else
                 "  const tg_value* values_ = nullptr;")
    lines.append(f"  tg_value results_[{size}] = {{}};" if size else
                 "  tg_value* results_ = nullptr;")
    lines.append(f'  const tg_status status_ = call("{name}", values_, {len(values)}, results_, '
                 f"{size});")
    for at, parameter in enumerate(results, returned):
        kind, put, otherwise = result_of(parameter, at)
        line = f"if (results_[{at}].type == {kind}) {put}"
        if otherwise:
            line += f" else {otherwise}"
        if parameter["nullable"] and parameter["kind"] == "count":
            line = f"if ({parameter['name']} != nullptr) {{ {line} }}"
        lines.append("  " + line)
    if is_status:
        lines.append("  return status_;")
    else:
        lines.append(f'  must_succeed(status_, "{name}");')
    if c == "const char *":
        lines.append("  return results_[0].as.text;")
    elif returned:
        lines.append(f"  return static_cast<{c}>(results_[0].as.integer);")
    return ("\n".join(lines) + "\n}\n",
            f'    {{"{name}", {{{", ".join(takes)}}}, {size}}},\n')


def main(source, target, options):
    with open(source, encoding="utf-8") as file:
        functions = [f for f in json.load(file)["functions"] if f["name"] not in DIRECT]
    made = [wrapper(function) for function in functions]
    with open(target, "w", encoding="ascii") as file:
        file.write("// Made from api.json by tests/capi_by_name/make.py; not to be edited.\n"
                   '#include "capi_by_name/wrap.h"\n\nusing namespace wrap;\n\n'
                   "const std::vector<Function>& wrap::functions() {\n"
                   "  static const std::vector<Function> all = {\n")
        file.writelines(row for _, row in made)
        file.write('  };\n  return all;\n}\n\nextern "C" {\n\n')
        file.write("\n".join(text for text, _ in made))
        file.write('\n}  // extern "C"\n')
    with open(options, "w", encoding="ascii") as file:
        file.writelines(f"-Wl,--wrap={function['name']}\n" for function in functions)


if __name__ == "__main__":
    main(*sys.argv[1:])
