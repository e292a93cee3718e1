"""A span of a line made again: keys are met, nothing beyond the fades changes in sound or pixels, and edits keep it."""

from __future__ import annotations

import shutil
from pathlib import Path
from shutil import rmtree

import cv2
import numpy as np
import pytest
import soundfile
import yaml
from skimage.data import astronaut

from generation.core.assets import asset
from generation.core.motion import INDEX, MotionTrack
from generation.core.performance import Line, Performance
from generation.motion.keyframes import (
    FADE,
    HANDLES,
    Key,
    KeyedSpan,
    crossfade,
    crossfade_weights,
    splice_blinks,
    through_keyframes,
)
from studio.acting.marks import Keyframe
from studio.cast.geometry import SceneGeometry
from studio.editing import script_edits
from studio.editing.actions import read_line_action
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.production.observer import RenderObserver
from studio.production.render import render_scene
from studio.production.scene_drawing import scaled_motion
from studio.production.settings import RenderSettings
from studio.project.restore import scene_of_video
from studio.scene.document import dump_scene, load_scene
from studio.scene.line_names import line_names
from studio.scene.retakes import with_retake
from studio.scene.schema import Character, Scene
from studio.scene.screenplay import print_lines
from studio.timeline.timeline import Timeline
from studio.validation.scene_check import check_scene

QUICK = RenderSettings(steps=2, height=96, device="cpu")
JAW = INDEX["jawOpen"]


def span(first: int, stop: int, *keys: Key) -> KeyedSpan:
    return KeyedSpan(Line("a", 0, 0, 100, " ", (400,)), first, stop, 1, keys)


def wandering(n_frames: int = 100) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.1, 0.5, (n_frames, 57)).astype(np.float32)


def test_a_curve_passes_through_its_keys_and_stays_elsewhere() -> None:
    values = wandering()
    keys = (Key(40, "jawOpen", 0.9), Key(43, "jawOpen", 0.0), Key(52, "blink", 1.0), Key(45, "headTurn", -12.0))
    made = through_keyframes(values, span(38, 55, *keys))
    for key in keys:
        for channel in HANDLES[key.handle].channels:
            assert made[key.frame, channel] == pytest.approx(key.value * HANDLES[key.handle].unit, abs=1e-6)
    outside = np.r_[0 : 38 - FADE, 55 + FADE : 100]
    assert np.array_equal(made[outside], values[outside])
    others = [i for i in range(57) if i not in (JAW, *HANDLES["blink"].channels, *HANDLES["headTurn"].channels)]
    assert np.array_equal(made[:, others], values[:, others])
    assert made[:, :51].min() >= 0 and made[:, :51].max() <= 1


def test_a_key_at_the_very_edge_of_a_span_is_met() -> None:
    made = through_keyframes(
        np.zeros((100, 57), np.float32), span(38, 55, Key(38, "jawOpen", 1.0), Key(54, "jawOpen", 1.0))
    )
    assert made[38, JAW] == made[54, JAW] == 1
    assert not made[: 38 - FADE].any() and not made[55 + FADE :].any()
    assert np.abs(np.diff(made[:, JAW])).max() < 0.5, "no jump, only a rise over the fade"


def test_a_span_is_faded_in() -> None:
    share = crossfade_weights(100, 38, 55)
    assert share[38:55].min() == 1 and share[: 38 - FADE].max() == share[55 + FADE :].max() == 0
    assert (np.diff(share[38 - FADE - 1 : 39]) > 0).all()
    kept, made = wandering(), wandering() + 1
    mixed = crossfade(kept, made, 38, 55)
    assert np.array_equal(mixed[38:55], made[38:55]) and np.array_equal(mixed[:35], kept[:35])


def test_blinks_change_whole_or_not_at_all() -> None:
    kept, made = np.zeros((100, 2), np.float32), np.zeros((100, 2), np.float32)
    kept[10:16] = kept[36:42] = kept[46:50] = 1  # before, across the beginning, inside
    made[52:58] = made[30:33] = 0.9  # across the end, outside
    made[43:45] = 0.8
    lids = splice_blinks(kept, made, 38, 55)
    assert np.array_equal(lids[:38], kept[:38]) and np.array_equal(lids[55:], kept[55:])
    assert (lids[38:42] == 1).all() and not lids[46:50].any() and not lids[52:55].any()
    assert (lids[43:45] == np.float32(0.8)).all()


def test_room_is_kept_frame_by_frame() -> None:
    """One frame that goes too far leaves all others as they are, to the bit."""
    values = wandering() * 0.05
    far = values.copy()
    far[50, 51:57] = 0.9
    near, further = (scaled_motion(MotionTrack(v), Character(name="A"), 0.5).values for v in (values, far))
    same = np.arange(100) != 50
    assert np.array_equal(near[same], further[same])


@pytest.fixture
def scene(tmp_path: Path, assets: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    cv2.imwrite(str(tmp_path / "one.png"), astronaut()[0:256, 100:356, ::-1])
    return {
        "picture": "one.png",
        "consent": "drawn",
        "cast": [{"name": "EILEEN", "voice": "Alice"}, {"name": "VOICE", "role": "narrator", "voice": "Arthur"}],
        "script": [
            {"who": "EILEEN", "text": "One and two and three and four."},
            {"who": "VOICE", "text": "Two.", "pause": 0.1},
            {"who": "EILEEN", "text": "Three.", "pause": 0.4},
        ],
    }


def write(scene: dict, folder: Path) -> Path:
    path = folder / "scene.yaml"
    path.write_text(yaml.safe_dump(scene, sort_keys=False))
    return path


class Seen(RenderObserver):
    """Keeps what a job makes before it is encoded."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []

    def spoken(
        self, performer: ScenePerformer, timeline: Timeline, performance: Performance, places: SceneGeometry
    ) -> None:
        self.timeline, self.performance = timeline, performance

    def frame(self, frame: np.ndarray) -> None:
        self.frames.append(frame.copy())


def film(scene: dict, folder: Path) -> tuple[Seen, dict[str, np.ndarray]]:
    seen = Seen()
    rmtree(folder / ".parley" / "frames", ignore_errors=True)  # kept pictures would not be seen
    render_scene(write(scene, folder), folder / "film.mp4", QUICK, observer=seen)
    return seen, {name: soundfile.read(folder / f"film.{name}.wav")[0] for name in ("EILEEN", "VOICE")}


def pieces(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in (folder / ".parley").glob("*.npz")}


def test_beyond_a_span_and_its_fades_sound_and_pixels_stay(scene: dict, tmp_path: Path) -> None:
    before, stems = film(scene, tmp_path)
    kept = pieces(tmp_path)
    keys = [{"at": 0.32, "channel": "jawOpen", "value": 0.9}, {"at": 0.4, "channel": "blink", "value": 1},
            {"at": 0.4, "channel": "headTurn", "value": 9}]  # fmt: skip
    scene["script"][0]["retakes"] = [{"start": 0.2, "end": 0.52, "keys": keys}]
    after, same_stems = film(scene, tmp_path)
    begin = before.timeline.lines[0].start
    first, stop = begin + 5 - FADE, begin + 13 + FADE
    for name, stem in stems.items():
        np.testing.assert_array_equal(stem, same_stems[name])
    changed = [i for i, (a, b) in enumerate(zip(before.frames, after.frames, strict=True)) if not np.array_equal(a, b)]
    assert changed and first <= min(changed) and max(changed) < stop, (changed, first, stop)
    assert set(range(begin + 5, begin + 13)) <= set(changed)
    old, new = (seen.performance.motion[0][:] for seen in (before, after))
    assert new[begin + 8, JAW] == pytest.approx(0.9, abs=1e-6)
    assert new[begin + 10, INDEX["eyeBlinkLeft"]] == pytest.approx(1, abs=1e-6)
    assert new[begin + 10, INDEX["headRotationY"]] == pytest.approx(np.radians(9), abs=1e-6)
    outside = np.r_[0:first, stop : len(old)]
    np.testing.assert_array_equal(old[outside], new[outside])
    now = pieces(tmp_path)
    assert kept.items() <= now.items() and len(now) == len(kept) + 1, "only the span itself was made"
    restored = scene_of_video(tmp_path / "film.mp4").scene
    assert restored.script == load_scene(tmp_path / "scene.yaml").script and restored.script[0].retakes


def perform(scene: dict, folder: Path, name: str = "work") -> np.ndarray:
    from studio.core.progress import Progress, Stage

    speech = ScenePerformer(load_scene(write(scene, folder)), folder, Models.load("cpu"), seed=3, steps=2)
    timeline = speech.timeline()
    progress = Progress([Stage("speech", 1)])
    progress.start("speech")
    return speech.perform(timeline, np.eye(2), np.zeros(2), folder / name, progress).motion[0][:]


def test_takes_differ_and_one_span_leaves_the_others_alone(scene: dict, tmp_path: Path) -> None:
    one = {"start": 0.2, "end": 0.4, "take": 1}
    other = {"start": 0.72, "end": 0.92, "take": 1}
    made = []
    for spans in ([], [one], [other, one], [{**one, "take": 2}, other]):
        scene["script"][0]["retakes"] = spans
        made.append(perform(scene, tmp_path))
    plain, first, both, again = made
    span_of = {name: slice(8 + a, 8 + b) for name, a, b in (("one", 5, 10), ("other", 18, 23))}
    assert not np.array_equal(plain[span_of["one"]], first[span_of["one"]])
    np.testing.assert_array_equal(first[span_of["one"]], both[span_of["one"]])
    np.testing.assert_array_equal(both[span_of["other"]], again[span_of["other"]])
    assert not np.array_equal(both[span_of["one"]], again[span_of["one"]])
    np.testing.assert_array_equal(perform(scene, tmp_path, "anew"), again)


@pytest.mark.parametrize(
    ("retakes", "sentence"),
    [
        ([{"start": 90, "end": 91}], "retake 1 (90 to 91 s) lies outside the line"),
        ([{"start": 0.2, "end": 0.3}], "is too short; let it last at least 0.2 s"),
        ([{"start": 0.4, "end": 0.2}], "is too short"),
        ([{"start": 0.1, "end": 0.5}, {"start": 0.4, "end": 0.8}], "overlap; move or remove one"),
        ([{"start": 0.1, "end": 0.5, "keys": [{"at": 0.7, "channel": "blink", "value": 1}]}], "its key at 0.7 s lies"),
        ([{"start": 0.1, "end": 0.5, "keys": [{"at": 0.3, "channel": "jawopne", "value": 1}]}], "mean 'jawOpen'?"),
        ([{"start": 0.1, "end": 0.5, "keys": [{"at": 0.3, "channel": "jawOpen", "value": 7}]}], "between 0 and 1"),
        (
            [{"start": 0.1, "end": 0.5, "keys": [{"at": 0.3, "channel": "blink", "value": v} for v in (0, 1)]}],
            "keep one",
        ),
        ([{"start": 0.1, "end": 0.5, "kees": []}], "did you mean 'keys'?"),
    ],
)
def test_what_cannot_be_made_again_is_one_sentence(scene: dict, tmp_path: Path, retakes: list, sentence: str) -> None:
    scene["script"][0]["retakes"] = retakes
    problems = check_scene(write(scene, tmp_path)).problems
    assert len(problems) == 1 and sentence in str(problems[0]), problems


def test_a_span_beyond_the_real_end_of_its_line_is_refused(scene: dict, tmp_path: Path) -> None:
    scene["script"][2]["retakes"] = [{"start": 0.76, "end": 1.2}]  # within what the check cannot rule out
    with pytest.raises(ValueError, match=r"Script line 3 \(EILEEN\): retake 1 .* lies outside the line"):
        perform(scene, tmp_path)


def test_edits_of_a_script_keep_what_still_fits(scene: dict) -> None:
    before = Scene.model_validate(scene)
    keys = [Keyframe(at=0.333, channel="jawOpen", value=0.5)]
    made = with_retake(before, 0, 0.21, 0.55, keys, 2.0, take=1)
    (span,) = made.script[0].retakes
    assert (span.start, span.end, span.keys[0].at) == (0.2, 0.56, 0.32)
    assert line_names(made) == line_names(before), "it is the same line with the same sound"
    assert Scene.model_validate(yaml.safe_load(dump_scene(made))) == made
    again = with_retake(made, 0, 0.4, 0.8, [], 2.0, take=2)
    assert [span.take for span in again.script[0].retakes] == [2], "the span it meets gives way"
    moved, _ = script_edits.apply_line_action(made, read_line_action({"kind": "move", "index": 0, "by": 1}))
    assert moved.script[1].retakes == made.script[0].retakes
    renamed, _ = script_edits.apply_line_action(made, read_line_action({"kind": "text", "index": 0, "text": "Others."}))
    assert renamed.script[0].retakes == ()
    later, _ = script_edits.apply_line_action(made, read_line_action({"kind": "pause", "index": 0, "value": 1.0}))
    assert later.script[0].retakes == made.script[0].retakes
    slower, _ = script_edits.apply_line_action(made, read_line_action({"kind": "speed", "index": 0, "value": 0.8}))
    assert slower.script[0].retakes == ()
    with pytest.raises(ValueError, match="lies outside the line"):
        with_retake(before, 0, 3.0, 3.5, [], 2.0, take=1)
    with pytest.raises(ValueError, match="ends before it begins"):
        with_retake(before, 0, 0.5, 0.4, [], 2.0, take=1)


def test_a_pasted_screenplay_keeps_what_it_cannot_write(scene: dict) -> None:
    """Of lines that say the same: fails when words, curves, motion or what was made again is lost or goes elsewhere."""
    marks = {"direction": "slowly", "curves": [{"channel": "headNod", "points": [[0, 0], [1, 5]]}], "pitch": 2,
             "motion": {"brows": "a.csv"}, "words": [{"word": "One", "to": "Two"}]}  # fmt: skip
    scene["script"][0] |= {"text": "One."} | marks | {"retakes": [{"start": 0, "end": 0.4}]}
    before = Scene.model_validate(scene)
    assert script_edits.pasted(before, print_lines(before.script), add_cast=False)[0].script == before.script
    twice = script_edits.pasted(before, "EILEEN: One.\nEILEEN: One.\nEILEEN: Four.", add_cast=False)[0].script
    assert twice[0].words == before.script[0].words and twice[0].curves == before.script[0].curves
    assert twice[1].words == twice[1].curves == twice[2].words == twice[2].curves == ()
    move = {"kind": "move", "index": 1, "by": -1, "text": "One."}
    for first, second in ((before.script[0], twice[1]), (twice[1], before.script[0])):
        alike = before.model_copy(update={"script": (first, second)})
        assert script_edits.pasted(alike, print_lines(alike.script), add_cast=False)[0].script == alike.script
        moved, _ = script_edits.apply_line_action(alike, read_line_action(move))
        assert moved.script == (second, first)
    slower = script_edits.pasted(before, "EILEEN (speed 0.8): One.", add_cast=False)[0].script[0]
    assert slower.words == before.script[0].words and slower.retakes == (), "its times are others"


def test_a_line_takes_its_span_along_when_it_moves(scene: dict, tmp_path: Path) -> None:
    changed = []
    for pause in (0.6, 1.0):
        scene["script"][2] |= {"text": "Five and six and seven and eight.", "pause": pause, "retakes": []}
        plain = perform(scene, tmp_path)
        scene["script"][2]["retakes"] = [{"start": 0.08, "end": 0.4}]
        changed.append(np.flatnonzero((perform(scene, tmp_path) != plain).any(1)))
    np.testing.assert_array_equal(changed[0] + 10, changed[1])


@pytest.mark.slow
def test_the_weights_that_ship_keep_the_promise_in_pixels(tmp_path: Path) -> None:
    """Eyes are drawn and heads smoothed after sampling: none of it reaches beyond the fades of a span."""
    sample = asset("scenes/cafe/scene.yaml")
    shutil.copytree(sample.parent, tmp_path / "cafe")
    scene = yaml.safe_load(sample.read_text())
    scene["script"] = scene["script"][:2]
    films = []
    keys = [{"at": 1.2, "channel": "jawOpen", "value": 0.6}, {"at": 1.4, "channel": "headTurn", "value": 8},
            {"at": 1.1, "channel": "blink", "value": 1}]  # fmt: skip
    for retakes in ([], [{"start": 1.0, "end": 1.6, "keys": keys}]):
        scene["script"][0]["retakes"] = retakes
        seen = Seen()
        settings = RenderSettings(steps=2, height=240, device="cpu")
        rmtree(tmp_path / ".parley" / "frames", ignore_errors=True)
        render_scene(write(scene, tmp_path / "cafe"), tmp_path / "film.mp4", settings, observer=seen)
        films.append((seen, [soundfile.read(path)[0] for path in sorted(tmp_path.glob("film.*.wav"))]))
    (before, stems), (after, same) = films
    assert len(stems) == 3 and all(np.array_equal(a, b) for a, b in zip(stems, same, strict=True))
    begin = before.timeline.lines[0].start
    differ = [i for i, (a, b) in enumerate(zip(before.frames, after.frames, strict=True)) if not np.array_equal(a, b)]
    assert set(range(begin + 25, begin + 40)) <= set(differ) <= set(range(begin + 25 - FADE, begin + 40 + FADE))
    moved = [np.abs(a.astype(int) - b).max((0, 2)) for a, b in zip(before.frames, after.frames, strict=True)]
    width = before.frames[0].shape[1]
    beyond_theo = np.max(moved, axis=0)[int(0.75 * width) :]
    assert not beyond_theo.any(), "June does not react"
