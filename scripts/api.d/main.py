# SPDX-License-Identifier: MIT
"""The program behind scripts/api."""
import json
import sys

import entries
import header


def dumps(value, indent=0, width=100):
    """JSON with what fits on a line on one line."""
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


def main(root, arguments):
    try:
        api = entries.make(header.Header(f"{root}/include/tapegrad/tapegrad.h"), root)
    except header.Refused as fault:
        sys.exit(f"scripts/api: {fault}")
    target = arguments[0] if arguments else f"{root}/api/api.json"
    with open(target, "w", encoding="utf-8") as file:
        file.write(dumps(api) + "\n")


main(sys.argv[1], sys.argv[2:])
