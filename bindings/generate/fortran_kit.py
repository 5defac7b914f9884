#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fortran_kit.py api.json kit.json kit.f90: the steps of the conformance kit as calls of the
interfaces of the module tapegrad_c, each with what it has to give. The procedures that compare
stand in bindings/fortran/tests/kit_checks.f90.
fortran_kit.py api.json - invented.f90: one call of each function that returns a status, which has
to be 9999."""
import json
import struct
import sys

import api
import fortran

FORMATS = {"float32": "f", "float64": "d", "int8": "b", "int16": "h", "int32": "i", "int64": "q",
           "uint8": "B", "bool": "B"}
PLACES = {"integer(c_int32_t)": "i32", "integer(c_int64_t)": "i64", "integer(c_size_t)": "sizes",
          "real(c_double)": "doubles", "type(c_ptr)": "pointers"}
KINDS = {"integer(c_int32_t)": ("c_int32_t", 8), "integer(c_int64_t)": ("c_int64_t", 16),
         "integer(c_size_t)": ("c_size_t", 16)}
STEPS_A_PROCEDURE = 20
ROOM = 65536  # of the buffers in kit_checks.f90


def integer(value, declaration="integer(c_int64_t)"):
    """As bits, since the least integer has no literal."""
    kind, digits = KINDS[declaration]
    value = int(value)
    if 0 <= value < 2 ** 31:
        return f"{value}_{kind}"
    return f"int(z'{value & (16 ** digits - 1):0{digits}X}', {kind})"


def double(value):
    bits = struct.unpack("=Q", struct.pack("=d", float(value)))[0]
    return f"transfer(int(z'{bits:016X}', c_int64_t), 0d0)"


def text(value):
    pieces, plain = [], b""
    for byte in value.encode():
        if 32 <= byte < 127:
            plain += bytes([byte])
            continue
        pieces += [quoted(plain)] if plain else []
        pieces.append(f"char({byte})")
        plain = b""
    return " // ".join(pieces + ([quoted(plain)] if plain or not pieces else []))


def quoted(plain):
    return "'" + plain.decode().replace("'", "''") + "'"


def array(items, declaration):
    return "[" + declaration + " :: " + ", ".join(items) + "]"


def packed(given):
    values = [float(v) if given["dtype"].startswith("float") else int(v) for v in given["values"]]
    data = struct.pack(f"={len(values)}{FORMATS[given['dtype']]}", *values)
    return array([f"int(z'{b:02X}', c_int8_t)" for b in data], "integer(c_int8_t)")


class Kit:
    def __init__(self, description):
        self.functions = {f.name: f for f in description.functions}
        self.numbers = {}  # of names, in the array of handles

    def place(self, name, of="h"):
        return f"{of}({self.numbers.setdefault(name, len(self.numbers) + 1)})"

    def argument(self, parameter, given, rooms):
        """The actual argument, None for NULL, and how many items it has."""
        if "none" in given:
            kind = parameter["kind"]
            if kind == "handle":
                return "0_c_int64_t", 0
            return (None, 0) if "optional" in fortran.declared(parameter)[0] else (
                "c_null_funptr" if kind in ("callback", "destructor", "deleter") else "c_null_ptr",
                0)
        if "handle" in given:
            return self.place(given["handle"]), 0
        if "stale" in given:
            return self.place(given["stale"], "stale"), 0
        if "raw_handle" in given:
            return integer(given["raw_handle"]), 0
        if "int64" in given:
            return integer(given["int64"], fortran.own_type(parameter)), 0
        if "double" in given:
            return double(given["double"]), 0
        if "text" in given:
            return text(given["text"]) + " // c_null_char", 0
        if "path" in given:
            return f"trim(folder) // {text('/' + given['path'])} // c_null_char", 0
        if "int64_array" in given:
            items = given["int64_array"]
            return array([integer(v) for v in items], fortran.HANDLE), len(items)
        if "handle_array" in given:
            items = ["0_c_int64_t" if name is None else self.place(name)
                     for name in given["handle_array"]]
            return array(items, fortran.HANDLE), len(items)
        if "bytes" in given:
            data = given["bytes"]
            return packed(data), len(data["values"]) * struct.calcsize(FORMATS[data["dtype"]])
        count, of = given["buffer"], given["of"]
        rooms.append(of)
        bytes_ = count * struct.calcsize(FORMATS[of]) if of in FORMATS and of != "int64" else count
        if max(bytes_, 8 * count if of in ("int64", "handle") else 0) > ROOM:
            raise ValueError(f"a buffer of {count} {of} is more than the test has")
        if of == "int64" and parameter["kind"] == "bytes":
            bytes_ = 8 * count
        return {"text": "letters", "int64": "items", "handle": "items"}.get(of, "bytes"), bytes_

    def call(self, number, step):
        function = self.functions[step["call"]]
        rooms, counts, actual = [], {}, {}
        for p, given in zip(function.inputs, step["arguments"], strict=True):
            actual[p["name"]], counts[p["name"]] = self.argument(p, given, rooms)
        places = [] if not function.gives_value() else [None]
        for p in function.parameters:
            if p["kind"] in api.COUNTING:
                count = max(counts[name] for name in p["of"])
                actual[p["name"]] = integer(count, fortran.own_type(p))
            elif p["name"] not in actual:
                kind = "type(c_ptr)" if p["kind"] == "pointer" else fortran.own_type(p)
                actual[p["name"]] = f"{PLACES[kind]}({len(places) + 1})"
                places.append(actual[p["name"]])
        passed = ", ".join(f"{p['name']}={actual[p['name']]}" for p in function.parameters
                           if actual[p["name"]] is not None)
        call = f"{function.name}({passed})"
        lines = [f"    at = {number}"]
        if function.returns["kind"] == "none":
            lines.append(f"    call {call}")
        elif function.can_fail():
            message = text(step["message"]) if step["status"] else "''"
            lines.append(f"    call expect_status({call}, {step['status']}, {message})")
        elif function.returns["kind"] == "text":
            lines.append(f"    pointers(1) = {call}")
            places[0] = "pointers(1)"
        else:
            lines.append(f"    i64(1) = int({call}, c_int64_t)")
            places[0] = "i64(1)"
        for place, expected in zip(places, step.get("results", [])):
            lines += self.result(place, expected)
        for of, expected in zip(rooms, step.get("buffers", [])):
            lines += self.buffer(of, expected)
        for name in step.get("ends", []):
            lines += [f"    {self.place(name, 'stale')} = {self.place(name)}",
                      f"    {self.place(name)} = 0"]
        return lines

    def result(self, place, expected):
        if "handle" in expected:
            if expected["handle"] is None:
                return [f"    call expect({place} == 0, 'no handle')"]
            return [f"    {self.place(expected['handle'])} = {place}",
                    f"    call expect({place} /= 0, 'a handle')"]
        if "int64" in expected:
            return [f"    call expect_integer(int({place}, c_int64_t), {integer(expected['int64'])})"]
        if "double" in expected:
            return [f"    call expect_double({place}, {double(expected['double'])}, "
                    f"{double(expected.get('tolerance', 0))})"]
        if "text" in expected:
            return [f"    call expect_text(text_of({place}), {text(expected['text'])})"]
        return []

    def buffer(self, of, expected):
        if "text" in expected:
            return [f"    call expect_letters({text(expected['text'])})"]
        if "int64_array" in expected:
            items = [integer(v) for v in expected["int64_array"]]
            return [f"    call expect_items({array(items, fortran.HANDLE)})"]
        if "values" in expected:
            values = array([double(v) for v in expected["values"]], "real(c_double)")
            return [f"    call expect_values(bytes, '{of}', {values}, 0d0)"]
        return [f"    {self.place(name)} = items({i + 1})" if name is not None else
                f"    call expect(items({i + 1}) == 0, 'no handle')"
                for i, name in enumerate(expected.get("handle_array", []))]

    def tensor(self, number, step):
        values = array([double(v) for v in step["values"]], "real(c_double)")
        sizes = array([integer(v) for v in step["shape"]], fortran.HANDLE)
        flags = ", ".join(str(step[f]) for f in ("requires_grad", "is_leaf", "is_inference"))
        return [f"    at = {number}",
                f"    call expect_tensor({self.place(step['tensor'])}, '{step['dtype']}', {sizes}, "
                f"{values}, {double(step.get('tolerance', 0))}, [{flags}])"]

    def step(self, number, step):
        if "call" in step:
            return self.call(number, step)
        if "tensor" in step:
            return self.tensor(number, step)
        return [f"    at = {number}",
                f"    call expect_integer(tg_live_handles() - start, {step['live_handles']}_c_int64_t)"]


def program(name, procedures, declarations):
    lines = ["! SPDX-License-Identifier: MIT", "! Made by bindings/generate/fortran_kit.py.",
             f"program {name}", "  use tapegrad", "  use kit_checks", "  implicit none"]
    lines += declarations + [f"  call part_{i}()" for i in range(len(procedures))]
    lines += ["  call finish(at)", "contains"]
    for i, procedure in enumerate(procedures):
        lines += [f"  subroutine part_{i}()"] + procedure + ["  end subroutine"]
    return "\n".join(lines + ["end program", ""])


def parts(steps):
    return [sum(steps[i:i + STEPS_A_PROCEDURE], [])
            for i in range(0, len(steps), STEPS_A_PROCEDURE)]


def kit_program(description, steps):
    kit = Kit(description)
    lines = [kit.step(number, step) for number, step in enumerate(steps)]
    handles = f"  integer(c_int64_t) :: h({len(kit.numbers)}) = 0, stale({len(kit.numbers)}) = 0"
    return program("kit", parts(lines), [handles, "  call begin()"])


def invented_program(description):
    kit = Kit(description)
    lines = []
    for number, function in enumerate(f for f in description.functions if f.can_fail()):
        given = [{"none": 1} if p["kind"] in ("handle", "array", "text", "bytes") else
                 {"double": 0} if p["kind"] == "double" else
                 {"int64": 0} if p["kind"] in ("integer", "enum", "flags", "boolean") else {"none": 1}
                 for p in function.inputs]
        lines.append(kit.call(number, {"call": function.name, "arguments": given, "status": 9999,
                                       "message": ""}))
    return program("invented", parts(lines), ["  call begin()"])


def main(path, kit, output):
    description = api.Api(path)
    if kit == "-":
        made = invented_program(description)
    else:
        with open(kit, encoding="utf-8") as file:
            made = kit_program(description, json.load(file)["steps"])
    with open(output, "w", encoding="utf-8") as file:
        file.write(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
