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


def assign_rows(x, before, rows, value):
    """x[..., rows] = value, row by row; `before` is the part of the key on the left of rows."""
    rows = rows.tolist() if isinstance(rows, Tensor) else list(rows)
    target = x[before]
    if isinstance(value, Tensor) and value.ndim > 0:
        value = value.expand(len(rows), *target.shape[1:])
        for row, index in enumerate(rows):
            target[index] = value[row]
    else:
        for index in rows:
            target[index] = value
