"""The command `parley motion`: a person's motion out of a video, into a file that scenes take."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from generation.core.clock import seconds_from_frames
from generation.motion.arkit import write_arkit_csv, write_motion_json
from studio.core.messages import existing_file
from studio.core.option_values import box
from studio.core.output import output_problems, whole_or_nothing
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage, Status

if TYPE_CHECKING:
    from studio.production.settings import RenderSettings

_TAKE, _MESHES = ".parley", ".glb"
_WRITERS = {".csv": write_arkit_csv, ".json": write_motion_json}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command is told."""
    command.add_argument("video", type=Path, help="a video in which somebody is seen from the front")
    output_help = "the motion: .csv (ARKit, as Live Link Face writes it) or .json (with the head's place too)"
    command.add_argument("-o", "--output", type=Path, required=True, help=output_help)
    region_help = "where the person's face is in the first frames, pixels; without it the largest face is followed"
    command.add_argument("--region", type=box, metavar="LEFT,TOP,RIGHT,BOTTOM", help=region_help)


def run(arguments: argparse.Namespace, say: Callable[..., None], listener: Callable[[Status], None]) -> int:
    """Track and write; says what was found, and tells the listener how far it is.

    Raises:
        DocumentError: no such video, another ending of the output, or a place that cannot be written.
        ValueError: no video, or nobody to follow in it.
    """
    from generation.motion.video_tracking import faces_at_first, track_person

    target, video = arguments.output, arguments.video
    write = _WRITERS.get(target.suffix.lower())
    problems = output_problems(target)
    if write is None:
        problems.append(Problem("output", f"the motion file {target.name!r} should end in .csv or .json"))
    if reason := existing_file(video, "the video", "check its name and folder."):
        problems.append(Problem("file", reason))
    if problems or write is None:
        raise DocumentError(problems)
    seen = faces_at_first(video, arguments.region)
    if seen.others and arguments.region is None:
        where = ",".join(f"{edge:.0f}" for edge in seen.box)
        what = f"{video.name} shows {seen.others + 1} faces; the largest, at {where}, is followed"
        say("warning", f"{what}; choose another by --region.", box=[round(edge) for edge in seen.box])
    progress = Progress([Stage("tracking", 1)], listener, lambda: False)
    with tempfile.TemporaryDirectory() as scratch, progress.running():
        progress.start("tracking")
        found = track_person(video, arguments.region, Path(scratch), progress.update)
        with whole_or_nothing(target) as folder:
            write(folder / target.name, found.motion)
        progress.finish()
    if found.unseen:
        share = f"{found.unseen / found.n_frames:.0%}"
        say("warning", f"The face is not seen in {share} of the frames; between them it moves evenly.")
    seconds = seconds_from_frames(len(found.motion))
    say("done", f"{target} is ready: {seconds:.1f} s.", file=str(target), seconds=seconds, unseen=found.unseen)
    return 0


def without_film(
    scene: Path, target: Path, settings: RenderSettings, listener: Callable[[Status], None]
) -> Sequence[Problem] | None:
    """What ``parley render`` makes beside films: meshes, take files, and the film of a take file.

    Returns:
        Warnings of the scene's check; None where a film of a scene is asked for, and nothing was done.
    """
    if scene.suffix.lower() == _TAKE:
        from studio.motion.take_film import draw_take  # late, as the others: they load torch

        draw_take(scene, target, settings, listener)
        return ()
    if target.suffix.lower() == _TAKE:
        from studio.motion.take_film import write_scene_take

        return write_scene_take(scene, target, settings, listener).warnings
    if target.suffix.lower() == _MESHES:
        from studio.motion.mesh_film import write_mesh_film

        return write_mesh_film(scene, target, settings, listener).warnings
    return None
