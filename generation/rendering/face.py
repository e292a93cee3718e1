"""One face: static set-up from the picture, and rendering of its frames in batches."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from generation.core.arrays import smoothstep
from generation.core.motion import ROTATION, TRANSLATION, WEIGHTS
from generation.motion.rig import FaceRig
from generation.rendering.compositing import Compositor
from generation.rendering.controls import mouth_controls
from generation.rendering.creases import Creases
from generation.rendering.cut_out import fill_face
from generation.rendering.deformation import build_deformation
from generation.rendering.eyes import Eye
from generation.rendering.imaging.inpainting import fill_behind
from generation.rendering.imaging.look import measure_look
from generation.rendering.imaging.texture import crop_box, places_of
from generation.rendering.imaging.warp import Grid, bounding_grid, invert, rotation_matrices, upsample
from generation.rendering.mouth.layers import Mouth
from generation.rendering.mouth.lip_line import find_lip_line
from masks.landmarks import FaceLandmarks
from masks.matting import refine_matte
from masks.topology import FACE_OVAL

_NODES_PER_UNIT = 14
"""Nodes of the motion's grid per inter-ocular distance."""
_PRESS = 0.025
"""Overlap of touching lips, inter-ocular distances."""
_REACH = 0.85
"""Share of the way to the region's border that anything may move."""
_TEETH_DEPTH = 0.12
"""How far the teeth stand behind the lips, inter-ocular distances."""
_FAR_YAW = 0.2
"""By how much more a head turns than asked where 30 degrees are asked: its far side seems to be less far then."""
_HIDDEN = 0.3
"""Width that skin keeps, of its own, where it turns out of sight: nothing of it may come to lie before the face, and
the motion has to be inverted there in a few steps."""
_STILL = 2e-4
"""Pixels of motion that change no byte of the steepest edge."""


@dataclass(frozen=True)
class RenderFace:
    """A face of the picture that is rendered.

    Attributes:
        landmarks: of the face in the picture.
        region: (H, W) float32 in [0, 1], the MotionRegion: pixels that may change; 0 = never.
        drawn: a drawing: flat colours for lids and the mouth's inside, taken from the drawing.
        mask: (H, W) float32 in [0, 1], the CharacterMask: who stands before the background. With it the head moves over
            a filled background; without it the surroundings bend with the head.
    """

    landmarks: FaceLandmarks
    region: np.ndarray
    drawn: bool = False
    mask: np.ndarray | None = None


class FaceRenderer:
    """Static set-up of one face and the rendering of its frames.

    Args:
        picture: uint8 (H, W, 3) RGB.
        face: what to move and where.
        rig: the face rig.
        cut: (H, W, 4) the people without background, see :mod:`generation.rendering.cut_out`; None = the picture moves.

    Attributes:
        grid: nodes of the motion; :meth:`render` draws parts of its box.

    Raises:
        ValueError: region or mask of another size than the picture, or an empty region.
    """

    def __init__(self, picture: np.ndarray, face: RenderFace, rig: FaceRig, cut: np.ndarray | None = None) -> None:
        _check_maps(picture, face)
        # pixel centres lie at integer + 0.5 in landmarks, at integers in arrays
        points3 = face.landmarks.points.astype(np.float64) - [0.5, 0.5, 0.0]
        points = points3[:, :2]
        self.pose = rig.fit_pose(points3)
        self.unit = self.pose.scale
        self.grid = _grid_over(face.region > 0, self.unit)
        self.line = find_lip_line(picture, points, self.unit)
        self.look = look = measure_look(picture, points, self.unit)
        self.mouth = Mouth(picture, points, self.line, self.unit, face.drawn, look)
        self.eyes = [Eye(picture, points, left, self.unit, face.drawn, look) for left in (False, True)]
        self.creases = Creases(points, self.unit, rig.mirror)
        self._place_fields(rig, points)
        self._cut_picture(picture, face, points, cut)
        nodes = self.grid.nodes()
        self.origin = torch.tensor(self.pose.translation[:2] * [1.0, -1.0], dtype=torch.float32)
        self.nodes = nodes - self.origin
        distance = self._to_border(picture.shape[:2], face.region)
        self.limit = torch.from_numpy(np.maximum(_REACH * distance, 1e-3))
        # without a mask the surroundings bend with the head, the more gently the better
        fade = smoothstep(distance / (0.3 * self.unit)) if face.mask is None else np.ones_like(distance)
        self.fade = torch.from_numpy(np.float32(fade))

    def _place_fields(self, rig: FaceRig, points: np.ndarray) -> None:
        mouth, stride = self.mouth.box, self.grid.stride
        low = ((mouth.left - self.grid.left) // stride, (mouth.top - self.grid.top) // stride)
        high = (low[0] + mouth.width // stride + 2, low[1] + mouth.height // stride + 2)
        self.lips = self.grid.part(low, high)
        nodes, lip_nodes = self.grid.nodes().numpy(), self.lips.nodes().numpy()
        fields = build_deformation(rig, self.pose, points, nodes, lip_nodes, self.line)
        self.fields = fields
        self.face_field, self.upper_field, self.lower_field = (
            torch.from_numpy(f.reshape(f.shape[0], -1)) for f in (fields.face, fields.upper, fields.lower)
        )
        self.gap_basis = torch.from_numpy(fields.gap_basis)
        self.jaw_field = torch.from_numpy(fields.jaw[:, :2].copy())
        shape = (self.grid.rows, self.grid.columns)
        self.depth, self.follow = (torch.from_numpy(f.reshape(shape)) for f in (fields.depth, fields.follow))
        at = (self.line.middle[::-1] - [self.grid.top, self.grid.left]) // stride
        row, column = np.clip(at, 0, [shape[0] - 1, shape[1] - 1]).astype(int)  # a mouth may lie beyond the picture
        self.teeth_depth = float(fields.depth.reshape(shape)[row, column]) - _TEETH_DEPTH * self.unit

    def _cut_picture(self, picture: np.ndarray, face: RenderFace, points: np.ndarray, cut: np.ndarray | None) -> None:
        crop = crop_box(picture, self.grid)
        region = crop_box(face.region.astype(np.float32), self.grid)
        inside = _within(places_of(self.grid), picture.shape[:2])
        region = np.where(inside, region, 0.0)
        self.changeable = np.uint8(region > 0)
        edge = max(2.0, 0.05 * self.unit)
        padded = np.pad(self.changeable | np.uint8(~inside), 1)
        distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
        blend = np.float32(np.clip(region, 0, 1) * np.clip(distance / edge, 0, 1))
        matte = behind = None
        person = np.ones(crop.shape[:2], bool)
        if cut is not None:
            crop = crop_box(cut, self.grid)
            person = crop[..., 3] > 0
        elif face.mask is not None:
            matte = refine_matte(
                crop, crop_box(face.mask.astype(np.float32), self.grid), max(2, round(0.06 * self.unit))
            )
            if self.look.blur:
                matte = cv2.GaussianBlur(matte, (0, 0), self.look.blur)
            matte = fill_face(matte, points[list(FACE_OVAL)] - [self.grid.left, self.grid.top])
            behind = fill_behind(crop, matte, round(0.8 * self.unit))
            person = (matte > 0) | (behind != crop).any(-1)
        # near the region's border the picture shows through
        self.compositor = Compositor(self.grid, crop, blend, matte, behind)
        away = cv2.distanceTransform(np.uint8(~person), cv2.DIST_L2, 5)[:: self.grid.stride, :: self.grid.stride]
        self.away = torch.from_numpy(away.copy())  # of each node from the person, pixels

    def _to_border(self, shape: tuple[int, int], region: np.ndarray) -> np.ndarray:
        """(rows, columns) float32 pixels from each node to where the region ends; nothing may be carried beyond."""
        inside = _within(places_of(self.grid), shape)
        free = (crop_box(region, self.grid) > 0) | ~inside  # the picture's own border holds nothing back
        padded = np.pad(free, 1, constant_values=False)
        distance = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        return distance[:: self.grid.stride, :: self.grid.stride][: self.grid.rows, : self.grid.columns]

    def paste(self, frame: np.ndarray, part: Grid, pixels: np.ndarray) -> None:
        """Lay what :meth:`render` made into a frame of the picture, or of the people without background."""
        bottom, right = min(part.top + part.height, frame.shape[0]), min(part.left + part.width, frame.shape[1])
        height, width = bottom - part.top, right - part.left
        changeable = self.changeable[part.slices(self.grid)][:height, :width]
        into = frame[part.top : bottom, part.left : right]
        cv2.copyTo(pixels[:height, :width], changeable, into)  # OpenCV masks quickest

    def controls(self, values: np.ndarray) -> torch.Tensor:
        """Controls (T, N_CONTROLS) of the mesh for a whole motion track (T, 57)."""
        controls = mouth_controls(values, self.fields.gap, self.fields.gap_basis, self.line.closed, _PRESS * self.unit)
        return torch.from_numpy(controls)

    @torch.inference_mode()
    def render(self, values: torch.Tensor, controls: torch.Tensor, count: int) -> tuple[Grid, list[np.ndarray]]:
        """The part of the face's box that this motion can change; what lies beside it stays the picture.

        Args:
            values: (T, 57) float32 motion.
            controls: (T, N_CONTROLS) of the same frames.
            count: how many of them, the first ones, are wanted.

        Returns:
            The part, and its pixels, uint8 (h, w, 3) a frame, (h, w, 4) of people without background.
        """
        rotation = rotation_matrices(_as_seen(values[:, ROTATION]))
        shift = values[:, TRANSLATION] * values.new_tensor([1.0, -1.0, 1.0]) * self.unit
        shape = (self.grid.rows, self.grid.columns)
        move = self._moves(
            _driven(controls, self.face_field).view(-1, 3, *shape), rotation, shift, slice(None), slice(None)
        )
        speaking = (_driven(controls, self.gap_basis).abs() > 1e-3).any(1)
        looks = [(eye, drive) for eye in self.eyes if (drive := eye.drive(values[:, WEIGHTS])).moves]
        folds = self.creases.drive(values[:, WEIGHTS])
        layers = [eye.box for eye, _ in looks] + ([self.mouth.box] if speaking.any() else [])
        creased = self.creases.reach(folds)
        layers += [creased] if creased is not None else []
        reach = float(move.abs().amax((0, 2, 3)).norm())
        part = self._reached(move, reach, layers)
        places = invert(move, self.grid, part)
        seen = [(eye, drive, around) for eye, drive in looks if (around := _around(eye.box, part, places)) is not None]
        lips = self.mouth.target(part, places) if speaking.any() else None
        skin = _around(creased, part, places) if creased is not None else None
        targets = [around for *_, around in seen] + [box for box in (lips, skin) if box is not None]
        if not targets:
            return part, self.compositor.frames(places[:count], part, reach, None, None)
        # mouth and eyes are worked out together for all frames, the rest frame by frame, which fits into caches
        features = bounding_grid(targets)
        image = self.compositor.planes(_nodes(places, part, features), features)
        if lips is not None:
            self._put_mouth(image[:count, :3], features, lips, controls, speaking[:count], rotation, shift)
        if skin is not None:
            rows, columns = skin.slices(features)
            at = upsample(_nodes(places, part, skin), skin)
            self.creases.shade(image[:, :3, rows, columns], at, folds)
        for eye, drive, around in seen:
            rows, columns = around.slices(features)
            at = upsample(_nodes(places, part, around), around)
            image[:, :3, rows, columns] = eye.compose(image[:, :3, rows, columns], at, drive)
        return part, self.compositor.frames(places[:count], part, reach, features, image)

    def _reached(self, move: torch.Tensor, reach: float, layers: list[Grid]) -> Grid:
        """The part of the grid that displacements (T, 2, rows, columns) of its nodes and moved layers can change.

        ``reach`` is how many pixels anything moves at most.

        Where background would move over itself it stays, so that part ends as far from the person as anything moves.
        """
        stride = self.grid.stride
        moving = (move.abs().amax((0, 1)) > _STILL) & (self.away <= reach + 2 * stride + 2)
        rows, columns = torch.where(moving)
        bounds = [(int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max()))] if len(rows) else []
        for box in layers:
            low = np.array([box.left - self.grid.left, box.top - self.grid.top])
            high = low + [box.width, box.height]
            bounds.append((*((low - reach) // stride - 4), *((high + reach) // stride + 5)))
        if not bounds:
            return self.grid.part((0, 0), (1, 1))
        last = np.array([self.grid.columns - 1, self.grid.rows - 1])
        low = np.clip(np.min(bounds, 0)[:2].astype(int) - 1, 0, last - 1)
        high = np.clip(np.max(bounds, 0)[2:].astype(int) + 1, 1, last)
        return self.grid.part((int(low[0]), int(low[1])), (int(high[0]), int(high[1])))

    def _moves(
        self, bent: torch.Tensor, rotation: torch.Tensor, shift: torch.Tensor, rows: slice, columns: slice
    ) -> torch.Tensor:
        """Displacement (T, 2, r, c) in pixels of nodes that the face bends by (T, 3, r, c): head motion on top."""
        nodes, depth = self.nodes[rows, columns], self.depth[rows, columns]
        solid = torch.cat([nodes.permute(2, 0, 1), depth[None]]) + bent
        turned = torch.einsum("tij,tjrc->tirc", rotation[:, :2], solid) - solid[:, :2] + shift[:, :2, None, None]
        head = self.follow[rows, columns] * turned
        if nodes.shape == self.nodes.shape:
            head = self._unfolded(head)
        move = (bent[:, :2] + head) * self.fade[rows, columns]
        over = move.square().sum(1, keepdim=True) / self.limit[rows, columns] ** 2
        return move * (1.0 + over.clamp_min(1e-6).square()).rsqrt().sqrt()  # no slow denormal numbers at rest

    def _unfolded(self, head: torch.Tensor) -> torch.Tensor:
        """Displacements (T, 2, rows, columns) by the head's motion, without folds.

        Outwards from the place between the eyes, rows and columns stay in order: what would go back behind what is
        nearer to the viewer, as a cheek and an ear do when the head turns, becomes a narrow edge there.
        """
        planes = []
        for axis in (0, 1):
            own = self.nodes[..., axis] * (1.0 - _HIDDEN)
            middle = int((self.nodes[0, :, 0] if axis == 0 else self.nodes[:, 0, 1]).abs().argmin())
            dim = 2 - axis
            places = head[:, axis] + own
            after = places.narrow(dim, middle, places.shape[dim] - middle).cummax(dim)[0]
            before = places.narrow(dim, 0, middle + 1).flip(dim).cummin(dim)[0].flip(dim)
            planes.append(torch.cat([before.narrow(dim, 0, middle), after], dim) - own)
        return torch.stack(planes, 1)

    def _put_mouth(
        self,
        image: torch.Tensor,
        box: Grid,
        target: Grid,
        controls: torch.Tensor,
        speaking: torch.Tensor,
        rotation: torch.Tensor,
        shift: torch.Tensor,
    ) -> None:
        rows, columns = self.lips.nodes_in(self.grid)
        shape = (self.lips.rows, self.lips.columns)
        moves = tuple(
            self._moves(_driven(controls, field).view(-1, 3, *shape), rotation, shift, rows, columns)
            for field in (self.upper_field, self.lower_field)
        )
        # where the skull's motion alone shows a pixel's place of the picture: x = A (p - origin - still) + origin
        flat = torch.linalg.inv(rotation[:, :2, :2]).double()
        still = (self.origin + rotation[:, :2, 2] * self.teeth_depth + shift[:, :2]).double()
        skull = torch.cat([flat, (self.origin - (flat * still[:, None]).sum(2))[..., None]], 2)
        at = target.slices(box)
        base = image[:, :, at[0], at[1]]
        jaw = _driven(controls, self.jaw_field).numpy()
        places = torch.stack(invert(torch.cat(moves), self.lips, target).chunk(2), 1)
        for frame in torch.where(speaking)[0].tolist():
            self.mouth.compose(base[frame : frame + 1], target, places[frame], skull[frame].numpy(), jaw[frame])


def _as_seen(rotation: torch.Tensor) -> torch.Tensor:
    """Rotations (T, 3) by which a picture is turned so that it looks turned by the asked ones."""
    yaw = rotation[:, 1]
    most = (yaw / np.radians(30.0)).square().clamp_max(1.0)
    return torch.stack([rotation[:, 0], yaw * (1.0 + _FAR_YAW * most), rotation[:, 2]], 1)


def _driven(controls: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """(T, M) what controls (T, N) do through a field (N, M), frame by frame: a product rounds by its number of rows.

    Copied, since its last bit may hang on how numbers lie in memory.
    """
    return torch.stack([one.clone() @ field for one in controls])


def _around(box: Grid, part: Grid, places: torch.Tensor) -> Grid | None:
    """The nodes of the part that show a box of the picture, given the places (T, 2, rows, columns) that they see."""
    at = places.permute(0, 2, 3, 1)
    low = at.new_tensor([box.left, box.top])
    high = low + at.new_tensor([box.width, box.height])
    rows, columns = torch.where(((at >= low) & (at <= high)).all(-1).any(0))
    if len(rows) == 0:
        return None
    first = (int(columns.min()) - 1, int(rows.min()) - 1)
    return part.part(first, (int(columns.max()) + 1, int(rows.max()) + 1))


def _nodes(places: torch.Tensor, part: Grid, box: Grid) -> torch.Tensor:
    """Of the places (..., rows, columns) of the part's nodes those of a box inside it."""
    rows, columns = box.nodes_in(part)
    return places[..., rows, columns]


def _check_maps(picture: np.ndarray, face: RenderFace) -> None:
    for name, values in (("motion region", face.region), ("character mask", face.mask)):
        if values is not None and values.shape != picture.shape[:2]:
            raise ValueError(f"The {name} has shape {values.shape}; it must cover the picture, {picture.shape[:2]}.")
    if not (face.region > 0).any():
        raise ValueError("The motion region of a face is empty; give it the pixels that may move.")


def _within(places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (places[..., 0] >= 0) & (places[..., 1] >= 0) & (places[..., 0] < shape[1]) & (places[..., 1] < shape[0])


def _grid_over(region: np.ndarray, unit: float) -> Grid:
    """Grid whose box holds the region's pixels."""
    rows, columns = np.where(region.any(1))[0], np.where(region.any(0))[0]
    stride = max(2, round(unit / _NODES_PER_UNIT))
    n_rows = -(-int(rows[-1] - rows[0]) // stride) + 1
    n_columns = -(-int(columns[-1] - columns[0]) // stride) + 1
    return Grid(int(columns[0]), int(rows[0]), max(n_rows, 2), max(n_columns, 2), stride)
