# SPDX-License-Identifier: MIT
"""compare.py COMMITTED ANEW: are two kits the same, values within their tolerance? A value without
one has the same bits on every processor."""
import json
import sys


def same(a, b, tolerance):
    if isinstance(a, dict):
        tolerance = a.get("tolerance", 0) if isinstance(b, dict) else 0
        return isinstance(b, dict) and a.keys() == b.keys() and all(
            same(a[key], b[key], tolerance) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(
            same(x, y, tolerance) for x, y in zip(a, b))
    if tolerance and isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) <= tolerance * max(1, abs(a))
    return a == b


def main(committed, anew):
    kits = []
    for path in (committed, anew):
        with open(path, encoding="utf-8") as file:
            kits.append(json.load(file)["steps"])
    for number, (a, b) in enumerate(zip(*kits), 1):
        if not same(a, b, 0):
            sys.exit(f"step {number} of kit.json is\n  {json.dumps(a)}\nand should be\n"
                     f"  {json.dumps(b)}\nIf this is meant: python3 bindings/kit/make.py LIBRARY "
                     "api/api.json")
    if len(kits[0]) != len(kits[1]):
        sys.exit(f"kit.json has {len(kits[0])} steps and should have {len(kits[1])}")


main(*sys.argv[1:])
