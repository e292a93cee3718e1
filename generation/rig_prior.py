"""What each ARKit channel does to the canonical face, written down by hand: the prior of the learned rig.

Recorded speech hardly moves most channels (smiles, brows, cheeks, gaze), so ridge regression alone leaves them at
noise. :func:`prior_basis` gives every channel a displacement field that follows Apple's description of the
blendshape locations (``ARFaceAnchor.BlendShapeLocation``) at weight 1: a direction in inter-ocular units times a
smooth falloff around the moving part. :mod:`generation.rig_training` shrinks the regression towards these fields.

Only left and middle channels are written; right ones are mirror images. Left is the person's left: positive x.
"""

from __future__ import annotations

import numpy as np

from generation.motion import BLENDSHAPES

# Columns run from the person's right corner to the left corner, corners left out. Rows run from the opening outwards.
UPPER_LIP = (
    (191, 80, 81, 82, 13, 312, 311, 310, 415),
    (183, 42, 41, 38, 12, 268, 271, 272, 407),
    (184, 74, 73, 72, 11, 302, 303, 304, 408),
    (185, 40, 39, 37, 0, 267, 269, 270, 409),
)
LOWER_LIP = (
    (95, 88, 178, 87, 14, 317, 402, 318, 324),
    (96, 89, 179, 86, 15, 316, 403, 319, 325),
    (77, 90, 180, 85, 16, 315, 404, 320, 307),
    (146, 91, 181, 84, 17, 314, 405, 321, 375),
)
LEFT_CORNER = (308, 292, 306, 291)
RIGHT_CORNER = (78, 62, 76, 61)
# Rows run from the lid's edge outwards, columns from the outer to the inner corner; corners left out.
LEFT_UPPER_LID = (
    (466, 388, 387, 386, 385, 384, 398),
    (467, 260, 259, 257, 258, 286, 414),
    (342, 445, 444, 443, 442, 441, 413),
)
LEFT_LOWER_LID = (
    (249, 390, 373, 374, 380, 381, 382),
    (255, 339, 254, 253, 252, 256, 341),
    (261, 448, 449, 450, 451, 452, 453),
)
RIGHT_UPPER_LID = (
    (246, 161, 160, 159, 158, 157, 173),
    (247, 30, 29, 27, 28, 56, 190),
    (113, 225, 224, 223, 222, 221, 189),
)
RIGHT_LOWER_LID = (
    (7, 163, 144, 145, 153, 154, 155),
    (25, 110, 24, 23, 22, 26, 112),
    (31, 228, 229, 230, 231, 232, 233),
)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)

EYEBALL_RADIUS = 0.19
"""Radius of the eyeball, 12 mm, over the distance between the eyes' centres, 63 mm."""
LID_FOLLOW = (1.0, 0.5, 0.12)
"""How far the rows of a lid follow its edge."""


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


class PriorFields:
    """Hand-made displacement fields over one symmetric mean face.

    Args:
        mean: (478, 3) canonical face in inter-ocular units, x right, y up, z to the viewer, eyes open, lips closed.
    """

    def __init__(self, mean: np.ndarray) -> None:
        self.mean = mean
        self.x, self.y = mean[:, 0], mean[:, 1]
        self.left = _smoothstep(0.5 + self.x / 0.3)
        self.corner = mean[list(LEFT_CORNER)].mean(0)
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
        weight = self.near((0.0, self.corner[1] - 0.04), 0.62, 0.34) * _smoothstep((-0.82 - self.y) / 0.3)
        for row in UPPER_LIP + LOWER_LIP:
            weight[list(row)] = 1.0
        weight[list(LEFT_CORNER + RIGHT_CORNER)] = 1.0
        return weight

    def _jaw_weight(self) -> np.ndarray:
        """How far each point follows the lower jaw: 1 at chin and lower lip, 0 at upper lip and above."""
        side = 1.0 - 0.65 * _smoothstep((np.abs(self.x) - 0.45) / 0.7)
        weight = _smoothstep((-0.95 - self.y) / 0.7) * side
        above = self.near((0.0, self.corner[1] + 0.18), 0.55, 0.22)
        weight = np.where(self.y > self.corner[1], weight * (1.0 - above), weight)
        along = np.clip(1.0 - (np.abs(self.x) / self.corner[0]) ** 2, 0.0, 1.0)
        for upper, lower in zip(UPPER_LIP, LOWER_LIP, strict=True):
            weight[list(lower)] = 0.42 + 0.58 * np.sqrt(along[list(lower)])
            weight[list(upper)] = 0.42 * (1.0 - np.sqrt(along[list(upper)]))
        weight[list(LEFT_CORNER + RIGHT_CORNER)] = 0.42
        return weight

    def move(self, weight: np.ndarray, direction: tuple[float, float, float]) -> np.ndarray:
        """(478, 3): ``direction`` times a falloff."""
        return weight[:, None] * np.asarray(direction, float)

    def jaw_open(self) -> np.ndarray:
        out = self.move(self.jaw, (0.0, -0.56, -0.16))
        out[:, 0] -= 0.12 * self.x * self.lip
        return out

    def pucker(self, narrowing: float, forward: float, opening: float, thickening: float) -> np.ndarray:
        """Corners inwards, lips forward; ``opening`` parts the lips, ``thickening`` moves their outer edge."""
        along = np.clip(1.0 - (self.x / self.corner[0]) ** 2, 0.0, 1.0)
        out = self.move(self.lip * (0.35 + 0.65 * along), (0.0, 0.0, forward))
        out[:, 0] = -narrowing * self.x * self.lip
        rise = self._rows(UPPER_LIP, tuple(opening + thickening * k / 3 for k in range(4)))
        fall = self._rows(LOWER_LIP, tuple(opening + thickening * k / 3 for k in range(4)))
        out[:, 1] = (rise - fall) * along
        return out

    def roll(self, rows: tuple[tuple[int, ...], ...], sign: float, side: np.ndarray | float = 1.0) -> np.ndarray:
        """The lip's red turns inwards: the outer edge comes ``sign`` towards the opening, everything goes back."""
        inwards = self._rows(rows, (0.0, 0.02, 0.05, 0.08))
        back = self._rows(rows, (0.04, 0.05, 0.05, 0.02))
        along = np.clip(1.0 - (self.x / self.corner[0]) ** 2, 0.0, 1.0)
        return np.stack([0.0 * inwards, sign * inwards * along, -back * along], 1) * np.reshape(side, (-1, 1))

    def part(self, rows: tuple[tuple[int, ...], ...], distance: float, skin_y: float) -> np.ndarray:
        """The left half of one lip moves by ``distance`` (y, its sign included), the skin beside it with it."""
        along = np.clip(1.0 - (self.x / self.corner[0]) ** 2, 0.0, 1.0) ** 0.7
        lip = self._rows(rows, (1.0, 1.0, 0.95, 0.85)) * along
        other = LOWER_LIP if rows is UPPER_LIP else UPPER_LIP
        skin = 0.55 * self.near((0.18, skin_y), 0.3, 0.2)
        skin[[i for row in other for i in row]] = 0.0
        return self.move(np.where(lip > 0, lip, skin) * self.left, (0.0, distance, 0.0))

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
    lower = f._rows(LOWER_LIP, (1.0,) * 4)
    upper = f._rows(UPPER_LIP, (1.0,) * 4)
    under_nose = f.near((0.0, mouth_y + 0.28), 0.35, 0.15)
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
        "mouthShrugLower": f.move(np.maximum(0.9 * lower, 0.8 * chin * (1 - upper)), (0.0, 0.10, 0.03))
        + f.move(upper, (0.0, 0.06, 0.03)),
        "mouthShrugUpper": f.move(np.maximum(upper, 0.6 * under_nose * (1 - lower)), (0.0, 0.07, 0.05)),
        "mouthSmileLeft": f.at_corner((0.13, 0.15, -0.07)) + f.move(cheek, (0.03, 0.06, 0.04)),
        "mouthFrownLeft": f.at_corner((0.02, -0.13, -0.01)),
        "mouthDimpleLeft": f.at_corner((0.09, 0.02, -0.09), 0.24, 0.2),
        "mouthStretchLeft": f.at_corner((0.15, -0.07, -0.06)),
        "mouthPressLeft": f.roll(UPPER_LIP, -0.6, f.left)
        + f.roll(LOWER_LIP, 0.6, f.left)
        + f.at_corner((0.02, 0.0, -0.02), 0.2, 0.15),
        "mouthLowerDownLeft": f.part(LOWER_LIP, -0.17, mouth_y - 0.33),
        "mouthUpperUpLeft": f.part(UPPER_LIP, 0.15, mouth_y + 0.28),
    }


def _upper_face_channels(f: PriorFields) -> dict[str, np.ndarray]:
    inner_brow = f.near((0.2, 0.28), 0.2, 0.22)
    outer_brow = f.near((0.78, 0.38), 0.3, 0.24)
    middle_brow = f.near((0.45, 0.38), 0.35, 0.2)
    # The lids stay: brow falloffs fade out above the eye.
    above_eye = _smoothstep((f.y - 0.1) / 0.2)
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
        + 0.35 * f.part(UPPER_LIP, 0.15, float(f.corner[1]) + 0.28)
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
    """``mouthClose`` at weight 1: takes back the gap that ``jawOpen`` (478, 3) opens, two thirds with the lower lip.

    ARKit defines it as the closure of the lips independent of the jaw: jawOpen = mouthClose = 1 is a dropped chin
    behind closed lips.
    """
    out = np.zeros_like(jaw_open)
    gap = jaw_open[list(UPPER_LIP[0])] - jaw_open[list(LOWER_LIP[0])]
    for row, follow in zip(UPPER_LIP, (1.0, 0.95, 0.85, 0.7), strict=True):
        out[list(row)] = -follow * gap / 3.0
    for row, follow in zip(LOWER_LIP, (1.0, 0.95, 0.85, 0.7), strict=True):
        out[list(row)] = follow * gap * 2.0 / 3.0
    return out


def mirror_field(field: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(..., 478, 3) seen in the mirror: ``mirror[i]`` is the point that takes the place of point i."""
    return field[..., mirror, :] * np.array([-1.0, 1.0, 1.0])


def mirror_channels() -> np.ndarray:
    """(51,) index of each channel's counterpart: Left and Right swapped, middle channels themselves."""
    swap = {"Left": "Right", "Right": "Left"}
    names = list(BLENDSHAPES)
    other = [n[: -len(s)] + swap[s] if (s := next((s for s in swap if n.endswith(s)), "")) else n for n in names]
    return np.array([names.index(n) for n in other])


def prior_basis(mean: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Displacement (51, 478, 3) float64 of every ARKit channel at weight 1, in inter-ocular units.

    Args:
        mean: (478, 3) symmetric canonical face at rest.
        mirror: (478,) index of each point's mirror image.
    """
    fields = PriorFields(mean)
    known = _mouth_channels(fields) | _upper_face_channels(fields)
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
