"""Rig files: named points of faces marked by hand, and the canonical mesh fitted to them.

The file is YAML (or JSON)::

    picture: [1280, 720]            # width and height in pixels of the picture the points were measured in
    faces:
      - name: Mia                   # the character's name
        points:                     # x from the left, y from the top, in pixels of that picture
          right_eye_outer: [412, 305]
          right_eye_inner: [447, 306]
          left_eye_inner: [489, 306]
          left_eye_outer: [523, 304]
          nose_tip: [468, 340]
          mouth_right: [446, 372]
          mouth_left: [491, 371]
          upper_lip: [468, 365]
          lower_lip: [468, 381]
          chin: [469, 412]

Right and left are the person's own, so the right eye lies left in the picture. A face needs at least nine points: the
four corners of the eyes, the two of the mouth, the chin and any two more of :data:`POINTS`. A number 0..477 in place of
a name is a point of the face mesh itself, for shapes that the names do not catch. Three points alone, ``right_eye``,
``left_eye`` and ``mouth``, are the middles of the eyes and of the mouth: the others are placed in a mean face's
proportions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from masks.files.plain_yaml import PlainYamlError, read_plain_yaml
from masks.landmarks import N_POINTS, FaceLandmarks
from masks.mesh_fit import canonical_mesh, fit_mesh

Point = tuple[float, float]

_ONE_SIDE: dict[str, tuple[int, int]] = {
    "eye_outer": (33, 263),
    "eye_inner": (133, 362),
    "eye_top": (159, 386),
    "eye_bottom": (145, 374),
    "pupil": (468, 473),
    "iris_edge": (471, 474),
    "brow_outer": (70, 300),
    "brow_middle": (105, 334),
    "brow_inner": (107, 336),
    "nostril": (129, 358),
    "cheek": (234, 454),
    "jaw": (172, 397),
    "forehead": (54, 284),
}
POINTS: dict[str, tuple[int, ...]] = {
    **{f"right_{name}": (right,) for name, (right, _) in _ONE_SIDE.items()},
    **{f"left_{name}": (left,) for name, (_, left) in _ONE_SIDE.items()},
    "nose_bridge": (168,),
    "nose_tip": (1,),
    "nose_bottom": (2,),
    "mouth_right": (61,),
    "mouth_left": (291,),
    "upper_lip": (0,),
    "lower_lip": (17,),
    "mouth_middle": (13, 14),
    "upper_lip_inner": (13,),
    "lower_lip_inner": (14,),
    "chin": (152,),
    "forehead": (10,),
}
"""Names and the mesh points they place.

``eye_top`` and ``eye_bottom`` are the middles of the lids' edges; ``iris_edge`` is any place on the iris's rim;
``brow_*`` lie on the brow's upper edge; ``upper_lip`` and ``lower_lip`` are the outer edges of the lips in the middle,
``mouth_middle`` is where closed lips meet and the two ``lip_inner`` points are the edges of an open mouth; ``cheek`` is
where the face is widest, beside the ear; ``jaw`` is its corner; ``forehead`` is the top of the face, at the hairline,
``right_forehead`` and ``left_forehead`` its upper corners.
"""
REQUIRED = (
    "right_eye_outer", "right_eye_inner", "left_eye_inner", "left_eye_outer", "mouth_right", "mouth_left", "chin",
)  # fmt: skip
FEWEST = 9
EYES_AND_MOUTH = ("right_eye", "left_eye", "mouth")
"""Middles that make a face by themselves."""
_COMPLETED = (*REQUIRED, "nose_tip", "upper_lip", "lower_lip")
MAX_BYTES = 200_000
MOST_FACES = 50
FARTHEST = 100_000.0
"""Largest coordinate, pixels."""
_NUMBER = re.compile(r"[-+]?(?:\d{1,20}\.?\d{0,20}|\.\d{1,20})(?:[eE][-+]?\d{1,2})?")


@dataclass(frozen=True)
class RigFace:
    """One face marked by hand: the character's name, and the (x, y) pixels of its named points."""

    name: str
    points: Mapping[str, Point]

    def scaled(self, factor: float) -> RigFace:
        """The same face in a picture ``factor`` times as large."""
        return RigFace(self.name, {key: (x * factor, y * factor) for key, (x, y) in self.points.items()})

    def landmarks(self) -> FaceLandmarks:
        """See :func:`fit`."""
        return fit_points(self.points, self.name)


def load_rig(path: str | Path, size: tuple[int, int] | None = None) -> list[RigFace]:
    """The marked faces of a rig file, in pixels of a picture of ``size`` (height, width), or of the file's own picture.

    Raises:
        ValueError: no such file, not this format, or points that make no face; one sentence with every problem's place.
    """
    path = Path(path)
    document = _read_document(path)
    if not isinstance(document, dict):
        raise ValueError(f"The rig file {path.name} needs the keys `picture` and `faces`.")
    _refuse_unknown(document, ("picture", "faces"), f"The rig file {path.name}")
    width, height = _pair(document.get("picture"), f"The `picture` of {path.name}", "its width and height in pixels")
    listed = document.get("faces")
    if not isinstance(listed, list) or not listed:
        raise ValueError(
            f"The rig file {path.name} lists no faces; give `faces` at least one with `name` and `points`."
        )
    if len(listed) > MOST_FACES:
        raise ValueError(f"The rig file {path.name} lists {len(listed)} faces; {MOST_FACES} are the most.")
    faces = [_read_face(entry, f"face {i + 1} of {path.name}") for i, entry in enumerate(listed)]
    for name, count in Counter(face.name for face in faces).items():
        if count > 1:
            raise ValueError(f"The rig file {path.name} has two faces named {name}; give each its own name.")
    for face in faces:
        for key, (x, y) in face.points.items():
            if not (0 <= x <= width and 0 <= y <= height):
                raise ValueError(
                    f"{face.name}'s {key} at ({x:g}, {y:g}) lies outside the picture of {width:g} x {height:g} pixels;"
                    " x counts from the left and y from the top."
                )
    if size is None:
        return faces
    if abs(size[1] / size[0] - width / height) > 0.01 * width / height:
        raise ValueError(
            f"The rig file {path.name} was made for a picture of {width:g} x {height:g} pixels and this one has"
            f" {size[1]} x {size[0]}; use the same picture."
        )
    return [face.scaled(size[1] / width) for face in faces]


def _read_document(path: Path) -> Any:  # noqa: ANN401 - any plain value
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"The rig file {path.name} is larger than {MAX_BYTES // 1000} kB; that is no rig file.")
        return read_plain_yaml(path.read_text(encoding="utf-8-sig"))[0]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"The rig file {path.name} cannot be read; check its name and folder.") from error
    except PlainYamlError as error:
        where = f" at line {error.line}" if error.line else ""
        repair = error.repair or "compare it with a sample's"
        raise ValueError(f"The rig file {path.name}{where}: {error.what}; {repair}.") from error


def save_rig(path: str | Path, faces: Sequence[RigFace], size: tuple[int, int]) -> None:
    """Write marked faces for a picture of ``size`` (height, width) as a rig file, one point a line."""
    lines = [f"picture: [{size[1]}, {size[0]}]", "faces:"]
    for face in faces:
        name = yaml.safe_dump(face.name, allow_unicode=True, width=10_000).splitlines()[0]
        lines += [f"  - name: {name}", "    points:"]
        lines += [f"      {key}: [{x:.1f}, {y:.1f}]" for key, (x, y) in face.points.items()]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def completed(points: Mapping[str, Point], name: str = "The face") -> dict[str, Point]:
    """The points of a face of which only the middles of eyes and mouth are marked; others as they are.

    Returns:
        Ten named points: the mean face's, laid on the three by the one affine map that meets them all.

    Raises:
        ValueError: the three lie on one line.
    """
    if set(points) != set(EYES_AND_MOUTH):
        return dict(points)
    mesh, _ = canonical_mesh()
    middles = np.array([mesh[list(pair), :2].mean(0) for pair in ((33, 133), (362, 263), (61, 291))])
    places = np.array([points[key] for key in EYES_AND_MOUTH], np.float64)
    (ax, ay), (bx, by) = places[1] - places[0], places[2] - places[0]
    if abs(ax * by - ay * bx) < 16:
        raise ValueError(f"{name}'s eyes and mouth lie on one line; mark the middle of each eye and of the mouth.")
    affine = np.linalg.solve(np.column_stack([middles, np.ones(3)]), places)
    found = {key: np.append(mesh[POINTS[key][0], :2], 1.0) @ affine for key in _COMPLETED}
    return {key: (float(x), float(y)) for key, (x, y) in found.items()}


def fit_points(points: Mapping[str, Point], name: str = "The face") -> FaceLandmarks:
    """The canonical mesh laid on named points in pixels: exactly there, smoothly between them, depth from its pose.

    Raises:
        ValueError: unknown, missing, exchanged or contradictory points (names the face, the point and the repair).
    """
    points = completed(points, name)
    _check(points, name)
    targets: dict[int, np.ndarray] = {}
    for key, place in sorted(points.items(), key=lambda item: item[0] in POINTS):  # a name outranks a mesh number
        for index in POINTS.get(key) or (int(key),):
            targets[index] = np.asarray(place, np.float64)
    fitted, folded = fit_mesh(targets)
    if folded is not None:
        nearest = min(targets, key=lambda i: float(np.linalg.norm(targets[i] - fitted[folded, :2])))
        key = next((k for k in points if nearest in (POINTS.get(k) or (int(k),))), str(nearest))
        raise ValueError(f"{name}'s points fold the face over itself near {key}; move that point or its neighbours.")
    return FaceLandmarks(fitted)


def _read_face(entry: Any, where: str) -> RigFace:  # noqa: ANN401
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"].strip():
        raise ValueError(f"Give {where} a `name`: the character's.")
    name = entry["name"].strip()
    if len(name) > 60 or not name.isprintable():
        raise ValueError(f"The name of {where} should have at most 60 visible letters.")
    _refuse_unknown(entry, ("name", "points"), name)
    marked = entry.get("points")
    if not isinstance(marked, dict):
        raise ValueError(f"{name} has no `points` in the rig file; list at least {FEWEST} as `name: [x, y]`.")
    if len(marked) > N_POINTS:
        raise ValueError(f"{name} has {len(marked)} points; the face mesh has {N_POINTS}.")
    points = {key: _pair(value, f"{name}'s {key[:40]}", "x and y in pixels") for key, value in marked.items()}
    _check(completed(points, name), name)
    return RigFace(name, points)


def _pair(value: Any, what: str, meaning: str) -> Point:  # noqa: ANN401
    numbers = value if isinstance(value, list) else ()
    if len(numbers) != 2 or not all(isinstance(number, str) and _NUMBER.fullmatch(number) for number in numbers):
        raise ValueError(f"{what} must be two numbers in brackets, {meaning}, not {_shown(value)}.")
    x, y = map(float, numbers)
    if max(abs(x), abs(y)) > FARTHEST:
        raise ValueError(f"{what} must be two numbers of at most {FARTHEST:.0f}, {meaning}, not {_shown(value)}.")
    return x, y


def _shown(value: Any) -> str:  # noqa: ANN401
    """What the file says, as it stands there, cut to a readable length."""
    text = f"[{', '.join(map(str, value[:3]))}]" if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse_unknown(document: Mapping[str, Any], known: Sequence[str], owner: str) -> None:
    for key in map(str, document):
        if key not in known:
            close = get_close_matches(key[:40], known, 1, 0.5)
            hint = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(known)}."
            raise ValueError(f"{owner} has an unknown key `{key[:40]}`; {hint}")


def _check(points: Mapping[str, Point], name: str) -> None:
    for key in points:
        if key not in POINTS and not (key.isdecimal() and len(key) < 4 and int(key) < N_POINTS):
            key = key[:40]
            close = get_close_matches(key, POINTS, 1, 0.5)
            near = get_close_matches(key, POINTS, 3, 0.0)
            hint = f"did you mean {close[0]}?" if close else f"points are called as {', '.join(near)}."
            raise ValueError(f"{name} has an unknown point {key}; {hint}")
    missing = [key for key in REQUIRED if key not in points]
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}; mark {'it' if len(missing) == 1 else 'them'} too.")
    if len(points) < FEWEST:
        raise ValueError(f"{name} has {len(points)} points and needs {FEWEST}; add for example nose_tip and lower_lip.")
    at = {key: np.asarray(place, np.float64) for key, place in points.items()}
    right = (at["right_eye_outer"] + at["right_eye_inner"]) / 2
    left = (at["left_eye_outer"] + at["left_eye_inner"]) / 2
    across = left - right
    apart = float(np.linalg.norm(across))
    if apart < 4:
        raise ValueError(f"{name}'s eyes are {apart:.1f} pixels apart, too close to be moved; use a larger picture.")
    down = (at["mouth_right"] + at["mouth_left"]) / 2 - (right + left) / 2
    if across[0] * down[1] - across[1] * down[0] <= 0:
        raise ValueError(
            f"{name}'s right and left eye are exchanged: right is the person's own, left in the picture; swap them."
        )
    for a, b in (
        ("right_eye_outer", "right_eye_inner"), ("left_eye_inner", "left_eye_outer"), ("mouth_right", "mouth_left"),
    ):  # fmt: skip
        if (at[b] - at[a]) @ across <= 0:
            raise ValueError(f"{name}'s {a} and {b} are exchanged or the same; right is left in the picture.")
    upright = np.array([-across[1], across[0]])
    middle = (at["mouth_right"] + at["mouth_left"]) / 2
    if (at["chin"] - middle) @ upright <= 0:
        raise ValueError(f"{name}'s chin lies above the mouth; move it to the lowest point of the face.")
