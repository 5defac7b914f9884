#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs the Python package and the library into a wheel.

    wheel.py --library libtapegrad.so.0 [--api api.json] [--into dist]

One wheel serves CPython 3.10 and everything later (cp310-abi3). The same sources give the same bytes:
times in the archive are SOURCE_DATE_EPOCH, or 1980.
"""

import argparse
import base64
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def version():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"VERSION (\d+\.\d+\.\d+)", text).group(1)


def platform_tag():
    """Where the wheel runs: the C library of this system, or a later one."""
    name, number = platform.libc_ver()
    machine = sysconfig.get_platform().split("-")[-1]
    if name == "glibc":
        return f"manylinux_{number.replace('.', '_')}_{machine}"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def metadata():
    return f"""Metadata-Version: 2.1
Name: tapegrad
Version: {version()}
Summary: Tensors, tape autograd and inference mode, with PyTorch's names
License: MIT
Requires-Python: >=3.10
Provides-Extra: numpy
Requires-Dist: numpy; extra == 'numpy'
Description-Content-Type: text/markdown

""" + (HERE / "README.md").read_text(encoding="utf-8")


def record_line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", type=pathlib.Path, required=True)
    parser.add_argument("--api", type=pathlib.Path, default=ROOT / "api/api.json")
    parser.add_argument("--into", type=pathlib.Path, default=ROOT / "dist")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/wheel")
    options = parser.parse_args()
    shutil.rmtree(options.work / "site", ignore_errors=True)
    subprocess.run([sys.executable, HERE / "build.py", "--library", options.library, "--api", options.api,
                    "--work", options.work, "--into", options.work / "site", "--bundle"], check=True)
    for binary in (options.work / "site").rglob("*.so*"):
        subprocess.run([os.environ.get("STRIP", "strip"), "--strip-unneeded", binary], check=True)
    files = {str(path.relative_to(options.work / "site")): path.read_bytes()
             for path in sorted((options.work / "site").rglob("*")) if path.is_file()}
    information = f"tapegrad-{version()}.dist-info"
    tag = f"cp310-abi3-{platform_tag()}"
    files[f"{information}/METADATA"] = metadata().encode()
    files[f"{information}/WHEEL"] = (f"Wheel-Version: 1.0\nGenerator: bindings/python/wheel.py\n"
                                     f"Root-Is-Purelib: false\nTag: {tag}\n").encode()
    files[f"{information}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = "".join(record_line(name, data) for name, data in files.items())
    files[f"{information}/RECORD"] = (record + f"{information}/RECORD,,\n").encode()
    options.into.mkdir(parents=True, exist_ok=True)
    target = options.into / f"tapegrad-{version()}-{tag}.whl"
    moment = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", 315532800)), 315532800))[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, moment)
            entry.external_attr = (0o100755 if ".so" in name else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    print(target)


if __name__ == "__main__":
    main()
