"""Lines with a given melody: notes held against words and voices by the check, and made lines that keep their time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from generation.core.performance import CastMember
from studio.performance.models import Models
from studio.scene.schema import Scene
from studio.timeline import recordings
from studio.timeline.recordings import notes_of_line
from studio.timeline.timeline import AverageDurations, Speaker, Timeline, build_timeline, measure_lines

NOTES = {"notes": "C3 E3:2 r G3", "tempo": 120}


def scene(**line: object) -> Scene:
    cast = [{"name": "ANNA", "voice": "Henry", "role": "narrator"}]
    return Scene.model_validate({"picture": "", "cast": cast, "script": [{"who": "ANNA", "start": 0, **line}]})


def timeline_of(given: Scene, recording: np.ndarray | None = None, words: tuple[int, ...] | None = None) -> Timeline:
    notes = partial(notes_of_line, given, Path())
    load = lambda line: np.zeros(0, np.float32) if recording is None else recording  # noqa: E731
    aligned = None if words is None else lambda sound, phonemes: words if len(words) == len(phonemes) else None
    return build_timeline(given, [Speaker(None)], AverageDurations(), load, None, aligned, notes_of=notes)


def test_a_sung_line_lasts_as_long_as_its_notes() -> None:
    (line,) = timeline_of(scene(text="Good morning", sing=NOTES)).lines
    assert line.melody is not None and len(line.melody) == 4 * line.n_frames == sum(line.durations)
    assert 100 * 2.5 + 12 <= sum(line.durations) < 100 * 2.5 + 80
    assert set(np.round(line.melody[[60, 130, 240]])) == {48, 52, 55}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"text": "Good", "sing": NOTES}, "1 syllable, and there are notes for 3"),
        ({"text": "Good morning", "sing": {**NOTES, "transpose": 24}}, "add -24 to transpose"),
        ({"text": "Good morning", "sing": {"notes": "C3 H3 G3"}}, "no note"),
        ({"text": "Good morning", "sing": {"midi": "none.mid"}}, "none.mid"),
    ],
)
def test_the_check_says_what_does_not_fit(keys: dict, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = scene(**keys)
    notes = partial(notes_of_line, given, Path())
    _, problems = measure_lines(given, [Speaker(None)], AverageDurations(), lambda line: np.zeros(0), notes_of=notes)
    assert said in problems[0].sentence


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"text": "Hello.", "convert": True}, "give the recording"),
        ({"recording": "a.wav", "convert": True}, "the text that is said"),
        ({"text": "Hello.", "recording": "a.wav", "sing": NOTES}, "is sung"),
        ({"text": "Hello.", "sing": {"tempo": 90}}, "one of notes, midi and recording"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        scene(**keys)


def test_a_recording_that_cannot_be_converted() -> None:
    long = np.zeros(24_000 * 31, np.float32)
    with pytest.raises(ValueError, match="cut it with parley split"):
        timeline_of(scene(text="Hello.", recording="a.wav", convert=True), long)
    with pytest.raises(ValueError, match="is not heard in the recording"):
        timeline_of(scene(text="Hello.", recording="a.wav", convert=True), long[:48_000], (1, 2))


@pytest.mark.parametrize("kind", ["sung", "converted"])
def test_the_made_sound_is_the_lines_recording_in_its_time(
    kind: str, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    monkeypatch.setattr(recordings, "_middle", lambda character, folder: None)
    models, asked = Models.load("cpu"), []
    pipeline = type(models.pipeline)
    own = pipeline.__call__

    def heard(self: object, lines: list, *args: object, **kwargs: object) -> object:
        asked.append(lines[0])
        return own(self, lines, *args, **kwargs)

    monkeypatch.setattr(pipeline, "__call__", heard)
    if kind == "sung":
        timeline = timeline_of(scene(text="Good morning", sing=NOTES))
    else:
        given = scene(text="Hi.", recording="a.wav", convert=True)
        plain = timeline_of(scene(text="Hi.")).lines[0].phonemes
        words = (*[5] * (len(plain) - 1), 200 - 5 * (len(plain) - 1))
        timeline = timeline_of(given, np.zeros(48_000, np.float32), words)
    (line,) = timeline.lines
    converted = {line.id} if kind == "converted" else set()
    member = CastMember("ANNA", models.voices.embedding("Alice"))
    (made,) = models.with_own_voices(timeline, converted, [member], 0, 1).lines
    assert made.recording is not None and len(made.recording) == 960 * line.n_frames and made.melody is None
    assert (made.phonemes, made.durations, made.start) == (line.phonemes, line.durations, line.start)
    (spoken,) = asked
    assert spoken.recording is None and spoken.phonemes == line.phonemes
    assert (spoken.durations == line.durations) == (kind == "converted"), "a song is spoken in its own time first"
    models.with_own_voices(timeline, converted, [member], 0, 1)
    assert len(asked) == 1, "made once"
