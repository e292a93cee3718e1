"""Deformation fields of one face over a coarse grid: displacement per motion channel, depth, neck.

Displacements of the mesh's points are spread over the plane by radial basis functions (multiquadrics, R. L. Hardy,
"Multiquadric equations of topography and other irregular surfaces", 1971). The upper and the lower lip get fields of
their own, because motion jumps between them.

All fields are in image axes: x right, y down, z towards the viewer, pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from generation.core.arrays import smoothstep
from generation.core.motion import BLENDSHAPES
from generation.motion.rig import FaceRig, Pose
from generation.motion.rig_basis import LEFT_CORNER, LOWER_LIP, RIGHT_CORNER, UPPER_LIP
from generation.rendering.mouth.lip_line import LipLine
from masks.topology import (
    CHIN,
    FACE_OVAL,
    FOREHEAD_TOP,
    LEFT_BROW,
    LEFT_EYE_RING,
    LEFT_EYE_SKIN,
    LEFT_IRIS,
    RIGHT_BROW,
    RIGHT_EYE_RING,
    RIGHT_EYE_SKIN,
    RIGHT_IRIS,
)

N_CONTACT = len(UPPER_LIP[0])
"""Columns across the lips at which contact is kept."""
N_CONTROLS = len(BLENDSHAPES) + N_CONTACT + 2
"""Blendshape weights, one contact push per lip column, the closing of the picture's own opening, and the end of its
smile where lips are rounded."""
CONTACT = slice(len(BLENDSHAPES), len(BLENDSHAPES) + N_CONTACT)
CLOSE, ROUND = N_CONTROLS - 2, N_CONTROLS - 1

_LIP_FOLLOW = (1.0, 0.95, 0.8, 0.55)
_IRISES = LEFT_IRIS + RIGHT_IRIS
_EYES = LEFT_EYE_RING + LEFT_EYE_SKIN[:16] + RIGHT_EYE_RING + RIGHT_EYE_SKIN[:16] + _IRISES
_CHIN_POINTS = (152, 175, 199, 200, 148, 377)
_CORNER = 0.25
"""Part of the mouth's half width over which the lips come together at the corners."""
_UNSMILE = 0.4
"""Most of a laughing picture's smile that goes away while it speaks, weight of the smile's channels."""
_UNROUND = 1.0
"""Most of the rest of any smile that rounded lips take away, weight of the smile's channels."""
_RIMS = 0.05
"""How far below the brows nothing follows them any more, inter-ocular distances."""
_BLUR = 0.8
"""Nodes over which the fields are smoothed: landmarks stand closer at the lips than nodes do."""
_SKULL = -1.05
"""Height of the skull's middle over the eyes' centres, inter-ocular distances: behind the ears."""
_RELIEF = 1.3
"""By how much the head is deeper than the rig: light and shade of the picture stay where they are when it turns, and
with the rig's own depth a turn looks like 0.75 of itself."""
_BROW_GAIN = {"browDown": 1.4, "browInnerUp": 1.15}
"""By how much brows go further than in the rig, whose brows were learned from speech."""
_SOFT_EDGE = 2.0
"""Nodes over which the depth is smoothed: a cheek's edge that were steeper would be drawn out to teeth in a turn."""
_SOFTNESS = 0.06
_SMOOTHING = 1e-4


@dataclass(frozen=True)
class DeformationFields:
    """Displacement fields of one face over the coarse grid of G = rows x columns nodes.

    Attributes:
        face: (N_CONTROLS, 3, G) float32 displacement per unit of each control, away from the lips.
        upper: (N_CONTROLS, 3, M) the same around the mouth seen from the upper lip, continued below it.
        lower: (N_CONTROLS, 3, M) the same seen from the lower lip, continued above it.
        jaw: (N_CONTROLS, 3) displacement of the chin.
        depth: (G,) float32 height over the eyes' centres, towards the viewer.
        follow: (G,) float32 how far a place follows the head: 1 face and hair, 0 below the neck.
        gap: (N_CONTACT,) float32 the picture's own opening between the inner lips, pixels.
        gap_basis: (N_CONTROLS, N_CONTACT) change of that opening per unit of each control.
    """

    face: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    jaw: np.ndarray
    depth: np.ndarray
    follow: np.ndarray
    gap: np.ndarray
    gap_basis: np.ndarray


def build_deformation(
    rig: FaceRig, pose: Pose, points: np.ndarray, nodes: np.ndarray, lip_nodes: np.ndarray, line: LipLine
) -> DeformationFields:
    """Displacement fields of the face with landmarks ``points`` (478, 2) over a grid of nodes, pixels, same origin.

    Args:
        rig: the rig.
        pose: of the head in the picture, its origin in the same pixels.
        points: landmarks.
        nodes: (rows, columns, 2) places of the coarse grid.
        lip_nodes: (rows, columns, 2) those around the mouth, for the lips' own fields.
        line: the picture's lip line, to which the landmarks of the lips are laid.
    """
    unit, closed, points = pose.scale, line.closed, line.snap(points)
    grid, lip_grid = nodes.shape[:2], lip_nodes.shape[:2]
    nodes, lip_nodes = nodes.reshape(-1, 2).astype(np.float64), lip_nodes.reshape(-1, 2).astype(np.float64)
    basis = _control_basis(rig, pose, points, closed)
    inner = set(UPPER_LIP[0] + LOWER_LIP[0]) | set(_IRISES)
    lower_lip = {i for row in LOWER_LIP for i in row} | set(_IRISES)
    upper_lip = {i for row in UPPER_LIP for i in row} | set(_IRISES)
    spread = {}
    for name, left_out, at in (
        ("face", inner, nodes),
        ("upper", lower_lip, line.beyond(lip_nodes, True)),
        ("lower", upper_lip, line.beyond(lip_nodes, False)),
    ):
        window = _face_window(points, at)
        used = np.array([i for i in range(len(points)) if i not in left_out])
        ring = _still_ring(points)
        centres = np.concatenate([points[used], ring]) / unit
        values = np.pad(basis[:, used].transpose(1, 0, 2).reshape(len(used), -1), ((0, len(ring)), (0, 0)))
        moves = np.zeros((len(at), values.shape[1]), np.float32)
        near = window > 0
        moves[near] = _spread(values, centres, at[near] / unit) * window[near, None]
        spread[name] = np.ascontiguousarray(moves.T).reshape(N_CONTROLS, 3, -1)
    for name, shape in (("face", grid), ("upper", lip_grid), ("lower", lip_grid)):
        folded = spread[name].reshape(*spread[name].shape[:2], *shape)
        spread[name] = gaussian_filter(folded, (0, 0, _BLUR, _BLUR)).reshape(spread[name].shape)
    for k, name in enumerate(BLENDSHAPES):
        if name.startswith("brow"):  # lowered brows need a longer way to come to rest, or they would fold
            spread["face"][k] *= _above_brows(points, nodes, unit, 2.5 if "Down" in name else 1.8)
    _join_corners(spread["upper"], spread["lower"], line, lip_nodes, unit)
    top, bottom = list(UPPER_LIP[0]), list(LOWER_LIP[0])
    down = _down(points)
    gap = np.maximum((points[bottom] - points[top]) @ down, 0.0)
    return DeformationFields(
        **spread,
        jaw=basis[:, list(_CHIN_POINTS)].mean(1).astype(np.float32),
        depth=gaussian_filter(_depth(rig, pose, points, nodes).reshape(grid), _SOFT_EDGE).ravel(),
        follow=_follow(points, nodes, unit),
        gap=gap.astype(np.float32) if not closed else np.zeros(N_CONTACT, np.float32),
        gap_basis=((basis[:, bottom, :2] - basis[:, top, :2]) @ down).astype(np.float32),
    )


def _join_corners(upper: np.ndarray, lower: np.ndarray, line: LipLine, nodes: np.ndarray, unit: float) -> None:
    """Let the lips' motions (N_CONTROLS, 3, M) meet at the mouth's corners, so that an opening ends in a curve."""
    s, v = line.to_frame(nodes)
    apart = np.sqrt(np.clip((1.0 - np.abs(s) / line.half) / _CORNER, 0.0, 1.0))
    distance = np.maximum(v - np.interp(s, line.s, line.lower), 0) + np.maximum(np.interp(s, line.s, line.upper) - v, 0)
    share = 0.5 * (1.0 - apart) * np.exp(-((distance / (0.15 * unit)) ** 2))
    meet = np.float32(share) * (upper - lower)
    upper -= meet
    lower += meet


def _control_basis(rig: FaceRig, pose: Pose, points: np.ndarray, closed: bool) -> np.ndarray:
    """(N_CONTROLS, 478, 3) pixels that each point moves per unit of a control, image axes, z to the viewer."""
    basis = np.zeros((N_CONTROLS, len(points), 3))
    channels = pose.displacement_to_picture(rig.basis) * np.array([1.0, 1.0, -1.0])
    basis[: len(BLENDSHAPES)] = channels
    for k, name in enumerate(BLENDSHAPES):
        if name.startswith(("eyeBlink", "eyeLook", "eyeWide")):
            basis[k] = 0.0  # lids and gaze are painted, not warped (see eyes.py)
        elif name.startswith("eye"):
            basis[k, list(_EYES)] = 0.0
    for name, gain in _BROW_GAIN.items():
        basis[[k for k, channel in enumerate(BLENDSHAPES) if channel.startswith(name)]] *= gain
    _fit_lips(basis, rig, pose, points)
    down = _down(points)
    for column in range(N_CONTACT):
        for upper, lower, follow in zip(UPPER_LIP, LOWER_LIP, _LIP_FOLLOW, strict=True):
            basis[CONTACT.start + column, upper[column], :2] = -0.5 * follow * down
            basis[CONTACT.start + column, lower[column], :2] = 0.5 * follow * down
    smile = channels[[BLENDSHAPES.index(f"mouthSmile{side}") for side in ("Left", "Right")]].sum(0)
    usual = pose.to_picture(rig.mean)[:, :2]
    wide, usually = (_mouth_width(p) for p in (points, usual))
    gone = np.clip(2.0 * (wide / usually - 1.05), 0.0, _UNSMILE) if not closed else 0.0
    spread = _mouth_width(points + smile[:, :2]) - wide
    basis[ROUND] = -np.clip((wide - usually) / max(spread, 1e-6) - gone, 0.0, _UNROUND) * smile
    if not closed:
        gaps = np.maximum((points[list(LOWER_LIP[0])] - points[list(UPPER_LIP[0])]) @ down, 0.0)
        for upper, lower, follow in zip(UPPER_LIP, LOWER_LIP, _LIP_FOLLOW, strict=True):
            basis[CLOSE, list(upper), :2] += 0.42 * follow * gaps[:, None] * down
            basis[CLOSE, list(lower), :2] -= 0.63 * follow * gaps[:, None] * down
        opening = rig.basis[BLENDSHAPES.index("jawOpen"), :, 1]
        basis[CLOSE] -= gone * smile
        chin = [i for i in range(468) if opening[i] < 0.7 * opening[CHIN] and i not in sum(LOWER_LIP, ())]
        basis[CLOSE, chin, :2] -= 0.25 * gaps.max() * down
    return basis


def _above_brows(points: np.ndarray, nodes: np.ndarray, unit: float, width: float) -> np.ndarray:
    """(G,) float32 share of the brows' motion: none just below them, where glasses have their rims.

    It is whole ``width`` times ``_RIMS`` further up. What stands still below is skin
    that stretches; a rim that followed would bend.
    """
    down = _down(points)
    along = np.array([down[1], -down[0]])
    edge = points[list(RIGHT_BROW[5:][::-1] + LEFT_BROW[5:])]
    order = np.argsort(edge @ along)
    line = np.interp(nodes @ along, (edge @ along)[order], (edge @ down)[order])
    return smoothstep((line - nodes @ down + _RIMS * unit) / (width * _RIMS * unit)).astype(np.float32)


def _mouth_width(points: np.ndarray) -> float:
    """Pixels from corner to corner."""
    return float(np.linalg.norm(points[list(LEFT_CORNER)].mean(0) - points[list(RIGHT_CORNER)].mean(0)))


def _fit_lips(basis: np.ndarray, rig: FaceRig, pose: Pose, points: np.ndarray) -> None:
    """Scale what happens between a lip's inner and outer edge to the thickness of the picture's own lips."""
    usual = pose.to_picture(rig.mean)[:, :2]
    for lip in (UPPER_LIP, LOWER_LIP):
        inner, outer = list(lip[0]), list(lip[-1])
        own = np.linalg.norm(points[outer] - points[inner], axis=1)
        share = np.clip(own / np.linalg.norm(usual[outer] - usual[inner], axis=1), 0.2, 1.2)
        for row in lip[1:]:
            r = list(row)
            basis[:, r] = basis[:, inner] + (basis[:, r] - basis[:, inner]) * share[:, None]


def _down(points: np.ndarray) -> np.ndarray:
    """Unit vector across the mouth, from the upper to the lower lip."""
    right, left = points[list(RIGHT_CORNER)].mean(0), points[list(LEFT_CORNER)].mean(0)
    along = (left - right) / np.linalg.norm(left - right)
    return np.array([-along[1], along[0]])


def _multiquadric(a: np.ndarray, b: np.ndarray, softness: float) -> np.ndarray:
    return -np.sqrt(cdist(a, b) ** 2 + softness**2)


def _spread(
    values: np.ndarray,
    centres: np.ndarray,
    places: np.ndarray,
    softness: float = _SOFTNESS,
    smoothing: float = _SMOOTHING,
) -> np.ndarray:
    """(P, C) values (N, C) of N centres carried to P places; constants are carried exactly."""
    n = len(centres)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = _multiquadric(centres, centres, softness) + smoothing * np.eye(n)
    system[n, n] = 0.0
    shares = np.linalg.solve(system, np.pad(values, ((0, 1), (0, 0))))
    return _multiquadric(places, centres, softness) @ shares[:n] + shares[n]


def _outward(points: np.ndarray, factor: float) -> np.ndarray:
    """The face's outline, scaled from its middle."""
    outline = points[list(FACE_OVAL)]
    middle = 0.5 * (outline.min(0) + outline.max(0))
    return middle + factor * (outline - middle)


def _still_ring(points: np.ndarray) -> np.ndarray:
    return np.concatenate([_outward(points, 1.42)[::2], _outward(points, 1.7)[::2]])


def _polar(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Distance of places from the face's middle, 1 on the outline."""
    outline = points[list(FACE_OVAL)]
    middle = 0.5 * (outline.min(0) + outline.max(0))
    ring, at = outline - middle, places - middle
    angles = np.arctan2(ring[:, 1], ring[:, 0])
    order = np.argsort(angles)
    radius = np.interp(
        np.arctan2(at[:, 1], at[:, 0]), angles[order], np.linalg.norm(ring, axis=1)[order], period=2 * np.pi
    )
    return np.linalg.norm(at, axis=1) / radius


def _face_window(points: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """1 on the face, 0 where expressions no longer move anything."""
    return 1.0 - smoothstep((_polar(points, nodes) - 1.08) / 0.37)


def _depth(rig: FaceRig, pose: Pose, points: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Height of the head's surface over the eyes' centres, smooth, falling off to the middle of the skull."""
    height = -pose.to_picture(rig.mean)[:, 2] - pose.translation[2]
    outline = list(FACE_OVAL)
    skull = _SKULL * pose.scale
    centres, heights = [points[:468]], [height[:468]]
    for factor, share in ((1.12, 0.45), (1.3, 0.85), (1.6, 1.0), (2.2, 1.0)):
        centres.append(_outward(points, factor))
        heights.append(height[outline] + share * (skull - height[outline]))
    values = np.concatenate(heights)[:, None]
    depth = _spread(values, np.concatenate(centres) / pose.scale, nodes / pose.scale, 0.3, 0.02)[:, 0]
    return (_RELIEF * np.clip(depth, 1.1 * skull, height.max())).astype(np.float32)


def _follow(points: np.ndarray, nodes: np.ndarray, unit: float) -> np.ndarray:
    """Share of the head's motion: 1 down to the jaw, fading along the neck and far beside the head."""
    up = points[FOREHEAD_TOP] - points[CHIN]
    height = float(np.linalg.norm(up))
    down = -up / height
    below = (nodes - points[CHIN]) @ down
    across = np.abs((nodes - points[CHIN]) @ np.array([-down[1], down[0]]))
    neck = 1.0 - smoothstep((below / unit + 0.15) / 1.1)
    shoulder = smoothstep((across / unit - 0.8) / 0.8) * smoothstep((below / unit + 0.3) / 1.1)
    beside = 1.0 - smoothstep((across / unit - 2.0) / 1.0)
    return (neck * beside * (1.0 - shoulder)).astype(np.float32)
