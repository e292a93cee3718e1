"""Motion curves of a scene before it is rendered, a changed line before and after, and stills: the job ``move``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generation.audio.loudness import mix_performance
from generation.audio.waveform import Audio, Sound
from generation.core.clock import SAMPLE_RATE, samples_from_frames
from generation.core.motion import MotionTrack
from generation.core.performance import Line, StoredPerformance
from generation.motion.keyframes import HANDLES
from studio.acting.marks import Retake
from studio.core.jpeg import jpeg_bytes
from studio.core.progress import Progress
from studio.core.storage import write_json, write_whole
from studio.export.motion_curves import changes, motion_curves
from studio.export.provenance import make_record
from studio.export.watermark import draw_watermark
from studio.export.writers import write_sound, write_video
from studio.performance.line_audio import keep_takes, timed_words
from studio.performance.performer import ScenePerformer
from studio.production.preview import PreparedPicture, Previewer
from studio.production.scene_drawing import scaled_motion
from studio.project.takes import recipe
from studio.scene.document import load_scene, scene_data
from studio.scene.line_names import line_names
from studio.scene.retakes import LINE_GONE, with_retakes
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

CLOSE_UP = 720
"""Greatest height of the picture of which a face is shown."""
_AROUND, _LONGEST = 25, 400
"""Frames shown before and after what changed, and most in all: both videos are held at once."""
_MARGIN = 0.4
"""Shown around a face, as a share of its larger side."""


@dataclass(frozen=True)
class Order:
    """Options of a motion job besides the motion curves.

    Attributes:
        steps: sampling steps, None = the distilled sampler's; with those of the film its segments are the film's.
        line: id of a line that was changed; what changed of it is drawn, close up.
        before: the retakes that this line had.
        who: name of somebody of whom stills are drawn: the mouth widest open, the lids shut, the head turned farthest.
    """

    steps: int | None
    line: str | None = None
    before: Sequence[dict[str, Any]] = ()
    who: str | None = None


def move(
    scene_path: Path, order: Order, project: Path, target: Path, previewer: Previewer, progress: Progress
) -> dict[str, Path]:
    """Make everybody's motion and show it.

    Args:
        scene_path: the scene; who agreed to be in its picture need not be said yet.
        order: what is wanted.
        project: folder whose ``work`` keeps the segments, and which the takes are noted in.
        target: folder for the results.
        previewer: loaded models, and pictures made ready at :data:`CLOSE_UP`.
        progress: with the stages ``look at the picture``, ``speech and motion`` and ``drawing``.

    Returns:
        ``lanes`` (see :func:`studio.export.motion_curves.motion_curves`), ``sound`` and ``words`` of the whole scene;
        of a line ``before`` and ``after``, videos of what changed, and ``changes``, a list of it (see
        :func:`studio.export.motion_curves.changes`); ``stills``, a JPEG.

    Raises:
        ValueError: the picture or a line cannot be used, or there is no such line or person.
        Cancelled: stopped.
    """
    progress.start("look at the picture")
    scene = load_scene(scene_path)
    names = line_names(scene, takes=False)
    if not scene.script or order.line is not None and order.line not in names:
        raise ValueError(LINE_GONE)
    prepared = previewer.prepared(scene, scene_path.parent)
    geometry = previewer.geometry(scene, scene_path.parent)

    def performed(scene: Scene) -> tuple[ScenePerformer, Timeline, StoredPerformance]:
        performer = ScenePerformer(scene, scene_path.parent, previewer.models, steps=order.steps)
        timeline = performer.timeline()
        return performer, timeline, performer.perform(timeline, *geometry, project / "work", progress)

    progress.start("speech and motion")
    performer, timeline, performance = performed(scene)
    pieces = performer.segment_keys(timeline, *geometry)
    keep_takes(project, scene, names, timeline, performance, pieces, recipe(scene, order.steps))
    former = None
    if order.line is not None:
        retakes = [Retake.model_validate(data) for data in order.before]
        former = performed(with_retakes(scene, names.index(order.line), retakes))[2]
    progress.start("drawing")
    settings = {"seed": performer.seed, "steps": order.steps, "height": CLOSE_UP}
    record = make_record(scene_data(scene), scene_path.parent, settings, photograph=scene.consent != "drawn")
    sound = mix_performance(performance, project / "work")
    results = {
        "lanes": target / "lanes.json",
        "sound": write_sound(sound, target / "sound.wav", record),
        "words": target / "words.json",
    }
    write_json(results["lanes"], motion_curves(scene, timeline, performance), durable=False)
    write_json(results["words"], timed_words(scene, names, timeline, set(pieces)), durable=False)
    if former is not None:
        number = names.index(order.line or "")
        line = timeline.lines[number]
        close = _Close(scene, prepared, moved_faces(scene, number, timeline), record)
        results |= close.films(former, performance, line, sound, target, progress)
        results["changes"] = target / "changes.json"
        write_json(results["changes"], changes(former, performance), durable=False)
    if order.who is not None and (index := scene.find(order.who)) is not None:
        stills = _Close(scene, prepared, [index], record).stills(performance, target / "stills.jpg")
        results |= {"stills": stills} if stills else {}
    return results


def moved_faces(scene: Scene, number: int, timeline: Timeline) -> list[int]:
    """Indices of those whose faces a line of the script moves, each once."""
    speakers = [each.character for each in timeline.of_all_speakers(timeline.lines[number])]
    faces = (scene.faces_of(scene.script[number], speaker) for speaker in speakers)
    return list(dict.fromkeys(face for several in faces for face in several))


class _Close:
    """Some people of a prepared picture, close up; the whole picture where none of them is seen."""

    def __init__(
        self, scene: Scene, prepared: PreparedPicture, characters: Sequence[int], record: dict[str, Any]
    ) -> None:
        self._scene, self._prepared, self._characters, self._record = scene, prepared, characters, record
        visible = {person.character: place for place, person in enumerate(prepared.geometry.assigned)}
        self._places = [visible.get(character) for character in characters]
        boxes = [prepared.geometry.assigned[place].face.box for place in self._places if place is not None]
        height, width = prepared.assignment.picture.shape[:2]
        self._crop = slice(0, height), slice(0, width)
        if boxes:
            edges = np.array(boxes)
            margin = _MARGIN * (edges[:, 2:] - edges[:, :2]).max(1, keepdims=True)
            low, high = (edges[:, :2] - margin).min(0), (edges[:, 2:] + margin).max(0)
            columns, rows = (
                slice(max(0, int(first)) // 2 * 2, min(size, int(last)) // 2 * 2)
                for first, last, size in zip(low, high, (width, height), strict=True)
            )
            self._crop = rows, columns

    def _frames(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """The people moving like that, (T, people, channels), everybody else still."""
        seen = [(number, place) for number, place in enumerate(self._places) if place is not None]
        if not seen or self._prepared.renderer is None:
            return (self._prepared.assignment.picture[self._crop] for _ in values)
        tracks = [MotionTrack.neutral(len(values)) for _ in self._prepared.geometry.assigned]
        for number, place in seen:
            tracks[place] = MotionTrack(values[:, number])
        return (frame[self._crop] for frame in self._prepared.renderer.frames(tracks))

    def _scaled(self, performance: StoredPerformance) -> np.ndarray:
        """Everybody's motion as it is drawn, (T, people, channels)."""
        rooms = [np.inf if place is None else self._prepared.geometry.rooms[place] for place in self._places]
        motions = [
            scaled_motion(MotionTrack(performance.motion[who][:]), self._scene.cast[who], room).values
            for who, room in zip(self._characters, rooms, strict=True)
        ]
        return np.stack(motions, axis=1)

    def films(
        self,
        before: StoredPerformance,
        after: StoredPerformance,
        line: Line,
        sound: Sound,
        target: Path,
        progress: Progress,
    ) -> dict[str, Path]:
        """What changed, and a little around it, as it was and as it is, with the scene's sound; MP4 files.

        Frames that are the same are drawn once. Where nothing changed, the line is shown.
        """
        old, new = self._scaled(before), self._scaled(after)
        where = np.flatnonzero((old != new).any((1, 2)))
        first, stop = (int(where[0]), int(where[-1]) + 1) if len(where) else (line.start, line.stop)
        first = max(0, first - _AROUND)
        shown = slice(first, min(len(old), stop + _AROUND, first + _LONGEST))
        differs = (old != new).any((1, 2))[shown]
        drawn = list(self._frames(old[shown]))
        anew = self._frames(new[shown][differs])
        changed = [next(anew) if other else frame for frame, other in zip(drawn, differs, strict=True)]
        heard = Audio(sound.waveform[samples_from_frames(shown.start) : samples_from_frames(shown.stop)], SAMPLE_RATE)
        picture = np.ascontiguousarray(self._prepared.assignment.picture[self._crop])
        made = {}
        for name, frames in (("before", drawn), ("after", changed)):
            made[name] = write_video(
                frames, heard, target / f"{name}.mp4", picture=picture, record=self._record, on_frame=progress.update
            )
        return made

    def stills(self, performance: StoredPerformance, path: Path) -> Path | None:
        """The widest mouth, shut lids and the farthest turn side by side, of one person; None where not seen."""
        if self._places == [None]:
            return None
        plain = performance.motion[self._characters[0]][:]
        extremes = [
            int(np.abs(plain[:, list(HANDLES[name].channels)]).mean(1).argmax())
            for name in ("jawOpen", "blink", "headTurn")
        ]
        frames = list(self._frames(self._scaled(performance)[extremes]))
        stills = np.concatenate([draw_watermark(frame) for frame in frames], axis=1)
        write_whole({path: jpeg_bytes(stills)}, durable=False)
        return path
