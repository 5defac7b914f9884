#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""go.py api.json functions.go: constants, kinds of handles, and a method or function for each
function of the library whose values Go can hold. What takes a callback, is called in one alone or
belongs to a thread is left out: modes travel in contexts, and results in boxes that release themselves."""
import api

# Kinds of handles that are no classes: they belong to a thread, or to a callback while it runs.
NO_CLASSES = ("tg_scope", "tg_context")
UPPER = ("DType", "NN", "SGD", "MSE", "NLL", "IO", "OK", "FFI", "DLPack", "BLAS", "UInt8")
# Belongs to a thread, or is what boxes, contexts and errors do here.
LEFT_OUT = {
    "tg_last_error", "tg_last_error_message", "tg_last_error_copy", "tg_last_error_detail",
    "tg_last_error_clear", "tg_error_set", "tg_release", "tg_release_many", "tg_is_valid",
    "tg_live_handles", "tg_scope_enter", "tg_scope_keep", "tg_scope_exit", "tg_scope_use", "tg_token_use", "tg_site_set",
    "tg_state_get", "tg_state_set", "tg_mode_nesting_set", "tg_alias", "tg_call",
}
TYPED_GROUPS = {"tg_status": "Status", "dtype": "DType", "reduction": "Reduction"}
NUMBERS = {"int32_t": "int32", "uint32_t": "uint32", "int64_t": "int64", "uint64_t": "uint64",
           "size_t": "int", "double": "float64", "tg_status": "Status"}
RESERVED = {"type", "range", "func", "map", "var", "len", "string"}


def is_left_out(function):
    name = function.name
    return (name in LEFT_OUT or function.has_callbacks() or
            any(p.get("element") == "value" or p.get("handle") == "context"
                for p in function.parameters)
            or name.endswith("_enter") or name.endswith("_exit"))


def name_of(parameter):
    name = api.camel(parameter["name"], first=False)
    return name + "_" if name in RESERVED or name in ("c", "ctx", "err") else name


def class_of(parameter):
    return "Handle" if parameter["handle"] == "any" else "*" + api.camel(parameter["handle"])


def plain(parameter):
    own = parameter["c"].replace("const", "").replace("*", "").strip()
    return TYPED_GROUPS.get(parameter.get("enum"), NUMBERS.get(own))


def input_of(parameter):
    """Go's type and the statement that puts the value."""
    name, kind = name_of(parameter), parameter["kind"]
    if kind == "handle":
        return class_of(parameter), f"c.handle({name}.raw())"
    if kind == "array" and parameter.get("element") == "int64":
        return "[]int64", f"c.integers({name})"
    if kind == "array" and parameter.get("element") == "handle":
        return "[]" + class_of(parameter), f"c.handles(rawAll({name}))"
    if kind == "bytes":
        return "[]byte", f"c.buffer({name})"
    if kind == "boolean":
        return "bool", f"c.boolean({name})"
    if kind == "double":
        return "float64", f"c.number({name})"
    if kind == "text":
        return ("*string", f"c.optionalString({name})") if parameter["nullable"] else (
            "string", f"c.string({name})")
    if kind in ("integer", "enum", "flags"):
        return plain(parameter), f"c.integer(int64({name}))"
    raise ValueError(f"an input of kind {kind}")


def result_of(parameter, number):
    """Go's type and the expression of a result."""
    kind = parameter["kind"]
    if kind == "handle":
        return class_of(parameter), f"new{api.camel(parameter['handle'])}(c.handleAt({number}))"
    if kind == "boolean" or parameter.get("boolean"):
        return "bool", f"c.booleanAt({number})"
    if kind == "double":
        return "float64", f"c.numberAt({number})"
    if kind == "text":
        return "string", f"c.stringAt({number})"
    if kind in ("integer", "enum", "count"):
        return plain(parameter), f"{plain(parameter)}(c.integerAt({number}))"
    if kind == "pointer":
        return "uintptr", f"uintptr(c.integerAt({number}))"
    raise ValueError(f"a result of kind {kind}")


def go_name(function):
    """Receiver (or None) and name."""
    name = function.name[len("tg_"):]
    first = function.inputs[0] if function.inputs else None
    if first and first["kind"] == "handle" and not first["nullable"] and first["handle"] != "any":
        return first, api.camel(name.removeprefix(first["handle"] + "_"), UPPER)
    return None, api.camel(name, UPPER)


def body(function, buffer, filled):
    """The statements of one call, up to its results."""
    lines = [f'c := begin(ctx, "{function.name}\\x00")', "defer c.end()"]
    for p in function.inputs:
        if p is buffer and p["kind"] == "array" and p["element"] == "handle":
            lines.append(f"c.at(ValueBuffer, len({filled}), address({filled}))")
        elif p is buffer and p["kind"] == "array":
            lines.append(f"c.at(ValueBuffer, len({filled}), address({filled}))")
        elif p is buffer:
            lines.append(f"c.buffer({filled})")
        else:
            lines.append(input_of(p)[1])
    return lines


def method(function):
    receiver, name = go_name(function)
    buffers = [p for p in function.inputs if api.is_buffer(p) and p["kind"] != "bytes"]
    buffer = buffers[0] if buffers else None
    takes = [p for p in function.inputs if p is not buffer]
    named = [f"{name_of(p)} {input_of(p)[0]}" for p in takes if p is not receiver]
    alive = [f"runtime.KeepAlive({name_of(p)})" for p in takes
             if p["kind"] == "handle" or p.get("element") == "handle"]
    offset = 1 if function.gives_value() else 0
    results = []
    if offset:
        results.append(result_of(function.returns, 0))
    counts = {buffer.get("count"), buffer.get("length")} if buffer else set()
    for number, p in enumerate(function.results):
        if p["name"] not in counts:
            results.append(result_of(p, offset + number))
    lines = api.wrapped(f"{name}: {function.documentation}", "//")
    head = f"func ({name_of(receiver)} {class_of(receiver)}) " if receiver else "func "
    head += f"{name}({', '.join(['ctx context.Context'] + named)})"
    if buffer is None:
        lines.append(f"{head} ({', '.join([t for t, _ in results] + ['error'])}) {{")
        lines += body(function, None, None)
        lines += ["err := c.run()"] + alive
        if not results:
            return lines + ["return err", "}", ""]
        holds = [f"var none{i} {t}" for i, (t, _) in enumerate(results)]
        empty = ", ".join(f"none{i}" for i in range(len(results)))
        lines += ["if err != nil {"] + holds + [f"return {empty}, err", "}"]
        return lines + [f"return {', '.join(e for _, e in results)}, nil", "}", ""]
    if results:
        raise ValueError("results beside a buffer")
    is_text = buffer["kind"] == "text"
    is_handles = buffer.get("element") == "handle"
    given = "string" if is_text else f"[]{class_of(buffer)}" if is_handles else "[]int64"
    item = "byte" if is_text else "uint64" if is_handles else "int64"
    lines.append(f"{head} ({given}, error) {{")
    if "count" in buffer:
        number = [p["name"] for p in function.results].index(buffer["count"]) + offset
        lines.append(("return grownString(" if is_text else "items, err := grown(16, ") +
                     f"func(items []{item}) (int64, error) {{")
        lines += body(function, buffer, "items") + ["err := c.run()"] + alive
        lines += [f"return c.integerAt({number}), err", "})"]
    else:  # as many as another array has
        other = next(p for p in takes if p.get("length") == buffer["length"])
        lines.append(f"items := make([]{item}, len({name_of(other)}), len({name_of(other)})+1)")
        lines += body(function, buffer, "items") + ["err := c.run()"] + alive
    if is_handles:
        cls = api.camel(buffer["handle"])
        lines += ["if err != nil {", "return nil, err", "}", f"owners := make({given}, len(items))",
                  "for i, handle := range items {", f"owners[i] = new{cls}(handle)", "}",
                  "return owners, nil"]
    elif not is_text:
        lines.append("return items, err")
    return lines + ["}", ""]


def constant_lines(description):
    lines, groups = [], {}
    for c in description.constants:
        groups.setdefault(c["group"], []).append(c)
    for group, constants in groups.items():
        kind = TYPED_GROUPS.get(group, "")
        if kind and kind != "Status":
            lines += [f"// {kind} is a number of the library.", f"type {kind} int32", ""]
        lines.append("const (")
        for c in constants:
            lines += api.wrapped(c["documentation"] or c["name"], "//")
            name = api.camel(c["name"][len("TG_"):].lower(), UPPER)
            lines.append(f"{name} {kind} = {c['value']}")
        lines += [")", ""]
    lines.append("var statusNames = map[Status]string{")
    lines += [f'{c["value"]}: "{c["name"]}",' for c in groups["tg_status"]]
    return lines + ["}", ""]


def class_lines(name):
    cls = api.camel(name)
    return [f"// {cls} owns a handle of the library; nil stands for none.",
            f"type {cls} struct{{ box box }}", "",
            f"func new{cls}(handle uint64) *{cls} {{", "if handle == 0 {", "return nil", "}",
            f"owner := new({cls})", f"return hold(owner, &owner.box, handle, (*{cls}).Release)", "}", "",
            "// Release ends the handle now.", f"func (x *{cls}) Release() {{", "if x != nil {",
            "drop(x, &x.box)", "}", "}", "",
            f"func (x *{cls}) raw() uint64 {{", "if x == nil {", "return 0", "}",
            "return x.box.handle.Load()", "}", ""]


def generate(description):
    lines = ["// SPDX-License-Identifier: MIT", "",
             "// Code generated by bindings/generate/go.py from api.json; DO NOT EDIT.", "",
             "package tapegrad", "", "import (", '"context"', '"runtime"', ")", ""]
    lines += constant_lines(description)
    for kind in description.entry["types"]:
        if kind["kind"] == "handle" and kind["name"] not in NO_CLASSES:
            lines += class_lines(kind["name"][len("tg_"):])
    table = []
    for function in description.functions:
        if is_left_out(function):
            continue
        lines += method(function)
        receiver, name = go_name(function)
        table.append(f'"{function.name}": ' + (f"({class_of(receiver)}).{name}," if receiver
                                               else f"{name},"))
    lines += ["// Functions has each method and function of this file by its name in C.",
              "var Functions = map[string]any{"] + table + ["}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    api.main(generate)
