# SPDX-License-Identifier: MIT
"""make.py LIBRARY API_JSON [OUTPUT]: makes the conformance kit, kit.json, from the C interface.
Each call here says with which status it must end, and most say what must come out; those numbers
are Python's own. So a kit can only be made of a library that is right."""
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
import library
import operators
import recorder

# Kinds of handles that only a callback, or code of another library, can come by.
NEED_CALLBACKS = ("context", "hook", "operator")


def main(path, api, output=os.path.join(os.path.dirname(__file__), "kit.json")):
    k = recorder.Recorder(path, api)
    try:
        library.library(k)
        operators.record(k)
        for part in (library.making, library.asking, library.handles, library.modes,
                     library.autograd, library.modules):
            part(k)
        operators.every_handle(k)
        library.files(k)
        if k.has("token_create"):
            library.tokens(k)
            library.anomalies(k)
        if k.has("describe"):
            library.descriptions(k)
        library.ending(k)
    finally:
        shutil.rmtree(k.folder)
    called = {name for name, status in k.covered if status == 0}
    missing = [f.name for f in k.model.functions
               if f.name not in called and f.name != "tg_shutdown" and not any(
                   i.way == "pointer" or i.handle in NEED_CALLBACKS for i in f.inputs) and not any(
                       r.way == "pointer" and not r.borrowed for r in f.results)]
    if missing:
        sys.exit("no step of the kit calls " + ", ".join(missing))
    lines = ",\n".join("  " + json.dumps(step, ensure_ascii=False) for step in k.steps)
    with open(output, "w", encoding="utf-8") as file:
        file.write(f'{{"version": 1, "library": "{k.model.version}", "steps": [\n{lines}\n]}}\n')
    print(f"{len(k.steps)} steps, {len(called)} functions")


main(*sys.argv[1:])
