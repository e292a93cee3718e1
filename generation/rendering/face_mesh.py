"""A face of a picture as a mesh: its landmarks in space, the rig's morph targets fitted to it, and its texture.

Space: x right, y up, z towards the viewer, as glTF has it; metres, with 63 mm between the middles of the eyes; the
origin lies between them, about which the head turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import Delaunay

from generation.core.motion import ROTATION, TRANSLATION, MotionTrack
from generation.motion.rig import PICTURE_TO_RIG, FaceRig, eye_centres
from generation.motion.rig_basis import LEFT_LOWER_LID, LEFT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_UPPER_LID
from generation.motion.tracking import eye_opening, lip_gap
from masks.landmarks import FaceLandmarks
from masks.topology import LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS

INTER_OCULAR = 0.063
"""Metres between the middles of the eyes: the mean of adults (Dodgson, "Variation and extrema of human interpupillary
distance", 2004)."""
_SUNK = 0.03
"""How far the irises lie behind the lids, inter-ocular distances: what moves behind the lids is hidden there."""
_INSIDE = 0.9
"""Share of the way from an eye's middle to its lids within which points of its iris stay."""
_APART = 0.04
"""Opening between the inner lips, inter-ocular distances, from which a picture shows teeth."""
_MARGIN = 0.05
"""Of the texture around the face, as a share of its size."""
_LIDS = [i for rows in (LEFT_UPPER_LID, LEFT_LOWER_LID, RIGHT_UPPER_LID, RIGHT_LOWER_LID) for row in rows for i in row]


@dataclass(frozen=True)
class FaceMesh:
    """A textured mesh with morph targets.

    Attributes:
        points: (478, 3) float32, metres.
        normals: (478, 3) float32.
        places: (478, 2) float32 texture coordinates, 0..1, from its upper left corner.
        targets: (51, 478, 3) float32 displacement at weight 1 of each of :data:`generation.core.motion.BLENDSHAPES`.
        skin: (F, 3) triangles with the texture, irises and all.
        mouth: (M, 3) triangles across the mouth's opening; of no area while the lips are closed.
        shows_mouth: the picture's lips are apart, so that the texture shows what is between them.
        texture: uint8 (H, W, 3) RGB, the picture around the face.
        centre: (2,) where between the eyes the origin lies, pixels of the picture.
        unit: metres per pixel.
    """

    points: np.ndarray
    normals: np.ndarray
    places: np.ndarray
    targets: np.ndarray
    skin: np.ndarray
    mouth: np.ndarray
    shows_mouth: bool
    texture: np.ndarray
    centre: np.ndarray
    unit: float


def face_mesh(picture: np.ndarray, face: FaceLandmarks, rig: FaceRig | None = None) -> FaceMesh:
    """The mesh of a face in a picture (H, W, 3) uint8 RGB; the packaged rig by default."""
    rig = rig or FaceRig.load()
    marks = face.points.astype(np.float64)
    pose = rig.fit_pose(marks)
    camera = marks * PICTURE_TO_RIG
    right, left = eye_centres(camera)
    origin, unit = 0.5 * (right + left), INTER_OCULAR / float(np.linalg.norm(left - right))
    points = (camera - origin) * unit
    targets = pose.displacement_to_picture(rig.basis.astype(np.float64)) * PICTURE_TO_RIG * unit
    # lids meet where the picture's own do, however wide its eyes are open
    targets[:, _LIDS] *= eye_opening(camera) / pose.scale / eye_opening(rig.mean)
    irises = list(LEFT_IRIS + RIGHT_IRIS)
    eyes = [_eye_triangles(points, ring, iris) for ring, iris in ((LEFT_EYE, LEFT_IRIS), (RIGHT_EYE, RIGHT_IRIS))]
    points[irises, 2] -= _SUNK * INTER_OCULAR
    within = {tuple(sorted(corners)) for corners in rig.eye_interior.tolist()}
    around = [corners for corners in rig.triangles.tolist() if tuple(sorted(corners)) not in within]
    skin = np.concatenate([np.array(around), *eyes])
    texture, places = _texture(picture, marks[:, :2])
    return FaceMesh(
        points=points.astype(np.float32),
        normals=_normals(points, skin),
        places=places,
        targets=targets.astype(np.float32),
        skin=skin,
        mouth=rig.mouth_interior,
        shows_mouth=bool(lip_gap(camera) > _APART),
        texture=texture,
        centre=origin[:2] * [1.0, -1.0],
        unit=unit,
    )


def _eye_triangles(points: np.ndarray, ring: tuple[int, ...], iris: tuple[int, ...]) -> np.ndarray:
    """Triangles (N, 3) that fill an eye's opening through the points of its iris, which are moved inside it first."""
    edge = points[list(ring)]
    middle = edge.mean(0)
    for i in iris:
        points[i, :2] = _pulled_inside(points[i, :2], middle[:2], edge[:, :2])
        points[i, 2] = edge[:, 2].mean()
    used = np.array([*ring, *iris])
    corners = Delaunay(points[used, :2]).simplices
    flat = points[used, :2][corners]
    a, b = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    turn = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    corners = np.where(turn[:, None] < 0, corners[:, ::-1], corners)
    inside = np.array([_within(centre, edge[:, :2]) for centre in flat.mean(1)]) & (np.abs(turn) > 1e-12)
    return used[corners[inside]]


def _pulled_inside(point: np.ndarray, middle: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """The point, or where it lies inside an outline on its way to the middle."""
    for share in np.linspace(1.0, 0.0, 41):
        moved = middle + share * (point - middle)
        if _within(middle + (moved - middle) / _INSIDE, edge):
            return moved
    return middle


def _within(point: np.ndarray, outline: np.ndarray) -> bool:
    """Whether a point lies inside a closed outline (N, 2): an odd number of its edges is crossed on the way out."""
    one, other = outline, np.roll(outline, -1, 0)
    across = (one[:, 1] > point[1]) != (other[:, 1] > point[1])
    height = np.where(across, other[:, 1] - one[:, 1], 1.0)
    at = one[:, 0] + (point[1] - one[:, 1]) / height * (other[:, 0] - one[:, 0])
    return bool((across & (at > point[0])).sum() % 2)


def _normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(N, 3) float32 unit normals: those of the triangles around each point, by their areas."""
    corners = points[triangles]
    of_faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(points)
    for column in triangles.T:
        np.add.at(total, column, of_faces)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 0, total / np.maximum(length, 1e-20), [0.0, 0.0, 1.0]).astype(np.float32)


def _texture(picture: np.ndarray, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture around points (N, 2) in pixels, and where in it they lie (N, 2), 0..1."""
    low, high = marks.min(0), marks.max(0)
    margin = _MARGIN * (high - low).max()
    size = np.array(picture.shape[1::-1])
    first = np.floor(low - margin).clip(0, size - 1).astype(int)
    stop = np.ceil(high + margin).astype(int).clip(first + 1, size)
    crop = picture[first[1] : stop[1], first[0] : stop[0]]
    return np.ascontiguousarray(crop), ((marks - first) / (stop - first)).clip(0, 1).astype(np.float32)


def head_turns(track: MotionTrack) -> np.ndarray:
    """(T, 4) float32 unit quaternions (x, y, z, w) of a head's rotation, each the nearer one to that before."""
    angles = track.values[:, ROTATION].astype(np.float64)
    half = 0.5 * np.linalg.norm(angles, axis=1, keepdims=True)
    vector = angles * 0.5 * np.sinc(half / np.pi)
    turns = np.concatenate([vector, np.cos(half)], 1)
    signs = np.sign(np.einsum("ij,ij->i", turns[1:], turns[:-1]))
    turns[1:] *= np.cumprod(np.where(signs < 0, -1.0, 1.0))[:, None]
    return (turns / np.linalg.norm(turns, axis=1, keepdims=True)).astype(np.float32)


def head_places(track: MotionTrack) -> np.ndarray:
    """(T, 3) float32 metres by which a head is moved from its place in the picture."""
    return track.values[:, TRANSLATION] * np.float32(INTER_OCULAR)
