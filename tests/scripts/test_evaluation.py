"""The evaluation's own parts on made-up lips: what it would say of a mouth that closes, of one that does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from generation.core.clock import SAMPLES_PER_FRAME
from generation.core.motion import INDEX, N_CHANNELS, MotionTrack
from generation.core.performance import CharacterPerformance, Line, Performance
from generation.metrics.lip_sync import closed
from generation.motion.rig import FaceRig
from masks.topology import LIPS_INNER_LOWER
from scripts.evaluate import write_json
from scripts.evaluation.bootstrap import mean, ratio, renamed
from scripts.evaluation.inputs import OWN_SENTENCES, own_sentences, plain
from scripts.evaluation.judges import Judges, Placed, divided_as, joined_letters
from scripts.evaluation.measures.cost import ROOT, cost, most_memory
from scripts.evaluation.measures.dialogues import blinks, leak_on_the_rig
from scripts.evaluation.measures.lip_sync import (
    Spoken,
    closure,
    other_motion,
    pause_closed,
    rig_gap,
    rules_alone,
    spoken,
    timing,
    viseme_curves,
)
from scripts.evaluation.measures.long_takes import longest_still_head
from scripts.evaluation.measures.noisy_recordings import mixed
from scripts.evaluation.measures.rendered_face import bridge_shift, inner_lip_speed, mouth_sharpness
from scripts.evaluation.measures.speech import Said, changed
from scripts.evaluation.measures.voice_routing import closure_in_unison
from scripts.evaluation.synthesis import Take
from scripts.evaluation.table import BEGIN, END, ROWS, missed, table, write_table


def say(phonemes: str = " bæmæpæ ") -> Take:
    """100 ms a symbol, silence at both ends, a mouth that does not move."""
    durations = (20, *(12,) * (len(phonemes) - 2), 20)
    levels = np.repeat([0.0 if s == " " else 0.02 if s in "bmp" else 0.2 for s in phonemes], durations)
    levels = np.pad(levels, (48, 48 + -int(levels.size) % 4))
    noise = np.random.default_rng(0).normal(size=(len(levels), 240)) * levels[:, None]
    n_frames = noise.size // SAMPLES_PER_FRAME
    return Take(phonemes, durations, 12, noise.ravel().astype(np.float32), np.zeros((n_frames, N_CHANNELS), np.float32),
                (0.0, 0.0, 0.0))  # fmt: skip


def test_rules_close_the_lips_at_every_contact_and_open_them_between() -> None:
    take = say()
    motion = other_motion(take, rules_alone)
    gap = rig_gap(motion)
    found = closure([spoken(take, gap)])
    assert found["closure"] == 1 > found["closure_chance"]
    assert gap.max() > 0.1 and closed(gap[:10], found["open_range"]).all()


def test_lips_that_stay_open_fail() -> None:
    take = say()
    open_mouth = take.motion.copy()
    open_mouth[:, INDEX["jawOpen"]] = 0.5
    assert closure([spoken(take, rig_gap(open_mouth))])["closure"] == 0


def test_a_closure_two_frames_late_is_none() -> None:
    gap = np.full(30, 0.2)
    gap[12] = 0.0
    sound = np.full(30 * SAMPLES_PER_FRAME, 0.1, np.float32)
    assert closure([Spoken(gap, sound, np.array([11]))])["closure"] == 1
    assert closure([Spoken(gap, sound, np.array([10]))])["closure"] == 0


def test_take_knows_its_line() -> None:
    take = say()
    assert len(take.line) == sum(take.durations) * 240
    assert take.length == pytest.approx(len(take.motion) / 25)


def test_lips_by_visemes_move_and_close_at_contacts() -> None:
    pytest.importorskip("openfacefx")
    take = say()
    found = closure([spoken(take, rig_gap(other_motion(take, viseme_curves)))])
    assert found["closure"] > found["closure_chance"] and found["open_range"] > 0.02


def test_pauses_of_an_open_mouth_are_not_closed() -> None:
    take = say(" bæ ")
    sound = np.concatenate([take.speech, np.zeros(25 * SAMPLES_PER_FRAME, np.float32)])
    shut = np.pad(rig_gap(other_motion(take, rules_alone)), (0, 25))
    agape = np.where(np.arange(len(shut)) >= len(shut) - 20, 0.1, shut)
    none = np.zeros(0, int)
    assert pause_closed([Spoken(shut, sound, none)])["pause_closed"] == 1
    assert pause_closed([Spoken(agape, sound, none)])["pause_closed"] < 0.7


def test_interval_keeps_the_seeds_of_a_sentence_together() -> None:
    values = np.random.default_rng(0).uniform(size=30)
    apart = mean("m", range(90), np.repeat(values, 3))
    together = mean("m", np.repeat(range(30), 3), np.repeat(values, 3))
    assert apart["m"] == pytest.approx(together["m"]) == pytest.approx(values.mean())
    assert together["m_high"] - together["m_low"] > 1.4 * (apart["m_high"] - apart["m_low"])
    assert ratio("r", [0, 1], [1, 0], [4, 4])["r"] == 0.125


def test_intervals_keep_their_ends_last_when_renamed() -> None:
    found = renamed({"closure": 1.0, "closure_low": 0.9, "open_range": 0.1}, "given_", "_raw")
    assert found == {"given_closure_raw": 1.0, "given_closure_raw_low": 0.9, "given_open_range_raw": 0.1}


class HearsAll(Judges):
    """Writes down what the sound's first number names, and finds the listed words when it lays them on the sound."""

    def __init__(self, heard: dict[int, str], present: str) -> None:
        self._heard, self._present = heard, present.split()

    def words(self, waveform: np.ndarray) -> list[str]:
        return self._heard[int(waveform[0])].split()

    def normal(self, text: str) -> list[str]:
        return text.split()

    def lay(self, words: list[str], waveform: np.ndarray) -> list[Placed]:
        return [Placed(0.0, 0.2, 0.9 if word in self._present else 0.001) for word in words]


@pytest.mark.parametrize(
    ("ours", "theirs", "present", "heard", "confirmed"),
    [
        ("the cat sat", "the cat sat", "", 0, 0),
        ("the sat", "the cat sat", "the sat", 1, 1),
        ("the sat", "the cat sat", "the cat sat", 1, 0),  # the word is there after all
        ("the sat", "the sat", "the sat", 0, 0),  # the teacher's reading lacks it, too
        ("the fat cat sat", "the cat sat", "the fat cat sat", 1, 1),
        ("the bat sat", "the cat sat", "", 0, 0),  # another word is neither added nor missing
    ],
)
def test_words_added_or_missing(ours: str, theirs: str, present: str, heard: int, confirmed: int) -> None:
    judges = HearsAll({0: ours, 1: theirs}, present)
    found = changed(judges, [Said(0, "the cat sat", np.array([0.0]))], {0: np.array([1.0])})
    assert (found["changed_heard"], found["changed"]) == (heard, confirmed)


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        ("admitted to the u n on 28 june", "admitted to the un on 28 june"),
        ("c v", "cv"),
        ("until 5 a m", "until 5 am"),
        ("i saw a cat", "i saw a cat"),
        ("", ""),
    ],
)
def test_spelt_letters_are_one_word_however_they_are_written(words: str, joined: str) -> None:
    assert joined_letters(words.split()) == joined.split()


@pytest.mark.parametrize(
    ("words", "heard", "written"),
    [
        ("he plays the bagpipes", "he plays the bag pipes", "he plays the bagpipes"),
        ("put it any where", "put it anywhere", "put it any where"),
        ("a bagpipe", "a bag of pipes", "a bag of pipes"),
        ("in to the into", "into the in to", "into the in to"),
        ("a way away", "away a way", "away a way"),
        ("the end", "", ""),
    ],
)
def test_where_words_are_divided_is_no_error(words: str, heard: str, written: str) -> None:
    assert divided_as(words.split(), heard.split()) == written.split()


def test_blinks_are_counted_and_the_longest_stare_found() -> None:
    motion = np.zeros((1500, N_CHANNELS), np.float32)
    for start in (100, 600, 620):
        motion[start : start + 4, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 0.9
    motion[1000:1004, INDEX["eyeBlinkLeft"]] = 0.9  # a wink is no blink
    found = blinks([motion])
    assert found["blinks_per_minute"] == 3
    assert found["longest_stare"] == pytest.approx((1500 - 624) / 25)


def test_timing_counts_every_take_of_a_clip_and_keeps_them_together() -> None:
    beat = np.sin(np.linspace(0, 12 * np.pi, 150))
    first, second = SimpleNamespace(gap=beat), SimpleNamespace(gap=np.roll(beat, 7))
    late = [np.roll(clip.gap, frames) for clip in (first, second) for frames in (0, 2, 4)]
    found = timing([first, second], late)
    assert found["mtm_ms"] == pytest.approx(80, abs=15)
    assert found["mtm_ms_low"] == pytest.approx(found["mtm_ms_high"], abs=10), "clips are alike, only takes differ"
    assert timing([first, second], [first.gap, second.gap])["mtm_ms"] == 0


def test_a_listener_whose_lips_move_is_told_from_one_who_smiles() -> None:
    talk = np.zeros((100, N_CHANNELS), np.float32)
    talk[:, INDEX["jawOpen"]] = 0.5 + 0.5 * np.sin(np.arange(100))
    smile = np.zeros_like(talk)
    smile[:, INDEX["mouthSmileLeft"]] = smile[:, INDEX["mouthSmileRight"]] = np.linspace(0, 0.1, 100)

    def leak(listener: np.ndarray, lines: list[Line]) -> float:
        parts = [CharacterPerformance(n, np.zeros(96000, np.float32), MotionTrack(m)) for n, m in (("Ann", talk),
                 ("Bo", listener))]  # fmt: skip
        stage = SimpleNamespace(performance=Performance(tuple(parts), 100), timeline=SimpleNamespace(lines=lines))
        return leak_on_the_rig([stage])["leak_idle_rig"]

    own, other = Line("1", 0, 10, 60, " ha ", (60, 60, 60, 60)), Line("2", 1, 5, 20, " ha ", (20, 20, 20, 20))
    assert 0 < leak(smile, [own]) < 0.05
    assert leak(talk, [own]) == 1
    assert leak(0.5 * talk, [own]) == pytest.approx(0.5, abs=0.05)
    with pytest.warns(RuntimeWarning):
        assert np.isnan(leak(smile, [own, other])), "nobody listens while both talk"


def test_lip_speed_does_not_see_the_head_move() -> None:
    still = FaceRig.load().mean.astype(float) * 100
    turned = np.stack([still * (1 + 0.01 * t) + [3.0 * t, -2.0 * t, 0] for t in range(8)])
    assert inner_lip_speed(turned, still).max() < 1e-9
    opening = turned.copy()
    opening[4:, list(LIPS_INNER_LOWER), 1] += 10
    assert inner_lip_speed(opening, still)[3] > 0.02


def test_a_blurred_mouth_is_less_sharp() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (200, 200, 3), np.uint8)
    points = np.full((478, 3), 100.0) + rng.uniform(-20, 20, (478, 3))
    assert mouth_sharpness(cv2.GaussianBlur(picture, (0, 0), 1.0), points) < 0.5 * mouth_sharpness(picture, points)


def test_shift_of_the_nose_is_found_below_a_pixel() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8), (0, 0), 3.0)
    points = np.full((478, 3), 100.0)
    moved = cv2.warpAffine(picture, np.array([[1, 0, 0.6], [0, 1, -0.8]]), (200, 200), flags=cv2.INTER_CUBIC)
    assert bridge_shift(picture, moved, points) == pytest.approx(1.0, abs=0.1)
    assert bridge_shift(picture, picture, points) < 0.01


def test_own_sentences_are_many_and_nobody_trains_on_them() -> None:
    own = own_sentences()
    assert len(own) >= 82 and len({plain(text) for text in own}) == len(own)
    texts = [path for path in Path("scripts").rglob("*.txt") if path.resolve() != OWN_SENTENCES]
    trained = {plain(line) for path in texts for line in path.read_text(encoding="utf-8").splitlines()}
    assert [text for text in own if plain(text) in trained] == []


def test_table_has_a_dash_where_nothing_was_measured() -> None:
    text = table({"ours": {"wer": 0.05}, "recordings": {"wer": 0.015, "sim": 0.9}})
    rows = [line.split() for line in text.splitlines()[2:]]
    assert rows == [["wer", "<=", "0.035", "0.050", "0.015"], ["sim", ">=", "0.88", "-", "0.900"]]


def test_document_gets_the_table_and_what_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "quality.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    ours = {"wer": 0.05, "wer_low": 0.04, "wer_high": 0.06, "closure": 0.97, "outside": 0.0, "longest_stare": 6.0}
    about = {"sentences": 200, "seeds": 3, "weights": "abc", "steps": "distilled"}
    for _ in range(2):  # a second run replaces the first one's table
        write_table(path, {"ours": ours, "rules": {"closure": 1.0}}, about)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith(f"{END}\nafter\n") and "old" not in text
    assert "| word errors | <= 3.5 % | 5.0 % (4.0 - 6.0) |" in text
    assert text.count("| closed on p, b, m, in rendered pixels | >= 90.0 % | 97.0 % | 100.0 % |") == 1
    assert [row.key for row in missed(ours)] == ["wer", "longest_stare"]
    assert "- word errors: 5.0 %, goal <= 3.5 %" in text
    assert len({row.key for row in ROWS}) == len(ROWS)


def test_document_without_marks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "quality.md"
    path.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="no place for figures"):
        write_table(path, {"ours": {}}, {"sentences": 1, "seeds": 1, "weights": "", "steps": 16})


def test_figures_of_the_same_weights_and_settings_stay_in_the_file(tmp_path: Path) -> None:
    path, about = tmp_path / "out" / "eval.json", {"weights": "abc", "sentences": 200, "seeds": 3, "steps": 16}
    spanish = {"es": {"wer": 0.1}}
    write_json(path, {"ours": {"wer": 0.05, "sim": 0.8}, "kokoro": {"wer": 0.02}}, about, spanish)
    found, foreign = write_json(path, {"ours": {"wer": 0.04}, "rules": {"closure": 1.0}}, about)
    assert found["ours"] == {"wer": 0.04, "sim": 0.8} and foreign == spanish
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["peers"] == {"kokoro": {"wer": 0.02}, "rules": {"closure": 1.0}}
    assert json.loads(path.read_text(encoding="utf-8"))["languages"] == spanish
    found, foreign = write_json(path, {"ours": {"wer": 0.03}}, about | {"weights": "new"})
    assert found == {"ours": {"wer": 0.03}} and not foreign


def test_of_several_runs_the_middle_one_counts_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [{"rtf": 1.2, "cpu": 3.0}, {"rtf": 0.8, "cpu": 1.0}, {"rtf": 1.0, "cpu": 2.0}]
    left = [*runs]
    monkeypatch.setattr("scripts.evaluation.measures.cost._measured", lambda scene: left.pop(0))
    assert cost(Path("scene.yaml"), "long_", runs=3) == {"long_rtf": 1.0, "long_cpu": 2.0} and not left


def test_memory_is_the_programs_own_not_that_of_the_one_that_started_it() -> None:
    ballast = np.ones(60_000_000)  # 480 MB
    asked = [sys.executable, "-c", "from scripts.evaluation.measures.cost import most_memory; print(most_memory())"]
    answer = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    assert 20 < float(answer.stdout) < most_memory() - 240, len(ballast)


def test_the_longest_time_that_a_head_stands_still() -> None:
    turning = np.zeros((100, N_CHANNELS), np.float32)
    turning[:, INDEX["headRotationY"]] = 0.01 * np.arange(100)
    stops = turning.copy()
    stops[40:66, INDEX["headRotationY"]] = stops[40, INDEX["headRotationY"]]
    assert longest_still_head([turning]) == 0
    assert longest_still_head([turning, stops]) == pytest.approx(1.0)


def test_closure_in_unison_counts_every_face() -> None:
    take = say()
    good = spoken(take, rig_gap(other_motion(take, rules_alone)))
    open_mouth = Spoken(np.full_like(good.gap, good.gap.max()), good.waveform, good.contacts)
    assert closure_in_unison([good, good])["binding_unison_closure"] == 1
    assert closure_in_unison([good, open_mouth])["binding_unison_closure"] == pytest.approx(0.5)


def test_speech_is_mixed_so_many_decibels_above_other_sound() -> None:
    speech, other = np.random.default_rng(0).standard_normal((2, 24_000)).astype(np.float32)
    added = mixed(speech, 7 * other, 12.0) - speech
    assert 20 * np.log10(speech.std() / added.std()) == pytest.approx(12.0, abs=0.1)
