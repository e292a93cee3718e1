"""Draws a person's new mouth into the frames of a video.

The frame's own skin is moved from where its points are to where they are to be, chin and cheeks with it; over it lies
the mouth that the still renderer draws from the person's reference, brought to the frame's light. Outside the lower
face every pixel stays as it was decoded.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from scipy.interpolate import RBFInterpolator

from generation.core.arrays import smoothstep
from generation.core.motion import WEIGHTS
from generation.dubbing.placement import RIGID, Placement, lower_share
from generation.dubbing.reference import PersonView, inter_ocular
from generation.motion.rig import FaceRig, align_similarity
from generation.motion.rig_basis import LIPS, LOWER_LIP, UPPER_LIP
from generation.motion.tracking import lip_gap
from generation.rendering.face import FaceRenderer, RenderFace
from generation.rendering.renderer import BATCH
from masks.landmarks import FaceLandmarks
from masks.topology import FACE_OVAL, LIPS_OUTER

Box = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of a frame, in pixel indices; the last two are left out."""
_SHARP_UNIT = 90.0
"""Pixels between the eyes up to which the reference is enlarged, so that drawing from it twice blurs nothing."""
_NODES_PER_UNIT = 12
_SOFTNESS, _SMOOTHING = 0.06, 1e-3
_INNER_ROWS = 2
"""Rows of a lip, from the opening outwards, that do not move the skin: the drawn mouth covers them."""
_PARTED = 0.03, 0.065
"""Opening of the lips up to which the closed frame is drawn, and from which on a parted one."""
_STILL = 1 / 64
"""Pixels of motion that change nothing to be seen."""
_EYES = 0.4, 0.62
"""How far below the eyes the skin begins to move, and from where on it moves freely, inter-ocular distances."""
_BESIDE = 1.08, 1.45
"""Distance from the face's middle, 1 on its outline, up to which skin moves freely, and from which on nothing moves."""
_PLATEAU, _FADE = 0.08, 0.17
"""Skin around the lips that is drawn with them, and over which it passes into the frame's, inter-ocular distances."""


class ReferenceMouth:
    """The lower face of one frame of a person with any mouth, by the still renderer; set up once.

    Args:
        view: the frame.
        rest: (478, 3) landmarks of the person with closed lips, in any pixels: the zero of the motion.
        rig: the face rig.
        drawn: the person is a drawing.
    """

    def __init__(self, view: PersonView, rest: np.ndarray, rig: FaceRig, drawn: bool) -> None:
        zoom = int(np.clip(np.ceil(_SHARP_UNIT / inter_ocular(view.points)), 1, 2))
        size = (view.picture.shape[1] * zoom, view.picture.shape[0] * zoom)
        self._picture = cv2.resize(view.picture, size, interpolation=cv2.INTER_CUBIC)
        points = view.points * zoom
        scale, rotation, shift = align_similarity(rest[None, RIGID].astype(np.float64), points[RIGID])
        self._rest = (scale[0] * rest @ rotation[0].T + shift[0])[:, :2] - 0.5
        self._rig = rig
        region = np.ones(self._picture.shape[:2], np.float32)
        self._face = FaceRenderer(self._picture, RenderFace(FaceLandmarks(np.float32(points)), region, drawn), rig)
        self._block: tuple[Placement, int] | None = None
        self._drawn: list[np.ndarray] = []

    def points(self, values: np.ndarray) -> np.ndarray:
        """(478, 2) where the points of the face are in :meth:`picture` with motion (57,), pixel indices."""
        displaced = self._rig.displace(values[None, WEIGHTS])[0]
        return self._rest + self._face.pose.displacement_to_picture(displaced)[:, :2]

    def picture(self, placement: Placement, row: int) -> np.ndarray:
        """The frame, uint8 (h, w, 3), with the mouth of a row.

        Rows are drawn in blocks, so that none depends on which others are asked for.
        """
        first = row // BATCH * BATCH
        if self._block is None or self._block[0] is not placement or self._block[1] != first:
            rows = np.minimum(np.arange(first, first + BATCH), len(placement.values) - 1)
            controls = self._face.controls(placement.values)
            part, made = self._face.render(torch.from_numpy(placement.values[rows]), controls[rows], BATCH)
            self._drawn = []
            for pixels in made:
                picture = self._picture.copy()
                self._face.paste(picture, part, pixels)
                self._drawn.append(picture)
            self._block = (placement, first)
        return self._drawn[row - first]


class PersonDubber:
    """One person's new mouth: worked out once from a few of their frames, then drawn frame by frame.

    Args:
        closed: a frame with closed lips.
        parted: one that shows what is behind the lips; None = that is painted.
        rig: the face rig; the packaged one by default.
        drawn: the person is a drawing.
    """

    def __init__(
        self, closed: PersonView, parted: PersonView | None = None, rig: FaceRig | None = None, drawn: bool = False
    ) -> None:
        self.rig = rig or FaceRig.load()
        self._closed = ReferenceMouth(closed, closed.points, self.rig, drawn)
        self._parted = None if parted is None else ReferenceMouth(parted, closed.points, self.rig, drawn)
        share = lower_share(self.rig)
        inner = {i for row in UPPER_LIP[:_INNER_ROWS] + LOWER_LIP[:_INNER_ROWS] for i in row}
        self._moving = np.array([i for i in range(468) if i not in inner and self.rig.mean[i, 1] < 0.0])
        near = [i for i in range(468) if share[i] > 0.9 and abs(self.rig.mean[i, 0]) < 0.75]
        self._near = np.array(near)
        self._weights = np.where(np.isin(self._near, LIPS), 3.0, 1.0)

    def dub(self, frame: np.ndarray, placement: Placement, row: int) -> np.ndarray:
        """One frame with the new mouth.

        Args:
            frame: uint8 (H, W, 3) RGB.
            placement: of the run of frames that it belongs to.
            row: its number in that run.

        Returns:
            A new array; pixels outside the lower face equal the frame's.
        """
        share = float(placement.share[row])
        if share == 0.0:
            return frame.copy()
        source, wanted = placement.source[row] - 0.5, placement.wanted[row] - 0.5
        unit = float(inter_ocular(source))
        box = _box(source, wanted, unit, frame.shape)
        x0, y0, x1, y1 = box
        if x1 - x0 < 8 or y1 - y0 < 8:
            return frame.copy()
        move = self._skin_motion(source, wanted, unit, box)
        y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        skin = cv2.remap(
            frame, x + move[..., 0], y + move[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        mask = share * _mouth_mask(wanted, unit, box)
        mouth = self._mouth(placement, row, wanted, skin, mask, box)
        mixed = skin + mask[..., None] * (mouth - skin)
        changed = (np.abs(move).max(-1) >= _STILL) | (mask > 0)
        out = frame.copy()
        into = out[y0:y1, x0:x1]
        into[changed] = np.clip(np.round(mixed[changed]), 0, 255).astype(np.uint8)
        return out

    def _skin_motion(self, source: np.ndarray, wanted: np.ndarray, unit: float, box: Box) -> np.ndarray:
        """(h, w, 2) float32: how far from each pixel of the box lies the skin that it is to show."""
        x0, y0, x1, y1 = box
        oval = wanted[list(FACE_OVAL)]
        middle = 0.5 * (oval.min(0) + oval.max(0))
        ring = np.concatenate([middle + f * (oval - middle) for f in (1.4, 1.7)])[::2]
        centres = np.concatenate([wanted[self._moving], ring]) / unit
        values = np.concatenate([(source - wanted)[self._moving], np.zeros_like(ring)])
        stride = max(2.0, unit / _NODES_PER_UNIT)
        columns, rows = (int(np.ceil(n / stride)) + 1 for n in (x1 - x0, y1 - y0))
        grid = np.stack(np.meshgrid(np.linspace(x0, x1 - 1, columns), np.linspace(y0, y1 - 1, rows)), -1)
        spread = RBFInterpolator(
            centres, values, kernel="multiquadric", epsilon=1 / _SOFTNESS, smoothing=_SMOOTHING, degree=0
        )
        nodes = spread(grid.reshape(-1, 2) / unit).reshape(rows, columns, 2)
        nodes *= _window(source, grid, unit)[..., None]
        at_x = np.linspace(0, columns - 1, x1 - x0, dtype=np.float32)
        at_y = np.linspace(0, rows - 1, y1 - y0, dtype=np.float32)
        return cv2.remap(np.float32(nodes), *np.meshgrid(at_x, at_y), cv2.INTER_LINEAR)

    def _mouth(
        self, placement: Placement, row: int, wanted: np.ndarray, skin: np.ndarray, mask: np.ndarray, box: Box
    ) -> np.ndarray:
        """(h, w, 3) float32: the drawn mouth over a frame's box, in the light of its skin."""
        gap = float(lip_gap(self.rig.mean + self.rig.displace(placement.values[row : row + 1, WEIGHTS])[0]))
        open_ = 0.0 if self._parted is None else float(smoothstep((gap - _PARTED[0]) / (_PARTED[1] - _PARTED[0])))
        unit = float(inter_ocular(wanted))
        layers = []
        for reference, share in ((self._closed, 1 - open_), (self._parted, open_)):
            if reference is not None and share > 0:
                laid = self._laid(reference, placement, row, wanted, box)
                layers.append(share * _in_light_of(laid, skin, mask, unit))
        mouth: np.ndarray = sum(layers[1:], layers[0])
        return mouth

    def _laid(
        self, reference: ReferenceMouth, placement: Placement, row: int, wanted: np.ndarray, box: Box
    ) -> np.ndarray:
        """(h, w, 3) float32: a reference with the mouth of a row, laid on a frame's box."""
        picture, points = reference.picture(placement, row), reference.points(placement.values[row])
        matrix = _affine(wanted[self._near] - box[:2], points[self._near], self._weights)
        shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        if shrink > 1.5:  # no aliasing
            picture = cv2.GaussianBlur(picture, (0, 0), 0.35 * shrink)
        size, flags = (box[2] - box[0], box[3] - box[1]), cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        laid = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return laid.astype(np.float32)


def _box(source: np.ndarray, wanted: np.ndarray, unit: float, shape: tuple[int, ...]) -> Box:
    """Left, top, right and bottom of the part of a frame that may change."""
    points = np.concatenate([source[:468], wanted[:468]])
    low = np.floor(points.min(0) - 0.5 * unit).astype(int)
    high = np.ceil(points.max(0) + 0.7 * unit).astype(int)
    if abs(source[33, 1] - source[263, 1]) < 0.5 * unit:  # an upright head's forehead is left out
        low[1] = int(source[[33, 133, 362, 263], 1].mean())
    return max(low[0], 0), max(low[1], 0), min(high[0], shape[1]), min(high[1], shape[0])


def _window(points: np.ndarray, places: np.ndarray, unit: float) -> np.ndarray:
    """(...) 1 on the lower face, 0 beside the face and from the eyes upwards."""
    right, left = points[[33, 133]].mean(0), points[[362, 263]].mean(0)
    along = (left - right) / np.linalg.norm(left - right)
    down = np.array([-along[1], along[0]])
    below = (places - 0.5 * (right + left)) @ down / unit
    chin, top = points[152], points[10]
    middle = 0.5 * (chin + top)
    reach = np.array([0.5 * np.linalg.norm(points[454] - points[234]), 0.5 * np.linalg.norm(chin - top)])
    away = np.hypot((places - middle) @ along / reach[0], (places - middle) @ down / reach[1])
    lower = smoothstep((below - _EYES[0]) / (_EYES[1] - _EYES[0]))
    window: np.ndarray = lower * (1 - smoothstep((away - _BESIDE[0]) / (_BESIDE[1] - _BESIDE[0])))
    return window


def _mouth_mask(points: np.ndarray, unit: float, box: Box) -> np.ndarray:
    """(h, w) float32: 1 on the lips and close to them, 0 further away."""
    shape = (box[3] - box[1], box[2] - box[0])
    outside = np.full(shape, 255, np.uint8)
    hull = cv2.convexHull(np.float32(points[list(LIPS_OUTER)] - box[:2]))
    cv2.fillPoly(outside, [np.int32(np.round(hull * 16))], 0, cv2.LINE_8, 4)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, 5) / unit
    return np.float32(1 - smoothstep((distance - _PLATEAU) / _FADE))


def _in_light_of(mouth: np.ndarray, skin: np.ndarray, mask: np.ndarray, unit: float) -> np.ndarray:
    """The drawn mouth with the light of the frame's skin, as found where the one passes into the other."""
    band = np.float32((mask > 0.02) & (mask < 0.7))
    if band.sum() < 20:
        return mouth
    y, x = (np.arange(n, dtype=np.float32) / unit for n in mask.shape)
    y, x = y - y.mean(), x - x.mean()
    rows, columns = np.where(band > 0)
    terms = np.column_stack([np.ones(len(rows)), x[columns], y[rows]])
    blur = 0.06 * unit
    ratio = np.log(
        np.maximum(cv2.GaussianBlur(skin, (0, 0), blur), 4) / np.maximum(cv2.GaussianBlur(mouth, (0, 0), blur), 4)
    )
    shares = np.linalg.lstsq(terms, ratio[rows, columns], rcond=None)[0]
    gain = np.exp(shares[0] + x[None, :, None] * shares[1] + y[:, None, None] * shares[2])
    return mouth * np.clip(gain, 0.4, 2.5)


def _affine(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(2, 3) least-squares affine map from points (N, 2) to points (N, 2)."""
    root = np.sqrt(weights)[:, None]
    terms = np.column_stack([source, np.ones(len(source))])
    found: np.ndarray = np.linalg.lstsq(terms * root, target * root, rcond=None)[0].T
    return found
