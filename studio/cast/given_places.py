"""Places that a scene gives its cast: regions, masks, and faces marked by hand in a rig file or by three points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from studio.core.messages import existing_file
from studio.core.problems import DocumentError, Problem, as_clause
from studio.scene.region_points import TimedRegion
from studio.scene.schema import Character, Scene

if TYPE_CHECKING:
    from masks.landmarks import FaceLandmarks
    from masks.regions import CharacterMask


def marked_faces(scene: Scene, folder: Path, full: tuple[int, int], size: tuple[int, int]) -> dict[str, FaceLandmarks]:
    """Faces marked by hand, by name, from left to right, in a loaded picture of ``size`` (H, W).

    Args:
        full: width and height of the picture as its file has it, which points of the scene count in.

    Raises:
        DocumentError: the rig file is missing or not a rig, or points make no face.
    """
    from masks.rig_file import EYES_AND_MOUTH, fit_points, load_rig

    faces = {}
    if scene.rig is not None:
        path = folder / scene.rig
        try:
            if reason := existing_file(path, "the rig file"):
                raise ValueError(reason)
            faces = {marked.name: marked.landmarks() for marked in load_rig(path, size)}
        except ValueError as error:
            raise DocumentError([Problem("picture", as_clause(error), where=("rig",))]) from None
    scale = np.array([size[1] / full[0], size[0] / full[1]])
    for index in scene.on_screen:
        member = scene.cast[index]
        if member.eyes_and_mouth is not None:
            points = dict(zip(EYES_AND_MOUTH, map(tuple, np.array(member.eyes_and_mouth) * scale), strict=True))
            try:
                faces[member.name] = fit_points(points, member.name)
            except ValueError as error:
                raise DocumentError([Problem("picture", as_clause(error), where=("cast", index))]) from None
    return dict(sorted(faces.items(), key=lambda item: float(item[1].points[:, 0].mean())))


def read_area(
    name: str, given: Character | TimedRegion, folder: Path, full: tuple[int, int], shape: tuple[int, int]
) -> CharacterMask | None:
    """The mask or region that a scene gives somebody, on the loaded picture of ``shape`` (H, W); None without one.

    Args:
        name: whose it is.
        given: holds it.
        folder: where file names start.
        full: width and height of the picture as its file has it, which regions count in.

    Raises:
        ValueError: the mask's file is missing or cannot be used.
    """
    from masks.regions import load_mask, outline_mask

    if given.mask is not None:
        if reason := existing_file(folder / given.mask, f"{name}'s mask"):
            raise ValueError(reason)
        return load_mask(name, folder / given.mask, shape)
    if given.region is None or given.region == "auto":
        return None
    return outline_mask(name, np.array(given.region) * (shape[1] / full[0], shape[0] / full[1]), shape)


def given_areas(
    scene: Scene, folder: Path, full: tuple[int, int], shape: tuple[int, int]
) -> tuple[dict[int, CharacterMask], list[Problem]]:
    """The regions and masks that the scene gives, by index into the cast, on the loaded picture of ``shape`` (H, W).

    Args:
        full: width and height of the picture as its file has it, which regions count in.

    Returns:
        Those that can be used, and what is wrong with the others.
    """
    from masks.regions import check_masks

    masks: dict[int, CharacterMask] = {}
    problems: list[Problem] = []
    for index in scene.on_screen:
        character = scene.cast[index]
        try:
            if (mask := read_area(character.name, character, folder, full, shape)) is not None:
                masks[index] = mask
        except ValueError as error:
            problems.append(Problem("picture", as_clause(error), where=("cast", index)))
    usable = dict(masks)
    for index, mask in masks.items():
        for sentence in check_masks([mask], shape):
            problems.append(Problem("picture", as_clause(ValueError(sentence)), where=("cast", index)))
            usable.pop(index, None)
    problems += [
        Problem("picture", sentence, where=("picture",)) for sentence in check_masks(list(usable.values()), shape)
    ]
    return usable, problems
