#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the Python package into a folder, from the library and api.json.

    build.py --library libtapegrad.so.0 --api api.json --into DIR [--work DIR] [--bundle]

The result is DIR/tapegrad, ready for PYTHONPATH. With --bundle the library lies in it, beside the
extension; without, the extension finds the one that the system has. Needs a C compiler and the
headers of any CPython from 3.10 on: the extension uses the limited API of 3.10 alone.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLAGS = ["-std=c11", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror",
         "-Wno-unused-label", "-Wno-deprecated-declarations", "-ftls-model=initial-exec",
         "-DPy_LIMITED_API=0x030A0000"]


def run(command):
    subprocess.run([str(part) for part in command], check=True)


def is_newer(target, sources):
    return target.exists() and all(source.stat().st_mtime <= target.stat().st_mtime for source in sources)


def headers_of_python():
    folder = pathlib.Path(sysconfig.get_paths()["include"])
    if not (folder / "Python.h").exists():
        sys.exit(f"build.py: {folder}/Python.h is missing: install python3-dev")
    return folder


def compile_extension(options, work):
    """Gives the path of the extension."""
    work.mkdir(parents=True, exist_ok=True)
    generated = work / "generated.c"
    run([sys.executable, HERE / "generate.py", options.api, generated, work / "capi.pyi", work / "__init__.pyi"])
    compiler = os.environ.get("CC", "cc").split()
    include = ["-I", HERE / "source", "-I", options.include, "-I", headers_of_python()]
    flags = FLAGS + os.environ.get("CFLAGS", "").split()
    headers = list((HERE / "source").glob("*.h")) + [options.include / "tapegrad/tapegrad.h",
                                                    pathlib.Path(__file__)]
    objects = []
    for source in sorted((HERE / "source").glob("*.c")) + [generated]:
        object_file = work / (source.stem + ".o")
        objects.append(object_file)
        if not is_newer(object_file, [source] + headers):
            run(compiler + flags + include + ["-c", source, "-o", object_file])
    extension = work / "_core.abi3.so"
    search = ["-Wl,-rpath,$ORIGIN"] if options.bundle else []
    run(compiler + ["-shared", "-o", extension] + objects + [options.library] + search +
        ["-Wl,--as-needed"] + os.environ.get("LDFLAGS", "").split())
    return extension


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", type=pathlib.Path, required=True)
    parser.add_argument("--api", type=pathlib.Path, default=ROOT / "api/api.json")
    parser.add_argument("--include", type=pathlib.Path, default=ROOT / "include")
    parser.add_argument("--into", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/python")
    parser.add_argument("--bundle", action="store_true")
    options = parser.parse_args()
    extension = compile_extension(options, options.work)
    package = options.into / "tapegrad"
    if package.exists():
        shutil.rmtree(package)
    package.mkdir(parents=True)
    for pattern in ("*.py", "*.pyi", "py.typed"):
        for source in sorted((HERE / "tapegrad").rglob(pattern)):
            target = package / source.relative_to(HERE / "tapegrad")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for stub in ("capi.pyi", "__init__.pyi"):
        shutil.copyfile(options.work / stub, package / stub)
    shutil.copy(extension, package / extension.name)
    if options.bundle:
        shutil.copy(options.library.resolve(), package / "libtapegrad.so.0")


if __name__ == "__main__":
    main()
