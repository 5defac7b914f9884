# SPDX-License-Identifier: MIT
"""torch.Size: the shape of a tensor."""


class Size(tuple):
    """The sizes of a tensor's dimensions."""

    __slots__ = ()

    def numel(self):
        """The number of elements: the product of the sizes."""
        product = 1
        for size in self:
            product *= size
        return product

    def __repr__(self):
        return f"torch.Size({list(self)})"

    def __getitem__(self, key):
        item = tuple.__getitem__(self, key)
        return Size(item) if isinstance(key, slice) else item

    def __add__(self, other):
        return Size(tuple.__add__(self, tuple(other)))
