"""Lip line detection: where the mouth is cut open, and which pixels belong to which lip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from generation.motion.rig_basis import LEFT_CORNER, LOWER_LIP, RIGHT_CORNER, UPPER_LIP
from masks.topology import LIPS_INNER_LOWER, LIPS_INNER_UPPER

_CLOSED_GAP = 0.045
"""Inner-lip gap over the inter-ocular distance under which a mouth counts as closed."""
_SEARCH = 0.09
"""Half height of the band in which the dark line is looked for, inter-ocular distances."""
_TRIM = 0.6
"""Pixels by which an open lower lip is cut below its edge, so that no rim of teeth sticks to it."""
_WIDER = 1.18
"""How far beyond the landmarks' corners the line may reach, halves of the mouth's width."""


@dataclass(frozen=True)
class LipLine:
    """The picture's mouth in a frame of its own: s along the mouth from corner to corner, v across it, downwards.

    Attributes:
        middle: (2,) middle between the mouth's corners, pixels.
        along: (2,) unit vector from left to right along the mouth.
        down: (2,) unit vector across it.
        half: half of the mouth's width, pixels.
        s: (S,) table of places along the mouth, pixels from the middle.
        upper: (S,) v of the upper lip's inner edge.
        lower: (S,) v of the lower lip's inner edge; equals ``upper`` where the lips touch.
        closed: the lips touch all along.
    """

    middle: np.ndarray
    along: np.ndarray
    down: np.ndarray
    half: float
    s: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    closed: bool

    def to_frame(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(..., 2) pixels -> s and v."""
        offset = places - self.middle
        return offset @ self.along, offset @ self.down

    def cover(self, places: np.ndarray, edge: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Share of each place (..., 2) of the upper and of the lower lip's side, soft over ``edge`` pixels."""
        s, v = self.to_frame(places)
        upper = np.clip(0.5 - (v - np.interp(s, self.s, self.upper)) / edge, 0.0, 1.0)
        lower = np.clip(0.5 + (v - np.interp(s, self.s, self.lower)) / edge, 0.0, 1.0)
        return upper.astype(np.float32), np.minimum(lower, 1.0 - upper).astype(np.float32)

    def beyond(self, places: np.ndarray, upper: bool) -> np.ndarray:
        """Places (..., 2) with those beyond one lip's inner edge laid on that edge, between the mouth's corners.

        A lip's motion read there goes on unchanged into the opening.
        """
        s, v = self.to_frame(places)
        edge = np.interp(s, self.s, self.upper if upper else self.lower)
        past = np.maximum(v - edge, 0.0) if upper else np.minimum(v - edge, 0.0)
        keep = np.clip((np.abs(s) / self.half - 0.92) / 0.25, 0.0, 1.0)
        return places - ((1.0 - keep * keep * (3.0 - 2.0 * keep)) * past)[..., None] * self.down

    def snap(self, points: np.ndarray) -> np.ndarray:
        """Landmarks (478, 2) with the lips stretched to the line's ends and their inner edges laid on it."""
        out = points.copy()
        lips = [i for row in UPPER_LIP + LOWER_LIP for i in row] + list(LEFT_CORNER + RIGHT_CORNER)
        ends, _ = self.to_frame(points[[RIGHT_CORNER[0], LEFT_CORNER[0]]])
        s, v = self.to_frame(points[lips])
        s = np.interp(s, ends, [-self.half, self.half]) + np.minimum(s - ends[0], 0) + np.maximum(s - ends[1], 0)
        out[lips] = self.middle + s[:, None] * self.along + v[:, None] * self.down
        for indices, line in ((LIPS_INNER_UPPER, self.upper), (LIPS_INNER_LOWER, self.lower)):
            inner = list(indices)
            s, _ = self.to_frame(out[inner])
            out[inner] = self.middle + s[:, None] * self.along + np.interp(s, self.s, line)[:, None] * self.down
        return out


def find_lip_line(image: np.ndarray, points: np.ndarray, unit: float) -> LipLine:
    """Lip line of the face with landmarks ``points`` (478, 2), pixel indices of ``image`` (uint8 RGB).

    A closed mouth's line is the darkest path from corner to corner near the landmarks (dynamic programming); an open
    mouth keeps the landmarks' two edges.

    Args:
        image: picture.
        points: landmarks.
        unit: inter-ocular distance in pixels.
    """
    top, bottom = points[list(LIPS_INNER_UPPER)], points[list(LIPS_INNER_LOWER)]
    middle = 0.5 * (top[0] + top[-1])
    span = top[-1] - top[0]
    half = 0.5 * float(np.linalg.norm(span))
    along = span / (2 * half)
    down = np.array([-along[1], along[0]])
    s = np.linspace(-half, half, max(int(2 * half), 24) + 1)

    def line(corners: np.ndarray) -> np.ndarray:
        offset = corners - middle
        return np.interp(s, offset @ along, offset @ down)

    upper, lower = line(top), line(bottom)
    lower = np.maximum(lower, upper)
    if (lower - upper).max() >= _CLOSED_GAP * unit:
        base = middle + s[:, None] * along
        lower = np.maximum(_red_edge(image, base, down, lower, 0.06 * unit) + _TRIM, upper)
        lower = upper + (lower - upper) * np.clip((1.0 - np.abs(s) / half) / 0.06, 0.0, 1.0)
        return LipLine(middle, along, down, half, s, upper, lower, False)
    s = np.linspace(-_WIDER * half, _WIDER * half, max(int(2 * _WIDER * half), 24) + 1)
    guess = 0.5 * (line(top) + line(bottom))
    path, contrast = _darkest_path(image, middle + s[:, None] * along, down, guess, _SEARCH * unit)
    low, high = _ends(s / half, contrast)
    middle = middle + 0.5 * (low + high) * half * along
    s = s - 0.5 * (low + high) * half
    half = 0.5 * (high - low) * half
    return LipLine(middle, along, down, half, s, path, path, True)


def _ends(s: np.ndarray, contrast: np.ndarray) -> tuple[float, float]:
    """Where the line fades on the left and on the right, in halves of the landmarks' mouth: at least the landmarks'."""
    least = 0.4 * float(np.median(contrast[np.abs(s) < 0.8]))
    ends = []
    for sign in (-1.0, 1.0):
        beyond = np.sort(s[(sign * s > 1.0) & (contrast < least)] * sign)
        ends.append(sign * float(beyond[0] if len(beyond) else _WIDER))
    return ends[0], ends[1]


def _darkest_path(
    image: np.ndarray, base: np.ndarray, down: np.ndarray, guess: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Dark smooth line within ``reach`` of ``guess``: v (S,) over the places ``base`` (S, 2), and its contrast (S,)."""
    offsets = np.arange(-2 * reach, 2 * reach + 0.5, 0.5)
    places = base[:, None] + (guess[:, None] + offsets)[..., None] * down
    gray = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), max(reach * 0.12, 0.6))
    band = cv2.remap(gray, np.float32(places[..., 0]), np.float32(places[..., 1]), cv2.INTER_LINEAR)
    far = max(int(0.6 * reach), 2)  # in half steps
    valley = 0.5 * (np.roll(band, far, 1) + np.roll(band, -far, 1)) - band
    inside = np.abs(offsets) <= reach
    band, valley, offsets = band[:, inside], valley[:, inside], offsets[inside]
    dark = 1.0 - (band - band.min()) / max(float(np.ptp(band)), 1.0)
    cost = -dark - 1.5 * valley / max(float(valley.max()), 1.0) + 0.3 * (offsets / reach) ** 2
    best = _cheapest_path(cost, 0.12)
    path = cv2.GaussianBlur(
        (guess + offsets[best]).reshape(1, -1), (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE
    ).ravel()
    return path, valley[np.arange(len(best)), best]


def _red_edge(image: np.ndarray, base: np.ndarray, down: np.ndarray, guess: np.ndarray, reach: float) -> np.ndarray:
    """Edge of an open mouth's lower lip near ``guess``: where teeth or dark turn to the lip's red, v (S,); ends stay.

    The upper lip is left to the landmarks: gums are as red as lips.
    """
    offsets = np.arange(-reach, reach + 0.25, 0.25)
    places = base[:, None] + (guess[:, None] + offsets)[..., None] * down
    red = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[..., 1].astype(np.float32)
    red = cv2.GaussianBlur(red, (0, 0), max(0.25 * reach, 0.6))

    def at(shift: float) -> np.ndarray:
        moved = places + shift * down
        return cv2.remap(red, np.float32(moved[..., 0]), np.float32(moved[..., 1]), cv2.INTER_LINEAR)

    step = max(0.4 * reach, 0.75)
    rise = at(step) - at(-step)
    near_end = 1.0 - np.clip((1.0 - np.abs(np.linspace(-1, 1, len(guess)))) / 0.3, 0.0, 1.0)
    pull = 0.3 + 3.0 * near_end**2
    cost = -rise / max(float(rise.max()), 1.0) + pull[:, None] * (offsets / reach) ** 2
    path = guess + offsets[_cheapest_path(cost, 0.06)]
    smooth = cv2.GaussianBlur(path.reshape(1, -1), (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE).ravel()
    return smooth


def _cheapest_path(cost: np.ndarray, step_cost: float) -> np.ndarray:
    """Column per row of ``cost`` (rows, columns) with the least sum, at most two columns a step.

    Dynamic programming.
    """
    moves = np.arange(-2, 3)
    total = cost.copy()
    back = np.zeros(cost.shape, np.intp)
    for i in range(1, len(cost)):
        padded = np.pad(total[i - 1], 2, constant_values=np.inf)
        options = np.stack([padded[2 + m : 2 + m + cost.shape[1]] + step_cost * abs(m) for m in moves])
        back[i] = moves[options.argmin(0)]
        total[i] += options.min(0)
    best = np.empty(len(cost), np.intp)
    best[-1] = int(total[-1].argmin())
    for i in range(len(cost) - 1, 0, -1):
        best[i - 1] = best[i] + back[i, best[i]]
    return best
