# SPDX-License-Identifier: MIT
"""lua.py HEADER API_JSON OUTPUT: what the Lua binding has of each function. The declarations are
the public header's own text without comments; from api.json come `raw`, the functions with the
inputs and results that tg_call counts, and over it the methods and functions for people."""
import re
import sys

import model

OUT_TYPES = {"tg_status": "int32_t"}
WORDS = {"end", "function", "and", "or", "not", "in", "then", "repeat", "until", "local", "nil"}


def declarations(header):
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    text = re.sub(r'#ifdef __cplusplus\n(extern "C" \{|\})\n#endif\n', "", text)
    text = re.sub(r"\\\n", "", text)
    lines = [line.rstrip() for line in text.split("\n") if not line.lstrip().startswith("#")]
    return re.sub(r"\n\n+", "\n", "\n".join(lines)).replace("TG_API ", "").strip()


def word(name):
    return name + "_" if name in WORDS else name


class Boxes:
    """Places for results, made once: a function reads them as soon as its call is over."""

    def __init__(self):
        self.needed = set()

    def name(self, c, number):
        c = OUT_TYPES.get(c, c)
        name = "box_" + re.sub(r"\W+", "_", c).strip("_") + f"_{number}"
        self.needed.add((name, c))
        return name

    def lines(self):
        return [f'box.{name[4:]} = ffi.new("{c}[1]")' for name, c in sorted(self.needed)]


def raw(f, boxes):
    """raw.NAME(inputs...) gives the status, if there is one, then the results."""
    names = [word(i.name) for i in f.inputs]
    before, arguments, counts = [], [], {}
    numbers = {}
    results = {}
    for parameter in f.parameters:
        name = parameter["name"]
        if name in f.counted:
            arguments.append("count_" + name)
            continue
        if name in f.place:
            none = " or 0" if f.place[name].way == "handle" else ""
            arguments.append(word(name) + none)
            continue
        result = next(r for r in f.results if r.name == name)
        numbers[result.c] = numbers.get(result.c, 0) + 1
        results[name] = boxes.name(result.c, numbers[result.c]).replace("box_", "box.", 1)
        arguments.append(results[name])
    for count, inputs in f.counted.items():
        sources = []
        for i in inputs:
            n = word(i.name)
            if i.way == "buffer":
                sources.append(f"{n} and sizeof({n})" + (f" / {8 if i.element != 'value' else 16}"
                                                        if i.element else ""))
            else:
                sources.append(f"{n} and #{n}")
        before.append(f"  local count_{count} = {' or '.join(sources)} or 0")
    for i in f.inputs:
        n = word(i.name)
        if i.way == "integers":
            before.append(f'  {n} = {n} and as_integers({n})')
        elif i.way == "handles":
            before.append(f'  {n} = {n} and as_handles({n})')
        elif i.way == "doubles":
            before.append(f'  {n} = {n} and as_doubles({n})')
    call = f"C.{f.name}({', '.join(arguments)})"
    out = []
    for r in f.results:
        value = results[r.name] + "[0]"
        if r.way in ("handle",) or r.c in ("int32_t", "uint32_t"):
            value = f"tonumber({value})"
        elif r.way == "integer":
            value = f"as_number({value})"
        out.append(value)
    kind = f.returns["kind"]
    if kind == "none":
        before.append("  " + call)
        returned = []
    else:
        if kind == "text":
            call = f"as_text({call})"
        elif kind == "integer":
            call = f"as_number({call})"
        if not out:
            before.append(f"  return {call}")
            returned = None
        else:
            before.append(f"  local returned = {call}")
            returned = ["returned"]
    if returned is not None and returned + out:
        before.append(f"  return {', '.join(returned + out)}")
    return [f"function raw.{f.short}({', '.join(names)})"] + before + ["end"]


def into(f, i, value):
    """A value of people's as raw takes it; what does not fit is told by the operand's name."""
    what = f'"{f.method}: {i.name}"'
    if i.way == "handle":
        return f"handle_{'or_0' if i.nullable or i.optional else 'of'}({value}, {what})"
    if i.way == "handles":
        return value if i.nullable or i.optional else f"list({value})"
    if i.boolean:
        return f"bit({value})"
    if i.enum and i.enum != "tg_status" and i.c == "int32_t":
        return f'choice("{i.enum}", {value})'
    if i.way == "integer":
        return f'integer({value}, "{i.c}", {what})'
    if i.way in ("integers", "double"):
        return f"{'number' if i.way == 'double' else i.way}({value}, {what})"
    if i.way == "text":
        return f"checked_text({value})"
    return value


def out_of(r, f):
    value = word("r_" + r.name)
    if r.way == "handle":
        if r.handle in (None, "any"):
            return value
        return f"wrap.{r.handle}({value})" if not r.may_give_none else (
            f"{value} ~= 0 and wrap.{r.handle}({value}) or nil")
    if r.boolean:
        return f"{value} ~= 0"
    if r.enum and r.enum != "tg_status" and r.c == "int32_t":
        return f'word_of("{r.enum}", {value})'
    return value


def default(i):
    if i.way in ("handle", "handles") or i.default is None:
        return ""
    return f" if {word(i.name)} == nil then {word(i.name)} = {i.default:g} end"


def shown(f):
    target = {None: "functions", "nn": "nn", "optim": "optim"}.get(
        f.owner, f"methods.{f.owner}")
    names = [word(i.name) for i in f.positional]
    arguments = ", ".join(names + (["options"] if f.options else []))
    lines = [f"function {target}.{f.method}({arguments})"]
    for i in f.options:
        n = word(i.name)
        lines.append(f"  local {n} = options and options.{i.name}{default(i)}")
    for i in f.inputs:
        n = word(i.name)
        if i.way != "buffer":
            value = into(f, i, n)
            if value != n:
                lines.append(f"  local h_{i.name} = {value}" if i.way == "handle" else
                             f"  {n} = {value}")
    given = []
    for i in f.inputs:
        if i.way == "buffer":
            given.append("nil")
        elif i.way == "handle":
            given.append("h_" + i.name)
        else:
            given.append(word(i.name))
    if not f.status:
        return lines + [f"  return raw.{f.short}({', '.join(given)})", "end"]
    if f.text_out:
        given = [g for g, i in zip(given, f.inputs) if i.way != "buffer"]
        lines.append(f"  return text_out(raw.{f.short}, {', '.join(given) or 'nil'})")
        return lines + ["end"]
    if f.array_out is not None:
        given = [g for g, i in zip(given, f.inputs) if i.way != "buffer"]
        kind = "nil" if f.array_out.element == "int64" else f"wrap.{f.array_out.handle}"
        count = f"#{word(f.array_out.count[:-6] + 's')}" if not f.results else "nil"
        lines.append(f"  return array_out(raw.{f.short}, {kind}, {count}, {', '.join(given)})")
        return lines + ["end"]
    results = [word("r_" + r.name) for r in f.results]
    if results:
        lines.append(f"  local status, {', '.join(results)} = raw.{f.short}({', '.join(given)})")
    else:
        lines.append(f"  local status = raw.{f.short}({', '.join(given)})")
    again = ", ".join(["raw." + f.short] + given)
    lines.append("  if status ~= 0 then " + (", ".join(results) + " = " if results else "")
                 + f"again(status, {again}) end")
    if results:
        lines.append("  return " + ", ".join(out_of(r, f) for r in f.results))
    elif f.method.endswith("_") and f.owner == "tensor":
        lines.append(f"  return {names[0]}")
    return lines + ["end"]


def overload(owner, name, plain, other, how):
    target = f"methods.{owner}"
    if how == "only":
        return [f"{target}.{name} = {target}.{other.method}"]
    test = 'type(b) == "number"' if how == "scalar" else "b ~= nil"
    if how == "dims" and other.short.endswith("_dims"):
        test = 'b ~= nil'
        return [f"do local plain, other = {target}.{plain.method}, {target}.{other.method}",
                f"  function {target}.{name}(a, b, c)",
                f"    if {test} then",
                '      return other(a, type(b) == "number" and {b} or b, c)',
                "    end", "    return plain(a)", "  end", "end"]
    return [f"do local plain, other = {target}.{plain.method}, {target}.{other.method}",
            f"  function {target}.{name}(a, b, c)",
            f"    if {test} then return other(a, b, c) end",
            "    return plain(a, b)", "  end", "end"]


def main(header, api, output):
    m = model.Model(api)
    boxes = Boxes()
    body = []
    for f in m.functions:
        body += raw(f, boxes)
    people = []
    for f in m.functions:
        if f.shown:
            people += ["-- " + f.brief] + shown(f)
    for entry in m.overloads():
        people += overload(*entry)
    enums = sorted({g for _, _, g in m.constants})
    with open(header, encoding="utf-8") as file:
        text = declarations(file.read())
    lines = ["-- Made by bindings/generate/lua.py from the public header and api.json.",
             'local ffi = require("ffi")', "ffi.cdef [[", text]
    lines += [f"typedef struct {{ tg_handle handle; }} tapegrad_{kind};" for kind in m.kinds]
    lines += ["]]", "return function(C, support)",
              "local sizeof, tonumber, type = ffi.sizeof, tonumber, type",
              "local as_integers, as_handles = support.as_integers, support.as_handles",
              "local as_doubles = support.as_doubles",
              "local as_number, as_text = support.as_number, support.as_text", "local box = {}"]
    lines += boxes.lines()
    lines += ["local raw = {}"] + body
    lines += [f'local methods = {{ {", ".join(k + " = {}" for k in m.kinds)} }}',
              "local functions, nn, optim = {}, {}, {}",
              "local wrap, again, handle_or_0 = support.wrap, support.again, support.handle_or_0",
              "local bit, choice, word_of, list = support.bit, support.choice, support.word_of, "
              "support.list", "local integer, integers = support.integer, support.integers",
              "local number, handle_of = support.number, support.handle_of",
              "local checked_text, text_out, array_out = support.checked_text, support.text_out, "
              "support.array_out"]
    lines += people
    lines += ["local constants = {"]
    lines += [f"  {n[3:]} = {v}," for n, v, _ in m.constants] + ["}", "local enums = {"]
    for group in enums:
        if group != "tg_status":
            inside = ", ".join(f'["{k}"] = {v}' for k, v in m.enum(group).items())
            lines.append(f'  ["{group}"] = {{ {inside} }},')
    lines += ["}", "return { raw = raw, methods = methods, functions = functions, nn = nn,",
              "  optim = optim, constants = constants, enums = enums, kinds = { "
              + ", ".join(f'"{k}"' for k in m.kinds) + " } }", "end"]
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


main(*sys.argv[1:])
