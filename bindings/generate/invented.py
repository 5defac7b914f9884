# SPDX-License-Identifier: MIT
"""invented.py API_JSON OUTPUT: C of a library in which everything fails by a status that nobody
knows, 9999. A binding must make its usual error of it, with the number; it must not assume that
statuses end where today's header ends. Functions without a status answer 0 or "invented"."""
import sys

import model

STATUS = 9999


def main(api, output):
    m = model.Model(api)
    lines = ["/* Made by bindings/generate/invented.py. */", "#include <tapegrad/tapegrad.h>"]
    for f in m.functions:
        arguments = ", ".join(p["c"] + " " + p["name"] for p in f.parameters) or "void"
        kind, c = f.returns["kind"], f.returns["c"]
        body = "".join(f" (void){p['name']};" for p in f.parameters)
        if kind == "status":
            body += f" return {STATUS};"
        elif kind == "text":
            text = m.version if f.name == "tg_version_string" else "invented"
            body += f' return "{text}";'
        elif kind != "none":
            body += f" return {STATUS if f.name == 'tg_last_error' else 0};"
        lines.append(f"{'void' if kind == 'none' else c} {f.name}({arguments}) {{{body} }}")
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


main(*sys.argv[1:])
