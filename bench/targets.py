# SPDX-License-Identifier: MIT
"""The lines of the table: what is compared with what, and the ratio that is wanted.

A ratio is the reference's time over tapegrad's, so more is better; it must reach the target.
Names of rows never change.
"""

from dataclasses import dataclass

MODES = ("inference", "no_grad", "grad")


@dataclass
class Line:
    row: str  # "S1"
    subject: str  # tapegrad's row; its first part is the family that runs together
    target: float | dict  # a dict: by OpenBLAS's kernels, {"avx512": ..., "avx2": ...}
    side: str = "torch"  # whose time is the reference: torch, raw, tapegrad
    reference: str = ""  # the reference's row; as the subject if not said
    instructions: float = 0  # of the reference, a call (or a node)
    instructions_target: float = 0  # as target if not said
    note: str = ""

    def __post_init__(self):
        self.reference = self.reference or self.subject
        self.instructions_target = self.instructions_target or self.target

    @property
    def family(self):
        return self.subject.split("/")[0]


def _modes(row, case, targets, instructions=(0, 0, 0)):
    """A line a mode; targets and libtorch's instructions in the order of MODES."""
    return [
        Line(row, f"{row}/{case}/{mode}", target, instructions=count)
        for mode, target, count in zip(MODES, targets, instructions)
    ]


def _small():
    # libtorch 1.13.1's instructions a call, counted once with callgrind.
    return [
        *_modes("S1", "add8", (10, 12, 15), (5136, 6046, 11270)),
        *_modes("S2", "mul_scalar8", (25, 25, 20), (16828, 17770, 19998)),
        *_modes("S3", "relu8", (10, 12, 15), (4935, 5635, 12449)),
        *_modes("S4", "mm2x2", (8, 10, 14), (5742, 6662, 13386)),
        *_modes("S5", "view", (4, 10, 12), (1494, 3203, 6754)),
        *_modes("S6", "sum8", (16, 18, 15), (7793, 8679, 12387)),
        Line("S7", "S7/enter_leave/inference", 4, instructions=184, instructions_target=2.8),
        Line("S7", "S7/enter_leave/no_grad", 3.5, instructions=157, instructions_target=2.5),
    ]


def _tape():
    return [
        Line("T1", "T1/mul_scalar/forward", 25, instructions=18947),
        Line("T2", "T1/mul_scalar/backward", 40, instructions=29453),
        Line("T3", "T3/add/forward", 12, instructions=9031),
        Line("T3", "T3/mul/forward", 12, instructions=9369),
        Line("T3", "T3/tanh/forward", 12, instructions=8939),
        Line("T3", "T3/add/backward", 30, instructions=19245),
        Line("T3", "T3/mul/backward", 30, instructions=33512),
        Line("T3", "T3/tanh/backward", 30, instructions=20998),
    ]


def _products():
    lines = []
    for n in (256, 512, 1024):
        lines.append(Line("M1", f"M1/mm{n}", 0.97, "raw"))
        lines.append(Line("M1", f"M1/mm{n}", 0.97))
    lines += [Line("M2", f"M2/mm{n}", 0.96, "raw") for n in (64, 100, 128)]
    lines.append(Line("M3", "M3/mm32", {"avx512": 0.95, "avx2": 1.15}, "raw"))
    lines.append(Line("M4", "M4/mm16", {"avx512": 0.75, "avx2": 1.2}, "raw"))
    lines.append(Line("M4", "M4/mm16", 4))
    lines += [Line("M5", f"M5/mm{n}", {"avx512": 0.6, "avx2": 1.2}, "raw") for n in (4, 8)]
    m6 = "M6/linear50x1000x1000"
    for mode in ("inference", "no_grad"):
        lines.append(Line("M6", f"{m6}/{mode}", 1.18, "raw", m6))
        lines.append(Line("M6", f"{m6}/{mode}", 0.9, "raw", f"{m6}/limit", note="of FMA peak"))
    m7 = "M7/linear1x1000x1000"
    lines.append(Line("M7", m7, 0.9, "raw", f"{m7}/limit", note="of read rate"))
    m8 = "M8/linear1x768x50257"
    lines.append(Line("M8", m8, 0.9, "raw", f"{m8}/limit", note="of read rate"))
    lines.append(Line("M8", m8, 1.6, "raw"))
    m9 = "M9/mm1024/threads"
    lines.append(Line("M9", f"{m9}2", 1.9, "tapegrad", f"{m9}1", note="over 1 thread"))
    return lines


def _modules():
    lines = []
    for mode in MODES:
        lines.append(Line("X2", f"X2/ten_mm100_sum/{mode}", 1.0))
        lines.append(Line("X2", f"X2/ten_mm100_sum/{mode}", 0.97, "raw", "X2/ten_mm100_sum"))
    lines += _modes("X3", "mlp10_20_5_batch100", (3, 3, 3))
    lines += _modes("X3b", "mlp10_20_5_batch1", (8, 8, 8))
    lines += _modes("X4", "mlp1000_batch50", (1.33, 1.33, 1.15))
    x4t = "X4t/mlp1000_batch50/threads"
    for mode in MODES:
        one = f"{x4t}1/{mode}"
        lines.append(Line("X4t", f"{x4t}2/{mode}", 1.85, "tapegrad", one, note="over 1 thread"))
    lines.append(Line("R1", "R1/step_sgd", 1.25))
    lines.append(Line("R2", "R2/step_adam", 2.2))
    return lines


def _elementwise():
    lines = []
    for case, targets in {
        "E1/add": (1.15, 0.97, 4),
        "E3/exp": (1.7, 1.7, 6),
        "E3b/sigmoid": (1.9, 1.9, 6),
        "E4/tanh": (7, 7, 9),
        "E6/softmax": (2, 2, 6),
        "E8/sum": (2, 0.97, 0.97),
    }.items():
        row = case.split("/")[0]
        lines += [Line(row, f"{case}/{n}", t) for n, t in zip(("1e4", "1e6", "1e7"), targets)]
    lines.append(Line("E2", "E2/add_out/1e7", 1.25))
    lines.append(Line("E2", "E2/relu_/1e7", 1.25))
    return sorted(lines, key=lambda line: line.row)


def _foreign():
    # A foreign function beside tg_mul_scalar, which does the same: how much of the time is the call.
    lines = []
    for case, target in {"elements8": 0.07, "array8": 0.06, "by_libffi8": 0.02}.items():
        for mode in MODES:
            lines.append(Line("F1", f"F1/{case}/{mode}", target, "tapegrad",
                              f"F1/builtin8/{mode}", note="tg_mul_scalar"))
    return lines


LINES = _small() + _tape() + _products() + _modules() + _elementwise() + _foreign()

# Rows that are no time of a call, and the function of figures.py that measures them.
FIGURE_ROWS = ("S8", "T4", "T5", "T6", "T7", "T8", "X4t", "X4m", "X4a", "K1", "E9",
               "R4", "L1", "L2", "L3", "L4")

# Rows that run a second time with OpenBLAS's AVX2 kernels where its own choice is AVX-512.
AVX2_ROWS = ("M1", "M2", "M3", "M4", "M5")
AVX512_CORES = ("SkylakeX", "Cooperlake", "SapphireRapids")
OLDEST_CORES = ("Prescott", "Core2", "Generic")

# Bytes of the fourth example: two activations of 200,000 B and an output of 2,000 B.
EXAMPLE_BYTES = {
    "inference_peak": 400000, "inference_kept": 2000,
    "no_grad_peak": 400000, "no_grad_kept": 2000,
    "grad_peak": 402000, "grad_kept": 402000,
}  # fmt: skip


def tolerance(name):
    """Relative difference that two right results may have; (of the element, of the mean size)."""
    products = name[0] in "MXR" or name.startswith("S4")
    return (1e-4, 1e-4) if products else (1e-5, 1e-9)
