"""The job: a scene file becomes a video, stage by stage, with progress, cancel, and finished lines kept."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import generation.rendering
import studio.export.watermark
from generation.adapters.metadata import MOST_STRENGTH
from generation.audio.waveform import Audio, mix
from generation.core.assets import asset
from generation.core.clock import SAMPLE_RATE
from generation.core.motion import CHANNELS, MOUTH, ROTATION, TRANSLATION, WEIGHTS, MotionTrack
from generation.core.performance import Performance
from generation.pipeline.sampling import network_calls, usual_steps
from generation.rendering.controls import closing
from generation.text.phonemizer import phonemize
from studio.cast.face_assignment import FaceAssignment
from studio.cast.geometry import SceneGeometry
from studio.core.progress import Progress, Stage, Status
from studio.export.provenance import make_record
from studio.export.writers import export_scene, write_sound
from studio.production.frame_cache import FrameCache, tidy
from studio.production.setup import load_speech, make_renderer, prepare
from studio.scene.document import DocumentError, nearest, scene_data
from studio.scene.schema import Character, Scene
from studio.scene.styles import read_style
from studio.timeline.timeline import Timeline
from studio.validation.scene_check import Report, check_scene, voice_names

if TYPE_CHECKING:
    from generation.rendering.renderer import SceneRenderer
    from studio.performance.performer import Models, Speech

DRAFT_HEIGHT = 480
FREE_ROOM = 0.6
"""Share of the room that a head uses as the model moves it."""
REEL = "reel"
"""Folder of the work folder that keeps stretches of films."""
MAX_REEL_BYTES = 1_000_000_000
HEAD_RADIUS = 1.3
"""From the middle of the head to its outline, in inter-ocular distances: how far a turn of one radian moves it."""


@dataclass(frozen=True)
class RenderSettings:
    """How a scene is rendered.

    Attributes:
        seed: in place of the scene's own; None = the scene's.
        steps: sampling steps of the model; None = those of the sampler that ships.
        height: greatest height of the video in pixels; None = that of the picture, and 480 in a draft.
        device: torch device; None = the GPU when there is one, else the CPU.
        draft: quick and rough.
        work: folder where finished lines and stretches of films are kept; None = ``.parley`` beside the video.
    """

    seed: int | None = None
    steps: int | None = None
    height: int | None = None
    device: str | None = None
    draft: bool = False
    work: Path | None = None

    @property
    def sampling_steps(self) -> int | None:
        """Sampling steps that hold; None = the distilled sampler."""
        return self.steps or usual_steps()

    @property
    def greatest_height(self) -> int | None:
        """Height limit that holds."""
        return self.height or (DRAFT_HEIGHT if self.draft else None)


class RenderObserver:
    """Sees what a job makes while it runs; this one looks at nothing.

    Attributes:
        drawn: share of the film's frames that did not come from kept stretches.
    """

    drawn = 1.0

    def spoken(self, speech: Speech, timeline: Timeline, performance: Performance, places: SceneGeometry) -> None:
        """Speech and motion of the whole scene are there."""

    def frame(self, frame: np.ndarray) -> None:
        """One more drawn frame, uint8 (H, W, 3) RGB."""

    def rest(self) -> None:
        """Between two parts of the work; what is done here first takes none of the job's time."""


def render_scene(
    path: Path,
    target: Path,
    settings: RenderSettings = RenderSettings(),
    listener: Callable[[Status], None] = lambda status: None,
    cancelled: Callable[[], bool] = lambda: False,
    watcher: RenderObserver | None = None,
    models: Models | None = None,
) -> Report:
    """Render a scene file into an MP4 with its stems, subtitles and curves beside it.

    The file appears whole or not at all. Lines and stretches of the film that were finished before a cancel, an error
    or an edit elsewhere in the script are taken from the work folder.

    Args:
        path: the scene file.
        target: the video.
        settings: how.
        listener: told how far the job is, at least once a second.
        cancelled: asked at each step whether to stop.
        watcher: shown what is made.
        models: loaded already; ``settings.device`` then says nothing.

    Returns:
        What the check found; it holds no problems.

    Raises:
        DocumentError: the scene has problems; nothing was written.
        Cancelled: stopped; nothing but what is finished in the work folder was written.
    """
    stages = [Stage(name, 1) for name in ("check", "load models", "speech and motion", "rendering", "encoding")]
    watcher = watcher or RenderObserver()
    progress = Progress(stages, listener, cancelled, watcher.rest)
    if target.suffix.lower() != ".mp4":
        raise DocumentError([f"The video {target.name!r} should end in .mp4."])
    with progress.running():
        progress.start("check")
        report = check_scene(path)
        if report.problems or report.scene is None or report.casting is None:
            raise DocumentError(report.problems)
        scene, casting = report.scene, report.casting.resized(settings.greatest_height)
        progress.plan(expected_seconds(report.seconds, casting, settings))
        progress.start("load models")
        work = settings.work or target.parent / ".parley"
        kept = work / REEL
        with ThreadPoolExecutor(1) as aside:  # imports and speech keep one core busy, the picture the other
            ready = prepare(scene, casting, path.parent, settings, models, not kept.is_dir(), aside)
            places, speech = ready.places, ready.speech
            progress.start("speech and motion")
            performance = speech.perform(ready.timeline, places.routing, places.sides, work, progress)
            watcher.spoken(speech, ready.timeline, performance, places)
            progress.start("rendering")
            record = _record(scene, path.parent, settings, speech.seed)
            sound = aside.submit(mix, [Audio(part.speech, SAMPLE_RATE) for part in performance.characters])
            stretches = _film(scene, casting, places, performance, ready.renderer.result(), kept, progress, watcher)
        progress.start("encoding")
        size = casting.picture.shape[1::-1]
        export_scene(stretches, sound.result(), performance, ready.timeline, target, size=size, record=record)
        tidy(kept, MAX_REEL_BYTES)
        progress.finish()
    return report


def expected_seconds(seconds: float, casting: FaceAssignment, settings: RenderSettings) -> dict[str, float]:
    """Seconds that each stage takes on two idle cores, roughly: for the shares of the progress, and to be scaled.

    Args:
        seconds: length of the scene.
        casting: in the size in which it is rendered.
        settings: how.
    """
    n_faces = max(1, len(casting.seats))
    face_pixels = sum(25 * seat.face.inter_ocular**2 for seat in casting.seats)
    return {
        "load models": 6,
        "speech and motion": seconds * n_faces * (0.03 + 0.004 * network_calls(settings.sampling_steps)),
        # setting a face up takes the same time for any length, or a short film would say nothing of a long one
        "rendering": 0.5 * n_faces + 25 * seconds * (0.006 + 0.016 * face_pixels / 512**2),
        "encoding": 1 + 0.05 * seconds,
    }


def _record(scene: Scene, folder: Path, settings: RenderSettings, seed: int) -> dict[str, Any]:
    """What the video says of itself."""
    made_by = {"seed": seed, "steps": settings.sampling_steps, "height": settings.greatest_height}
    return make_record(scene_data(scene), folder, made_by, photograph=scene.consent != "drawn", label=scene.label)


def _film(
    scene: Scene,
    casting: FaceAssignment,
    places: SceneGeometry,
    performance: Performance,
    renderer: SceneRenderer | None,
    kept: Path,
    progress: Progress,
    watcher: RenderObserver,
) -> list[Path]:
    """Draw frame by frame into the encoder what is not kept, so that memory does not grow with the length."""
    tracks = [
        scaled_motion(performance.characters[seat.character].motion, scene.cast[seat.character], room)
        for seat, room in zip(places.seats, places.rooms, strict=True)
    ]

    def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        plain = repeat(casting.picture, len(numbers))
        drawer = renderer or (make_renderer(casting, places) if tracks else None)
        for frame in drawer.frames(tracks, numbers) if drawer else plain:
            watcher.frame(frame)
            yield frame

    def on_frame(done: int, total: int) -> None:
        progress.rest()
        progress.update(done, total)

    reel = FrameCache(kept, shown(tracks, performance.n_frames), appearance_key(casting, places), label=scene.label)
    watcher.drawn = reel.n_missing / performance.n_frames
    return reel.make(draw, casting.picture, on_frame)


def shown(tracks: Sequence[MotionTrack], n_frames: int) -> np.ndarray:
    """All that tells one frame of a picture from another, (T, n) float32."""
    # what the renderer takes from the frames around one, besides its own motion
    closed = [closing(track.values)[:, None] for track in tracks]
    return np.hstack([np.zeros((n_frames, 1)), *(track.values for track in tracks), *closed]).astype(np.float32)


def appearance_key(casting: FaceAssignment, places: SceneGeometry) -> str:
    """Hash of all that drawn frames depend on besides motion: picture, faces, and what draws them."""
    digest = hashlib.sha256(repr(casting.picture.shape).encode())
    for seat in places.seats:
        digest.update(repr(seat.drawn).encode() + seat.face.points.tobytes())
    for array in (casting.picture, *places.regions, *places.figures):
        digest.update(np.ascontiguousarray(array).data)
    drawing = Path(generation.rendering.__file__).parent.rglob("*.py")
    for path in (asset("rig.safetensors"), Path(studio.export.watermark.__file__), *sorted(drawing)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def scaled_motion(track: MotionTrack, character: Character, room: float = math.inf) -> MotionTrack:
    """A track with the amounts of its character: mouth and jaw, head, and blinks, each on its own.

    Args:
        track: as the model gave it.
        character: whose amounts.
        room: how far the head may travel, in inter-ocular distances; larger travel is pressed together below it.
    """
    gain = np.ones(len(CHANNELS), np.float32)
    gain[[name in MOUTH for name in CHANNELS]] = character.mouth
    gain[[name.startswith("eyeBlink") for name in CHANNELS]] = character.blink
    gain[ROTATION] = gain[TRANSLATION] = character.head
    values = track.values * gain
    turned = np.linalg.norm(values[:, ROTATION], axis=1) * HEAD_RADIUS
    travel = turned + np.linalg.norm(values[:, TRANSLATION], axis=1)
    # Frame by frame, so that a line that is done anew changes nothing elsewhere; smoothly, so that no head stops short.
    if travel.max(initial=0.0) > FREE_ROOM * room:
        free, rest = FREE_ROOM * room, (1 - FREE_ROOM) * room
        allowed = np.where(travel > free, free + rest * np.tanh((travel - free) / rest), travel)
        share = np.where(travel > free, allowed / np.maximum(travel, 1e-6), 1).astype(np.float32)[:, None]
        values[:, ROTATION] *= share
        values[:, TRANSLATION] *= share
    values[:, WEIGHTS] = np.clip(values[:, WEIGHTS], 0, 1)
    return MotionTrack(values)


def say(
    text: str,
    voice: str,
    target: Path,
    *,
    speed: float = 1.0,
    styles: Mapping[str, float] | None = None,
    seed: int = 0,
    steps: int | None = None,
    device: str | None = None,
    listener: Callable[[Status], None] = lambda status: None,
) -> Path:
    """Speak one line into a marked WAV file, 24 kHz, at the loudness of a scene's mix.

    Raises:
        DocumentError: nothing to say, an unknown voice or style, a speed or strength out of range, or a file that is
            no ``.wav``.
    """
    names, styles, steps = voice_names(), dict(styles or {}), steps or usual_steps()
    problems = [] if target.suffix.lower() == ".wav" else [f"The sound {target.name!r} should end in .wav."]
    if voice not in names:
        problems.append(f"The voice {voice!r} is not known; {nearest(voice, names)}")
    if not 0.5 <= speed <= 2:
        problems.append(f"The speed should be between 0.5 and 2; it is {speed:g}.")
    for name, strength in styles.items():
        try:
            read_style(name, Path())
        except ValueError as error:
            problems.append(f"{str(error)[0].upper()}{str(error)[1:]}")
        if not 0 <= strength <= MOST_STRENGTH:
            problems.append(f"The strength of {name} should be from 0 to {MOST_STRENGTH:g}; it is {strength:g}.")
    try:
        phonemize(text)
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise DocumentError(problems)
    progress = Progress([Stage("load models", 5), Stage("speech", 10)], listener)
    with progress.running():
        progress.start("load models")
        line = {"who": "SPEAKER", "text": text, "speed": speed, "start": 0}
        speaker = {"name": "SPEAKER", "voice": voice, "role": "narrator", "styles": styles}
        scene = Scene.model_validate({"picture": "", "cast": [speaker], "script": [line]})
        speech = load_speech(scene, Path(), seed, steps, device)
        timeline = speech.timeline()
        progress.start("speech")
        with tempfile.TemporaryDirectory() as work:
            alone = np.eye(1, dtype=np.float32), np.zeros(1, np.float32)
            performance = speech.perform(timeline, *alone, Path(work), progress)
        sound = mix([Audio(performance.characters[0].speech, SAMPLE_RATE)])
        said = {"text": text, "voice": voice, **({"styles": styles} if styles else {})}
        record = make_record(said, Path(), {"seed": seed, "steps": steps}, photograph=False)
        write_sound(sound, target, record)
        progress.finish()
    return target
