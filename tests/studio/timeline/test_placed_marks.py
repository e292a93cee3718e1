"""Curves, gazes, blinks and pauses of a scene in finished motion and time, on the words where they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gaze_fixtures import across, cut
from gaze_fixtures import scene as voices

from generation.core.arrays import runs
from generation.core.motion import INDEX
from generation.core.performance import Line, StoredPerformance
from generation.motion.behaviour.blinks import paced_blinks
from generation.motion.keyframes import HANDLES
from generation.text.phonemizer import phonemize
from studio.acting.marks import Pause
from studio.performance.scene_gaze import write_scene_eyes
from studio.scene.schema import Scene
from studio.timeline.placed_marks import course, head_turns, lay_curves, placed_curves, placed_gazes
from studio.timeline.segments import Segment
from studio.timeline.timeline import Timeline
from studio.timeline.word_clock import WordClock, with_pauses

TEXT = "One two three four"
SIDES = np.array([-0.7, 0.1, 0.8], np.float32)


def spoken(text: str = TEXT, start: int = 12, mels: int = 8) -> Line:
    phonemes = f" {phonemize(text)} "
    durations = [mels] * len(phonemes)
    durations[-1] += -sum(durations) % 4
    return Line("a", 0, start, sum(durations) // 4, phonemes, tuple(durations))


def written(line: dict[str, object] | None = None, **cast: object) -> tuple[Scene, Timeline]:
    said = spoken()
    members = [{"name": name, "voice": "v", **(cast if name == "A" else {})} for name in "ABC"]
    data = {"picture": "", "cast": members, "script": [{"who": "A", "text": TEXT, **(line or {})}]}
    return Scene.model_validate(data), Timeline((said,), (TEXT,), said.stop + 60)


def laid(made: tuple[Scene, Timeline], tmp_path: Path, level: float = 0.0) -> list[np.ndarray]:
    stored = StoredPerformance.still("ABC", made[1].n_frames, tmp_path)
    for track in stored.motion:
        track[:] = np.full((made[1].n_frames, 57), level, np.float32)
    lay_curves(stored, placed_curves(*made))
    return [np.asarray(track[:]) for track in stored.motion]


def test_a_curve_begins_with_its_word_and_is_let_go_after_another(tmp_path: Path) -> None:
    """Fails when words are not where they are said, or when it reaches another face."""
    curve = {"channel": "mouthSmile", "after": 1, "until": 3, "points": [[0, 0], [0.08, 0.6]]}
    motion = laid(written({"curves": [curve]}), tmp_path)
    clock, line = WordClock(spoken(), TEXT), spoken()
    begin, end = (line.start + round(25 * clock.at(words)) for words in (1, 3))
    smile = motion[0][:, INDEX["mouthSmileLeft"]]
    assert np.array_equal(smile, motion[0][:, INDEX["mouthSmileRight"]])
    assert not smile[: begin - 1].any() and smile[begin + 3 : end - 1] == pytest.approx(0.6, abs=0.02)
    assert not smile[end + 12 :].any() and not motion[1].any() and not motion[2].any()
    assert not np.delete(motion[0], [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]], 1).any()


def test_a_curve_is_added_or_replaces_and_stays_in_range(tmp_path: Path) -> None:
    points = [[1.0, 0.9], [2.0, 0.9]]
    added, replaced = (
        laid(written(curves=[{"channel": "browDownLeft", "points": points, "replaces": how}]), tmp_path, 0.3)[0]
        for how in (False, True)
    )
    channel = INDEX["browDownLeft"]
    assert added[30:48, channel] == pytest.approx(1.0) and replaced[30:46, channel] == pytest.approx(0.9)
    assert added[:25, channel] == pytest.approx(0.3) and added[51:, channel] == pytest.approx(0.3)
    turn = laid(written(curves=[{"channel": "headTurn", "points": [[0, 0], [1, 20], [2, -10]]}]), tmp_path)[0]
    degrees = np.degrees(turn[:, INDEX["headRotationY"]])
    assert degrees[25] == pytest.approx(20, abs=0.01) and degrees[50] == pytest.approx(-10, abs=0.01)
    assert np.abs(np.diff(degrees[:51])).max() < 3, "no corners"


def test_a_course_never_goes_beyond_its_points() -> None:
    seconds = np.linspace(0, 1, 101)
    made = course(seconds, np.array([0.0, 0.3, 0.4, 1.0]), np.array([0.0, 1.0, 1.0, 0.0]))
    assert made.min() >= 0 and made.max() <= 1 and made[30] == pytest.approx(1.0)


def test_eyes_go_to_whom_a_gaze_names_and_the_head_goes_along(tmp_path: Path) -> None:
    gaze = {"looks": "C", "after": 1, "turn": 1.0, "until": 4}
    made = written({"gazes": [gaze, {"looks": "down", "start": 2.6, "end": 4.0}]})
    before = voices(cut([made[1].n_frames / 25]))
    performance, finished = (StoredPerformance.still(before.names, before.n_frames, tmp_path) for _ in range(2))
    gazes = placed_gazes(*made, SIDES)
    lay_curves(performance, head_turns(gazes))
    segment = Segment(0, made[1].n_frames, made[1].lines, 0, 0, (0, 0))
    list(write_scene_eyes(performance, finished, made[0], made[1], [segment], SIDES, 0, gazes=gazes))
    clock, line = WordClock(spoken(), TEXT), spoken()
    first, last = line.start + round(25 * clock.at(1)), line.start + round(25 * clock.at(4))
    motion = finished.motion[0][:]
    turned = np.degrees(motion[:, INDEX["headRotationY"]])
    looks = across(motion) + 0.8 * motion[:, INDEX["headRotationY"]]
    assert looks[first + 3 : last - 1].mean() > 0.35 and turned[first + 8 : last - 1].min() > 15
    assert abs(turned[-1]) < 1 and abs(turned[: first - 8]).max() < 1
    down = motion[round(25 * 2.8) + line.start : round(25 * 3.8) + line.start, INDEX["eyeLookDownLeft"]]
    assert down.mean() > 0.3


@pytest.mark.parametrize("rate", [6, 15, 30])
def test_blinks_a_minute_are_as_many_as_asked_for(rate: int, tmp_path: Path) -> None:
    """Within 10 %, counted in finished lids over stretches of a few seconds."""
    spans = cut([3.3, 5.1, 2.2, 7.9, 4.0] * 16)
    owed, frames = 0.5, []
    for span in spans:
        found, owed = paced_blinks(span.stop - span.start, rate, owed, np.random.default_rng(span.start))
        assert all(4 <= frame < span.stop - span.start - 4 for frame in found)
        frames += [span.start + frame for frame in found]
    assert len(frames) / (spans[-1].stop / 1500) == pytest.approx(rate, rel=0.1)
    assert np.diff(frames).min() > 10 and np.diff(frames).std() > 0.2 * np.diff(frames).mean()


def test_a_character_blinks_at_its_rate(tmp_path: Path) -> None:
    n = 25 * 60
    before = voices(cut([60.0]))
    performance, finished = (StoredPerformance.still(before.names, n, tmp_path) for _ in range(2))
    made = Scene.model_validate({"picture": "", "cast": [{"name": name} for name in "ABC"], "script": []})
    line = Line("a", 0, 0, n, " ", (4 * n,))
    segment = Segment(0, n, (line,), 0, 0, (0, 0))
    list(
        write_scene_eyes(
            performance, finished, made, Timeline((), (), n), [segment], SIDES, 0, blinks=[[30.0, 0.0, None]]
        )
    )
    lids = [len(runs(finished.motion[face][:][:, INDEX["eyeBlinkLeft"]] > 0.6)) for face in range(3)]
    assert lids[0] == 30 and lids[1] == 0 and 10 < lids[2] < 30


def test_a_pause_lengthens_the_silence_before_its_word() -> None:
    line = spoken()
    for after in (0, 2, 4):
        longer = with_pauses(line.phonemes, line.durations, TEXT, (Pause(after=after, seconds=0.5),))
        (place,) = np.flatnonzero(np.array(longer) != line.durations)
        assert line.phonemes[place] == " " and longer[place] - line.durations[place] == 50
        assert line.phonemes[:place].strip().count(" ") + (after > 0) == max(after, 0)


def test_every_channel_has_a_handle_and_both_sides_have_one() -> None:
    assert HANDLES["mouthSmile"].channels == (INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"])
    assert "mouth" not in HANDLES and "jaw" not in HANDLES and "eyeLookUp" not in HANDLES
