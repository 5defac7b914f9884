# SPDX-License-Identifier: MIT
"""Looking for errors: anomaly mode, and messages that name lines of the caller's code."""

import os

from .._core import Error, capi, change_sites, failure


def _anomaly(on):
    """Turns anomaly mode on or off for this task; gives whether it was on."""
    try:
        (capi.anomaly_mode_enter if on else capi.anomaly_mode_exit)()
    except Error as error:
        if error.code != capi.ERROR_MODE:
            raise
        return on
    return not on


# As the code objects of the package name its folder.
_FOLDER = os.path.join(os.path.dirname(os.path.dirname(_anomaly.__code__.co_filename)), "")


_ALL = 1 << 30


class sites:
    """Lets errors of this thread name lines of Python: where a call was recorded, where a tensor was changed in
    place. It holds from here on, or until the end of a `with`; each call is slower meanwhile."""

    def __init__(self, mode=True):
        self._changed = change_sites(1 if mode else -_ALL, _FOLDER)

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        change_sites(-self._changed, _FOLDER)


class set_detect_anomaly:
    """Turns anomaly mode on or off, from here on or until the end of a `with`: the first operator that makes NaN or
    an infinity fails, in forward or backward, and the error names the line that called it. The mode is this task's,
    as others are."""

    def __init__(self, mode, check_nan=True):
        if not check_nan:
            raise failure(capi.ERROR_UNSUPPORTED, "anomaly mode looks for NaN and infinities; for the lines of "
                          "recorded calls alone, use tapegrad.autograd.sites()")
        self._was_on = self._set(bool(mode))

    @staticmethod
    def _set(on):
        """Gives whether it was on. Sites come with it, and go."""
        was_on = _anomaly(on)
        if was_on != on:
            change_sites(1 if on else -1, _FOLDER)
        return was_on

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        self._set(self._was_on)


class detect_anomaly:
    """`with detect_anomaly():` the first operator that makes NaN or an infinity fails, in forward or backward, and
    the error names the line that called it. The mode is this task's, as others are."""

    def __init__(self, check_nan=True):
        self._check_nan = check_nan
        self._entered = []

    def __enter__(self):
        self._entered.append(set_detect_anomaly(True, self._check_nan))

    def __exit__(self, *exception):
        self._entered.pop().__exit__()
