"""Manners: processing moves what it is to move and keeps the timing; each style of the table says what it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from random_networks import tiny_transformer
from sounds import buzz

from generation.adapters.lora import add_adapter, save_adapter
from generation.audio.effects import change_pitch, pitch_curve, spectral_tilt, whisper
from generation.core.delivery import AVERAGE
from generation.core.motion import INDEX, N_CHANNELS
from generation.finetuning.report import write_report
from generation.finetuning.styles import STYLES, processed_motion, processed_waveform
from generation.finetuning.trial import Trial, contacts_closed
from generation.metrics.style import UNITS, motion_figures, speech_figures

RATE = 24_000


def pitch_of(waveform: np.ndarray) -> tuple[float, float]:
    found = pitch_curve(waveform)
    assert found is not None
    inside = found[0][found[1]]
    return float(inside.mean()), float(inside.std())


@pytest.mark.parametrize(("spread", "shift"), [(0.3, 0.0), (1.0, 2.0), (1.5, -2.0)])
def test_pitch_moves_as_told_and_nothing_is_shifted_in_time(spread: float, shift: float) -> None:
    sound = buzz()
    middle, width = pitch_of(sound)
    made = change_pitch(sound, spread, shift)
    assert made.shape == sound.shape and np.isfinite(made).all()
    new_middle, new_width = pitch_of(made)
    assert new_middle - middle == pytest.approx(shift, abs=0.7)
    assert new_width / width == pytest.approx(spread, abs=0.3)
    loud = [np.square(x).reshape(-1, 960).mean(1) for x in (sound, made)]
    assert np.corrcoef(*loud)[0, 1] > 0.9


def test_what_has_no_pitch_is_left_alone() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert change_pitch(noise, 2.0, 5.0) is noise


def test_a_whisper_has_no_voice_but_the_same_shape() -> None:
    sound = buzz()
    made = whisper(sound, 0)
    assert speech_figures(sound)["voiced_share"] > 0.7 and speech_figures(made)["voiced_share"] < 0.1
    assert np.square(made).mean() < 0.3 * np.square(sound).mean()
    loud = [np.square(x).reshape(-1, 960).mean(1) > 1e-5 for x in (sound, made)]
    assert (loud[0] == loud[1]).mean() > 0.85


def test_a_slope_brightens_by_so_much_an_octave() -> None:
    added = spectral_tilt(2.0) * 20 / np.log(10)
    assert added[0] < -3 and added[-1] == pytest.approx(6.0, abs=0.1) and (np.diff(added) >= 0).all()


@pytest.mark.parametrize("name", sorted(STYLES))
def test_each_manner_moves_what_it_says(name: str) -> None:
    """On the processed material itself; pace and eyes come from its delivery."""
    style = STYLES[name]
    assert set(style.target_figures) <= set(UNITS) and style.trained_on.endswith(".") and style.does.endswith(".")
    rng = np.random.default_rng(0)
    motion = np.zeros((200, N_CHANNELS), np.float32)
    motion[:, INDEX["jawOpen"]] = rng.random(200) * 0.3
    motion[:, INDEX["browInnerUp"]] = rng.random(200) * 0.2
    motion[:, 51:54] = 0.05 * np.cumsum(rng.normal(0, 0.1, (200, 3)), 0)
    sound = buzz()
    before = speech_figures(sound) | motion_figures(motion)
    after = speech_figures(processed_waveform(sound, style, 0)) | motion_figures(processed_motion(motion, style))
    if style.delivery != AVERAGE:
        delivery = style.delivery
        now = {"rate": delivery.tempo, "blinks": delivery.blinks, "lids": 1 + delivery.lids}
        then = {"rate": 1.0, "blinks": 1.0, "lids": 1.0, "gaze_aversion": 0.0}
        before, after = before | then, after | now | {"gaze_aversion": delivery.gaze_aversion}
    after["brightness"] = before["brightness"] + style.brightness
    for figure, direction in style.target_figures.items():
        assert direction * (after[figure] - before[figure]) > 0, figure


def test_parts_follow_from_what_is_changed() -> None:
    assert {name for name, style in STYLES.items() if style.part == "motion"} == {"grand"}
    assert STYLES["whisper"].part == "joint" and "breath for voice" in STYLES["whisper"].trained_on


@pytest.mark.parametrize(("shut", "share"), [((), 0.0), ((20,), 0.5), ((20, 40), 1.0)])
def test_lips_that_close_on_p_b_and_m_are_counted(shut: tuple[int, ...], share: float) -> None:
    gap, sound = np.ones(60), np.sin(np.arange(60 * 960) / 20).astype(np.float32)
    gap[list(shut)] = 0.1
    found = contacts_closed([gap, np.ones(60)], [sound, sound], [np.array([20, 40]), np.zeros(0, int)])
    assert found == {"closure": pytest.approx(share)}


def test_lines_without_p_b_and_m_say_nothing_of_closing() -> None:
    assert contacts_closed([np.ones(60)], [np.ones(60 * 960, np.float32)], [np.zeros(0, int)]) == {}


def test_a_report_has_a_dash_where_a_strength_has_no_pitch(tmp_path: Path) -> None:
    transformer, silence = tiny_transformer(), (np.zeros(960, np.float32),)
    add_adapter(transformer, "hush", 2)
    path = save_adapter(transformer, "hush", tmp_path / "hush.safetensors")
    found = {0.0: Trial({"pitch": 8.0, "level": -20.0}, silence), 1.0: Trial({"level": -30.0}, silence)}
    text = write_report(tmp_path, path, {"name": "hush"}, found, {"pitch": -1, "level": -1})
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith(("pitch", "level"))}
    assert rows["pitch"] == ["8.000", "-", "down,", "not", "monotone", *UNITS["pitch"].split()]
    assert rows["level"] == ["-20.000", "-30.000", "down", UNITS["level"]]
