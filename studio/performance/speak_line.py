"""Speaks a single line without a scene: ``parley say``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generation.adapters.metadata import MOST_STRENGTH
from generation.audio.loudness import mix_performance
from generation.audio.waveform import Sound
from generation.core.deferred_imports import load_libraries
from generation.core.performance import Line
from generation.text.languages import ENGLISH, ESPEAK_NAMES, espeak_name, shipped_languages, unknown_language
from generation.text.phonemizer import phonemize, read_text
from studio.core.messages import nearest, shortened, unwritable
from studio.core.output import output_problems
from studio.core.problems import DocumentError, Problem, as_clause
from studio.core.progress import Progress, Stage, Status
from studio.core.threads import wait_passively
from studio.export.provenance import make_record
from studio.export.signature import signing_problems
from studio.export.writers import write_sound
from studio.scene.schema import Scene
from studio.scene.styles import read_style
from studio.scene.voices import foreign_text, voice_fault
from studio.timeline.timeline import MAX_TEXT

if TYPE_CHECKING:
    from studio.performance.models import Models

BYTES_A_LETTER = 50_000
"""Of its sound, some 70 ms, and what is made on the way."""


def speak_line(
    text: str,
    voice: str,
    target: Path,
    *,
    language: str = ENGLISH,
    speed: float = 1.0,
    styles: Mapping[str, float] | None = None,
    seed: int = 0,
    steps: int | None = None,
    device: str | None = None,
    listener: Callable[[Status], None] = lambda status: None,
) -> list[Problem]:
    """Speak one line into a marked WAV file, 24 kHz, at the loudness of a scene's mix.

    Returns:
        Warnings: what is spoken otherwise than may be meant.

    Raises:
        DocumentError: nothing to say, an unknown voice, language or style, a speed or strength out of range, or a file
            that is no ``.wav``.
    """
    styles = dict(styles or {})
    if problems := [*_output_problems(target, text), *line_problems(text, voice, language, speed, styles)]:
        raise DocumentError(problems)
    progress = Progress([Stage("load models", 5), Stage("speech", 10)], listener)
    with progress.running():
        progress.start("load models")
        wait_passively()
        load_libraries()
        from studio.performance.models import Models  # late: a line with problems is refused in a second

        models = Models.load(device)
        progress.start("speech")
        _, sound = spoken(line_scene(text, voice, language, speed, styles, seed), models, steps, progress)
        said: dict[str, Any] = {"text": text, "voice": voice} | ({} if language == ENGLISH else {"language": language})
        said |= {"styles": styles} if styles else {}
        record = make_record(said, Path(), {"seed": seed, "steps": steps}, photograph=False)
        write_sound(sound, target, record, signed=True)
        progress.finish()
    return _warnings(text, language)


def _warnings(text: str, language: str) -> list[Problem]:
    """Of a line that can be spoken: a text in another language than it is read in, as the check of a scene warns."""
    read_as = espeak_name(language)
    seems = read_text(text, read_as).other_language
    return [Problem("script", *foreign_text("the text", seems, read_as, f"give --language {seems}"))] if seems else []


def line_scene(text: str, voice: str, language: str, speed: float, styles: Mapping[str, float], seed: int) -> Scene:
    """A scene without a picture in which one voice says one line; English is that of the voice's accent."""
    line = {"who": "SPEAKER", "text": text, "speed": speed, "start": 0}
    line |= {} if language == ENGLISH else {"language": language}
    speaker = {"name": "SPEAKER", "voice": voice, "role": "narrator", "styles": styles}
    return Scene.model_validate({"picture": "", "cast": [speaker], "script": [line], "seed": seed})


def spoken(scene: Scene, models: Models, steps: int | None, progress: Progress) -> tuple[Line, Sound]:
    """The line of a scene as of :func:`line_scene`, timed, and how it sounds at the loudness of a scene's mix."""
    from studio.performance.performer import ScenePerformer

    performer = ScenePerformer(scene, Path(), models, steps=steps)
    timeline = performer.timeline()
    with tempfile.TemporaryDirectory() as work:
        alone = np.eye(1, dtype=np.float32), np.zeros(1, np.float32)
        sound = mix_performance(performer.perform(timeline, *alone, Path(work), progress), Path(work))
    return timeline.lines[0], sound


def _output_problems(target: Path, text: str) -> list[Problem]:
    if target.suffix.lower() != ".wav":
        return [*signing_problems(), Problem("output", f"the sound {shortened(target.name)} should end in .wav")]
    return [*signing_problems(), *output_problems(target, needed_bytes=BYTES_A_LETTER * len(text) + 1_000_000)]


def line_problems(text: str, voice: str, language: str, speed: float, styles: Mapping[str, float]) -> list[Problem]:
    """Everything for which a line cannot be spoken."""
    problems: list[Problem] = []
    if (fault := voice_fault(voice)) is not None:
        problems.append(Problem("voices", *fault))
    if len(text) > MAX_TEXT:
        what = f"the text has {len(text)} letters"
        return [*problems, Problem("script", what, f"say at most {MAX_TEXT} at a time")]
    if named := unwritable(text):
        problems.append(Problem("script", f"the text holds {named}", "remove it"))
    if not 0.5 <= speed <= 2:
        problems.append(Problem("script", "the speed should be between 0.5 and 2", f"it is {speed:g}"))
    for name, strength in styles.items():
        try:
            read_style(name, Path())
        except DocumentError as error:
            problems += error.problems
        if not 0 <= strength <= MOST_STRENGTH:
            what = f"the strength of {name} should be from 0 to {MOST_STRENGTH:g}"
            problems.append(Problem("cast", what, f"it is {strength:g}"))
    known = (ENGLISH, *ESPEAK_NAMES)
    if language not in known:
        what = f"the language {shortened(language)} is not known"
        return [*problems, Problem("script", what, nearest(language, known))]
    if reason := unknown_language(espeak_name(language), shipped_languages()):
        return [*problems, Problem("script", as_clause(reason))]
    try:
        phonemize(text, espeak_name(language))
    except ValueError as error:
        problems.append(Problem("script", as_clause(error)))
    return problems
