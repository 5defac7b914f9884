# SPDX-License-Identifier: MIT
"""javascript.py API_JSON OUTPUT: what the JavaScript binding has of each function, from api.json:
`raw`, the functions with the inputs and results that tg_call counts, and over it the methods and
functions for people, in camel case."""
import re
import sys

import model

RESERVED = {"in", "function", "with", "default", "new", "delete", "var", "let", "const", "class",
            "enum", "export", "import", "this", "switch", "case", "return", "typeof", "void",
            "arguments", "eval"}
INTEGERS = {"int32_t", "uint32_t", "int64_t", "uint64_t", "size_t"}
# Questions that are properties; those that cost something or have a name of JavaScript's are not.
NOT_PROPERTIES = {"item", "item_int64", "format"}


def camel(name):
    tail = name[len(name.rstrip("_")):]
    return re.sub(r"_(\w)", lambda m: m[1].upper(), name.rstrip("_")) + tail


def word(name):
    name = camel(name)
    return name + "_" if name in RESERVED else name


def koffi(parameter):
    c = parameter["c"]
    if parameter["kind"] == "text" and parameter["direction"] == "in":
        return "str"
    if c.endswith("*") or parameter["kind"] in ("callback", "user_data", "destructor", "deleter",
                                                "pointer"):
        return "void *"
    return {"tg_status": "int32_t", "double": "double"}.get(c, c if c in INTEGERS else "uint64_t")


def raw(f):
    """raw.name(inputs...) gives [status, results...]; without a status the answer comes first."""
    names = {i.name: word(i.name) for i in f.inputs}
    before, arguments, results, used = [], [], [], {}
    for p in f.parameters:
        name = p["name"]
        if name in f.counted:
            sources = []
            for i in f.counted[name]:
                n = names[i.name]
                size = "" if not i.element else " / 16" if i.element == "value" else " / 8"
                sources.append(f"{n}.byteLength{size}" if i.way == "buffer" else f"{n}.length")
            tests = [f"{names[i.name]} ? {s}" for i, s in zip(f.counted[name], sources)]
            arguments.append(" : ".join(tests) + " : 0")
        elif name in f.place:
            i, n = f.place[name], names[name]
            arguments.append({"handle": f"{n} || 0", "integers": f"{n} && toIntegers({n})",
                              "handles": f"{n} && toHandles({n})",
                              "doubles": f"{n} && Float64Array.from({n})"}.get(i.way, n))
        else:
            r = next(r for r in f.results if r.name == name)
            kind = {"handle": "handle", "double": "double", "pointer": "pointer"}.get(
                r.way, r.c if r.c in INTEGERS else "int32_t")
            used[kind] = used.get(kind, 0) + 1
            arguments.append(f"box.{kind}{used[kind]}")
            results.append(f"read.{kind}(box.{kind}{used[kind]})")
    types = ", ".join(f"'{koffi(p)}'" for p in f.parameters)
    kind = f.returns["kind"]
    answer = "void" if kind == "none" else "str" if kind == "text" else (
        "int32_t" if f.returns["c"] == "tg_status" else f.returns["c"])
    call = f"C.{f.name}({', '.join(arguments)})"
    lines = [f"C.{f.name} = library.func('{f.name}', '{answer}', [{types}]);",
             f"raw.{f.short} = ({', '.join(names.values())}) => {{"]
    if kind == "none":
        lines += [f"  {call};", f"  return [{', '.join(results)}];"]
    elif not results:
        lines.append(f"  return [{call}];")
    else:
        lines += [f"  const answer = {call};", f"  return [answer, {', '.join(results)}];"]
    return lines + ["};"]


def into(f, i, value):
    """A value of people's as raw takes it; what does not fit is told by the operand's name."""
    what = f"'{camel(f.method)}: {camel(i.name)}'"
    if i.way == "handle":
        if i.nullable or i.optional:
            return f"{value} ? handleOf({value}, {what}) : 0"
        return f"handleOf({value}, {what})"
    if i.way == "handles":
        return f"{value} && listOf({value})" if i.nullable or i.optional else f"listOf({value})"
    if i.boolean:
        return f"bit({value})"
    if i.enum and i.c == "int32_t":
        return f"choice('{i.enum}', {value})"
    if i.way == "integer":
        return f"integer({value}, '{i.c}', {what})"
    if i.way in ("integers", "double"):
        return f"{'number' if i.way == 'double' else i.way}({value}, {what})"
    if i.way == "text":
        return f"checkedText({value})"
    return value


def out_of(r, value):
    if r.way == "handle" and r.handle not in (None, "any"):
        if r.may_give_none:
            return f"{value} ? wrap.{r.handle}({value}) : null"
        return f"wrap.{r.handle}({value})"
    if r.boolean:
        return f"{value} !== 0"
    if r.enum and r.c == "int32_t":
        return f"wordOf('{r.enum}', {value})"
    return value


def shown(f):
    people = [word(i.name) for i in f.positional]
    first = f.inputs[0] if f.inputs else None
    method = f.owner is not None and first is not None and f.owner == first.handle
    if method:
        people = people[1:]
    lines = []
    options = ""
    if f.options:
        inside = [word(i.name) + " = " + (
            "null" if i.way.startswith("handle") else f"{i.default:g}") for i in f.options]
        options = "{ " + ", ".join(inside) + " } = {}"
    given = []
    for i in f.inputs:
        if method and i is first:
            given.append("this.handle")
        elif i.way == "buffer":
            continue
        else:
            given.append(into(f, i, word(i.name)))
    arguments = ", ".join(people + ([options] if options else []))
    target = {None: "functions", "nn": "nn", "optim": "optim"}.get(
        f.owner, f"classes.{f.owner}.prototype")
    # A question without arguments is a property.
    is_property = (method and not people and not options and f.section == "tensors: asking" and
                   f.method not in NOT_PROPERTIES)
    if f.owner == "node" and not people:
        is_property = True
    head = (f"property({target}, '{camel(f.method)}', function () {{" if is_property else
            f"{target}.{camel(f.method)} = function ({arguments}) {{")
    lines += [f"/** {f.brief} */", head, "  bringModes();"]
    call = ", ".join(given)
    if not f.status:
        lines.append(f"  return raw.{f.short}({call})[0];")
    elif f.text_out:
        lines.append(f"  return textOut(raw.{f.short}, [{call}]);")
    elif f.array_out is not None:
        kind = "null" if f.array_out.element == "int64" else f"wrap.{f.array_out.handle}"
        count = (f"listOf({word(f.array_out.count[:-6] + 's')}).length" if not f.results
                 else "-1")
        lines.append(f"  return arrayOut(raw.{f.short}, {kind}, {count}, [{call}]);")
    else:
        results = [f"r{n}" for n in range(len(f.results))]
        lines.append(f"  const [status{''.join(', ' + r for r in results)}] = "
                     f"raw.{f.short}({call});")
        lines.append("  if (status !== 0) fail(status);")
        values = [out_of(r, n) for r, n in zip(f.results, results)]
        if len(values) > 1:
            lines.append(f"  return [{', '.join(values)}];")
        elif values:
            lines.append(f"  return {values[0]};")
        elif method and f.owner == "tensor":
            lines.append("  return this;")
    return lines + ["});" if is_property else "};"]


def overload(owner, name, plain, other, how):
    target = f"classes.{owner}.prototype"
    if how == "only":
        return [f"{target}.{camel(name)} = {target}.{camel(other.method)};"]
    plain, other = camel(plain.method), camel(other.method)
    lines = [f"{{ const plain = {target}.{plain}, other = {target}.{other};",
             f"  {target}.{camel(name)} = function (b, c) {{"]
    if how == "scalar":
        lines.append("    return (typeof b === 'number' ? other : plain).call(this, b);")
    elif other.endswith("Dims"):
        lines.append("    return b === undefined ? plain.call(this)\n"
                     "      : other.call(this, typeof b === 'number' ? [b] : b, c);")
    else:
        lines.append("    return b === undefined ? plain.call(this) : other.call(this, b, c);")
    return lines + ["  }; }"]


def main(api, output):
    m = model.Model(api)
    body, people = [], []
    for f in m.functions:
        body += raw(f)
        if f.shown:
            people += shown(f)
    for entry in m.overloads():
        people += overload(*entry)
    lines = ["// Made by bindings/generate/javascript.py from api.json.",
             f"export const kinds = [{', '.join(repr(k) for k in m.kinds)}];",
             "export const constants = {"]
    lines += [f"  {n[3:]}: {v}," for n, v, _ in m.constants] + ["};", "export const enums = {"]
    for group in sorted({g for _, _, g in m.constants} - {"tg_status"}):
        inside = ", ".join(f"'{k}': {v}" for k, v in m.enum(group).items())
        lines.append(f"  {group}: {{ {inside} }},")
    lines += ["};", "export function makeRaw(library, { box, read, toIntegers, toHandles }) {",
              "const C = {}, raw = {};"] + body + ["return raw;", "}"]
    lines += ["export function makePeople(raw, classes, support) {",
              "const { bringModes, fail, wrap, bit, choice, integer, integers, number, wordOf,",
              "  handleOf, listOf, checkedText, textOut, arrayOut, property } = support;",
              "const functions = {}, nn = {}, optim = {};"]
    lines += people + ["return { functions, nn, optim };", "}"]
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


main(*sys.argv[1:])
