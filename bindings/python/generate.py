#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the generated part of the extension from api.json.

    generate.py api.json generated.c capi.pyi package_stub.pyi

For each function of the C interface: one of Python under its name without tg_, with the inputs in
the header's order and the results given back. A pointer and its count are one sequence. Where the
caller may choose how much room a result has, `capacity` may follow the other arguments: without
it there is as much room as the result needs.
"""

import ast
import json
import pathlib
import sys

# Written by hand in source/callbacks.c, hooks.c and operators.c: they hold an object of Python.
BY_HAND = {"tg_tensor_from_memory", "tg_object_create", "tg_object_payload", "tg_node_hook",
           "tg_saved_tensor_hooks_enter", "tg_operator_create", "tg_context_set_data", "tg_context_data"}
# Callbacks that have a function of Python behind them, with what calls it.
CALLBACKS = {"tg_callback": "call_callback", "tg_function": "call_function", "tg_log_fn": "call_log",
             "tg_pressure_fn": "call_pressure", "tg_tensor_hook_fn": "call_tensor_hook",
             "tg_parallel_for_fn": "call_parallel_for"}
INTEGERS = {"int32_t": "int32", "uint32_t": "uint32", "int64_t": "int64", "uint64_t": "uint64", "size_t": "size"}
PYTHON_INTEGER = {"int32_t": "PyLong_FromLong", "uint32_t": "PyLong_FromUnsignedLong",
                  "int64_t": "PyLong_FromLongLong", "uint64_t": "PyLong_FromUnsignedLongLong",
                  "size_t": "PyLong_FromSize_t", "tg_status": "PyLong_FromLong"}
ARRAY_STUBS = {"int64": "Sequence[int]", "double": "Sequence[float]", "handle": "Sequence[_Handle]",
               "uint8": "bytes", "value": "Sequence[Any] | None"}


def kind_of(parameter):
    return "k" + parameter.get("handle", "any").capitalize()


def base(c):
    return c.replace("const ", "").replace("*", "").strip()


class Function:
    """One function: pieces of C, filled parameter by parameter."""

    def __init__(self, function):
        self.function = function
        self.name = function["name"][3:]
        self.parameters = {p["name"]: p for p in function["parameters"]}
        self.declared, self.take, self.late, self.call, self.free = [], [], [], [], []
        self.results, self.arguments, self.stubs, self.gives = [], [], [], []
        self.after = []
        self.tensors = []
        self.capacity = None
        self.reason = None
        self.callback = ("Py_None", None)  # where the functions of a refused one would stand
        self.changes_modes = (function["section"] == "modes" or "anomaly_mode" in self.name) and (
            self.name.endswith(("_enter", "_exit")) or self.name in ("mode_nesting_set", "state_set"))
        taken = {"self", "args", "given", "answer", "outcome", "room"} & set(self.parameters)
        if taken:
            raise SystemExit(f"{function['name']}: the generated code uses the names {sorted(taken)} itself")
        for parameter in function["parameters"]:
            self.add(parameter)
        if self.capacity is not None:
            self.stubs.append("capacity: int | None = None")

    def refuse(self, reason):
        self.reason = reason

    def argument(self, parameter, stub):
        index = len(self.arguments)
        self.arguments.append(parameter["name"])
        self.stubs.append(f"{parameter['name']}: {stub}")
        return f"args[{index}]"

    def add(self, p):
        handler = getattr(self, f"{p['direction']}_{p['kind']}", None)
        if handler is None:
            self.refuse(f"{p['direction']} {p['kind']} {p['name']}")
        else:
            handler(p)

    def plain(self, p, c, take, stub, initial="0"):
        self.declared.append(f"{c} {p['name']} = {initial};")
        self.take.append(f"{take}({self.argument(p, stub)}, \"{p['name']}\", &{p['name']}) != 0")
        self.call.append(p["name"])

    def in_integer(self, p):
        self.plain(p, base(p["c"]), f"take_{INTEGERS[base(p['c'])]}", "int")

    def in_boolean(self, p):
        self.plain(p, "int32_t", "take_int32", "bool | int")

    def in_flags(self, p):
        self.plain(p, "uint32_t", "take_uint32", "int")

    def in_enum(self, p):
        if p.get("enum") == "dtype":
            self.declared.append(f"int32_t {p['name']} = 0;")
            self.take.append(f"take_dtype({self.argument(p, 'dtype | int')}, &{p['name']}) != 0")
            self.call.append(p["name"])
        else:
            self.plain(p, "int32_t", "take_int32", "int")

    def in_double(self, p):
        self.plain(p, "double", "take_double", "float")

    def in_text(self, p):
        self.plain(p, "const char*", "take_text", "str | None" if p["nullable"] else "str", "NULL")

    def in_pointer(self, p):
        self.declared.append(f"uint64_t {p['name']}_address = 0;")
        self.take.append(f"take_uint64({self.argument(p, 'int')}, \"{p['name']}\", &{p['name']}_address) != 0")
        self.call.append(f"(void*)(uintptr_t){p['name']}_address")

    def in_handle(self, p):
        place = f"args[{len(self.arguments)}]"
        self.plain(p, "tg_handle", "take_handle", "_Handle | None" if p["nullable"] else "_Handle")
        if p.get("handle") == "tensor":
            self.tensors.append(p["name"])
        if p["ownership"] == "consumed":
            self.after.append(f"if (outcome == TG_OK) forget_handle({place});")

    def in_struct(self, p):
        if p["struct"] != "tg_ffi_definition":
            self.refuse(f"struct {p['struct']}")
            return
        self.declared.append(f"tg_ffi_definition {p['name']};")
        self.take.append(f"take_ffi_definition({self.argument(p, 'dict[str, Any]')}, \"{p['name']}\", &{p['name']}) != 0")
        self.call.append(f"&{p['name']}")

    def inout_struct(self, p):
        """A frame: a binding has its modes in the task, and leaves it out."""
        self.call.append("NULL")

    def in_array(self, p):
        stub = ARRAY_STUBS[p["element"]]
        if p["element"] == "value":
            self.declared.append(f"Values {p['name']} = {{0, NULL, NULL}};")
            self.take.append(f"take_value_array({self.argument(p, stub)}, \"{p['name']}\", &{p['name']}) != 0")
            self.free.append(f"free_values(&{p['name']});")
            self.call.append(f"{p['name']}.items")
            return
        self.declared.append(f"Array {p['name']} = {{0, NULL, false, {{0}}}};")
        take = {"int64": "take_int64_array", "handle": "take_handle_array", "double": "take_double_array"}
        if p["element"] not in take:
            self.refuse(f"array of {p['element']}")
            return
        place = self.argument(p, stub + " | None" if p["nullable"] else stub)
        self.take.append(f"{take[p['element']]}({place}, \"{p['name']}\", &{p['name']}) != 0")
        self.free.append(f"free_array(&{p['name']});")
        c = {"int64": "int64_t", "handle": "tg_handle", "double": "double"}[p["element"]]
        self.call.append(f"({c}*){p['name']}.items")
        if p["ownership"] == "consumed":
            self.after.append(f"if (outcome == TG_OK && PySequence_Check({place})) {{\n"
                              f"    for (Py_ssize_t i = 0; i < PySequence_Size({place}); i++) {{\n"
                              f"      PyObject* item = PySequence_GetItem({place}, i);\n"
                              "      if (item != NULL) forget_handle(item);\n"
                              "      Py_XDECREF(item);\n    }\n  }")

    def in_bytes(self, p):
        self.declared += [f"const void* {p['name']} = NULL;", f"size_t {p['name']}_bytes = 0;"]
        place = self.argument(p, "bytes | None" if p["nullable"] else "bytes")
        self.take.append(f"take_bytes({place}, \"{p['name']}\", &{p['name']}, &{p['name']}_bytes) != 0")
        self.call.append(p["name"])
        if "bytes_of" in p:
            self.late.append(f"({p['name']} != NULL && check_bytes({', '.join(p['bytes_of'])}, {p['name']}_bytes) != 0)")

    def in_length(self, p):
        """The count of one or more arrays or bytes, which must agree."""
        arrays = [n for n in p["of"] if self.parameters[n]["direction"] == "in"]
        if not arrays:  # of bytes that are given back: the caller says how many
            self.plain(p, base(p["c"]), f"take_{INTEGERS[base(p['c'])]}", "int")
            return
        counts = [n + (".count" if self.parameters[n]["kind"] == "array" else "_bytes") for n in arrays]
        first = counts[0]
        for name, other in zip(arrays[1:], counts[1:]):
            self.take.append(f"({name}.items != NULL && check_equal(\"{name}\", {first}, {other}) != 0)")
        if base(p["c"]) == "int32_t":
            self.declared.append(f"int32_t {p['name']} = 0;")
            self.take.append(f"take_rank(&{arrays[0]}, \"{arrays[0]}\", &{p['name']}) != 0")
            self.call.append(p["name"])
        else:
            self.call.append(first)

    def in_capacity(self, p):
        self.capacity = p
        self.call.append("ROOM")

    def in_callback(self, p):
        caller = CALLBACKS.get(p["c"])
        if self.name == "drain_set":
            caller = "call_wake"
        if caller is None:
            self.refuse(f"callback {p['c']}")
            return
        place = self.argument(p, "Callable[..., Any] | None" if p["nullable"] else "Callable[..., Any]")
        self.call.append(f"{place} == Py_None ? NULL : {caller}")
        self.callback = (place, p["ownership"])

    def in_user_data(self, p):
        place, _ = self.callback
        if any(q["kind"] == "destructor" for q in self.parameters.values()):
            self.declared.append("PyObject* kept = NULL;")
            self.call.append(f"kept = {place} == Py_None ? NULL : Py_NewRef({place})")
            self.after.append("if (outcome != TG_OK) Py_XDECREF(kept);")
        else:
            self.call.append(place)

    def in_destructor(self, p):
        place, _ = self.callback
        self.call.append(f"{place} == Py_None ? NULL : drop_reference")

    def out_handle(self, p):
        self.declared.append(f"tg_handle {p['name']} = 0;")
        self.call.append(f"&{p['name']}")
        if p["ownership"] == "borrowed":  # a number, which another box owns
            self.results.append(f"PyLong_FromUnsignedLongLong({p['name']})")
            self.gives.append("int")
            return
        if p["handle"] == "any":  # of the kind that came in
            self.results.append(f"wrap_like(args[0], {p['name']})")
        else:
            self.results.append(f"wrap_handle({kind_of(p)}, {p['name']})")
        stub = {"tensor": "Tensor", "any": "Any", "module": "ModuleHandle",
                "optimizer": "OptimizerHandle"}.get(p["handle"], p["handle"].capitalize())
        self.gives.append(stub if not p.get("may_give_none") else f"{stub} | None")

    def out_integer(self, p):
        self.declared.append(f"{base(p['c'])} {p['name']} = 0;")
        self.call.append(f"&{p['name']}")
        self.results.append(f"{PYTHON_INTEGER[base(p['c'])]}({p['name']})")
        self.gives.append("int")

    out_enum = out_integer

    def out_boolean(self, p):
        self.declared.append(f"int32_t {p['name']} = 0;")
        self.call.append(f"&{p['name']}")
        self.results.append(f"PyBool_FromLong({p['name']})")
        self.gives.append("bool")

    def out_double(self, p):
        self.declared.append(f"double {p['name']} = 0;")
        self.call.append(f"&{p['name']}")
        self.results.append(f"PyFloat_FromDouble({p['name']})")
        self.gives.append("float")

    def out_pointer(self, p):
        self.declared.append(f"void* {p['name']} = NULL;")
        self.call.append(f"&{p['name']}")
        self.results.append(f"PyLong_FromVoidPtr({p['name']})")
        self.gives.append("int")

    def out_count(self, p):
        self.declared.append(f"{base(p['c'])} {p['name']} = 0;")
        self.call.append(f"&{p['name']}")

    def out_text(self, p):
        self.declared += [f"char {p['name']}_few[512] = \"\";", f"char* {p['name']} = {p['name']}_few;"]
        self.call.append(f"{p['name']}")
        self.free.append(f"if ({p['name']} != {p['name']}_few) PyMem_Free({p['name']});")
        self.results.append(f"PyUnicode_DecodeUTF8({p['name']}, (Py_ssize_t)strlen({p['name']}), \"ignore\")")
        self.gives.append("str")
        self.asked = p

    def out_bytes(self, p):
        size = p["length"]
        self.declared.append(f"PyObject* {p['name']} = NULL;")
        self.take_later = (p["name"], size)
        self.call.append(f"PyBytes_AsString({p['name']})")
        self.free.append(f"Py_XDECREF({p['name']});")
        self.results.append(f"Py_NewRef({p['name']})")
        self.gives.append("bytes")

    def out_array(self, p):
        if p["element"] == "value":
            self.declared.append(f"Values {p['name']} = {{0, NULL, NULL}};")
            self.free.append(f"free_values(&{p['name']});")
            self.call.append(f"{p['name']}.items")
            self.asked = p
            self.results.append(f"list_of_values({p['name']}.items, (size_t){p['count']})")
            self.gives.append("list[Any]")
            return
        self.declared.append(f"Array {p['name']} = {{0, NULL, false, {{0}}}};")
        self.free.append(f"free_array(&{p['name']});")
        c = {"int64": "int64_t", "handle": "tg_handle"}[p["element"]]
        self.call.append(f"({c}*){p['name']}.items")
        count = p.get("count")
        if "length" in p:
            arrays = [n for n in self.parameters[p["length"]]["of"] if self.parameters[n]["direction"] == "in"]
            self.room = (p["name"], f"{arrays[0]}.count" if arrays else f"{p['length']}")
            count = f"{p['name']}.count"
        else:
            self.asked = p
        if p["element"] == "handle":
            self.results.append(f"list_of_handles({kind_of(p)}, (tg_handle*){p['name']}.items, (size_t){count})")
            self.gives.append("list[%s]" % {"tensor": "Tensor"}.get(p["handle"], p["handle"].capitalize() + " | None"))
        else:
            self.results.append(f"list_of_int64((int64_t*){p['name']}.items, (size_t){count})")
            self.gives.append("list[int]")

    # ---- the text ----

    def invocation(self, room):
        arguments = ", ".join(room if a == "ROOM" else a for a in self.call)
        return f"{self.function['name']}({arguments})"

    def statement(self, text):
        f = self.function
        if not f["may_block"] or self.changes_modes or self.reason:
            return text
        if self.tensors and not f["may_call_back"]:
            large = " || ".join(f"is_large({t})" for t in self.tensors)
            return f"WITHOUT_GIL_IF({large}, {text})"
        return f"WITHOUT_GIL_IF(true, {text})"

    def body(self):
        f = self.function
        lines = []
        least = len(self.arguments)
        most = least + (1 if self.capacity else 0)
        returns = f["returns"]["kind"]
        lines += ["  " + d for d in self.declared]
        if self.capacity:
            lines.append("  size_t room = 0;")
        lines.append("  PyObject* answer = NULL;")
        if returns == "status":
            lines.append("  tg_status outcome = TG_OK;")
        elif returns in ("integer", "double", "text"):
            lines.append(f"  {f['returns']['c']} value;")
        lines.append("\n  (void)self, (void)args, (void)given;")
        if least == most == 0:
            pass
        else:
            lines.append(f"  if (check_count(\"{self.name}\", given, {least}, {most}) != 0) return NULL;")
        for take in self.take + self.late:
            lines.append(f"  if ({take}) goto done;")
        if hasattr(self, "room"):
            lines.append(f"  if (make_room(&{self.room[0]}, {self.room[1]}) != 0) goto done;")
        if hasattr(self, "take_later"):
            name, size = self.take_later
            lines.append(f"  if ({size} <= SIZE_MAX / 2) {name} = PyBytes_FromStringAndSize(NULL, (Py_ssize_t){size});")
            lines.append(f"  else PyErr_SetString(PyExc_OverflowError, \"{size} is out of its range\");")
            lines.append(f"  if ({name} == NULL) goto done;")
        if self.capacity:
            lines.append(f"  if (is_given(args, given, {least}) &&\n"
                         f"      take_size(args[{least}], \"capacity\", &room) != 0) goto done;")
        if self.name != "state_get":
            pass
        if self.changes_modes:
            lines.append("  if (begin_mode_change() != 0) goto done;")
        else:
            lines.append("  if (ready() != 0) goto done;")
        lines += self.calls(least, returns)
        lines += ["  " + a for a in self.after]
        if returns == "status" and self.changes_modes:
            lines.append("  if (end_mode_change(outcome) != 0) goto done;")
        elif returns == "status":
            lines += ["  if (outcome != TG_OK) {", "    raise_status(outcome);", "    goto done;", "  }"]
        results = list(self.results)
        if returns == "integer":
            maker = "PyBool_FromLong" if f["returns"].get("boolean") else PYTHON_INTEGER[f["returns"]["c"]]
            if not (f["returns"]["c"] == "size_t" and hasattr(self, "asked")):
                results.insert(0, f"{maker}(value)")
        elif returns == "double":
            results.insert(0, "PyFloat_FromDouble(value)")
        elif returns == "text":
            results.insert(0, "PyUnicode_FromString(value == NULL ? \"\" : value)")
        if self.capacity and hasattr(self, "asked") and self.asked["kind"] == "text":
            counter = self.asked.get("count")
            counter = "value" if counter == "return" else counter
            lines.append(f"  if (is_given(args, given, {least})) {{\n"
                         f"    answer = Py_BuildValue(\"(Nn)\", {results[0]}, (Py_ssize_t){counter});\n"
                         "    goto done;\n  }")
        if not results:
            lines.append("  answer = Py_NewRef(Py_None);")
        elif len(results) == 1:
            lines.append(f"  answer = {results[0]};")
        else:
            lines.append(f"  answer = Py_BuildValue(\"({'N' * len(results)})\", {', '.join(results)});")
        if any("goto done" in line for line in lines):
            lines.append("done:")
        lines += ["  " + x for x in self.free]
        lines.append("  return answer;")
        return "\n".join(lines)

    def calls(self, least, returns):
        """The call; where a result's size is not known, first with little room, then with enough."""
        left = {"status": "outcome = ", "none": ""}.get(returns, "value = ")
        if not self.capacity:
            return ["  " + self.statement(left + self.invocation("")) + ";"]
        p = self.asked
        counter = "value" if p.get("count") == "return" else p["count"]
        name, room_type = p["name"], base(self.capacity["c"])
        room = f"({room_type})room"
        lines = [f"  if (!is_given(args, given, {least})) {{"]
        if p["kind"] == "text":
            lines += [f"    room = sizeof {name}_few;",
                      "    " + self.statement(left + self.invocation(room)) + ";",
                      f"    if ({'outcome == TG_OK && ' if returns == 'status' else ''}(size_t){counter} >= room) {{",
                      f"      room = (size_t){counter} + 1;",
                      f"      {name} = (char*)PyMem_Malloc(room);",
                      f"      if ({name} == NULL) {{",
                      f"        {name} = {name}_few;", "        PyErr_NoMemory();", "        goto done;", "      }",
                      "      " + self.statement(left + self.invocation(room)) + ";",
                      "    }", "  } else {",
                      f"    if (room > sizeof {name}_few) {{",
                      f"      {name} = (char*)PyMem_Malloc(room);",
                      f"      if ({name} == NULL) {{",
                      f"        {name} = {name}_few;", "        PyErr_NoMemory();", "        goto done;", "      }",
                      f"      {name}[0] = 0;",
                      "    }",
                      "    " + self.statement(left + self.invocation(room)) + ";",
                      "  }"]
        else:
            make = "make_value_room" if p["element"] == "value" else "make_room"
            lines += [f"    room = kMaxRank;",
                      f"    if ({make}(&{name}, room) != 0) goto done;",
                      "    " + self.statement(left + self.invocation(room)) + ";",
                      f"    if (outcome == TG_ERROR_LIMIT && (size_t){counter} > room) {{",
                      f"      room = (size_t){counter};",
                      f"      if ({make}(&{name}, room) != 0) goto done;",
                      "      " + self.statement(left + self.invocation(room)) + ";",
                      "    }", "  } else {",
                      f"    if ({make}(&{name}, room) != 0) goto done;",
                      f"    if (room == 0 && {name}.count == 0) {name}.items = {'NULL' if p['element'] != 'value' else name + '.items'};",
                      "    " + self.statement(left + self.invocation(room)) + ";",
                      "  }"]
            if p["element"] in ("int64", "handle"):
                lines.append(f"  if (is_given(args, given, {least}) && room == 0 && outcome == TG_OK) {{\n"
                             f"    answer = PyLong_FromLongLong((int64_t){counter});\n    goto done;\n  }}")
        return lines

    def documentation(self):
        f = self.function
        arguments = list(self.arguments)
        signature = ", ".join(arguments + (["capacity=None"] if self.capacity else []))
        text = f"{self.name}({signature + ', /' if signature else ''})\n--\n\n{f.get('documentation') or f['brief']}\n"
        if f["brief"] and f["brief"] not in text:
            text = text.replace("--\n\n", f"--\n\n{f['brief']}\n", 1)
        for p in f["parameters"]:
            if p["name"] in self.arguments or p["direction"] != "in":
                text += f"\n{p['name']}: {p['documentation']}"
        for field in ("shape", "dtypes", "gradient", "saved"):
            if f.get(field):
                text += f"\n{field}: {f[field]}"
        for error in f["errors"]:
            text += f"\n{error['code']}: {error['when']}"
        return text

    def stub(self):
        f = self.function
        gives = list(self.gives)
        returns = f["returns"]["kind"]
        if returns == "integer" and not (f["returns"]["c"] == "size_t" and hasattr(self, "asked")):
            gives.insert(0, "bool" if f["returns"].get("boolean") else "int")
        elif returns in ("double", "text"):
            gives.insert(0, {"double": "float", "text": "str"}[returns])
        result = "None" if not gives else gives[0] if len(gives) == 1 else f"tuple[{', '.join(gives)}]"
        if self.capacity:
            result = "Any"
        arguments = ", ".join(self.stubs + (["/"] if self.stubs else []))
        return f"def {self.name}({arguments}) -> {result}: ..."


def c_text(text):
    lines = text.split("\n")
    quoted = [line.replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return "\n    ".join('"' + line + '\\n"' for line in quoted[:-1]) + ('\n    "' + quoted[-1] + '"')


HEAD = """/* Made by bindings/python/generate.py from api.json; do not edit. */
#include <string.h>

#include "convert.h"

static inline int check_equal(const char* parameter, size_t wanted, size_t count) {
  if (wanted == count) return 0;
  PyErr_Format(PyExc_ValueError, "%s must have %zd elements, not %zd", parameter, (Py_ssize_t)wanted,
               (Py_ssize_t)count);
  return -1;
}

/* Memory handed over as elements must be as long as the shape says; the C interface cannot see it. */
static inline int check_bytes(int32_t dtype, Array shape, int32_t rank, size_t bytes) {
  static const size_t sizes[kDTypes] = {0, 4, 8, 2, 2, 1, 2, 4, 8, 1, 1};
  size_t wanted = dtype >= TG_FLOAT32 && dtype < kDTypes ? sizes[dtype] : 0;
  const int64_t* items = (const int64_t*)shape.items;

  if (wanted == 0) return 0; /* the library refuses the dtype */
  for (int32_t i = 0; i < rank; i++) {
    if (items[i] < 0 || (items[i] > 0 && wanted > (size_t)INT64_MAX / (size_t)items[i])) return 0;
    wanted *= (size_t)items[i];
  }
  if (wanted == bytes) return 0;
  PyErr_Format(PyExc_ValueError, "data must have %zd bytes for this dtype and shape, not %zd",
               (Py_ssize_t)wanted, (Py_ssize_t)bytes);
  return -1;
}
"""

STUB_HEAD = '''# Made by bindings/python/generate.py from api.json; do not edit.
"""The functions and constants of the C interface, as tapegrad.h describes them."""

from collections.abc import Callable, Sequence
from typing import Any

from tapegrad import (Context, Dict, Generator, Handle, Hook, ModuleHandle, Node, Object, Operator,
                      OptimizerHandle, Scope, Tensor, Token, dtype)

_Handle = Tensor | Handle | int
def tensor_from_memory(data: int, dtype: dtype | int, shape: Sequence[int], strides: Sequence[int] | None = None,
                       flags: int = 0, owner: Any = None, /) -> Tensor: ...
def object_create(type: str, payload: Any, /) -> Object: ...
def object_payload(object: _Handle, type: str, /) -> Any: ...
def node_hook(node: _Handle, when: int, fn: Callable[..., Any] | None, /) -> Hook: ...
def saved_tensor_hooks_enter(pack: Callable[[Tensor], Any] | None, unpack: Callable[[Any], Tensor] | None, /) -> Hook: ...
def operator_create(definition: dict[str, Any], /) -> Operator: ...
def context_set_data(context: _Handle, data: Any, /) -> None: ...
def context_data(context: _Handle, /) -> Any: ...
'''


def names_of_stub(name):
    """What a stub beside this file defines."""
    path = pathlib.Path(__file__).resolve().parent / "tapegrad" / name
    names = []
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.append(statement.name)
        elif isinstance(statement, ast.AnnAssign):
            names.append(statement.target.id)
        elif isinstance(statement, ast.Assign):
            names.append(statement.targets[0].id)
    return [n for n in dict.fromkeys(names) if not n.startswith("_")]


# What the package calls otherwise than the file that it comes from.
RENAMED = {"_core": {"_eq": "eq", "_ne": "ne", "_lt": "lt", "_le": "le", "_gt": "gt", "_ge": "ge", "float32": "float",
                     "float64": "double", "float16": "half", "int16": "short", "int32": "int", "int64": "long"},
           "_functions": {"all_": "all", "any_": "any"}, "_memory": {"from_array": "from_numpy", "from_dlpack": "from_dlpack"},
           "_size": {"Size": "Size"}}


def package_stub(capi_names):
    """The stub of the package: names of its files, and of the C interface where no other has the name."""
    lines = ["# Made by bindings/python/generate.py; do not edit."]
    taken = {name for names in RENAMED.values() for name in names.values()}
    for name in ("_core", "_functions"):
        hidden = {"values_and_indices", "bool_of", "all_", "any_"}
        names = [n for n in names_of_stub(name + ".pyi") if n not in taken and n not in hidden]
        taken.update(names)
        lines += [f"from .{name} import {n} as {n}" for n in names]
    lines += [f"from .{file} import {old} as {new}" for file, names in RENAMED.items() for old, new in names.items()]
    lines += [f"from . import {n} as {n}" for n in ("autograd", "capi", "nn", "optim", "safetensors", "utils")]
    lines += [f"from .capi import {n} as {n}" for n in capi_names if n not in taken]
    return "\n".join(lines) + "\n__version__: str\n"


def main(api_path, c_path, stub_path, package_path):
    with open(api_path, encoding="utf-8") as file:
        api = json.load(file)
    made, left_out = [], []
    for function in api["functions"]:
        if function["name"] in BY_HAND:
            continue
        one = Function(function)
        if one.reason:
            left_out.append(f"{function['name']}: {one.reason}")
        else:
            made.append(one)
    with open(c_path, "w", encoding="utf-8") as out:
        out.write(HEAD)
        for f in made:
            out.write(f"\nstatic PyObject* python_{f.name}(PyObject* self, PyObject* const* args, Py_ssize_t given) {{\n")
            out.write(f.body() + "\n}\n")
        out.write("\n#define FAST(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL\n")
        out.write("PyMethodDef generated_methods[] = {\n")
        for f in made:
            out.write(f'    {{"{f.name}", FAST(python_{f.name}),\n    {c_text(f.documentation())}}},\n')
        out.write("    {NULL, NULL, 0, NULL}};\n\nint add_constants(PyObject* module) {\n")
        for constant in api["constants"]:
            out.write(f'  if (PyModule_AddIntConstant(module, "{constant["name"][3:]}", {constant["value"]}) != 0) return -1;\n')
        out.write("  return 0;\n}\n")
    with open(stub_path, "w", encoding="utf-8") as out:
        out.write(STUB_HEAD)
        for constant in api["constants"]:
            out.write(f"{constant['name'][3:]}: int\n")
        for f in made:
            out.write(f.stub() + "\n")
    names = [c["name"][3:] for c in api["constants"]] + [f["name"][3:] for f in api["functions"] if f["name"] in BY_HAND]
    with open(package_path, "w", encoding="utf-8") as out:
        out.write(package_stub(names + [f.name for f in made]))
    for line in left_out:
        print("not in Python:", line, file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
