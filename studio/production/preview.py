"""Quick preview of a scene: full sound, small frames at half the rate, and only speakers move."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generation.core.motion import MotionTrack
from generation.core.performance import StoredPerformance
from generation.core.result_key import made_by
from studio.cast.face_assignment import FaceAssignment, assign_faces
from studio.cast.geometry import SceneGeometry, build_geometry
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress
from studio.core.storage import json_bytes, write_json
from studio.dubbing.clip_frames import ClipFrames
from studio.dubbing.clip_sound import mix_film
from studio.export.name_tags import draw_name_tags, name_tag
from studio.export.provenance import make_record
from studio.export.watermark import ALTERED_TEXTS, TEXTS
from studio.export.writers import OnFrame, write_film
from studio.performance.line_audio import scene_geometry, timed_words
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.performance.scene_routing import driven_faces, scene_routing
from studio.production.frame_cache import FRAME_FOLDER, PREVIEW_FOLDER, FrameCache, trim_frames
from studio.production.scene_drawing import DrawnMotion, appearance_key, make_renderer, scaled_motion
from studio.project.restore import media_names
from studio.scene.document import load_scene, scene_data
from studio.scene.line_names import line_names
from studio.scene.schema import FaceMotion, Scene
from studio.timeline.timeline import Timeline

if TYPE_CHECKING:
    from generation.rendering.renderer import SceneRenderer

HEIGHT = 320
"""Greatest height of a preview in pixels."""
EVERY = 2
"""Of so many frames one is drawn."""
MAX_PREVIEW_BYTES = 200_000_000
"""Of the frames of previews, which have a folder of their own: a film that lets one go first still needs its frames."""
_FADE = 5
"""Frames over which a speaker begins and ceases to move."""


@dataclass(frozen=True)
class PreparedPicture:
    """Picture, faces and renderer, kept from one preview to the next.

    Attributes:
        key: of what it depends on.
        assignment: the faces in the size in which they are drawn.
        geometry: their geometry.
        renderer: None for a picture in which nobody is drawn.
        appearance: names how its frames look, see :func:`studio.production.scene_drawing.appearance_key`.
    """

    key: str
    assignment: FaceAssignment
    geometry: SceneGeometry
    renderer: SceneRenderer | None
    appearance: str


class Previewer:
    """Makes previews; the picture is prepared once, until it, the masks or the cast change.

    Args:
        models: loaded models.
        height: greatest height of what is drawn, in pixels.

    Attributes:
        models: the same.
    """

    def __init__(self, models: Models, height: int = HEIGHT) -> None:
        self.models = models
        self._height = height
        self._prepared: PreparedPicture | None = None
        self._geometry: tuple[str, tuple[np.ndarray, np.ndarray]] = ("", (np.empty(0), np.empty(0)))

    def make(self, scene_path: Path, project: Path, target: Path, progress: Progress) -> dict[str, Path]:
        """Make a preview.

        Args:
            scene_path: the scene; who agreed to be in its picture need not be said yet.
            project: folder whose ``work`` keeps the segments.
            target: folder for the result.
            progress: with the stages ``look at the picture``, ``speech and motion`` and ``drawing``.

        Returns:
            ``video``, an MP4 file, and ``words``, see :func:`studio.performance.line_audio.timed_words`.

        Raises:
            DocumentError: the picture or a line cannot be used.
            Cancelled: stopped.
        """
        progress.start("look at the picture")
        scene = load_scene(scene_path)
        if not scene.script:
            raise DocumentError([Problem("script", "the script has no lines", "write at least one")])
        prepared = self.prepared(scene, scene_path.parent)
        performer = ScenePerformer(scene, scene_path.parent, self.models, speakers_only=True)
        timeline = performer.timeline()
        progress.start("speech and motion")
        geometry = prepared.geometry
        performance = performer.perform(timeline, geometry.routing, geometry.sides, project / "work", progress)
        progress.start("drawing")
        sound = mix_film(scene, prepared.assignment.clip, timeline, performance, project / "work")
        settings = {"seed": performer.seed, "steps": None, "height": self._height}
        about = {"photograph": scene.consent != "drawn", "video": scene.is_video}
        record = make_record(scene_data(scene), scene_path.parent, settings, **about)
        video = target / "preview.mp4"
        folder = project / "work" / FRAME_FOLDER / PREVIEW_FOLDER
        segments = _frames(scene, prepared, timeline, performance, folder, progress.update)
        n_frames = -(-performance.n_frames // EVERY) * EVERY
        write_film(segments, n_frames, sound, video, record=record)
        names = line_names(scene, takes=False)
        words = timed_words(scene, names, timeline, {line.id for line in timeline.lines})
        write_json(target / "words.json", words, durable=False)
        return {"video": video, "words": target / "words.json"}

    def prepared(self, scene: Scene, folder: Path) -> PreparedPicture:
        """What depends on a scene's picture and cast alone, made ready to be drawn.

        Raises:
            DocumentError: the picture cannot be used; every fault.
        """
        key = _picture_key(scene, folder)
        if self._prepared is None or self._prepared.key != key:
            if not scene.picture:
                raise DocumentError([Problem("picture", "there is no picture yet", "add one")])
            assignment, problems = assign_faces(scene, folder)
            if assignment is None or problems:
                raise DocumentError(problems)
            assignment = assignment.resized(self._height)
            geometry = build_geometry(scene, assignment)
            still = geometry.assigned and assignment.clip is None
            renderer = make_renderer(assignment, geometry) if still else None
            self._prepared = PreparedPicture(key, assignment, geometry, renderer, appearance_key(assignment, geometry))
        return self._prepared

    def geometry(self, scene: Scene, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """Whose voice drives whom, and where everybody sits, as a film in full size has it; kept like the picture."""
        key = _picture_key(scene, folder)
        if self._geometry[0] != key:
            self._geometry = (key, scene_geometry(scene, folder))
        return self._geometry[1]


def _picture_key(scene: Scene, folder: Path) -> str:
    """Hash of all that a picture's preparation depends on."""
    unseen: dict[str, Any] = {"voice": None, "mouth": 1.0, "head": 1.0, "blink": 1.0, "motion": FaceMotion()}
    unseen |= {"expression": 1.0, "blinks": None, "curves": (), "gazes": ()}
    cast = [character.model_copy(update=unseen) for character in scene.cast]
    bare = scene.model_copy(update={"cast": tuple(cast), "script": (), "title": "", "lexicon": {}})
    digest = hashlib.sha256(json_bytes(scene_data(bare)))
    for relative in media_names(bare):
        path = folder / relative
        digest.update(path.read_bytes() if path.is_file() else b"-")
    return digest.hexdigest()


def _frames(
    scene: Scene,
    prepared: PreparedPicture,
    timeline: Timeline,
    performance: StoredPerformance,
    folder: Path,
    on_frame: OnFrame,
) -> list[Path]:
    """One of :data:`EVERY` frames of the film, in segments; those that are not cached are drawn."""
    routing = scene_routing(scene, timeline, prepared.geometry.routing)
    moving = _while_moved(timeline, routing)
    moving[[bool(character.motion.files) for character in scene.cast]] = 1
    drawn_faces = list(zip(prepared.geometry.assigned, prepared.geometry.rooms, strict=True))
    tagged = _speaking(timeline, len(scene.cast))[:, ::EVERY].T
    names = [(character.name, scene.colour_of(index)) for index, character in enumerate(scene.cast)]
    tags = [name_tag(name, colour) for name, colour in names]

    def read(first: int, stop: int) -> list[MotionTrack]:
        first, stop = first * EVERY, min(stop * EVERY, performance.n_frames)
        window, tracks = performance.window(first, stop).characters, []
        for person, room in drawn_faces:
            k = person.character
            values = scaled_motion(window[k].motion, scene.cast[k], room).values * moving[k, first:stop, None]
            tracks.append(MotionTrack(values[::EVERY].astype(np.float32)))
        return tracks

    motion = DrawnMotion(read, len(tagged))
    clip = prepared.assignment.clip
    in_video = None if clip is None else ClipFrames(scene, prepared.assignment, timeline, performance)

    def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        drawn: Iterator[np.ndarray] = repeat(prepared.assignment.picture, len(numbers))
        if in_video is not None:
            drawn = in_video.draw([EVERY * number for number in numbers])
        elif prepared.renderer is not None:
            drawn = motion.frames(prepared.renderer, numbers)
        for frame, number in zip(drawn, numbers, strict=True):
            yield draw_name_tags(frame, [tag for tag, on in zip(tags, tagged[number], strict=True) if on])

    drawn_states = motion.states() if in_video is None else islice(in_video.states(), 0, None, EVERY)
    states = (np.hstack([state, on.astype(np.float32)]) for state, on in zip(drawn_states, tagged, strict=True))
    looks = prepared.appearance if in_video is None else in_video.appearance
    picture = prepared.assignment.picture if clip is None else np.zeros_like(clip.first)
    texts = TEXTS if clip is None else ALTERED_TEXTS
    appearance = repr((looks, names, made_by("studio.export.name_tags")))
    cache = FrameCache(folder, states, appearance, every=EVERY, watermark=scene.label, texts=texts)
    segments = cache.make(draw, picture, on_frame)
    trim_frames(folder, MAX_PREVIEW_BYTES)
    return segments


def _while_moved(timeline: Timeline, routing: np.ndarray) -> np.ndarray:
    """(K, T) float32: 1 while a line comes out of a face, falling to 0 within :data:`_FADE` frames around it."""
    moving = np.zeros(routing.shape[1:], np.float32)
    frames = np.arange(timeline.n_frames)
    for line in timeline.speaker_lines:
        outside = np.maximum(np.maximum(line.start - frames, frames - (line.stop - 1)), 0)
        moved = driven_faces(routing, line)
        moving[moved] = np.maximum(moving[moved], np.clip(1 - outside / _FADE, 0, 1))
    return moving


def _speaking(timeline: Timeline, n_cast: int) -> np.ndarray:
    """(K, T) bool: while somebody's voice is heard."""
    speaking = np.zeros((n_cast, timeline.n_frames), bool)
    for line in timeline.speaker_lines:
        speaking[line.character, line.start : line.stop] = True
    return speaking
