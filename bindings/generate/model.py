# SPDX-License-Identifier: MIT
"""What a generator of a binding needs to know of each function, read from api.json: its inputs and
results as tg_call counts them, and how a class-based language shows it. A generator of a language
prints this and decides nothing that another one would have to decide again."""
import json

# Parameters that PyTorch gives a default, by name. They come as one last table of options.
DEFAULTS = {"dtype": 1, "generator": 0, "keepdim": 0, "reduction": 1, "ignore_index": -100,
            "label_smoothing": 0.0, "weight": 0, "flags": 0, "beta": 1.0, "alpha": 1.0,
            "norm_type": 2.0, "grad_outputs": None, "strict": 1, "offset": 0}
# Functions that have the name of a default but mean another thing by it.
NO_DEFAULT = {("tg_to_dtype", "dtype"), ("tg_linear", "weight"), ("tg_scalar", "generator"),
              ("tg_generator_state_set", "offset"), ("tg_generator_state_set", "generator"),
              ("tg_generator_state_get", "generator")}
EXTRA_DEFAULT = {("tg_nn_linear", "bias"): 1, ("tg_arange", "step"): 1.0,
                 ("tg_flatten", "start_dim"): 0, ("tg_flatten", "end_dim"): -1,
                 ("tg_slice", "step"): 1}

# Sections whose functions a binding writes by hand, in its language's own constructs.
BY_HAND = {"handles", "objects of extensions and bindings", "modes", "library and errors",
           "calls by name"}


class Input:
    """One input, as tg_call counts them: a pointer and its count are one."""

    def __init__(self, function, parameter):
        self.name = parameter["name"]
        self.c = parameter["c"]
        self.nullable = parameter.get("nullable", False)
        self.handle = parameter.get("handle")
        self.enum = parameter.get("enum")
        self.boolean = parameter["kind"] == "boolean"
        self.out = parameter["direction"] == "out"
        self.element = parameter.get("element")
        self.count = parameter.get("length") or parameter.get("capacity")
        self.way = self.way_of(parameter)
        self.default = EXTRA_DEFAULT.get((function, self.name))
        self.optional = self.default is not None
        if self.name in DEFAULTS and (function, self.name) not in NO_DEFAULT and (
                not self.optional) and not (self.name == "offset" and "strided" not in function):
            self.default, self.optional = DEFAULTS[self.name], True

    @staticmethod
    def way_of(parameter):
        """handle, integer, double, text, handles, integers, doubles, values, buffer or pointer."""
        kind = parameter["kind"]
        if kind == "array":
            if parameter["direction"] == "out" or parameter["element"] in ("value", "uint8"):
                return "buffer"
            return {"int64": "integers", "handle": "handles", "double": "doubles"}[
                parameter["element"]]
        if kind == "text":
            return "buffer" if parameter["direction"] == "out" else "text"
        return {"handle": "handle", "integer": "integer", "flags": "integer", "boolean": "integer",
                "enum": "integer", "double": "double", "bytes": "buffer"}.get(kind, "pointer")


class Result:
    """What a pointer of the caller gets."""

    def __init__(self, parameter):
        self.name = parameter["name"]
        self.c = parameter["c"].rstrip("* ").strip()
        if parameter["c"].count("*") > 1:
            self.c = "void *"
        kind = parameter["kind"]
        self.handle = parameter.get("handle")
        self.enum = parameter.get("enum")
        self.boolean = kind == "boolean"
        self.of = parameter.get("of")
        self.may_give_none = parameter.get("may_give_none", False)
        self.borrowed = parameter.get("ownership") == "borrowed"
        self.way = {"handle": "handle", "double": "double", "pointer": "pointer"}.get(
            kind, "integer")


class Function:
    def __init__(self, entry):
        self.name = entry["name"]
        self.short = self.name[len("tg_"):]
        self.section = entry["section"]
        self.brief = entry["brief"]
        self.returns = entry["returns"]
        self.status = self.returns["kind"] == "status"
        self.parameters = entry["parameters"]
        self.inputs, self.results, self.place = [], [], {}
        for parameter in self.parameters:
            name, kind = parameter["name"], parameter["kind"]
            if kind in ("length", "capacity"):
                continue
            if parameter["direction"] == "out" and kind not in ("array", "text", "bytes"):
                self.results.append(Result(parameter))
            else:
                self.inputs.append(Input(self.name, parameter))
                self.place[name] = self.inputs[-1]
        self.mark_counts()
        self.decide()

    def mark_counts(self):
        """counted: for each length or capacity, the inputs that it counts."""
        self.counted = {}
        for parameter in self.parameters:
            if parameter["kind"] in ("length", "capacity"):
                self.counted[parameter["name"]] = [self.place[n] for n in parameter["of"]
                                                   if n in self.place]

    def decide(self):
        """owner: the class that has it as a method, `nn`, `optim` or None; method: its name there;
        shown: a generator can print it for people; else the binding writes it by hand."""
        ways = {i.way for i in self.inputs}
        first = self.inputs[0] if self.inputs else None
        self.owner, self.method = None, self.short
        if first is not None and first.way == "handle" and first.handle not in (None, "any"):
            if not (first.optional and first.name != "x"):
                self.owner = first.handle
                if self.short.startswith(first.handle + "_"):
                    self.method = self.short[len(first.handle) + 1:]
        for group in ("nn", "optim"):
            if self.short.startswith(group + "_"):
                self.owner, self.method = group, self.short[len(group) + 1:]
        buffers = [i for i in self.inputs if i.way == "buffer"]
        self.text_out = any(i.out and i.c.startswith("char") for i in buffers)
        self.array_out = next((i for i in buffers if i.out and i.element), None)
        plain = "pointer" not in ways and all(
            i.out and (i.element in ("int64", "handle") or i.c.startswith("char")) for i in buffers)
        plain = plain and not any(r.way == "pointer" or r.borrowed and r.way == "handle"
                                  for r in self.results)
        plain = plain and (self.status or self.returns["kind"] != "text" and not self.results)
        self.shown = plain and self.section.lower() not in BY_HAND
        self.positional = [i for i in self.inputs if not i.optional and i not in buffers]
        self.options = [i for i in self.inputs if i.optional]


class Model:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            api = json.load(file)
        self.version = api["version"]
        self.soname = api["soname"]
        self.functions = [Function(f) for f in api["functions"]]
        self.constants = [(c["name"], c["value"], c["group"]) for c in api["constants"]]
        self.kinds = [t["name"][len("tg_"):] for t in api["types"]
                      if t["kind"] == "handle" and t["name"] != "tg_handle"]
        self.by_name = {f.name: f for f in self.functions}

    def enum(self, group):
        """The words of a group: TG_REDUCTION_MEAN is "mean", TG_FLOAT32 "float32"."""
        members = [(n[len("TG_"):].lower(), v) for n, v, g in self.constants if g == group]
        prefix = group.split("_")[0] + "_"
        return {(n[len(prefix):] if n.startswith(prefix) else n): v for n, v in members}

    def overloads(self):
        """PyTorch's names that stand for two functions each: (owner, name, plain, other, how);
        how: `scalar` where the second argument is a number, `dims` where there is one."""
        found = []
        for f in self.functions:
            if not f.shown or f.owner != "tensor":
                continue
            bare = f.short.rstrip("_")
            tail = f.short[len(bare):]
            scalar = self.by_name.get(f"tg_{bare}_scalar{tail}")
            dims = self.by_name.get(f"{f.name}_dims") or self.by_name.get(f"{f.name}_dim")
            if scalar is not None:
                found.append((f.owner, f.method, f, scalar, "scalar"))
            elif dims is not None:
                found.append((f.owner, f.method, f, dims, "dims"))
        for f in self.functions:  # those that have a scalar form alone
            if f.short.endswith("_scalar") and f"tg_{f.short[:-7]}" not in self.by_name:
                found.append((f.owner, f.short[:-7], f, f, "only"))
        return found
