"""Motion labels: phoneme times, lip corrections through the rig, gestures, the teacher's interface, resumable files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from generation.audio.voice_activity import loudness_track, quiet_frames
from generation.core.motion import INDEX, MOUTH
from generation.data.grid_corpus import mean_symbol_seconds
from generation.labels.motion_labels import make_labels
from generation.labels.motion_teacher import Augmentation, MotionTeacher, relative_mel
from generation.motion.articulation import (
    FEATURES,
    LipGeometry,
    correct_lips,
    lip_targets,
    pauses,
    phonetic_features,
    with_lip_gap,
)
from generation.motion.behaviour.blinks import blink_frames
from generation.motion.gaze import Cues
from generation.motion.gestures import LARGEST_TURN, gestures, stress_track
from generation.motion.rig import FaceRig
from generation.text.phonemizer import SYMBOL_INDEX
from generation.text.timed_phonemes import CORPUS_DELAY_SECONDS, VOWELS, TimedPhonemes

PHONEMES = "mˈɑːp, bˈɑː"
DURATIONS = [12, 3, 2, 4, 4, 3, 4, 14, 4, 2, 4, 4, 12]


@pytest.fixture(scope="module")
def lips() -> LipGeometry:
    return LipGeometry.of(FaceRig.load())


def sound_of(timed: TimedPhonemes) -> np.ndarray:
    """A hum during the phonemes, silence elsewhere, padded to whole video frames."""
    n = int(np.ceil(timed.bounds[-1] * 24_000 / 960)) * 960
    wave = 0.3 * np.sin(2 * np.pi * 150 * np.arange(n) / 24_000).astype(np.float32)
    voiced = phonetic_features(timed, n // 240)[:, -3:-1].sum(1) == 0
    return wave * np.repeat(voiced, 240)


def open_mouth(n: int) -> np.ndarray:
    weights = np.zeros((n, 51), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.35
    return weights


def test_phoneme_times_are_cumulative_and_shifted_to_the_sound() -> None:
    timed = TimedPhonemes.from_corpus(PHONEMES, DURATIONS)
    assert len(timed.symbols) == len(DURATIONS)
    assert timed.bounds[-1] == pytest.approx(sum(DURATIONS) * 0.025)
    assert timed.bounds[2] == pytest.approx((12 + 3) * 0.025 - CORPUS_DELAY_SECONDS)
    assert timed.carriers()[2] == "ɑ" and timed.carriers()[4] == "ɑ"
    assert len(timed.stress_times()) == 2


def test_wrong_number_of_times_is_refused() -> None:
    with pytest.raises(ValueError, match="rising times"):
        TimedPhonemes("ab", np.array([0.0, 1.0]))


def test_the_vowel_chart_has_every_vowel() -> None:
    timed = TimedPhonemes("".join(SYMBOL_INDEX), np.arange(len(SYMBOL_INDEX) + 1.0))
    vowel = phonetic_features(timed, 100 * len(SYMBOL_INDEX))[::100, FEATURES.index("vowel")]
    carriers = dict(zip(timed.carriers(), vowel, strict=True))
    assert {symbol for symbol, flag in carriers.items() if flag} == set(VOWELS)


def corrected(lips: LipGeometry) -> tuple[TimedPhonemes, np.ndarray, np.ndarray]:
    timed = TimedPhonemes.from_corpus(PHONEMES, DURATIONS)
    sound = sound_of(timed)
    silent = pauses(timed, quiet_frames(sound, len(sound) // 240))
    targets = lip_targets(timed, silent, loudness_track(sound))
    weights = correct_lips(open_mouth(len(sound) // 960), targets, lips)
    rig = FaceRig.load()
    points = rig.mean + rig.displace(weights)
    return timed, weights, np.linalg.norm(points[:, 13] - points[:, 14], axis=1)


def test_lips_meet_at_every_bilabial_and_stay_open_in_vowels(lips: LipGeometry) -> None:
    timed, weights, gap = corrected(lips)
    assert weights.min() >= 0 and weights.max() <= 1
    for i, symbol in enumerate(timed.symbols):
        frame = int((timed.bounds[i] + timed.bounds[i + 1]) / 2 * 25)
        if symbol in "pbm":
            assert gap[max(frame - 1, 0) : frame + 2].min() < 0.15 * lips.open_range, symbol
        if symbol == "ɑ":
            assert gap[frame] > 0.4 * lips.open_range


def test_mouth_is_shut_in_pauses(lips: LipGeometry) -> None:
    timed, _, gap = corrected(lips)
    comma = timed.symbols.index(",")
    inside = slice(int((timed.bounds[comma] + 0.16) * 25), int((timed.bounds[comma + 2] - 0.1) * 25))
    assert gap[:3].max() < 0.01 and gap[inside].max() < 0.01 and gap[-2:].max() < 0.01


def said(phonemes: str, lips: LipGeometry) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Corrected weights of five sounds, their gap, and the frame in the middle of each."""
    timed = TimedPhonemes.from_corpus(phonemes, [12, 6, 4, 6, 6, 6, 12])
    sound = sound_of(timed)
    targets = lip_targets(timed, np.zeros(len(sound) // 240, bool), loudness_track(sound))
    weights = correct_lips(open_mouth(len(sound) // 960), targets, lips)
    at = {s: int((timed.bounds[i] + timed.bounds[i + 1]) / 2 * 25) for i, s in enumerate(timed.symbols)}
    return weights, lips.gap(weights), at


def test_labiodentals_narrow_and_rounding_protrudes(lips: LipGeometry) -> None:
    weights, gap, at = said("ɑfɑuː", lips)
    assert 0.1 * gap[at["ɑ"]] < gap[at["f"]] < 0.4 * gap[at["ɑ"]]
    assert weights[at["f"], INDEX["mouthRollLower"]] > 0.3 > weights[at["ɑ"], INDEX["mouthRollLower"]]
    assert weights[at["u"], INDEX["mouthPucker"]] > 0.4 > weights[at["ɑ"], INDEX["mouthPucker"]]


def test_corners_part_and_teeth_show_in_front_vowels_and_sibilants(lips: LipGeometry) -> None:
    weights, gap, at = said("ɑsɑiː", lips)
    for symbol in "si":
        assert 0.2 * gap[at["ɑ"]] < gap[at[symbol]] < 0.8 * gap[at["ɑ"]]
        assert weights[at[symbol], INDEX["mouthLowerDownLeft"]] > 0.1
    assert weights[at["i"], INDEX["mouthStretchLeft"]] > 0.3 > weights[at["ɑ"], INDEX["mouthStretchLeft"]]


def test_with_gap_reaches_any_gap(lips: LipGeometry) -> None:
    wanted = np.linspace(0, 0.3, 20).astype(np.float32)
    assert np.allclose(lips.gap(with_lip_gap(open_mouth(20), wanted, lips)), wanted, atol=0.005)


def test_blinks_come_at_a_human_rate_and_in_every_five_seconds() -> None:
    rates = []
    for seed in range(30):
        frames = np.array(blink_frames(25 * 60, np.zeros(25 * 60, bool), np.random.default_rng(seed)))
        rates.append(len(frames))
        assert np.diff(np.concatenate([[0], frames, [1500]])).max() <= 5 * 25
    assert 10 <= min(rates) and max(rates) <= 25


def test_gestures_follow_stress_and_seed() -> None:
    n = 250
    stress = np.zeros(n, np.float32)
    stress[10::20] = 1
    cues = Cues(stress, np.ones(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32))
    made = [gestures(cues, seed) for seed in range(40)]
    assert np.array_equal(made[3], gestures(cues, 3)) and not np.array_equal(made[3], made[4])
    pitch = np.mean([m[:, INDEX["headRotationX"]] for m in made], 0)
    brows = np.mean([m[:, INDEX["browInnerUp"]] for m in made], 0)
    after, between = stress.nonzero()[0] + 1, stress.nonzero()[0] - 8
    assert pitch[after].mean() > pitch[between].mean() + 0.005
    assert brows[after].mean() > 1.5 * brows[between].mean()
    for motion in made:
        assert np.abs(motion[:, 51:54]).max() <= LARGEST_TURN
        assert not motion[:, [INDEX[name] for name in MOUTH]].any()
        assert np.abs(np.diff(motion[:, 51:54], axis=0)).max() < 0.05


def test_listener_looks_at_the_speaker_and_keeps_the_mouth_shut() -> None:
    n = 250
    heard = np.ones(n, np.float32)
    heard[100:112] = heard[200:] = 0
    left, right = ([gestures(Cues(0 * heard, 0 * heard, heard, np.full(n, s)), k) for k in range(20)] for s in (-1, 1))
    for motions, inward, outward in (
        (left, "eyeLookInLeft", "eyeLookOutLeft"),
        (right, "eyeLookOutLeft", "eyeLookInLeft"),
    ):
        mean = np.mean(motions, 0)[:, :]
        assert mean[:200, INDEX[inward]].mean() > 3 * mean[:200, INDEX[outward]].mean()
        assert not mean[:, INDEX["jawOpen"]].any()
        assert 0.01 < mean[50:90, INDEX["mouthSmileLeft"]].mean() < 0.15
    assert (
        np.mean(right, 0)[:200, INDEX["headRotationY"]].mean() > np.mean(left, 0)[:200, INDEX["headRotationY"]].mean()
    )


def test_cues_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        Cues(np.zeros(4), np.zeros(5), np.zeros(4), np.zeros(4))


def test_stress_track_marks_one_frame_a_nucleus() -> None:
    timed = TimedPhonemes.from_corpus(PHONEMES, DURATIONS)
    assert stress_track(timed, 60).sum() == 2


def test_augmentation_moves_formants_but_keeps_shape() -> None:
    mel = torch.full((4, 20, 100), -8.0)
    mel[:, :, 30] = -1.0
    out = Augmentation()(mel, torch.Generator().manual_seed(0))
    assert out.shape == mel.shape and torch.isfinite(out).all()
    assert len({int(p) for p in out.mean(1).argmax(1)}) > 1


def test_relative_mel_ignores_level() -> None:
    mel = torch.randn(40, 100)
    assert torch.allclose(relative_mel(mel), relative_mel(mel + 1.7), atol=1e-5)


def tiny_shared(folder: Path) -> Path:
    """Two corpus utterances and no tracked speech."""
    audio = folder / "corpus" / "audio"
    audio.mkdir(parents=True)
    timed = TimedPhonemes.from_corpus(PHONEMES, DURATIONS)
    n_samples = sum(DURATIONS) * 600
    for name in ("a", "b"):
        soundfile.write(audio / f"{name}.opus", sound_of(timed)[:n_samples], 24_000, format="OGG", subtype="OPUS")
    record = {"phonemes": PHONEMES, "durations": DURATIONS, "samples": n_samples}
    lines = [json.dumps({"id": name, **record}) for name in ("a", "b")]
    (folder / "corpus" / "manifest.jsonl").write_text("\n".join(lines))
    return folder


def test_labels_cover_the_corpus_in_order_and_are_not_made_twice(tmp_path: Path) -> None:
    shared, work = tiny_shared(tmp_path / "shared"), tmp_path / "work"
    work.mkdir()
    (work / "grid_motion_index.json").write_text("{}")
    with pytest.raises(ValueError, match="train it first"):
        make_labels(shared, [shared / "corpus"], work)
    MotionTeacher(width=16, depth=1).save_pretrained(work / "teacher" / "ema")
    make_labels(shared, [shared / "corpus"], work)
    labels, index = np.load(work / "labels.npy"), json.loads((work / "labels_index.json").read_text())
    n = int(np.ceil(sum(DURATIONS) * 600 / 960))
    assert index == {"a": [0, n], "b": [n, n]} and labels.shape == (2 * n, 57) and labels.dtype == np.float16
    still = [i for name, i in INDEX.items() if name not in MOUTH]
    assert not labels[:, still].any() and labels[:, INDEX["jawOpen"]].any()
    assert not np.array_equal(labels[:n], labels[n:])  # each utterance has noise of its own
    written = (work / "labels.npy").stat().st_mtime_ns
    make_labels(shared, [shared / "corpus"], work)
    assert (work / "labels.npy").stat().st_mtime_ns == written
    more = tmp_path / "more"
    (more / "audio").mkdir(parents=True)
    manifest = (shared / "corpus" / "manifest.jsonl").read_text().splitlines()[0]
    (more / "manifest.jsonl").write_text(manifest.replace('"a"', '"c"'))
    (more / "audio" / "c.opus").write_bytes((shared / "corpus" / "audio" / "a.opus").read_bytes())
    np.save(work / "labels.npy", np.full_like(labels, 0.25))
    make_labels(shared, [shared / "corpus", more], work)
    grown = np.load(work / "labels.npy")
    assert (grown[: 2 * n] == 0.25).all(), "what was labelled stays"
    assert len(grown) == 3 * n and not (grown[2 * n :, :51] == 0.25).all()


def test_interrupted_labelling_goes_on_where_it_stopped(tmp_path: Path) -> None:
    shared, work = tiny_shared(tmp_path / "shared"), tmp_path / "work"
    MotionTeacher(width=16, depth=1).save_pretrained(work / "teacher" / "ema")
    (work / "grid_motion_index.json").write_text("{}")
    n = int(np.ceil(sum(DURATIONS) * 600 / 960))
    np.save(work / "labels.part.npy", np.full((2 * n, 57), 0.25, np.float16))
    (work / "labels.progress").write_text("1")
    make_labels(shared, [shared / "corpus"], work)
    labels = np.load(work / "labels.npy")
    assert (labels[:n] == 0.25).all() and not (labels[n:, :51] == 0.25).all()


def test_mean_symbol_lengths_are_seconds(tmp_path: Path) -> None:
    seconds = mean_symbol_seconds(tiny_shared(tmp_path) / "corpus" / "manifest.jsonl")
    assert seconds["m"] == pytest.approx(0.075) and 0 < seconds["ɑ"] < 0.2
