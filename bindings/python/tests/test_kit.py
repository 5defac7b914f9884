# SPDX-License-Identifier: MIT
"""The conformance kit, and that a difference is found."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
KIT = ROOT / "bindings/kit/kit.json"
API = os.environ.get("TG_API_JSON", str(ROOT / "api/api.json"))


def play(kit):
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([sys.executable, pathlib.Path(__file__).parent / "kit.py", kit, folder, API],
                              capture_output=True, text=True, timeout=300)


class Kit(unittest.TestCase):
    def test_no_step_gives_anything_else(self):
        run = play(KIT)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn("no difference", run.stdout)

    def test_a_step_that_is_wrong_is_found(self):
        with open(KIT, encoding="utf-8") as file:
            kit = json.load(file)
        changes = [("status", lambda step: step.get("status") == 0 and step["call"] == "tg_add", 3),
                   ("message", lambda step: "message" in step, "no such words"),
                   ("values", lambda step: step.get("values"), [12345]),
                   ("requires_grad", lambda step: step.get("requires_grad") == 1, 0),
                   ("live_handles", lambda step: "live_handles" in step, 1000)]
        for key, chosen, value in changes:
            place = next(i for i, step in enumerate(kit["steps"]) if chosen(step))
            steps = kit["steps"][:place] + [{**kit["steps"][place], key: value, **({"message": ""} if key == "status" else {})}]
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump({**kit, "steps": steps}, file)
                file.flush()
                run = play(file.name)
            self.assertNotEqual(run.returncode, 0, key)
            self.assertIn(f"step {place + 1} ", run.stderr)


if __name__ == "__main__":
    unittest.main()
