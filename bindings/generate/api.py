# SPDX-License-Identifier: MIT
"""What the generators of languages with declared types ask of api.json: the entries of a function's
inputs and results (which those are, model.py says), names and comments in shape."""
import json
import re
import sys

import model

COUNTING = ("length", "capacity")  # parameters that an array, buffer or text brings along
NEEDS_CALLBACKS = ("callback", "user_data", "destructor", "deleter", "pointer", "struct")


class Function:
    """A function with the entries of its inputs and results, as the model counts them."""

    def __init__(self, entry):
        counted = model.Function(entry)
        self.entry = entry
        self.name = entry["name"]
        self.parameters = entry["parameters"]
        self.returns = entry["returns"]
        self.documentation = entry["documentation"]
        self.inputs = [self.parameter(i.name) for i in counted.inputs]
        self.results = [self.parameter(r.name) for r in counted.results]

    def gives_value(self):
        return self.returns["kind"] not in ("status", "none")

    def can_fail(self):
        return self.returns["kind"] == "status"

    def has_callbacks(self):
        return any(p["kind"] in NEEDS_CALLBACKS and p["direction"] == "in" for p in self.parameters)

    def parameter(self, name):
        return next(p for p in self.parameters if p["name"] == name)


def is_buffer(parameter):
    return parameter["direction"] == "out" and parameter["kind"] in ("array", "text", "bytes")


class Api:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.entry = json.load(file)
        self.version = self.entry["version"]
        self.constants = self.entry["constants"]
        self.functions = [Function(entry) for entry in self.entry["functions"]]

    def group(self, name):
        return [c for c in self.constants if c["group"] == name]


def camel(text, upper=(), first=True):
    """tensor_grad_fn -> TensorGradFn; words in `upper` are spelled as there. A _ at the end stays."""
    spelled = {word.lower(): word for word in upper}
    tail = "_" if text.endswith("_") else ""
    words = [w for w in text.split("_") if w]
    made = [spelled.get(w.lower(), w[:1].upper() + w[1:]) for w in words]
    result = "".join(made)
    return (result if first else result[:1].lower() + result[1:]) + tail


def wrapped(text, prefix, width=100):
    """The text as comment lines that begin with prefix."""
    lines, line = [], prefix
    for word in re.sub(r"\s+", " ", text).strip().split(" "):
        if len(line) + 1 + len(word) > width and line != prefix:
            lines.append(line)
            line = prefix
        line += " " + word
    return lines + [line]


def main(generate):
    """generate(api) -> text, written to the file that the second argument names."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} api.json output")
    text = generate(Api(sys.argv[1]))
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(text)
