# SPDX-License-Identifier: MIT
"""kit.py KIT FOLDER: replays the conformance kit through tapegrad.capi and ends at the first step that gives
something else. docs/bindings.md says what the steps mean."""

import json
import os
import struct
import sys

import tapegrad
from tapegrad import capi

FORMATS = {"float32": "f", "float64": "d", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "bool": "B"}


class Difference(Exception):
    pass


def number(given):
    if isinstance(given, str):
        return float(given) if given in ("inf", "-inf", "nan") else int(given)
    return given


def same(what, found, wanted, tolerance=0):
    wanted = number(wanted)
    if found == wanted or (found != found and wanted != wanted):
        return
    if tolerance and abs(found - wanted) <= tolerance * max(1, abs(wanted)):
        return
    raise Difference(f"{what} is {found!r}, not {wanted!r}")


class Player:
    def __init__(self, functions, folder):
        self.functions, self.folder = functions, folder
        self.live, self.gone = {}, {}
        self.start = capi.live_handles()

    # ---- arguments ----

    def argument(self, given):
        (kind, value), *more = given.items()
        if kind == "none":
            return None
        if kind == "handle":
            return None if value is None else self.live[value]
        if kind == "stale":
            return self.gone[value]
        if kind in ("raw_handle", "int64", "double"):
            return number(value)
        if kind == "path":
            return os.path.join(self.folder, value)
        if kind == "handle_array":
            return [None if name is None else self.live[name] for name in value]
        if kind == "bytes":
            values = [number(one) for one in value["values"]]
            return struct.pack(f"<{len(values)}{FORMATS[value['dtype']]}", *values)
        return value  # text, int64_array, double_array

    def arguments(self, function, given):
        """As tapegrad.capi takes them: memory that comes out is a number, how much of it there may be."""
        given, taken, room = list(given), [], []
        for p in function["parameters"]:
            if p["kind"] in ("capacity", "count", "length") and not self.is_alone(function, p):
                continue
            if p["direction"] == "out" and p["kind"] not in ("text", "array", "bytes"):
                continue
            one = given.pop(0)
            if p["kind"] in ("user_data", "destructor", "deleter"):
                continue
            if p["direction"] == "in":
                taken.append(self.argument(one))
            elif p["kind"] == "bytes":
                taken.append(one["buffer"] * struct.calcsize(FORMATS[one["of"]]) if "buffer" in one else 0)
            elif "capacity" in p or self.counts_alone(function, p):
                room.append(one.get("buffer", 0))
        return taken + room

    @staticmethod
    def is_alone(function, p):
        """Whether a length counts nothing that is given with it."""
        return p["kind"] == "length" and not p.get("of")

    @staticmethod
    def counts_alone(function, p):
        """Whether an array that comes out has a length that nothing given tells."""
        return any(q["name"] == p.get("length") and q.get("of") == [p["name"]] for q in function["parameters"])

    # ---- results ----

    def bind(self, what, name, found):
        nothing = found is None or (isinstance(found, int) and found == 0)
        if nothing != (name is None):
            raise Difference(f"{what} is {found!r}, not {name!r}")
        if name is not None:
            self.live[name] = found

    def result(self, what, found, wanted):
        if "any" in wanted:
            return
        if "handle" in wanted:
            self.bind(what, wanted["handle"], found)
        elif "text" in wanted:
            if found != wanted["text"]:
                raise Difference(f"{what} is {found!r}, not {wanted['text']!r}")
        else:
            same(what, found, wanted.get("int64", wanted.get("double")), wanted.get("tolerance", 0))

    def buffer(self, what, found, wanted, of):
        if "any" in wanted:
            return
        if "text" in wanted:
            self.result(what, found, wanted)
            return
        if isinstance(found, bytes):
            found = struct.unpack(f"<{len(found) // struct.calcsize(FORMATS[of])}{FORMATS[of]}", found)
        for i, value in enumerate(wanted.get("int64_array", wanted.get("values", []))):
            same(f"{what}[{i}]", found[i], value)
        for i, name in enumerate(wanted.get("handle_array", [])):
            self.bind(f"{what}[{i}]", name, found[i])

    def call(self, step):
        function = self.functions[step["call"]]
        numbers = {name: self.live[name].handle for name in step.get("ends", [])}
        try:
            found = getattr(capi, step["call"][3:])(*self.arguments(function, step["arguments"]))
        except tapegrad.Error as error:
            if error.code != step.get("status", 0):
                raise Difference(f"the status is {error.code} ({error}), not {step.get('status', 0)}") from error
            if step["message"] not in str(error):
                raise Difference(f"the message is {str(error)!r}, not {step['message']!r}") from error
            return
        if step.get("status", 0) != 0:
            raise Difference(f"the status is 0, not {step['status']}")
        for name, value in numbers.items():
            self.gone[name] = value
            del self.live[name]
        outs = [p for p in function["parameters"] if p["direction"] == "out"]
        buffers = [p for p in outs if p["kind"] in ("text", "array", "bytes")]
        if buffers:  # what came in the buffer, and its count, which the interface gives too
            (buffer,) = buffers
            counted = "count" in buffer
            if buffer["kind"] == "text":
                found, count = found
            elif isinstance(found, int):
                found, count = None, found
            else:
                count = len(found)
            values = [count] if counted else []
            wanted = step.get("buffers", [])
            of = next((one["of"] for one in step["arguments"] if "of" in one), None)
            if wanted:
                self.buffer("the buffer", found, wanted[0], of)
        else:
            values = list(found) if isinstance(found, tuple) else [] if found is None and not step.get("results") else [found]
        for i, wanted in enumerate(step.get("results", [])):
            self.result(f"result {i + 1}", values[i], wanted)

    def look(self, step):
        x = self.live[step["tensor"]]
        if str(x.dtype) != f"torch.{step['dtype']}" or list(x.shape) != step["shape"]:
            raise Difference(f"it is {x.dtype} of shape {list(x.shape)}, not {step['dtype']} of shape {step['shape']}")
        found = self.flat(x)
        for i, value in enumerate(step["values"]):
            same(f"element {i}", found[i], value, step.get("tolerance", 0))
        for flag, value in (("requires_grad", x.requires_grad), ("is_leaf", x.is_leaf), ("is_inference", x.is_inference())):
            same(flag, value, step[flag])

    @staticmethod
    def flat(x):
        rows = [x.tolist()]
        while rows and isinstance(rows[0], list):
            rows = [item for row in rows for item in row]
        return rows

    def play(self, step):
        if "call" in step:
            self.call(step)
        elif "tensor" in step:
            self.look(step)
        else:
            same("the number of live handles", capi.live_handles() - self.start, step["live_handles"])


def main(kit, folder, api):
    with open(kit, encoding="utf-8") as file:
        steps = json.load(file)["steps"]
    with open(api, encoding="utf-8") as file:
        functions = {f["name"]: f for f in json.load(file)["functions"]}
    player = Player(functions, folder)
    for number_, step in enumerate(steps, 1):
        try:
            player.play(step)
        except Exception as error:
            raise SystemExit(f"step {number_} ({json.dumps(step)[:300]}): {type(error).__name__}: {error}") from error
    print(f"{len(steps)} steps of the kit, no difference")


if __name__ == "__main__":
    main(*sys.argv[1:])
