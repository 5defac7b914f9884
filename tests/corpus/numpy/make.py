#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the files beside it as NumPy writes them: every dtype that tapegrad has, Fortran order,
big-endian elements, and archives. What they hold is a rule, which the tests know too: element n of
an array, counted in row-major order, is 3 * n - 4 (b1: n % 3 == 0; u1: 3 * n).

make.py            writes them (numpy 1.24.2)
make.py --check    reads every file named behind it, and says what numpy finds:
                   `NAME DESCR SHAPE : VALUES`, a line an array; the members of an archive in order
"""
import os
import sys
import zipfile

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))


def array(descr, *shape):
    n = numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape)
    if descr == "|b1":
        return n % 3 == 0
    return (n * 3 if descr == "|u1" else n * 3 - 4).astype(descr)


def write():
    for descr in ("<f4", "<f8", "<f2", "|b1", "|u1", "|i1", "<i2", "<i4", "<i8"):
        numpy.save(os.path.join(HERE, descr[1:]), array(descr, 2, 3))
    for descr in (">f4", ">f8", ">f2", ">i2", ">i4", ">i8"):
        numpy.save(os.path.join(HERE, "big_" + descr[1:]), array(descr, 2, 3))
    numpy.save(os.path.join(HERE, "fortran"), numpy.asfortranarray(array("<f4", 2, 3, 4)))
    numpy.save(os.path.join(HERE, "big_fortran"), numpy.asfortranarray(array(">i4", 3, 2)))
    numpy.save(os.path.join(HERE, "scalar"), array("<f8"))
    numpy.save(os.path.join(HERE, "empty"), array("<f4", 0, 3))
    numpy.save(os.path.join(HERE, "one"), array("<i8", 5))
    for major in (2, 3):
        with open(os.path.join(HERE, f"version_{major}.npy"), "wb") as file:
            numpy.lib.format.write_array(file, array("<f4", 2, 3), version=(major, 0))
    members = {"f4": array("<f4", 2, 3), "b1": array("|b1", 7), "\u00e9\u00e8": array("<i8", 5),
               "scalar": array("<f8"), "empty": array("<f4", 0, 3)}
    numpy.savez(os.path.join(HERE, "savez"), **members)
    numpy.savez_compressed(os.path.join(HERE, "compressed"), long=array("<i4", 50, 60), **members)

    class Stream:  # cannot be sought, so sizes follow the data
        def __init__(self, path):
            self.file = open(path, "wb")

        def write(self, data):
            return self.file.write(data)

        def flush(self):
            self.file.flush()

    stream = Stream(os.path.join(HERE, "stream.npz"))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members.items():
            with archive.open(name + ".npy", "w") as member:
                numpy.lib.format.write_array(member, value)
    stream.file.close()


def check(paths):
    for path in paths:
        loaded = numpy.load(path, allow_pickle=False)
        arrays = {"": loaded} if isinstance(loaded, numpy.ndarray) else loaded
        for name in arrays:
            x = arrays[name]
            values = " ".join(repr(v) for v in x.ravel().tolist())
            print(name, x.dtype.str, list(x.shape), ":", values)


if sys.argv[1:2] == ["--check"]:
    check(sys.argv[2:])
else:
    write()
