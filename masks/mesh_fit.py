"""Fits the canonical face mesh to a few points of a picture: pose, then a smooth map through the points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from masks.topology import (
    FACE_OVAL,
    LEFT_EYE_CORNERS,
    LEFT_EYE_RING,
    LEFT_IRIS,
    LIPS_INNER_LOWER,
    LIPS_INNER_UPPER,
    LIPS_OUTER,
    RIGHT_EYE_CORNERS,
    RIGHT_EYE_RING,
    RIGHT_IRIS,
)

POSE_PRIOR = 0.3
POINT_SPREAD = 0.15
AFFINE_PRIOR = 0.3
ANCHOR_GIVE = 0.3
ANCHOR_DISTANCE = 0.45
BROW_THICKNESS = 0.1
LIP_GAP = 0.03
NEIGHBOURHOOD = 0.3
FOLDED_SHARE = 0.02


def fit_mesh(targets: Mapping[int, np.ndarray]) -> tuple[np.ndarray, int | None]:
    """Fit the 478-point mesh to some of its points.

    Three steps: the weak-perspective pose that explains the targets best (drawn faces are seldom anatomical, so a
    turned head must earn its angle against a prior), an affine map of what is left, and radial basis functions through
    the rest, exact at the targets and held back softly at the outline.

    Args:
        targets: mesh index -> (2,) x (right) and y (down) in pixels; at least both corners of both eyes.

    Returns:
        (478, 3) float32 points as in ``FaceLandmarks``; and a point where the mesh folds over itself, or None.
    """
    mesh, triangles = canonical_mesh()
    marked, sights = np.array(list(targets)), np.stack(list(targets.values()))
    posed = _pose(mesh, marked, sights)
    targets = _complete(mesh, targets)
    indices, places = np.array(list(targets)), np.stack(list(targets.values()))
    domain = mesh[:, :2].copy()
    if 13 in targets and 14 in targets and np.linalg.norm(targets[13] - targets[14]) > 1e-3:
        domain[list(LIPS_INNER_UPPER[1:-1]), 1] += LIP_GAP  # the canonical lips touch: one place cannot go to two
        domain[list(LIPS_INNER_LOWER[1:-1]), 1] -= LIP_GAP
    unit = float(np.linalg.norm(np.diff([posed[list(c), :2].mean(0) for c in _EYES], axis=0)))
    points = posed.copy()
    points[:, :2] += unit * _affine(domain, marked, (sights - posed[marked, :2]) / unit)
    points[:, :2] += unit * _rest(domain, indices, (places - points[indices, :2]) / unit)
    points[indices, :2] = places
    _round_irises(points, mesh, targets)
    return points.astype(np.float32), _fold(posed, points, triangles)


_EYES = (RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS)
_CURVES: tuple[tuple[int, int, int, tuple[int, ...]], ...] = (
    *((ring[0], ring[8], ring[12], ring[9:]) for ring in (RIGHT_EYE_RING, LEFT_EYE_RING)),
    *((ring[0], ring[8], ring[4], ring[1:8]) for ring in (RIGHT_EYE_RING, LEFT_EYE_RING)),
    (61, 291, 0, LIPS_OUTER[1:10]),
    (61, 291, 17, LIPS_OUTER[11:]),
    (61, 291, 13, LIPS_INNER_UPPER),
    (61, 291, 14, LIPS_INNER_LOWER),
)
"""Lids and lips: two corners, the middle, and all points between the corners."""
_BROWS = (
    (70, 46),
    (63, 53),
    (105, 52),
    (66, 65),
    (107, 55),
    (300, 276),
    (293, 283),
    (334, 282),
    (296, 295),
    (336, 285),
)
"""Points of the upper edge of the brows, each with the one below it on the lower edge."""


@cache
def canonical_mesh() -> tuple[np.ndarray, np.ndarray]:
    """(478, 3) mean face in inter-ocular distances (x right, y down, z away) and its (F, 3) triangles."""
    beside = Path(__file__).parents[1]
    found = [p for p in (beside / n / "rig.safetensors" for n in ("parley_assets", "assets")) if p.is_file()]
    if not found:
        raise RuntimeError("The face rig rig.safetensors is missing from the assets; install the package again.")
    tensors = load_file(found[0])
    return tensors["mean"].astype(np.float64) * (1, -1, -1), tensors["triangles"].astype(int)


def _complete(mesh: np.ndarray, marked: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """The marked points and those that follow: where lips meet, lids and lips as curves, the brows' lower edge."""
    targets = {i: np.asarray(p, np.float64) for i, p in marked.items()}
    if 0 in targets and 17 in targets and 13 not in targets and 14 not in targets:
        share = (mesh[13, 1] - mesh[0, 1]) / (mesh[17, 1] - mesh[0, 1])
        targets[13] = targets[14] = targets[0] + share * (targets[17] - targets[0])
    for first, last, middle, ring in _CURVES:
        if {first, last, middle} <= targets.keys():
            places = _bent(mesh[:, :2], first, last, middle, targets)
            targets |= {i: places[i] for i in ring if i not in targets}
    right, left = (np.mean([targets[i] for i in corners], axis=0) for corners in _EYES)
    down = np.array([right[1] - left[1], left[0] - right[0]]) * BROW_THICKNESS
    targets |= {low: targets[up] + down for up, low in _BROWS if up in targets and low not in targets}
    return targets


def _bent(flat: np.ndarray, first: int, last: int, middle: int, targets: Mapping[int, np.ndarray]) -> np.ndarray:
    """(478, 2) canonical points laid between two marked corners and bent so that their middle meets a third.

    With t from -1 to 1 between the corners, the bend falls off as (1 - t^2)^q: a parabola (q = 1) for flat curves, an
    ellipse (q = 1/2) for ones as high as they are wide.
    """
    start, along = flat[first], flat[last] - flat[first]
    begin, span = targets[first], targets[last] - targets[first]
    s = (flat - start) @ along / (along @ along)
    height = (flat - start) @ np.array([-along[1], along[0]]) / (along @ along)
    normal = np.array([-span[1], span[0]])
    wanted = targets[middle] - begin
    at, rise = wanted @ span / (span @ span), wanted @ normal / (span @ span)
    falloff = np.clip(1 - (2 * s - 1) ** 2, 0, 1)
    bend = falloff ** np.interp(2 * abs(rise), [0.4, 0.8], [1.0, 0.5])
    s = s + (at - s[middle]) * falloff
    height = height + (rise - height[middle]) * bend
    return begin + s[:, None] * span + height[:, None] * normal


def _pose(mesh: np.ndarray, indices: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(478, 3) mesh in its best weak-perspective pose in pixels."""
    eyes = [mesh[list(c), :2].mean(0) for c in _EYES]
    known = {int(i): p for i, p in zip(indices, places, strict=True)}
    seen = [np.mean([known[i] for i in c], axis=0) for c in _EYES]
    across = seen[1] - seen[0]
    scale = float(np.linalg.norm(across) / np.linalg.norm(eyes[1] - eyes[0]))
    start = np.array([0, 0, np.arctan2(across[1], across[0]), 0, *((seen[0] + seen[1]) / 2)])

    weights = np.sqrt(_alone(mesh, indices))[:, None]

    def placed(numbers: np.ndarray) -> np.ndarray:
        pitch, yaw, roll, log_scale, x, y = numbers
        (cp, cy, cr), (sp, sy, sr) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
        nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        shake = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        return scale * np.exp(log_scale) * mesh @ (tilt @ shake @ nod).T + (x, y, 0)

    def cost(numbers: np.ndarray) -> np.ndarray:
        misses = weights * (placed(numbers)[indices, :2] - places) / (scale * POINT_SPREAD)
        errors = np.concatenate([misses.ravel(), numbers[:2] / POSE_PRIOR])
        return np.sign(errors) * np.sqrt(
            2 * (np.sqrt(1 + errors**2) - 1)
        )  # soft L1: one odd feature does not turn a head

    return placed(_least_squares(cost, start))


def _least_squares(cost: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> np.ndarray:
    """Levenberg-Marquardt with a numerical Jacobian; six unknowns are not worth the second that SciPy takes to load."""
    best, errors, damping = start, cost(start), 1e-2
    for _ in range(60):
        steps = 1e-6 * np.maximum(np.abs(best), 1.0)
        slopes = np.stack([(cost(best + np.eye(len(best))[i] * h) - errors) / h for i, h in enumerate(steps)], axis=1)
        normal = slopes.T @ slopes
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), -slopes.T @ errors)
        tried = cost(best + step)
        gain = errors @ errors - tried @ tried
        if gain > 0:
            best, errors, damping = best + step, tried, damping * 0.3
            if gain < 1e-10 * (errors @ errors):
                break
        else:
            damping *= 5
    return best


def _alone(mesh: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """(N,) weight 1 for a point on its own, 1/n for one of n neighbours: many marks on a mouth are still one mouth."""
    flat = mesh[indices, :2]
    return 1.0 / (np.linalg.norm(flat[:, None] - flat[None], axis=-1) < NEIGHBOURHOOD).sum(1)


def _affine(domain: np.ndarray, indices: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """(478, 2) affine part of what the pose misses at the indices, shrunk a little towards none."""
    known = np.column_stack([domain[indices], np.ones(len(indices))])
    weighted = known * _alone(domain, indices)[:, None]
    shrink = np.diag([AFFINE_PRIOR, AFFINE_PRIOR, 0.0])
    solved = np.linalg.solve(weighted.T @ known + shrink, weighted.T @ misses)
    return np.column_stack([domain, np.ones(len(domain))]) @ solved


def _rest(domain: np.ndarray, indices: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """(478, 2) map through what is still missed; outline points far from any target tend to stay.

    The kernel is the distance itself: a thin-plate spline would be smoother than a mesh can show, and overshoots where
    one feature is drawn several times its natural size (a toon's eyes pushed the forehead inside out).
    """
    _, once = np.unique(np.round(domain[indices], 6), axis=0, return_index=True)  # closed lips: two points, one place
    indices, misses = indices[once], misses[once]
    outline = np.array(FACE_OVAL[::3])
    far = np.linalg.norm(domain[outline][:, None] - domain[indices][None], axis=-1).min(1) > ANCHOR_DISTANCE
    outline = outline[far]
    give = np.concatenate([np.zeros(len(indices)), np.full(len(outline), ANCHOR_GIVE)])
    values = np.concatenate([misses, np.zeros((len(outline), 2))])
    known = domain[np.concatenate([indices, outline])]
    n = len(known)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = np.diag(give) - np.linalg.norm(known[:, None] - known[None], axis=-1)
    system[n, n] = 0.0
    solved = np.linalg.solve(system, np.concatenate([values, np.zeros((1, 2))]))
    return solved[n] - np.linalg.norm(domain[:, None] - known[None], axis=-1) @ solved[:n]


def _round_irises(points: np.ndarray, mesh: np.ndarray, targets: Mapping[int, np.ndarray]) -> None:
    """Make the irises circles about their centres, through a marked rim point or in proportion to the eye's width."""
    for iris, corners in ((RIGHT_IRIS, RIGHT_EYE_CORNERS), (LEFT_IRIS, LEFT_EYE_CORNERS)):
        centre = points[iris[0], :2]
        rim = [targets[i] for i in iris[1:] if i in targets]
        if rim:
            radius = float(np.mean([np.linalg.norm(p - centre) for p in rim]))
        else:
            inner, outer = (np.linalg.norm(np.diff(m[list(corners), :2], axis=0)) for m in (points, mesh))
            radius = float(np.linalg.norm(mesh[iris[2], :2] - mesh[iris[0], :2]) * inner / outer)
        around = mesh[list(iris[1:]), :2] - mesh[iris[0], :2]
        points[list(iris[1:]), :2] = centre + radius * around / np.linalg.norm(around, axis=1, keepdims=True)
        for i in iris[1:]:
            points[i, :2] = targets.get(i, points[i, :2])


def _fold(posed: np.ndarray, points: np.ndarray, triangles: np.ndarray) -> int | None:
    """A mesh point in the middle of what was turned inside out by the fit, if that is more than 2 % of the face."""
    before, after = (_areas(p[triangles][..., :2]) for p in (posed, points))
    shown = np.sign(np.median(before)) * before > 0.02 * np.abs(before).max()
    turned = shown & (before * after < 0)
    if np.abs(after[turned]).sum() <= FOLDED_SHARE * np.abs(after[shown]).sum():
        return None
    corners = triangles[turned]
    worst = corners[np.argmax(np.abs(after[turned]))]
    return int(worst[0])


def _areas(corners: np.ndarray) -> np.ndarray:
    """Signed areas of (F, 3, 2) triangles."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
