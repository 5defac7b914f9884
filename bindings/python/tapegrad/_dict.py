# SPDX-License-Identifier: MIT
"""Between dict and the library's dictionaries of tensors."""

from ._core import capi


def to_native(tensors, metadata=None):
    """The library's dictionary of the tensors of a dict."""
    made = capi.dict_create()
    for name, tensor in tensors.items():
        capi.dict_set(made, name, tensor)
    for key, value in (metadata or {}).items():
        capi.dict_metadata_set(made, key, value)
    return made


def to_python(native):
    """A dict of the tensors of the library's dictionary, in its order."""
    names = [capi.dict_name_at(native, i) for i in range(capi.dict_size(native))]
    return {name: capi.dict_get(native, name) for name in names}
