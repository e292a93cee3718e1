"""Interrupted lines: where they stop, what of them is said and seen, and how scripts say so."""

from __future__ import annotations

import numpy as np
import pytest
from durations import EachLasts

from generation.core.clock import FPS, HOP, MELS_PER_FRAME, samples_from_frames
from generation.core.performance import Line
from generation.pipeline.postprocess import assemble_speech
from studio.scene.schema import Scene
from studio.scene.screenplay import parse, print_lines
from studio.timeline.directed import directed_scene
from studio.timeline.placed_marks import placed_curves, placed_gazes
from studio.timeline.timeline import INTERRUPTION_FRAMES, Speaker, Timeline, build_timeline

LONG = "I only wanted to tell you about the elephants in the garden."
SYLLABLES = EachLasts(8, {"ˈ": 0, "ˌ": 0})
"""A syllable of two or three symbols lasts as long as spoken ones do."""


def scene_of(*script: object) -> Scene:
    cast = [{"name": name} for name in ("ANNA", "BOB", "CARL")]
    return directed_scene(Scene.model_validate({"picture": "p.png", "cast": cast, "script": script}))


def timeline(*script: object, recording: np.ndarray | None = None) -> Timeline:
    sound = np.zeros(0, np.float32) if recording is None else recording
    return build_timeline(scene_of(*script), [Speaker(None)] * 3, SYLLABLES, lambda line: sound)


@pytest.mark.parametrize("how", ["cut", "yield"])
@pytest.mark.parametrize("overlap", [0.9, 1.3, 1.7, 2.0, 2.6])
def test_a_voice_stops_within_300_ms_at_the_end_of_a_syllable(how: str, overlap: float) -> None:
    anna, bob = timeline(
        {"who": "ANNA", "text": LONG, "interrupted": how}, {"who": "BOB", "text": "Stop it.", "overlap": overlap}
    ).lines
    whole = timeline({"ANNA": LONG}).lines[0]
    assert anna.fade is not None
    stops = anna.start + anna.fade[1] / MELS_PER_FRAME
    assert bob.start < stops <= bob.start + 0.3 * FPS + 1e-6
    assert anna.fade[1] <= MELS_PER_FRAME * anna.n_frames < anna.fade[1] + 2 * MELS_PER_FRAME
    said = anna.phonemes.rstrip()
    assert whole.phonemes.startswith(said) and len(said) < len(whole.phonemes.rstrip())
    assert anna.fade[1] == sum(whole.durations[: len(said)]), "inside a sound"
    left = anna.fade[1] - anna.fade[0]
    assert left == 6 if how == "cut" else 6 <= left <= 30


def test_a_cut_sound_falls_to_nothing_in_60_ms_and_is_the_same_before() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 24_000).astype(np.float32)
    made = []
    for fade in (None, (50, 56)):
        line = Line("a", 0, 2, 25, " ", (100,), sound, fade=fade)
        made.append(assemble_speech([line], np.zeros((120, 100), np.float32), 30, vocoder=None))  # type: ignore[arg-type]
    whole, cut = (each[samples_from_frames(2) :] for each in made)
    np.testing.assert_array_equal(cut[: 50 * HOP], whole[: 50 * HOP])
    assert not cut[56 * HOP :].any() and np.abs(cut[51 * HOP : 55 * HOP]).max() > 0.05
    assert (np.abs(cut) <= np.abs(whole) + 1e-7).all()


def test_a_recording_stops_where_it_is_soft() -> None:
    sound = np.full(3 * 24_000, 0.3, np.float32)
    begins = 3.0 - 1.2
    soft = slice(int(24_000 * (begins + 0.18)), int(24_000 * (begins + 0.22)))
    sound[soft] = 0.001
    anna, bob = timeline(
        {"who": "ANNA", "recording": "a.wav", "interrupted": "cut"},
        {"who": "BOB", "text": "Stop it.", "overlap": 1.2},
        recording=sound,
    ).lines
    assert anna.fade is not None and anna.recording is not None
    assert soft.start <= anna.fade[1] * HOP <= soft.stop
    assert len(anna.recording) == samples_from_frames(anna.n_frames)


def test_what_is_read_ends_with_what_is_said() -> None:
    made = timeline(
        {"who": "ANNA", "text": LONG, "interrupted": "yield"}, {"who": "BOB", "text": "Stop it.", "overlap": 2.4}
    )
    assert made.texts[0].endswith("—") and LONG.startswith(made.texts[0][:-1])
    assert 2 <= len(made.texts[0].split()) < len(LONG.split())


def test_the_next_line_begins_in_it_and_who_was_interrupted_may_soon_go_on() -> None:
    cut = {"who": "ANNA", "text": LONG, "interrupted": "cut"}
    anna, bob = timeline(cut, {"BOB": "Stop."}).lines
    whole = timeline({"ANNA": LONG}).lines[0]
    assert bob.start == whole.stop - INTERRUPTION_FRAMES
    again = {"who": "ANNA", "text": "No!", "start": 3.1}
    made = timeline(cut, {"who": "BOB", "text": "Stop it.", "start": 2.0}, again)
    assert made.lines[0].stop <= made.lines[2].start
    with pytest.raises(ValueError, match="would say both"):
        timeline({"ANNA": LONG}, {"who": "BOB", "text": "Stop it.", "start": 2.0}, again)


def test_a_line_in_which_nobody_begins_is_said_to_its_end() -> None:
    made = timeline({"who": "ANNA", "text": LONG, "interrupted": "cut"}, {"who": "BOB", "text": "Yes.", "pause": 0.5})
    assert made.interruptions == () and made.lines[0].fade is None and made.texts[0] == LONG


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [
        (f"ANNA: (breaks off) {LONG}", "BOB: Stop it.", "cut"),
        (f"ANNA: {LONG} (breaks off)", "BOB: Stop it.", "cut"),
        (f"ANNA: (gives way) {LONG}", "BOB: Stop it.", "yield"),
        (f"ANNA: (yields to Bob) {LONG}", "BOB: Stop it.", "yield"),
        (f"ANNA (interrupted yield): {LONG}", "BOB: Stop it.", "yield"),
        (f"ANNA: {LONG}", "BOB: (interrupting) Stop it.", "cut"),
        (f"ANNA: {LONG}", "BOB: (cuts him off) Stop it.", "cut"),
        (f"ANNA: {LONG[:-1]}--", "BOB (overlap 1): Stop it.", "cut"),
        (f"ANNA: {LONG[:-1]}--", "BOB: Stop it.", None),
        (f"ANNA: {LONG[:-1]}—", "ANNA: Stop it.", None),
        (f"ANNA: {LONG}", "BOB (overlap 1): Stop it.", None),
        (f"ANNA: {LONG}", "ANNA: (interrupting) Stop it.", None),
    ],
)
def test_scripts_say_it_in_their_ways(first: str, second: str, how: str | None) -> None:
    made = timeline(first, second)
    assert [stopped.how for stopped in made.interruptions] == ([] if how is None else [how])
    assert made.lines[1].start - made.lines[0].stop < 0 or how is None or made.lines[0].fade is not None


def test_eyes_go_to_who_interrupts_and_the_face_shows_it() -> None:
    script = [{"who": "ANNA", "text": LONG, "interrupted": "cut"}, {"who": "BOB", "text": "Stop it.", "overlap": 1.3}]
    made, scene = timeline(*script), scene_of(*script)
    anna, bob = made.lines
    (gaze,) = placed_gazes(scene, made, np.array([-0.5, 0.5, 0.0], np.float32))
    assert (gaze.face, gaze.stop) == (0, bob.stop) and gaze.aim[0] > 0.3 and 0 < gaze.first - bob.start <= 0.2 * FPS
    curves = placed_curves(scene, made)
    assert {curve.face for curve in curves} == {0} and len(curves) == 3
    assert all(curve.values.max() > 0.1 and curve.seconds[0] * FPS >= bob.start for curve in curves)


def test_new_words_and_an_interruption_do_not_go_together_and_scripts_keep_it() -> None:
    line = {"who": "ANNA", "text": "Yes.", "interrupted": "cut", "words": [{"word": "yes", "to": "no"}]}
    with pytest.raises(ValueError, match="interrupted"):
        scene_of(line)
    scene = scene_of({"who": "ANNA", "text": "Yes.", "interrupted": "yield"})
    assert parse(print_lines(scene.script))[0]["interrupted"] == "yield"
