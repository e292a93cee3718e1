"""Figures as one table: a row a metric, a column a system, and what is asked of ours."""

from __future__ import annotations

from collections.abc import Mapping

GOALS: dict[str, str] = {
    "wer": "<= 0.08", "p808": ">= 3.1", "closure": ">= 0.75", "mouth_loudness_ratio": ">= 0.75",
    "given_closure": ">= 0.8 full", "given_mouth_loudness_r": ">= 0.8 full", "shift_frames": "4 .. 6",
    "other_follows_sound": "> text", "leak": "<= 0.02", "swap": "= 1", "order": "= 0", "outside": "= 0",
}  # fmt: skip


def table(systems: Mapping[str, Mapping[str, float]]) -> str:
    """Plain text, metrics in the order in which they were found; a dash where a system has no figure."""
    names = list(dict.fromkeys(metric for figures in systems.values() for metric in figures))
    rows = [["metric", "goal", *systems]]
    for name in names:
        values = (figures.get(name) for figures in systems.values())
        rows.append([name, GOALS.get(name, ""), *("-" if value is None else _short(value) for value in values)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    sides = [str.ljust, str.ljust, *[str.rjust] * len(systems)]
    lines = ["  ".join(side(cell, w) for side, cell, w in zip(sides, row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3f}"
