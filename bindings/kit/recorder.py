# SPDX-License-Identifier: MIT
"""Runs calls of the C interface and writes down what they were given and what they gave, as steps
of the conformance kit. It knows functions from api.json alone."""
import ctypes
import math
import os
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "generate"))
import model

INTEGERS = {"int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32, "int64_t": ctypes.c_int64,
            "uint64_t": ctypes.c_uint64, "size_t": ctypes.c_size_t, "tg_status": ctypes.c_int32}
FORMATS = {"float32": "f", "float64": "d", "int8": "b", "int16": "h", "int32": "i", "int64": "q",
           "uint8": "B", "bool": "B"}


class Bytes:
    """Memory that goes in."""

    def __init__(self, dtype, values):
        self.dtype, self.values = dtype, values

    def packed(self):
        return struct.pack(f"={len(self.values)}{FORMATS[self.dtype]}", *self.values)

    def step(self):
        return {"bytes": {"dtype": self.dtype, "values": [number(v) for v in self.values]}}


class Room:
    """Memory that comes out: `of` is text, int64, handle or a dtype."""

    def __init__(self, of, count):
        self.of, self.count = of, count

    def bytes(self):
        if self.of in ("int64", "handle"):
            return 8 * self.count
        return self.count * (struct.calcsize(FORMATS[self.of]) if self.of in FORMATS else 1)

    def step(self):
        return {"buffer": self.count, "of": self.of}


class Forged:
    """A number that was never a handle."""

    def __init__(self, value):
        self.value = value


class Stale:
    """The number that a name had before it was released."""

    def __init__(self, name):
        self.name = name


class Path:
    """A file in the folder that whoever replays the kit makes for it."""

    def __init__(self, name):
        self.name = name


ANY = {"any": True}


def number(value):
    """As JSON has it, and so that every reader keeps it: no infinity, no integer above 2^53."""
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        return int(value) if value == int(value) and abs(value) < 2**53 and (
            math.copysign(1, value) > 0 or value != 0) else value
    return str(value) if abs(value) > 2**53 else value


class Recorder:
    def __init__(self, library, api):
        self.model = model.Model(api)
        self.library = ctypes.CDLL(library)
        self.library.tg_last_error_message.restype = ctypes.c_char_p
        self.library.tg_live_handles.restype = ctypes.c_uint64
        self.folder = tempfile.mkdtemp()
        self.live, self.gone = {}, {}
        self.steps = []
        self.dtypes = {v: k for k, v in self.model.enum("dtype").items()}
        self.covered = set()
        self.start = self.library.tg_live_handles()

    def has(self, name):
        return "tg_" + name in self.model.by_name

    # ---- calls ----

    def handle(self, given):
        if given is None:
            return 0
        if isinstance(given, Forged):
            return given.value
        if isinstance(given, Stale):
            return self.gone[given.name]
        return self.live[given]

    def argument(self, i, given):
        """The step's form of an input, and C's."""
        if i.way == "handle":
            if given is None:
                return {"none": True}, ctypes.c_uint64(0)
            if isinstance(given, Forged):
                return {"raw_handle": given.value}, ctypes.c_uint64(given.value)
            if isinstance(given, Stale):
                return {"stale": given.name}, ctypes.c_uint64(self.gone[given.name])
            return {"handle": given}, ctypes.c_uint64(self.live[given])
        if given is None:
            return {"none": True}, None
        if i.way == "integer":
            return {"int64": number(given)}, INTEGERS[i.c](given)
        if i.way == "double":
            return {"double": number(float(given))}, ctypes.c_double(given)
        if i.way == "text":
            if isinstance(given, Path):
                return {"path": given.name}, os.path.join(self.folder, given.name).encode()
            return {"text": given}, given.encode()
        if i.way == "integers":
            return {"int64_array": list(given)}, (ctypes.c_int64 * len(given))(*given)
        if i.way == "doubles":
            return {"double_array": list(given)}, (ctypes.c_double * len(given))(*given)
        if i.way == "handles":
            return ({"handle_array": list(given)},
                    (ctypes.c_uint64 * len(given))(*[self.handle(h) for h in given]))
        if isinstance(given, Bytes):
            packed = given.packed()
            return given.step(), ctypes.create_string_buffer(packed, len(packed))
        return given.step(), ctypes.create_string_buffer(max(given.bytes(), 1))

    def run(self, f, given):
        """Calls a function; gives its answer, its steps, buffers and places of results."""
        assert len(given) == len(f.inputs), f"{f.name} has {[i.name for i in f.inputs]}"
        steps, values, counts = [], {}, {}
        for i, one in zip(f.inputs, given):
            step, value = self.argument(i, one)
            steps.append(step)
            values[i.name] = value
            counts[i.name] = 0 if one is None else one.count if isinstance(one, Room) and (
                one.of in ("int64", "handle", "text")) else one.bytes() if isinstance(
                    one, Room) else len(one.packed()) if isinstance(one, Bytes) else (
                        len(one) if isinstance(one, (list, tuple)) else 0)
        places = {}
        arguments = []
        for p in f.parameters:
            name = p["name"]
            if name in f.counted:
                count = max(counts[i.name] for i in f.counted[name])
                arguments.append(INTEGERS[p["c"]](count))
            elif name in f.place:
                arguments.append(values[name])
            else:
                c = next(r for r in f.results if r.name == name).c
                place = (ctypes.c_double() if c == "double" else ctypes.c_void_p() if c == "void *"
                         else INTEGERS.get(c, ctypes.c_uint64)())
                places[name] = place
                arguments.append(ctypes.byref(place))
        function = getattr(self.library, f.name)
        kind = f.returns["kind"]
        function.restype = {"none": None, "text": ctypes.c_char_p, "double": ctypes.c_double}.get(
            kind, INTEGERS.get(f.returns["c"], ctypes.c_uint64))
        return function(*arguments), steps, values, places

    def call(self, name, *given, into=None, gives=None, status=0, any_result=False, tolerance=None,
             ends=()):
        """One step. into: names for the handles that come out; gives: what the results must be;
        ends: handles that are released by it, beside those given to a release."""
        f = self.model.by_name["tg_" + name]
        self.covered.add((f.name, status))
        answer, steps, values, places = self.run(f, list(given))
        step = {"call": f.name, "arguments": steps}
        if f.status:
            text = self.library.tg_last_error_message().decode()
            assert answer == status, f"{f.name}: {answer} instead of {status}: {text}"
            step["status"] = status
            if status != 0:
                step["message"] = self.lasting(text)
                self.steps.append(step)
                return
        ended = list(ends)
        if f.name in ("tg_release", "tg_scope_exit") and isinstance(given[0], str):
            ended.append(given[0])
        if f.name == "tg_release_many":
            ended += given[0] or []
        for one in ended:
            self.gone[one] = self.live.pop(one)
        if ended:
            step["ends"] = ended
        names = [into] if isinstance(into, str) else list(into or [])
        results = []
        if not f.status and f.returns["kind"] != "none":
            results.append(answer.decode() if isinstance(answer, bytes) else answer)
        shown = []
        for one in results:
            shown.append(ANY if any_result else {"text": one} if isinstance(one, str) else
                         {"double": number(one)} if isinstance(one, float) else
                         {"int64": number(one)})
        for r in f.results:
            value = places[r.name].value
            results.append(value)
            if r.way == "handle":
                if value and not r.borrowed:
                    bound = names.pop(0)
                    assert bound not in self.live, bound
                    self.live[bound] = value
                    shown.append({"handle": bound})
                else:
                    shown.append({"handle": None} if not value else ANY)
            elif any_result or r.way == "pointer":
                shown.append(ANY)
            elif r.way == "double":
                shown.append({"double": number(value), **(
                    {"tolerance": tolerance} if tolerance else {})})
            else:
                shown.append({"int64": number(value)})
        step["results"] = shown
        buffers = [self.buffer(values[i.name], one, results, names, any_result)
                   for i, one in zip(f.inputs, given) if isinstance(one, Room)]
        if buffers:
            step["buffers"] = buffers
        assert not names, f"{f.name}: {names} are names of nothing"
        plain = [r for r, s in zip(results, shown) if "handle" not in s]
        if gives is not None:
            got = plain + [b.get("text", b.get("int64_array", b.get("values"))) for b in buffers]
            wanted = gives if isinstance(gives, list) else [gives]
            assert len(got) == len(wanted) and all(
                a == b or isinstance(b, float) and abs(a - b) <= 1e-6 * max(1, abs(b))
                for a, b in zip(got, wanted)), f"{f.name} gave {got}, not {wanted}"
        self.steps.append(step)

    def last(self):
        """The integer that the last step gave."""
        return self.steps[-1]["results"][0]["int64"]

    def buffer(self, memory, room, results, names, any_result):
        """What a buffer holds after the call."""
        if any_result:
            return ANY
        if room.of == "text":
            return {"text": memory.value.decode()}
        if room.of == "int64":
            count = results[-1]
            return {"int64_array": list(struct.unpack(f"={count}q", memory.raw[:8 * count]))}
        if room.of == "handle":
            bound = []
            for value in struct.unpack(f"={room.count}Q", memory.raw[:8 * room.count]):
                if value:
                    bound.append(names.pop(0))
                    self.live[bound[-1]] = value
                else:
                    bound.append(None)
            return {"handle_array": bound}
        values = struct.unpack(f"={room.count}{FORMATS[room.of]}", memory.raw[:room.bytes()])
        return {"values": [number(v) for v in values]}

    def lasting(self, text):
        """The part of a message that says the same in every process."""
        for value in list(self.live.values()) + list(self.gone.values()):
            if str(value) in text and value > 99:
                text = text[:text.index(str(value))]
        return text.replace(self.folder, "\0").split("\0")[0][:120]

    # ---- looking ----

    def read(self, name, what, c=ctypes.c_int32):
        place = c()
        assert getattr(self.library, what)(ctypes.c_uint64(self.live[name]),
                                           ctypes.byref(place)) == 0, what
        return place.value

    def check(self, name, values=None, tolerance=0, shape=None):
        """Writes down what a tensor is; values and shape, where given, are what it must be."""
        dtype = self.dtypes[self.read(name, "tg_tensor_dtype")]
        sizes, rank = (ctypes.c_int64 * 16)(), ctypes.c_int32()
        handle = ctypes.c_uint64(self.live[name])
        assert self.library.tg_tensor_shape(handle, sizes, 16, ctypes.byref(rank)) == 0
        sizes = list(sizes[:rank.value])
        count = math.prod(sizes)
        room = Room(dtype, count)
        memory = ctypes.create_string_buffer(max(room.bytes(), 1))
        assert self.library.tg_tensor_copy_out(handle, memory, ctypes.c_size_t(room.bytes())) == 0
        got = struct.unpack(f"={count}{FORMATS[dtype]}", memory.raw[:room.bytes()])
        if values is not None:
            assert len(got) == len(values) and all(
                a == b or (a != a and b != b) or abs(a - b) <= max(tolerance, 2e-7) * max(1, abs(b))
                for a, b in zip(got, values)), f"{name} is {got}, not {values}"
        if shape is not None:
            assert sizes == list(shape), f"{name} has shape {sizes}, not {shape}"
        step = {"tensor": name, "dtype": dtype, "shape": sizes,
                "values": [number(v) for v in got]}
        if tolerance:
            step["tolerance"] = tolerance
        for flag in ("requires_grad", "is_leaf", "is_inference"):
            step[flag] = self.read(name, "tg_tensor_" + flag)
        self.steps.append(step)

    def live_handles(self):
        self.steps.append({"live_handles": self.library.tg_live_handles() - self.start})
