"""Motion files of the cast: what the Lips page shows of them, and the edits made there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from generation.core.clock import seconds_from_frames
from generation.core.motion import REGION_CHANNELS, Region
from studio.editing.cast_edits import changed
from studio.jobs.queue import jobs_in
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.schema import Scene, listed
from studio.timeline.motion_files import scene_motion


@dataclass(frozen=True)
class GivenMotion:
    """A motion file of somebody: whose, which file, the regions that it moves, and that in a sentence."""

    who: str
    name: str
    regions: tuple[Region, ...]
    sentence: str


def given_motion(project: Project) -> list[GivenMotion]:
    """The motion files of a project's cast, in its order."""
    found = []
    for character in project.scene.cast:
        by_file: dict[str, list[Region]] = {}
        for region, name in character.motion.files.items():
            by_file.setdefault(name, []).append(region)
        for name, regions in by_file.items():
            try:
                track = scene_motion(project.folder, name, regions[0]).track
                length = f", {seconds_from_frames(len(track)):.1f} s"
            except ValueError:  # said by the check
                length = ""
            told = f"{character.name}: {listed(regions)} from {Path(name).name}{length}"
            found.append(GivenMotion(character.name, name, tuple(regions), told))
    return found


def with_motion(scene: Scene, who: str, regions: Iterable[Region], name: str | None) -> Scene:
    """The scene in which somebody's regions are moved by a file; None = by the voice.

    Raises:
        ValueError: nobody is called so, or no region is chosen.
    """
    index, chosen = scene.find(who), [region for region in REGION_CHANNELS if region in set(regions)]
    if index is None:
        raise ValueError(f"Nobody in the cast is called {who}; look at the cast again.")
    if not chosen:
        raise ValueError("Choose at least one region that the file is to move.")
    motion = scene.cast[index].motion.model_copy(update=dict.fromkeys(chosen, name))
    return changed(scene, index, motion=motion)


def brought(project: Project, who: str, regions: Iterable[Region], data: bytes, filename: str) -> str:
    """Keep a motion file in a project and let it move somebody's regions: an edit.

    Returns:
        What was done, in a sentence.

    Raises:
        ValueError: no motion file, one that lacks a region's channels, nobody or no region; nothing has changed but
            that the file may be kept.
        StorageError: the disk is full.
    """
    regions = list(regions)
    with_motion(project.scene, who, regions, None)
    name = project.add_media(data, filename)
    for region in regions:
        scene_motion(project.folder, name, region)
    project.reload_if_changed()
    project.edit(with_motion(project.scene, who, regions, name), f"Motion of {who}")
    return f"{Path(name).name} moves {who}'s {listed(regions)}."


def takes_of_others(project: Project) -> dict[str, Path]:
    """Everybody's motion in the newest film of each other project of the same folder: what it is, and the file."""
    found = {}
    projects = Projects(project.folder.parent)
    for name in projects.names():
        if name == project.name:
            continue
        for job in jobs_in(projects.root / name):
            status = job.status()
            video = status.results.get("video")
            if job.kind != "render" or status.state != "done" or video is None:
                continue
            for path in status.results.values():
                if path.name.startswith(f"{video.stem}.") and path.suffix == ".json" and path.is_file():
                    found[f"{name}: {path.name.removeprefix(f'{video.stem}.').removesuffix('.json')}"] = path
            break
    return found
