# SPDX-License-Identifier: MIT
"""The table: one entry a line, as Markdown that reads well in a terminal too."""

import statistics
from dataclasses import dataclass, field

BEGIN = "<!-- table of scripts/bench: begin -->"
END = "<!-- table of scripts/bench: end -->"
HEADER = ("Row", "Case", "Against", "Reference", "tapegrad", "Ratio (least..greatest)", "Target",
          "Instructions: reference / tapegrad = ratio", "")


@dataclass
class Entry:
    row: str
    case: str
    against: str
    reference: str
    ours: str
    ratios: list = field(default_factory=list)
    target: float | str = ""
    holds: bool = False
    instructions: str = ""
    wrong: str = ""  # what differs from the reference's numbers

    @property
    def verdict(self):
        return "wrong" if self.wrong else "pass" if self.holds else "short"

    def cells(self):
        ratio = ""
        if self.ratios:
            ratio = (f"{statistics.median(self.ratios):.3g} "
                     f"({min(self.ratios):.3g}..{max(self.ratios):.3g})")
        target = self.target if isinstance(self.target, str) else f"{self.target:.4g}"
        return (self.row, self.case, self.against, self.reference, self.ours, ratio, target,
                self.instructions, self.verdict)


def nanoseconds(value):
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if value >= 10 * size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g} ns"


def render(entries):
    lines = [HEADER, *(entry.cells() for entry in entries)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(HEADER))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
            for line in lines]
    text.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(text)


def replace_table(path, text):
    """Writes the text between the two markers of a page."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} lacks the markers {BEGIN} and {END}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n\n{text}\n\n{end}{after}")
