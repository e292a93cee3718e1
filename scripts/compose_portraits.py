"""Puts two public-domain portraits that installed packages carry side by side: a real picture with two people.

Run from the top of the checkout: ``python -m scripts.compose_portraits out/portraits`` writes ``picture.png`` and
``scene.yaml`` there, ready for ``parley render out/portraits/scene.yaml``. Needs the extra ``demo``.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import cv2
import numpy as np

from generation.core.assets import asset

SIDE = 512
ASTRONAUT = (slice(0, 320), slice(66, 386))
"""Rows and columns of the first portrait that make its face as large as the second one's."""
DIVIDER = 8


def compose() -> np.ndarray:
    """The two portraits beside each other, (512, 1032, 3) uint8 RGB.

    Sources: ``skimage.data.astronaut()`` (Eileen Collins, NASA) and matplotlib's sample ``grace_hopper.jpg`` (US Navy);
    both are works of the United States government in the public domain.
    """
    from matplotlib import cbook
    from skimage import data

    left = cv2.resize(data.astronaut()[ASTRONAUT], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    path = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    right = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)[:SIDE, :SIDE]
    return np.concatenate([left, np.full((SIDE, DIVIDER, 3), 240, np.uint8), right], axis=1)


def write_scene(folder: Path) -> Path:
    """Writes the picture and a copy of the sample scene to ``folder``; returns the scene file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "picture.png"), compose()[..., ::-1])
    return Path(shutil.copy(asset("scenes/portraits/scene.yaml"), folder / "scene.yaml"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    write_scene(parser.parse_args().folder)
