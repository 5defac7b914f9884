# SPDX-License-Identifier: MIT
"""The program behind scripts/api."""
import argparse
import json
import os
import shutil
import sys

import header
import man
import probe
import reference


def dumps(value, indent=0, width=100):
    """JSON in which stands on one line what fits there."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(flat) + indent <= width or not value:
        return flat
    space = " " * (indent + 1)
    if isinstance(value, list):
        inside = [space + dumps(item, indent + 1, width) for item in value]
        return "[\n" + ",\n".join(inside) + "\n" + " " * indent + "]"
    inside = [f"{space}{json.dumps(key)}: {dumps(item, indent + 1, width)}"
              for key, item in value.items()]
    return "{\n" + ",\n".join(inside) + "\n" + " " * indent + "}"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def make(root, source, target):
    """api.json and the reference, from the header."""
    import entries  # man pages and the probe need neither this nor Doxygen
    try:
        api = entries.make(header.Header(source), root)
    except header.Refused as fault:
        sys.exit(f"{source}:\n{fault}")
    write(f"{target}/api/api.json", dumps(api) + "\n")
    shutil.rmtree(f"{target}/docs/reference", ignore_errors=True)
    for name, text in reference.make(api).items():
        write(f"{target}/docs/reference/{name}", text)


def main():
    parser = argparse.ArgumentParser(prog="scripts/api")
    parser.add_argument("--root", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--api", help="another api.json, for man and probe")
    commands = parser.add_subparsers(dest="command")
    making = commands.add_parser("make", help="api/api.json and docs/reference from the header")
    making.add_argument("--header")
    making.add_argument("--into")
    commands.add_parser("man", help="manual pages").add_argument("folder")
    commands.add_parser("probe", help="a C program that proves api.json").add_argument("file")
    given = parser.parse_args()
    root = given.root
    if given.command in (None, "make"):
        source = getattr(given, "header", None) or f"{root}/include/tapegrad/tapegrad.h"
        make(root, source, getattr(given, "into", None) or root)
        return
    with open(given.api or f"{root}/api/api.json", encoding="utf-8") as file:
        api = json.load(file)
    if given.command == "man":
        man.write(api, given.folder)
    else:
        with open(given.file, "w", encoding="utf-8") as file:
            file.write(probe.program(api))


main()
