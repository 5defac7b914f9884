# SPDX-License-Identifier: MIT
"""A library of a later day may give a status that this binding does not know: an Error with that number, from
every call. The library here is the one of bindings/generate/invented.py, which gives 9999 everywhere."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import tapegrad

ROOT = pathlib.Path(__file__).resolve().parents[3]
API = os.environ.get("TG_API_JSON", str(ROOT / "api/api.json"))

PROGRAM = r'''
import json, sys
import tapegrad as torch
from tapegrad import capi

def fails(call, name):
    try:
        call()
    except torch.Error as error:
        assert error.code == 9999, (name, error.code)
        assert "9999" in str(error), (name, str(error))
        return
    raise SystemExit(f"{name}: no error")

ARGUMENTS = {"handle": 5, "integer": 1, "flags": 0, "boolean": 0, "enum": 1, "double": 1.0, "text": "x", "bytes": b"",
             "array": [1], "pointer": 1, "length": 1, "callback": lambda *a: None, "struct": {}}
tried = 0
for f in json.load(open(sys.argv[1], encoding="utf-8"))["functions"]:
    if f["returns"]["kind"] != "status":
        continue
    arguments, names = [], {p["name"]: p for p in f["parameters"]}
    if f["name"] == "tg_tensor_from_memory":
        names, arguments = {}, [1, 1, [1]]
    if f["name"] == "tg_object_create":
        names, arguments = {}, ["x", 1]
    if f["name"] == "tg_saved_tensor_hooks_enter":  # what is packed ends with its object
        names, arguments = {}, [ARGUMENTS["callback"]] * 2
    for p in names.values():
        if p["direction"] == "out" or p["kind"] in ("capacity", "user_data", "destructor", "count"):
            continue
        if p["kind"] == "length" and any(names[n]["direction"] == "in" for n in p["of"]):
            continue
        if p["direction"] == "inout":
            continue
        value = ARGUMENTS[p["kind"]]
        if p["kind"] == "bytes":
            value = bytes(4) if "bytes_of" in p else b"x"
        arguments.append(value)
    fails(lambda: getattr(capi, f["name"][3:])(*arguments), f["name"])
    tried += 1
for call in (lambda: torch.tensor([1.0]), lambda: torch.zeros(2), lambda: torch.nn.Linear(1, 1),
             lambda: torch.no_grad().__enter__(), lambda: torch.inference_mode()(lambda: 1)(),
             lambda: torch.manual_seed(1), lambda: torch.safetensors.load_file("x")):
    fails(call, "package")
print(tried)
'''


class Invented(unittest.TestCase):
    def test_every_call_gives_an_error_with_the_number(self):
        with open(API, encoding="utf-8") as file:
            api = json.load(file)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            shutil.copytree(pathlib.Path(tapegrad.__file__).parent, folder / "tapegrad")
            subprocess.run([sys.executable, ROOT / "bindings/generate/invented.py", API, folder / "invented.c"], check=True)
            (folder / "map").write_text("TAPEGRAD_0 { global: tg_*; local: *; };", encoding="utf-8")
            subprocess.run(["cc", "-shared", "-fPIC", "-w", "-I", ROOT / "include", folder / "invented.c", "-Wl,-soname,libtapegrad.so.0",
                            f"-Wl,--version-script={folder / 'map'}", "-o", folder / "tapegrad/libtapegrad.so.0"], check=True)
            run = subprocess.run([sys.executable, "-c", PROGRAM, API], capture_output=True, text=True, timeout=120, cwd=folder,
                                 env={**os.environ, "PYTHONPATH": str(folder)})
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(int(run.stdout), sum(f["returns"]["kind"] == "status" for f in api["functions"]))


if __name__ == "__main__":
    unittest.main()
