"""Scene edits made on the picture (claim, brush, box, landmarks) and on the cast list."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from PIL import Image

from studio.editing.actions import ClaimFace, DrawBox, MarkPoints, PaintRegion, PictureAction, SelectCharacter
from studio.editor.picture_view import View, look
from studio.scene.schema import PLACELESS, TOGETHER, Character, Scene, ScriptLine, Voice, plain_name
from studio.scene.voices import voices_by_contrast

if TYPE_CHECKING:
    from masks.rig_file import RigFace


class Store(Protocol):
    """Where new masks and rig files go: a project."""

    @property
    def folder(self) -> Path:
        """Where the scene's file names start."""

    def add_media(self, data: bytes, filename: str) -> str:
        """Keep a file; returns the name that a scene uses for it."""


def apply_picture_action(
    store: Store, scene: Scene, action: PictureAction, chosen: int | None
) -> tuple[Scene, str, int | None]:
    """The scene after an action on the picture.

    Args:
        store: takes new files.
        scene: as it is.
        action: what was done, in pixels of the loaded picture.
        chosen: index of the chosen member of the cast.

    Returns:
        The new scene, what was done in a few words, and who is chosen then.

    Raises:
        ValueError: refused; one sentence with the repair.
    """
    if isinstance(action, SelectCharacter):
        return scene, "", action.character if action.character < len(scene.cast) else chosen
    view = look(scene, store.folder)
    if view.assignment is None:
        raise ValueError("Add a picture first.")
    if isinstance(action, ClaimFace):
        return _claim(store, scene, view, action, chosen)
    if chosen is None or not 0 <= chosen < len(scene.cast):
        raise ValueError("Choose a character first.")
    name = scene.cast[chosen].name
    match action:
        case PaintRegion():
            return _painted(store, scene, view, action, chosen), f"{name}'s region painted", chosen
        case DrawBox():
            return with_box(scene, view, store.folder, action.box, chosen), f"{name}'s box", chosen
        case MarkPoints():
            return with_points(store, scene, view, action.points, chosen), f"{name}'s eyes and mouth", chosen


def _claim(
    store: Store, scene: Scene, view: View, action: ClaimFace, chosen: int | None
) -> tuple[Scene, str, int | None]:
    """Give a face to the chosen character if that one has none, else to a new character."""
    from masks.person_segmentation import segment_person

    if action.face >= len(view.faces):
        raise ValueError(ClaimFace.refused)
    owner = view.owners[action.face]
    if owner is not None:
        return scene, "", owner
    if chosen is None or chosen in view.owners:
        scene, chosen = with_character(scene)
    face = view.faces[action.face]
    assert view.assignment is not None
    area = segment_person(view.assignment.picture, face, None, [other for other in view.faces if other is not face])
    places = {index: value for index, value in view.areas.items() if index != chosen}
    _refuse_bad(scene, {**places, chosen: area}, view.size, chosen)
    mask = _kept_mask(store, scene.cast[chosen].name, area)
    placed = changed(scene, chosen, role=None, mask=mask, region="auto", rig_face=None, eyes_and_mouth=None)
    return placed, f"{scene.cast[chosen].name}'s face", chosen


def _painted(store: Store, scene: Scene, view: View, action: PaintRegion, chosen: int) -> Scene:
    points, radius = np.array(action.points, np.float64), action.radius
    if radius > max(view.size):
        raise ValueError("The brush is larger than the picture; choose a smaller one and paint again.")
    area = view.areas.get(chosen, np.zeros(view.size, np.float32))
    paint = np.zeros(view.size, np.uint8)
    fixed = np.round((points - 0.5) * 16).astype(np.int32)
    cv2.polylines(paint, [fixed.reshape(-1, 1, 2)], False, 255, max(1, round(2 * radius)), cv2.LINE_AA, 4)
    for end in (fixed[0], fixed[-1]):
        cv2.circle(paint, tuple(int(v) for v in end), round(radius * 16), 255, -1, cv2.LINE_AA, 4)
    painted = paint.astype(np.float32) / 255
    area = np.minimum(area, 1 - painted) if action.erase else np.maximum(area, painted)
    _refuse_bad(scene, {**view.areas, chosen: area}, view.size, chosen)
    mask = _kept_mask(store, scene.cast[chosen].name, area)
    return changed(scene, chosen, mask=mask, region="auto", rig_face=None, role=_on_screen(scene, chosen))


def with_box(scene: Scene, view: View, folder: Path, box: Sequence[float], chosen: int) -> Scene:
    """The scene with a box (left, top, right, bottom), in pixels of the loaded picture, as a character's region.

    Raises:
        ValueError: outside, too small, the whole picture, or on another's region.
    """
    from masks.picture import picture_size
    from masks.regions import box_mask

    corners = np.array(box, np.float64)
    name = scene.cast[chosen].name
    area = box_mask(name, corners.tolist(), view.size).mask
    _refuse_bad(scene, {**view.areas, chosen: area}, view.size, chosen)
    scale = np.tile(np.array(picture_size(folder / scene.picture)) / view.size[::-1], 2)
    left, top, right, bottom = (round(float(v), 1) for v in corners * scale)
    region = ((left, top), (right, top), (right, bottom), (left, bottom))
    return changed(scene, chosen, region=region, mask=None, rig_face=None, role=_on_screen(scene, chosen))


def with_points(store: Store, scene: Scene, view: View, points: Mapping[str, Sequence[float]], chosen: int) -> Scene:
    """The scene with a character's face marked by hand: (x, y) in pixels of the loaded picture by the point's name.

    Raises:
        ValueError: points are missing, unknown, exchanged or make no face.
    """
    from masks.rig_file import RigFace, load_rig

    name = scene.cast[chosen].name
    face = RigFace(name, {key: (float(x), float(y)) for key, (x, y) in points.items()})
    face.landmarks()
    marked = {}
    if scene.rig is not None:
        marked = {known.name: known for known in load_rig(store.folder / scene.rig, view.size)}
    marked[name] = face
    rig = _kept_rig(store, list(marked.values()), view.size)
    member = scene.cast[chosen]
    role = _on_screen(scene, chosen)
    return changed(
        scene.model_copy(update={"rig": rig}), chosen, rig_face=None, eyes_and_mouth=None, role=role, mask=member.mask
    )


def with_character(scene: Scene, narrator: bool = False) -> tuple[Scene, int]:
    """The scene with one more character, with a free name and the voice most unlike the others'; and its index."""
    number = len(scene.cast) + 1
    while scene.find(f"Person {number}") is not None:
        number += 1
    voice = voices_by_contrast(scene)[0]
    role = "narrator" if narrator else None
    member = Character(name=f"Person {number}", voice=Voice(preset=voice), role=role)
    return scene.model_copy(update={"cast": (*scene.cast, member)}), len(scene.cast)


def with_person(scene: Scene, number: int, index: int | None) -> tuple[Scene, int]:
    """The scene with a person of its video, by number from 1, given to a member of the cast; None = to a new one.

    Who had that person has no place then. Second is the member's index.
    """
    if index is None:
        scene, index = with_character(scene)
    for other, member in enumerate(scene.cast):
        if member.person == number and other != index:
            scene = changed(scene, other, person=None)
    role = _on_screen(scene, index)
    return changed(scene, index, role=role, **{**PLACELESS, "person": number}), index


def with_voice(scene: Scene, index: int, voice: Voice) -> Scene:
    """The scene with another voice for a member of the cast."""
    return changed(scene, index, voice=voice)


def with_style(scene: Scene, index: int, name: str, strength: float | None) -> Scene:
    """The scene with a style of a member of the cast at a strength of 0 to 1.5, or without it (None)."""
    styles = {**scene.cast[index].styles, name: strength}
    kept = {key: round(float(value), 2) for key, value in styles.items() if value is not None}
    return changed(scene, index, styles=kept)


def renamed(store: Store, scene: Scene, index: int, name: str) -> Scene:
    """The scene with another name for a character, in the script and the rig file too.

    Raises:
        ValueError: no name, one that cannot be, or one that is taken.
    """
    from masks.rig_file import RigFace, load_rig

    old = scene.cast[index].name
    try:
        member = scene.cast[index].model_copy(update={"name": plain_name(name)})
    except ValueError as error:
        raise ValueError(f"The name {error}.") from None
    if scene.find(member.name) not in (None, index):
        raise ValueError(f"{member.name} is in the cast already; choose another name.")
    cast = tuple(member if i == index else other for i, other in enumerate(scene.cast))
    script = tuple(_with_renamed(line, old, member.name) for line in scene.script)
    scene = scene.model_copy(update={"cast": cast, "script": script})
    if scene.rig is not None and (store.folder / scene.rig).is_file():
        size = look(scene, store.folder).size
        marked = load_rig(store.folder / scene.rig, size)
        if any(face.name == old for face in marked) and member.rig_face is None:
            faces = [RigFace(member.name, face.points) if face.name == old else face for face in marked]
            scene = scene.model_copy(update={"rig": _kept_rig(store, faces, size)})
    return scene


def _with_renamed(line: ScriptLine, old: str, new: str) -> ScriptLine:
    """A line in which somebody has another name, wherever it names them."""
    changes: dict[str, object] = {}
    if old.casefold() in map(str.casefold, line.attitudes):
        renamed = {new if name.casefold() == old.casefold() else name: how for name, how in line.attitudes.items()}
        changes["attitudes"] = renamed
    for key, names in (("who", line.speakers), ("face", line.faces), ("looks", (line.looks,) if line.looks else ())):
        if old.casefold() in [name.casefold() for name in names]:
            changes[key] = TOGETHER.join(new if name.casefold() == old.casefold() else name for name in names)
    return line.model_copy(update=changes) if changes else line


def _on_screen(scene: Scene, index: int) -> str | None:
    """The role of a character that has just got a place: no narrator any more."""
    role = scene.cast[index].role
    return None if role == "narrator" else role


def changed(scene: Scene, index: int, **changes: object) -> Scene:
    """The scene with some fields of a member of the cast changed."""
    member = Character.model_validate({**scene.cast[index].model_dump(), **changes})
    return scene.model_copy(update={"cast": (*scene.cast[:index], member, *scene.cast[index + 1 :])})


def _refuse_bad(scene: Scene, areas: Mapping[int, np.ndarray], size: tuple[int, int], chosen: int) -> None:
    """Say what is wrong with a character's new area; what was wrong with others before does not count."""
    from masks.regions import CharacterMask, check_masks

    mine = scene.cast[chosen].name
    masks = [CharacterMask(scene.cast[i].name, area) for i, area in areas.items()]
    before = check_masks([mask for mask in masks if mask.name != mine], size)
    if problems := [sentence for sentence in check_masks(masks, size) if sentence not in before]:
        raise ValueError(problems[0])


def _kept_mask(store: Store, name: str, area: np.ndarray) -> str:
    target = io.BytesIO()
    Image.fromarray(np.round(area * 255).astype(np.uint8)).save(target, "PNG")
    return store.add_media(target.getvalue(), f"{name}-mask.png")


def _kept_rig(store: Store, faces: Sequence[RigFace], size: tuple[int, int]) -> str:
    from masks.rig_file import save_rig

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rig.yaml"
        save_rig(path, faces, size)
        return store.add_media(path.read_bytes(), "rig.yaml")
