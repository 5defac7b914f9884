#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs the Python package and the library into a wheel.

    wheel.py --library libtapegrad.so.0 [--api api.json] [--into dist] [--licence FILE]...

One wheel serves CPython 3.10 and everything later (cp310-abi3). Its platform is read from what the
binaries ask for: manylinux, if a Linux of that name has all of it, else this machine's kind. The same
sources give the same bytes: times in the archive are SOURCE_DATE_EPOCH, or 1980. Licences of libraries
whose code is in the binaries go along, with --licence.
"""

import argparse
import base64
import hashlib
import os
import pathlib
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


# What each Linux of a manylinux name has (PEP 600), as far as a C++ library asks for it; and the first
# C library of such a name that comes with that version of libstdc++ (the policies of PyPA's auditwheel).
MANYLINUX_LIBRARIES = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1",
                       "libstdc++.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
LIBSTDCXX_COMES_WITH = [((3, 4, 19), (2, 17)), ((3, 4, 24), (2, 28)), ((3, 4, 28), (2, 31)), ((3, 4, 29), (2, 34)),
                        ((3, 4, 30), (2, 35)), ((3, 4, 33), (2, 39))]


def asked_for(binary):
    """The libraries that a binary needs, and the versions of symbols, as [(library's prefix, numbers)]."""
    text = subprocess.run([os.environ.get("READELF", "readelf"), "-dVW", binary], check=True, capture_output=True,
                          text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    libraries = re.findall(r"\(NEEDED\).*\[(.*)\]", text)
    needs = text.partition("Version needs section")[2]
    versions = re.findall(r"Name: (GLIBC|GLIBCXX)_([0-9.]+) ", needs)
    return libraries, [(prefix, tuple(map(int, number.split(".")))) for prefix, number in versions]


def platform_tag(binaries):
    """Where the binaries run."""
    here = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    own = {binary.name for binary in binaries}
    libc = (2, 17)
    for binary in binaries:
        libraries, versions = asked_for(binary)
        if not set(libraries) <= MANYLINUX_LIBRARIES | own:
            return here
        for prefix, number in versions:
            if prefix == "GLIBCXX":
                with_it = [libc_then for newest, libc_then in LIBSTDCXX_COMES_WITH if number <= newest]
                if not with_it:
                    return here
                number = with_it[0]
            libc = max(libc, number[:2])
    return f"manylinux_{libc[0]}_{libc[1]}_{here.partition('_')[2]}"


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
    parser.add_argument("--licence", type=pathlib.Path, action="append", default=[])
    options = parser.parse_args()
    shutil.rmtree(options.work / "site", ignore_errors=True)
    subprocess.run([sys.executable, HERE / "build.py", "--library", options.library, "--api", options.api,
                    "--work", options.work, "--into", options.work / "site", "--bundle"], check=True)
    binaries = sorted((options.work / "site").rglob("*.so*"))
    for binary in binaries:
        subprocess.run([os.environ.get("STRIP", "strip"), "--strip-unneeded", binary], check=True)
    files = {str(path.relative_to(options.work / "site")): path.read_bytes()
             for path in sorted((options.work / "site").rglob("*")) if path.is_file()}
    information = f"tapegrad-{version()}.dist-info"
    tag = f"cp310-abi3-{platform_tag(binaries)}"
    files[f"{information}/METADATA"] = metadata().encode()
    files[f"{information}/WHEEL"] = (f"Wheel-Version: 1.0\nGenerator: bindings/python/wheel.py\n"
                                     f"Root-Is-Purelib: false\nTag: {tag}\n").encode()
    files[f"{information}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    for licence in options.licence:
        files[f"{information}/licenses/{licence.parent.name}-{licence.name}"] = licence.read_bytes()
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
