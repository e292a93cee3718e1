"""Draws casts of one to six characters in a café with rig points and masks; writes the picture of the sample scene.

Run from the top of the checkout: ``python -m scripts.draw_cast assets/scenes/cafe``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from masks.rig_file import RigFace, save_rig
from scripts.drawing.backdrop import draw_backdrop, draw_table
from scripts.drawing.canvas import Canvas
from scripts.drawing.figure import draw_figure
from scripts.drawing.head import HeadFrame
from scripts.drawing.people import CAST

WIDTH, HEIGHT = 1280, 720
TABLE = 672

Place = tuple[float, float, float, float, float]
"""x, y between the eyes, pixels per inter-ocular distance, yaw, roll."""

PLACES: dict[int, tuple[Place, ...]] = {
    1: ((640, 292, 98, 0.1, 0.03),),
    2: ((400, 300, 94, 0.17, 0.04), (880, 292, 94, -0.15, -0.03)),
    3: ((232, 306, 90, 0.2, 0.05), (642, 284, 91, 0.05, -0.025), (1050, 312, 90, -0.18, -0.05)),
    4: ((175, 312, 80, 0.2, 0.05), (485, 290, 80, 0.08, -0.02),
        (798, 306, 80, -0.08, 0.03), (1108, 296, 80, -0.2, -0.04)),
    5: ((230, 196, 77, 0.16, 0.03), (640, 186, 77, 0.03, -0.02), (1050, 196, 77, -0.16, -0.03),
        (435, 476, 77, 0.1, 0.03), (845, 476, 77, -0.1, -0.03)),
    6: ((170, 196, 77, 0.16, 0.03), (545, 186, 77, 0.05, -0.02), (920, 196, 77, -0.1, 0.03),
        (358, 476, 77, 0.1, 0.03), (732, 480, 77, -0.04, -0.02), (1110, 476, 77, -0.16, -0.03)),
}  # fmt: skip
CUPS = ((392, 0.8, "#f1ead9"), (836, 1.9, "#4d74ab"), (1205, 0.8, "#f1ead9"))


@dataclass(frozen=True)
class DrawnCast:
    """A drawn picture and everything the drawing knows about it.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        faces: each face's name and points as a rig file holds them, in pixels (pixel centres at integer + 0.5).
        masks: (K, H, W) float32 in [0, 1]; what of each character is visible, they never overlap.
    """

    picture: np.ndarray
    faces: tuple[RigFace, ...]
    masks: np.ndarray


def draw_cast(count: int, seed: int = 0) -> DrawnCast:
    """Draws ``count`` characters (1 to 6) in a café; ``seed`` chooses who they are (0 = the cast's own order).

    Raises:
        ValueError: another number of characters.
    """
    if count not in PLACES:
        raise ValueError(f"A drawn cast has 1 to 6 characters; {count} were asked for.")
    order = np.arange(len(CAST)) if seed == 0 else np.random.default_rng(seed).permutation(len(CAST))
    looks = [CAST[i] for i in order[:count]]
    canvas = Canvas(WIDTH, HEIGHT)
    draw_backdrop(canvas, seed)
    masks: list[np.ndarray] = []
    faces: list[RigFace] = []
    for look, place in zip(looks, PLACES[count], strict=True):
        rig = draw_figure(canvas, look, HeadFrame(*place))
        cover = canvas.take_figure()
        cast_shadow(canvas.pixels, cover, sum(masks, np.zeros_like(cover)))
        masks = [mask * (1 - cover) for mask in masks] + [cover]
        faces.append(RigFace(look.name, rig.points))
    if count <= 4:
        draw_table(canvas, list(CUPS) if count == 3 else [], TABLE)
        cover = canvas.take_figure()
        masks = [mask * (1 - cover) for mask in masks]
    return DrawnCast(finish(canvas.pixels), tuple(faces), np.stack(masks))


def cast_shadow(pixels: np.ndarray, cover: np.ndarray, others: np.ndarray) -> None:
    """Darkens, in place, the people behind a figure close to its outline; masks (H, W). The far background stays."""
    height, width = cover.shape
    small = cv2.resize(cover, (width // 8, height // 8), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.2), (width, height), interpolation=cv2.INTER_LINEAR)
    pixels *= (1 - 0.4 * soft * (1 - cover) * others)[..., None]


def finish(pixels: np.ndarray) -> np.ndarray:
    """Bloom of the bright parts, a little contrast and darker corners; float picture in, uint8 out."""
    height, width = pixels.shape[:2]
    small = cv2.resize(np.clip(pixels - 0.72, 0, 1), (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    bloom = cv2.resize(cv2.GaussianBlur(small, (0, 0), 6), (width, height), interpolation=cv2.INTER_LINEAR)
    lit = 1 - (1 - pixels) * (1 - 0.35 * bloom)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    edge = ((x / width - 0.5) ** 2 + (y / height - 0.48) ** 2) * 0.42
    graded = lit**0.92 * (1.03 - edge)[..., None]
    graded = graded + 0.06 * (graded - 0.5) * (1 - np.abs(2 * graded - 1))
    return np.clip(graded * 255 + 0.5, 0, 255).astype(np.uint8)


def write_cast(cast: DrawnCast, folder: Path) -> None:
    """Writes ``picture.png``, ``rig.yaml`` and a mask ``<name>.png`` for each character."""
    folder.mkdir(parents=True, exist_ok=True)
    smallest = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    cv2.imwrite(str(folder / "picture.png"), cast.picture[..., ::-1], smallest)
    save_rig(folder / "rig.yaml", cast.faces, cast.picture.shape[:2])
    for face, mask in zip(cast.faces, cast.masks, strict=True):
        cv2.imwrite(str(folder / f"{face.name.lower()}.png"), np.round(mask * 255).astype(np.uint8), smallest)


def main() -> None:
    """Draws a cast and writes its files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=3, help="how many characters, 1 to 6")
    parser.add_argument("--seed", type=int, default=0, help="who they are")
    arguments = parser.parse_args()
    write_cast(draw_cast(arguments.count, arguments.seed), arguments.folder)


if __name__ == "__main__":
    main()
