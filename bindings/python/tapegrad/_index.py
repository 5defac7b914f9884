# SPDX-License-Identifier: MIT
"""Masks and rows as indices, where the library has no call of its own."""

from ._core import Tensor, capi, failure, int64, tensor


def _rows(x, mask):
    """x with the dimensions of the mask as one, and where the mask is true."""
    if list(x.shape[: mask.ndim]) != list(mask.shape):
        raise failure(capi.ERROR_SHAPE, f"a mask of shape {list(mask.shape)} does not fit a tensor of shape {list(x.shape)}")
    chosen = [i for i, true in enumerate(mask.reshape(-1).tolist()) if true]
    return chosen, [-1, *x.shape[mask.ndim :]]


def masked(x, mask):
    """x[mask]: a copy of the elements where the mask is true."""
    chosen, shape = _rows(x, mask)
    return x.reshape(shape).index_select(0, tensor(chosen, dtype=int64))


def assign_masked(x, mask, value):
    """x[mask] = value, in place."""
    chosen, shape = _rows(x, mask)
    if isinstance(value, Tensor) and value.ndim > 0 and value.numel() > 1:
        values = value.expand(len(chosen), *shape[1:])
        for row, index in enumerate(chosen):
            x.view(shape)[index] = values[row]
        return
    if isinstance(value, Tensor):
        source = value.reshape(())
    else:
        source = tensor(value, dtype=x.dtype)
    full_mask = mask.reshape(list(mask.shape) + [1] * (x.ndim - mask.ndim))
    x.copy_(full_mask.expand(x.shape)._where(source, x))


def assign_rows(x, key, value):
    """x[key] = value where one entry of the key is a list or a tensor of rows: row by row."""
    key = list(key) if isinstance(key, tuple) else [key]
    place = next(i for i, entry in enumerate(key) if isinstance(entry, (list, tuple, Tensor)))
    rows = key[place].tolist() if isinstance(key[place], Tensor) else list(key[place])
    if not all(isinstance(row, int) for row in rows):
        raise failure(capi.ERROR_UNSUPPORTED, "x[rows] = value takes rows of rank 1")
    if isinstance(value, (list, tuple)):
        value = tensor(value, dtype=x.dtype)
    whole = isinstance(value, Tensor) and value.ndim > 0
    if whole:
        shape = x[tuple(key)].shape
        # the dimension of the rows in the result: what stands before them, but for single numbers
        dim = sum(1 for entry in key[:place] if not isinstance(entry, int))
        if Ellipsis in key[:place]:
            dim = len(shape) - 1 - sum(1 for entry in key[place + 1 :] if not isinstance(entry, int))
        value = value.expand(shape)
    for number, row in enumerate(rows):
        x[tuple(key[:place] + [row] + key[place + 1 :])] = value.select(dim, number) if whole else value
