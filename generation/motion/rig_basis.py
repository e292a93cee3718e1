"""Hand-made prior of the blendshape basis: what each ARKit channel does to the canonical face.

Recorded speech hardly moves most channels (smiles, brows, cheeks, gaze), so ridge regression alone leaves them at
noise. :func:`prior_basis` gives every channel a displacement field that follows Apple's description of the
blendshape locations (``ARFaceAnchor.BlendShapeLocation``) at weight 1: a direction in inter-ocular units times a
smooth falloff around the moving part. :mod:`generation.labels.rig_fitting` shrinks the regression towards these fields.

Only left and middle channels are written; right ones are mirror images. Left is the person's left: positive x.
"""

from __future__ import annotations

import numpy as np

from generation.core.arrays import smoothstep
from generation.core.motion import BLENDSHAPES
from masks.topology import (
    LEFT_EYE_RING,
    LEFT_EYE_SKIN,
    LEFT_IRIS,
    LIPS_INNER_LOWER,
    LIPS_INNER_UPPER,
    LIPS_OUTER,
    RIGHT_EYE_RING,
    RIGHT_EYE_SKIN,
    RIGHT_IRIS,
)

# Columns run from the person's right corner to the left corner, corners left out. Rows run from the opening outwards.
UPPER_LIP = (
    LIPS_INNER_UPPER[1:-1],
    (183, 42, 41, 38, 12, 268, 271, 272, 407),
    (184, 74, 73, 72, 11, 302, 303, 304, 408),
    LIPS_OUTER[1:10],
)
LOWER_LIP = (
    LIPS_INNER_LOWER[1:-1],
    (96, 89, 179, 86, 15, 316, 403, 319, 325),
    (77, 90, 180, 85, 16, 315, 404, 320, 307),
    LIPS_OUTER[:10:-1],
)
LEFT_CORNER = (308, 292, 306, 291)
RIGHT_CORNER = (78, 62, 76, 61)
LIPS = tuple(i for row in (*UPPER_LIP, *LOWER_LIP, LEFT_CORNER, RIGHT_CORNER) for i in row)
# Rows run from the lid's edge outwards, columns from the outer to the inner corner; corners left out.
LEFT_UPPER_LID = (LEFT_EYE_RING[9:], LEFT_EYE_SKIN[9:16], LEFT_EYE_SKIN[25:])
LEFT_LOWER_LID = (LEFT_EYE_RING[1:8], LEFT_EYE_SKIN[1:8], LEFT_EYE_SKIN[17:24])
RIGHT_UPPER_LID = (RIGHT_EYE_RING[9:], RIGHT_EYE_SKIN[9:16], RIGHT_EYE_SKIN[25:])
RIGHT_LOWER_LID = (RIGHT_EYE_RING[1:8], RIGHT_EYE_SKIN[1:8], RIGHT_EYE_SKIN[17:24])
LIDS = tuple(i for rows in (LEFT_UPPER_LID, LEFT_LOWER_LID, RIGHT_UPPER_LID, RIGHT_LOWER_LID) for r in rows for i in r)

EYEBALL_RADIUS = 0.19
"""Radius of the eyeball, 12 mm, over the distance between the eyes' centres, 63 mm."""
LID_FOLLOW = (1.0, 0.5, 0.12)
"""How far the rows of a lid follow its edge."""
CONTACT_FOLLOW = (1.0, 0.9, 0.7, 0.4)
"""How far the rows of a lip follow its edge when the other lip pushes it."""


class PriorFields:
    """Hand-made displacement fields over one symmetric mean face.

    Args:
        mean: (478, 3) canonical face in inter-ocular units, x right, y up, z to the viewer, eyes open, lips closed.
    """

    def __init__(self, mean: np.ndarray) -> None:
        self.mean = mean
        self.x, self.y = mean[:, 0], mean[:, 1]
        self.left = smoothstep(0.5 + self.x / 0.3)
        self.corner = mean[list(LEFT_CORNER)].mean(0)
        self.along = np.clip(1.0 - (self.x / self.corner[0]) ** 2, 0.0, 1.0)
        """1 at the middle of the lips, 0 at their corners."""
        self.lip = self._lip_weight()
        self.jaw = self._jaw_weight()

    def near(self, centre: tuple[float, float], rx: float, ry: float) -> np.ndarray:
        """Gaussian falloff (478,) around a point of the frontal projection."""
        weight = np.exp(-(((self.x - centre[0]) / rx) ** 2) - ((self.y - centre[1]) / ry) ** 2)
        weight[list(RIGHT_IRIS + LEFT_IRIS)] = 0.0
        return weight

    def _rows(self, rows: tuple[tuple[int, ...], ...], values: tuple[float, ...]) -> np.ndarray:
        """(478,) with one value on each row of a lip or lid."""
        out = np.zeros(len(self.mean))
        for row, value in zip(rows, values, strict=True):
            out[list(row)] = value
        return out

    def _lip_weight(self) -> np.ndarray:
        """1 on the lips, fading into the skin around them, never up to the nose's tip."""
        weight = self.near((0.0, self.corner[1] - 0.04), 0.62, 0.34) * smoothstep((-0.82 - self.y) / 0.3)
        weight[list(LIPS)] = 1.0
        return weight

    def _jaw_weight(self) -> np.ndarray:
        """How far each point follows the lower jaw: 1 at chin and lower lip, 0 at upper lip and above."""
        side = 1.0 - 0.65 * smoothstep((np.abs(self.x) - 0.45) / 0.7)
        weight = smoothstep((-0.95 - self.y) / 0.7) * side
        above = self.near((0.0, self.corner[1] + 0.18), 0.55, 0.22)
        weight = np.where(self.y > self.corner[1], weight * (1.0 - above), weight)
        for upper, lower in zip(UPPER_LIP, LOWER_LIP, strict=True):
            weight[list(lower)] = 0.42 + 0.58 * np.sqrt(self.along[list(lower)])
            weight[list(upper)] = 0.42 * (1.0 - np.sqrt(self.along[list(upper)]))
        weight[list(LEFT_CORNER + RIGHT_CORNER)] = 0.42
        return weight

    def move(self, weight: np.ndarray, direction: tuple[float, float, float]) -> np.ndarray:
        """(478, 3): ``direction`` times a falloff."""
        return weight[:, None] * np.asarray(direction, float)

    def jaw_open(self) -> np.ndarray:
        """Displacement (478, 3) of a fully dropped jaw: chin down and back, the lower lip drawn together."""
        out = self.move(self.jaw, (0.0, -0.56, -0.16))
        out[:, 0] -= 0.12 * self.x * self.lip
        return out

    def pucker(self, narrowing: float, forward: float, opening: float, thickening: float) -> np.ndarray:
        """Corners inwards, lips forward; ``opening`` parts the lips, ``thickening`` moves their outer edge."""
        out = self.move(self.lip * (0.35 + 0.65 * self.along), (0.0, 0.0, forward))
        out[:, 0] = -narrowing * self.x * self.lip
        rise = self._rows(UPPER_LIP, tuple(opening + thickening * k / 3 for k in range(4)))
        fall = self._rows(LOWER_LIP, tuple(opening + thickening * k / 3 for k in range(4)))
        out[:, 1] = (rise - fall) * self.along
        return out

    def roll(self, rows: tuple[tuple[int, ...], ...], sign: float, side: np.ndarray | float = 1.0) -> np.ndarray:
        """The lip's red turns inwards: the outer edge comes ``sign`` towards the opening, everything goes back."""
        inwards = self._rows(rows, (0.0, 0.02, 0.05, 0.08))
        back = self._rows(rows, (0.04, 0.05, 0.05, 0.02))
        return np.stack([0.0 * inwards, sign * inwards * self.along, -back * self.along], 1) * np.reshape(side, (-1, 1))

    def part(self, rows: tuple[tuple[int, ...], ...], distance: float) -> np.ndarray:
        """The left half of one lip moves by ``distance`` (y, its sign included)."""
        lip = self._rows(rows, (1.0, 1.0, 0.95, 0.85)) * self.along**0.7
        return self.move(lip * self.left, (0.0, distance, 0.0))

    def lid(self, upper: float, lower: float) -> np.ndarray:
        """Left lids: edges move up by these shares of the opening, the rows beyond follow less and less."""
        out = np.zeros_like(self.mean)
        gap = np.maximum(self.y[list(LEFT_UPPER_LID[0])] - self.y[list(LEFT_LOWER_LID[0])], 0.0)
        for rows, share in ((LEFT_UPPER_LID, upper), (LEFT_LOWER_LID, lower)):
            for row, follow in zip(rows, LID_FOLLOW, strict=True):
                out[list(row), 1] += share * follow * gap
        return out

    def gaze(self, yaw_deg: float, pitch_deg: float) -> np.ndarray:
        """The left iris turns about the eyeball's centre: yaw towards +x, pitch up."""
        out = np.zeros_like(self.mean)
        yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
        depth = np.cos(yaw) * np.cos(pitch) - 1.0
        out[list(LEFT_IRIS)] = EYEBALL_RADIUS * np.array([np.sin(yaw), np.sin(pitch), depth])
        return out

    def at_corner(self, direction: tuple[float, float, float], rx: float = 0.3, ry: float = 0.26) -> np.ndarray:
        """The left corner of the mouth moves; both lips follow with the falloff."""
        return self.move(self.near((self.corner[0], self.corner[1]), rx, ry), direction)


def _mouth_channels(f: PriorFields) -> dict[str, np.ndarray]:
    mouth_y = float(f.corner[1])
    opening = f.jaw_open()
    chin = f.near((0.0, mouth_y - 0.5), 0.45, 0.25)
    chin[list(LIPS)] = 0.0
    shrug = f.along**0.6 * f.lip
    cheek = f.near((0.68, mouth_y + 0.42), 0.3, 0.3)
    return {
        "jawOpen": opening,
        "jawForward": f.move(f.jaw, (0.0, -0.02, 0.13)),
        "jawLeft": f.move(f.jaw, (0.17, 0.0, 0.0)),
        "mouthClose": close_lips(opening),
        "mouthFunnel": f.pucker(0.28, 0.12, 0.075, 0.05),
        "mouthPucker": f.pucker(0.42, 0.14, 0.0, 0.035),
        "mouthLeft": f.move(f.lip, (0.2, 0.0, 0.0)),
        "mouthRollLower": f.roll(LOWER_LIP, 1.0),
        "mouthRollUpper": f.roll(UPPER_LIP, -1.0),
        "mouthShrugLower": f.move(np.where(f.lip == 1.0, shrug, 0.0), (0.0, 0.08, 0.03))
        + f.move(chin, (0.0, 0.09, 0.03)),
        "mouthShrugUpper": f.move(np.where(f.lip == 1.0, shrug, 0.0), (0.0, 0.05, 0.05)),
        "mouthSmileLeft": f.at_corner((0.13, 0.15, -0.07)) + f.move(cheek, (0.03, 0.06, 0.04)),
        "mouthFrownLeft": f.at_corner((0.02, -0.13, -0.01)),
        "mouthDimpleLeft": f.at_corner((0.09, 0.02, -0.09), 0.24, 0.2),
        "mouthStretchLeft": f.at_corner((0.15, -0.07, -0.06)),
        "mouthPressLeft": f.roll(UPPER_LIP, -0.6, f.left)
        + f.roll(LOWER_LIP, 0.6, f.left)
        + f.at_corner((0.02, 0.0, -0.02), 0.2, 0.15),
        "mouthLowerDownLeft": f.part(LOWER_LIP, -0.17),
        "mouthUpperUpLeft": f.part(UPPER_LIP, 0.15),
    }


def _upper_face_channels(f: PriorFields) -> dict[str, np.ndarray]:
    inner_brow = f.near((0.2, 0.28), 0.2, 0.22)
    outer_brow = f.near((0.78, 0.38), 0.3, 0.24)
    middle_brow = f.near((0.45, 0.38), 0.35, 0.2)
    # The lids stay: brow falloffs fade out above the eye.
    above_eye = smoothstep((f.y - 0.1) / 0.2)
    cheek = f.near((0.62, -0.42), 0.32, 0.22)
    nose_wing = f.near((0.24, -0.72), 0.16, 0.2)
    return {
        "browDownLeft": f.move(np.maximum(inner_brow, 0.8 * middle_brow) * above_eye * f.left, (-0.03, -0.11, 0.01)),
        "browInnerUp": f.move((inner_brow + f.near((-0.2, 0.28), 0.2, 0.22)) * above_eye, (0.0, 0.14, 0.0)),
        "browOuterUpLeft": f.move(outer_brow * above_eye, (0.0, 0.14, -0.01)),
        "cheekPuff": f.move(f.near((0.68, -1.12), 0.34, 0.36), (0.1, 0.0, 0.13))
        + f.move(f.near((-0.68, -1.12), 0.34, 0.36), (-0.1, 0.0, 0.13)),
        "cheekSquintLeft": f.move(cheek, (0.0, 0.08, 0.03)) + f.lid(0.0, 0.18),
        "noseSneerLeft": f.move(nose_wing * f.left, (0.01, 0.08, 0.01))
        + f.part(UPPER_LIP, 0.03)
        + f.move(inner_brow * above_eye * f.left, (-0.02, -0.03, 0.0)),
        "eyeBlinkLeft": f.lid(-0.9, 0.1),
        "eyeSquintLeft": f.lid(-0.16, 0.26) + f.move(cheek, (0.0, 0.02, 0.01)),
        "eyeWideLeft": f.lid(0.38, -0.06),
        "eyeLookDownLeft": f.lid(-0.42, -0.1) + f.gaze(0.0, -25.0),
        "eyeLookUpLeft": f.lid(0.22, 0.04) + f.gaze(0.0, 22.0),
        "eyeLookInLeft": f.gaze(-30.0, 0.0),
        "eyeLookOutLeft": f.gaze(30.0, 0.0),
    }


def close_lips(jaw_open: np.ndarray) -> np.ndarray:
    """``mouthClose`` at weight 1: takes back the gap that ``jawOpen`` (478, 3) opens; both lips meet at corner height.

    ARKit defines it as the closure of the lips independent of the jaw: jawOpen = mouthClose = 1 is a dropped chin
    behind closed lips.
    """
    out = np.zeros_like(jaw_open)
    corners = 0.5 * (jaw_open[LEFT_CORNER[0]] + jaw_open[RIGHT_CORNER[0]])
    for lip in (UPPER_LIP, LOWER_LIP):
        edge = np.array([0.0, 0.9, 1.0]) * corners - jaw_open[list(lip[0])]
        edge[:, 0] = 0.0
        for row, follow in zip(lip, (1.0, 0.97, 0.9, 0.8), strict=True):
            out[list(row)] = follow * edge
    return out


def spread_to_skin(fields: np.ndarray, triangles: np.ndarray, mirror: np.ndarray, rounds: int = 8) -> np.ndarray:
    """Diffuses fields (..., 478, 3) over the mesh: skin follows the lips and lids beside it, which stay as they are.

    Args:
        triangles: (F, 3) mesh, mirrored edges are added so that the result stays symmetric.
        rounds: steps of half-way averaging with the neighbours.
    """
    n_points = fields.shape[-2]
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.concatenate([edges, mirror[edges]])
    beside = np.zeros((n_points, n_points))
    beside[edges[:, 0], edges[:, 1]] = beside[edges[:, 1], edges[:, 0]] = 1.0
    count = beside.sum(1)
    count_or_one = np.maximum(count, 1.0)
    skin = count > 0
    skin[list(LIPS + LIDS)] = False
    step = np.eye(n_points)
    step[skin] = 0.5 * step[skin] + 0.5 * (beside / count_or_one[:, None])[skin]
    return np.linalg.matrix_power(step, rounds) @ fields


def mirror_field(field: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(..., 478, 3) seen in the mirror: ``mirror[i]`` is the point that takes the place of point i."""
    return field[..., mirror, :] * np.array([-1.0, 1.0, 1.0])


def mirror_channels() -> np.ndarray:
    """(51,) index of each channel's counterpart: Left and Right swapped, middle channels themselves."""
    swap = {"Left": "Right", "Right": "Left"}
    names = list(BLENDSHAPES)
    other = [n[: -len(s)] + swap[s] if (s := next((s for s in swap if n.endswith(s)), "")) else n for n in names]
    return np.array([names.index(n) for n in other])


def prior_basis(mean: np.ndarray, mirror: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Displacement (51, 478, 3) float64 of every ARKit channel at weight 1, in inter-ocular units.

    Args:
        mean: (478, 3) symmetric canonical face at rest.
        mirror: (478,) index of each point's mirror image.
        triangles: (F, 3) mesh over which skin follows lips and lids.
    """
    fields = PriorFields(mean)
    mouth = {n: spread_to_skin(f, triangles, mirror) for n, f in _mouth_channels(fields).items()}
    known = mouth | _upper_face_channels(fields)
    basis = np.zeros((len(BLENDSHAPES), *mean.shape))
    counterpart = mirror_channels()
    for k, name in enumerate(BLENDSHAPES):
        if name in known:
            basis[k] = known[name]
            if counterpart[k] != k:
                basis[counterpart[k]] = mirror_field(known[name], mirror)
            else:
                basis[k] = 0.5 * (basis[k] + mirror_field(basis[k], mirror))
    return basis
