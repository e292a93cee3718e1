"""Reads values of the command line's options, and refuses the others in words."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

from studio.core.messages import shortened


def whole(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers in a range."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > 10 or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{shortened(text)} should be a whole number from {least} to {most}")
        return int(text)

    return read


def device(text: str) -> str:
    """Reads the name of a torch device."""
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,2})?", text):
        raise argparse.ArgumentTypeError(f"{shortened(text)} should be cpu or cuda")
    return text


def style_strength(text: str) -> tuple[str, float]:
    """Reads a style's name with its strength."""
    name, colon, strength = text.rpartition(":")
    if not colon or text.endswith(".safetensors"):  # the colon may be that of a drive
        return text, 1.0
    try:
        return name, float(strength)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} should be NAME or NAME:STRENGTH, such as weary:0.8") from None


def box(text: str) -> tuple[float, float, float, float]:
    """Reads a box in pixels: left, top, right and bottom."""
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shortened(text)} should be LEFT,TOP,RIGHT,BOTTOM in pixels") from None
    if not (left < right and top < bottom):
        raise argparse.ArgumentTypeError(f"{shortened(text)} has its right or bottom edge before its left or top one")
    return left, top, right, bottom
