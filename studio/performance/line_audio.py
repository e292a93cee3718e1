"""Audio and word times of selected lines before anything is rendered, and their takes: the job ``hear``."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from generation.audio.loudness import mix
from generation.audio.waveform import Audio, Sound
from generation.core.clock import FPS, SAMPLE_RATE, samples_from_frames
from generation.core.performance import AnyPerformance, Line
from studio.cast.face_assignment import assign_faces
from studio.cast.geometry import build_geometry
from studio.core.progress import Progress
from studio.core.storage import write_json
from studio.export.provenance import make_record
from studio.export.writers import write_sound
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.project.takes import FOLDER, Take, record_takes
from studio.scene.document import load_scene
from studio.scene.line_names import line_names
from studio.scene.retakes import sound_only
from studio.scene.schema import Scene, listed
from studio.timeline.timeline import Timeline
from studio.timeline.word_timing import word_times


def write_line_audio(
    scene_path: Path,
    wanted: Collection[str],
    steps: int | None,
    project: Path,
    target: Path,
    models: Models,
    progress: Progress,
) -> dict[str, Path]:
    """Speak some lines of a scene.

    Only those who speak are made, which is several times as quick as everybody; the speech is that of a film with as
    many steps, up to rounding. Segments that are kept are taken as they are. A scene may be heard before it has
    a picture, and while lines that are not wanted are still faulty.

    Args:
        scene_path: the scene.
        wanted: ids of lines as ``line_names(scene, takes=False)`` has them; empty = all.
        steps: sampling steps.
        project: folder whose ``work`` keeps the segments, and which the takes are noted in.
        target: folder for the results.
        models: loaded models.
        progress: with the stages ``listen``, ``speech and motion`` and ``sound``.

    Returns:
        ``sound``, a WAV file from the first wanted line's beginning to the last one's end, and ``words``, a JSON list
        as of :func:`timed_words`.

    Raises:
        ValueError: a wanted line cannot be said.
        Cancelled: stopped.
    """
    progress.start("listen")
    scene = sound_only(load_scene(scene_path))
    names = line_names(scene, takes=False)
    wanted = set(wanted) or set(names)
    performer = ScenePerformer(scene, scene_path.parent, models, steps=steps, speakers_only=True)
    try:
        timeline = performer.timeline()
    except ValueError:
        kept = [index for index, name in enumerate(names) if name in wanted]
        if len(kept) == len(names):
            raise
        # Alone the lines may be said while the rest of the script is still being written.
        names = [names[index] for index in kept]
        scene = scene.model_copy(update={"script": tuple(scene.script[index] for index in kept)})
        performer = ScenePerformer(scene, scene_path.parent, models, steps=steps, speakers_only=True)
        timeline = performer.timeline()
    if not timeline.lines:
        raise ValueError("The script has no lines; write at least one.")
    routing, sides = scene_geometry(scene, scene_path.parent)
    progress.start("speech and motion")
    chosen = {line.id for line, name in zip(timeline.lines, names, strict=True) if name in wanted}
    performance = performer.perform(timeline, routing, sides, project / "work", progress, chosen)
    progress.start("sound")
    segment_keys = performer.segment_keys(timeline, routing, sides)
    segment_keys = {key: segment_keys[key] for key in chosen}
    keep_takes(project, scene, names, timeline, performance, segment_keys, recipe="")
    lines = [line for line in timeline.lines if line.id in chosen]
    begin, end = min(line.start for line in lines), max(line.stop for line in lines)
    record = _record(scene, performer.seed, steps)
    voiced = [each for line in lines for each in timeline.of_all_speakers(line)]
    sound = write_sound(_mixed(performance, voiced, begin, end), target / "sound.wav", record)
    words = timed_words(scene, names, timeline, chosen, begin)
    write_json(target / "words.json", words, durable=False)
    return {"sound": sound, "words": target / "words.json"}


def timed_words(
    scene: Scene, names: Sequence[str], timeline: Timeline, chosen: Collection[str], begin: int = 0
) -> list[dict[str, Any]]:
    """``line``, ``who``, ``text``, ``start`` and ``end`` of each word of some lines, in the script's order.

    Args:
        scene: whose script the timeline is of.
        names: of its lines, whatever the take; they stand in ``line``.
        timeline: where the lines are.
        chosen: ``Line.id`` of those wanted.
        begin: frame from which the seconds count.
    """
    words = []
    speakers = timeline.speaker_names([member.name for member in scene.cast])
    for line, name, text, who in zip(timeline.lines, names, timeline.texts, speakers, strict=True):
        if line.id in chosen:
            at = (line.start - begin) / FPS
            for word in word_times(line, text):
                times = {"start": round(at + word.start, 3), "end": round(at + word.stop, 3)}
                words.append({"line": name, "who": who, "text": word.text, **times})
    return words


def scene_geometry(scene: Scene, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Routing and sides as rendering has them; everybody for themselves where the picture is not ready yet."""
    assignment, problems = assign_faces(scene, folder) if scene.picture else (None, {})
    if assignment is None or problems:
        return np.eye(len(scene.cast), dtype=np.float32), np.zeros(len(scene.cast), np.float32)
    geometry = build_geometry(scene, assignment)
    return geometry.routing, geometry.sides


def _mixed(performance: AnyPerformance, lines: Sequence[Line], begin: int, end: int) -> Sound:
    """The given lines alone, as loud as in the film, from frame ``begin`` to ``end``."""
    tracks = []
    for index, speech in enumerate(performance.speech):
        own = np.zeros(samples_from_frames(end - begin), np.float32)
        for line in lines:
            if line.character == index:
                first, last = samples_from_frames(line.start), samples_from_frames(line.stop)
                shift = samples_from_frames(begin)
                own[first - shift : last - shift] = speech[first:last]
        tracks.append(Audio(own, SAMPLE_RATE))
    return mix(tracks, performance.voiced)


def _record(scene: Scene, seed: int, steps: int | None) -> dict[str, object]:
    texts = {"script": [{"who": line.who, "text": line.text} for line in scene.script]}
    return make_record(texts, Path(), {"seed": seed, "steps": steps}, photograph=False)


def keep_takes(
    project: Path,
    scene: Scene,
    names: Sequence[str],
    timeline: Timeline,
    performance: AnyPerformance,
    segment_keys: Mapping[str, str],
    recipe: str,
) -> None:
    """Write the sound of lines into the project's takes, where it is not there yet, and note them.

    Args:
        project: the project's folder.
        scene: whose script the timeline is of.
        names: of its lines, whatever the take.
        timeline: where the lines are.
        performance: what was made of them.
        segment_keys: key of the kept segment of each line to be noted, by ``Line.id``.
        recipe: of the takes, see :class:`studio.project.takes.Take`.
    """
    takes = {}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for script, line, name, text in zip(scene.script, timeline.lines, names, timeline.texts, strict=True):
        if line.id not in segment_keys or script.recording is not None:
            continue
        # Named by the segment: a take of another voice or seed is another file.
        stem = hashlib.sha256(f"{name} {segment_keys[line.id]}".encode()).hexdigest()[:16]
        path = project / FOLDER / f"{stem}.wav"
        if not path.is_file():
            record = make_record({"text": text}, Path(), {"take": script.take}, photograph=False)
            sound = _mixed(performance, timeline.of_all_speakers(line), line.start, line.stop)
            write_sound(sound, path, record)
        voices = [scene.cast[voiced.character].voice for voiced in timeline.of_all_speakers(line)]
        whose = listed(["" if voice is None else voice.preset or "recording" for voice in voices])
        takes[name] = Take(str(script.take), script.take, now, text, segment_keys[line.id], path, whose, recipe)
    record_takes(project, takes)
