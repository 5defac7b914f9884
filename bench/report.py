# SPDX-License-Identifier: MIT
"""The table: one entry a line, as Markdown that reads well in a terminal too."""

import statistics
from dataclasses import dataclass, field

MARK = "table of scripts/bench"
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
    cells = [entry.cells() for entry in entries]
    # A column that nothing is said in, such as instructions, is left away.
    wanted = [column for column in range(len(HEADER)) if any(line[column] for line in cells)]
    return table([[line[column] for column in wanted] for line in [HEADER, *cells]])


def table(rows):
    """Rows of texts as Markdown, the first one as the header."""
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(len(rows[0]))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
            for row in rows]
    text.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(text)


def replace_table(path, text, mark=MARK):
    """Writes the text between the two markers of a page."""
    opening, closing = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    with open(path, encoding="utf-8") as file:
        page = file.read()
    before, begin, rest = page.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise SystemExit(f"{path} lacks the markers {opening} and {closing}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n\n{text}\n\n{end}{after}")
