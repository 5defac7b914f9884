# SPDX-License-Identifier: MIT
"""Looking for errors: anomaly mode, and messages that name lines of the caller's code."""

import os

from .._core import Error, capi, failure, set_sites


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


class sites:
    """Lets errors of this thread name lines of Python: where a call was recorded, where a tensor was changed in
    place. It holds from here on, or until the end of a `with`; each call is slower meanwhile."""

    def __init__(self, mode=True):
        self._before = set_sites(mode, _FOLDER)

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        set_sites(self._before, _FOLDER)


class set_detect_anomaly:
    """Turns anomaly mode on or off, from here on or until the end of a `with`: the first operator that makes NaN or
    an infinity fails, in forward or backward, and the error names the line that called it. The mode is this task's,
    as others are; the lines come with it, as by sites()."""

    def __init__(self, mode, check_nan=True):
        if not check_nan:
            raise failure(capi.ERROR_UNSUPPORTED, "anomaly mode looks for NaN and infinities; for the lines of "
                          "recorded calls alone, use tapegrad.autograd.sites()")
        mode = bool(mode)
        self._was_on = _anomaly(mode)
        self._sites = sites(mode) if self._was_on != mode else None

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        _anomaly(self._was_on)
        if self._sites is not None:
            self._sites.__exit__()


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
