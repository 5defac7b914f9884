# SPDX-License-Identifier: MIT
"""Files of tensors: save_file and load_file as safetensors.torch has them."""

import os

from ._arguments import check_device
from ._core import capi
from ._dict import to_native, to_python

__all__ = ["load", "load_file", "save", "save_file"]


def save_file(tensors, filename, metadata=None):
    """Writes a dict of tensors to a file; the file is there whole, or as it was before."""
    capi.safetensors_save(os.fspath(filename), to_native(tensors, metadata))


def load_file(filename, device="cpu"):
    """Reads a dict of tensors from a file."""
    check_device(device)
    return to_python(capi.safetensors_load(os.fspath(filename), 0))


def save(tensors, metadata=None):
    """The bytes of the file that save_file writes."""
    import tempfile  # seldom needed, and slow to import

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tensors")
        save_file(tensors, path, metadata)
        with open(path, "rb") as file:
            return file.read()


def load(data):
    """Reads a dict of tensors from the bytes of a file."""
    return to_python(capi.safetensors_load_memory(data))
