"""What somebody looks like, in few numbers: enough to know a person of the same video again after a cut.

No recognition network: one video has one light, one set of clothes and few people. The upper face laid upright and
evened out, and the colours of hair, skin and clothes, tell them apart.
"""

from __future__ import annotations

import cv2
import numpy as np

from masks.landmarks import FaceLandmarks

_SIZE = 24
"""Side of the evened face, samples."""
_COLOURS = 18.0
"""Distance of colours, levels, that counts as much as faces that have nothing in common."""


def describe_person(image: np.ndarray, face: FaceLandmarks) -> np.ndarray:
    """(585,) float32 description of the person with this face in a uint8 (H, W, 3) frame.

    The face from brows to nose, where speech changes little, of mean 0 and norm 1; then the mean colours of the hair
    above, of the skin and of the clothes below, CIE Lab, as shares of what tells people apart.
    """
    upright = _upright(image, face)
    gray = cv2.cvtColor(upright, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # samples of the upright picture: eyes at 0.35 and 0.65 of its width and 0.45 of its height
    upper = cv2.resize(gray[40:84, 32:96], (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    upper -= cv2.GaussianBlur(upper, (0, 0), _SIZE / 3)
    upper /= max(float(np.linalg.norm(upper)), 1e-3)
    lab = cv2.cvtColor(np.float32(upright) / 255, cv2.COLOR_RGB2LAB)
    places = (lab[4:26, 44:84], lab[62:80, 44:84], lab[112:128, 24:104])  # hair, skin, clothes
    colours = np.concatenate([place.reshape(-1, 3).mean(0) * [0.5, 1.0, 1.0] for place in places])
    return np.float32(np.concatenate([upper.ravel(), colours / _COLOURS]))


def unlikeness(a: np.ndarray, b: np.ndarray) -> float:
    """How different two descriptions are: about 0.1 to 0.4 of one person, from 0.7 on of two."""
    faces = 1.0 - float(a[: _SIZE**2] @ b[: _SIZE**2])
    colours = np.linalg.norm((a - b)[_SIZE**2 :].reshape(3, 3), axis=1)
    return 0.5 * faces + 0.5 * float(np.minimum(colours, 2.0).mean())


def _upright(image: np.ndarray, face: FaceLandmarks) -> np.ndarray:
    """(128, 128, 3) uint8: head and shoulders with the eyes at fixed places."""
    right, left = face.eyes
    across = left - right
    down = np.array([-across[1], across[0]])
    source = np.float32([right, left, right + down]) - np.float32(0.5)
    target = np.float32([[51.0, 52.0], [77.0, 52.0], [51.0, 78.0]])
    matrix = cv2.getAffineTransform(source, target)
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink < 0.5:  # no aliasing
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / shrink)
    return cv2.warpAffine(image, matrix, (128, 128), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
