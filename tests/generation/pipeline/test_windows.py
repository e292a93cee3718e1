"""Windows over long scenes: what each is given, where they join, and that a scene of several is whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_pipeline

from generation.core.motion import N_CHANNELS
from generation.core.performance import CastMember, Line
from generation.models.joint_inputs import JointInputs
from generation.motion.keyframes import FADE, Key, KeyedSpan
from generation.pipeline.conditioning import LatentState
from generation.pipeline.face_routing import FaceRouting, route
from generation.pipeline.postprocess import _decoded
from generation.pipeline.retake import regenerate_span
from generation.pipeline.sampling import Sampling
from generation.pipeline.windows import LONGEST, PREFIX, Place, plan_windows, quiet_frames, sample_windows
from generation.text.phoneme_sequence import timed_symbols


def test_what_is_short_is_one_window() -> None:
    assert plan_windows(np.ones(LONGEST, bool), np.zeros(LONGEST, bool)) == [(slice(0, LONGEST),) * 2]


def test_windows_cover_what_is_made_and_join_where_it_is_quiet() -> None:
    quiet = np.zeros(1000, bool)
    quiet[[*range(240, 252), *range(510, 522), *range(744, 756)]] = True
    windows = plan_windows(np.ones(1000, bool), quiet)
    assert np.array_equal(np.concatenate([np.arange(1000)[new] for _, new in windows]), np.arange(1000))
    assert len(windows) == 4 and all(quiet[new.start - 1 : new.start + 2].all() for _, new in windows[1:])
    assert all(frames.start == new.start - PREFIX and frames.stop >= new.stop for frames, new in windows[1:])
    assert all(frames.stop - frames.start <= LONGEST + 100 for frames, _ in windows)


@pytest.mark.parametrize(("first", "stop"), [(0, 20), (500, 560), (980, 1000)])
def test_a_span_among_what_is_given_has_one_window_around_it(first: int, stop: int) -> None:
    made = np.zeros(1000, bool)
    made[first:stop] = True
    ((frames, new),) = plan_windows(made, made)
    assert new == slice(first, stop) and frames.stop - frames.start == LONGEST
    assert frames.start <= first and stop <= frames.stop and 0 <= frames.start and frames.stop <= 1000
    assert plan_windows(np.zeros(1000, bool), made) == []


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LONGEST", 20), ("PREFIX", 4), ("_AHEAD", 2), ("_SEARCH", 1)):
        monkeypatch.setattr(f"generation.pipeline.windows.{name}", value)


def test_a_window_is_given_the_end_of_the_one_before_and_the_noise_of_its_own_frames(short_windows: None) -> None:
    """Fails when noise counts from the window's beginning, or what was made is made once more."""
    n = 50
    rows = route(np.ones((1, 1, n), np.float32), np.ones((1, n), bool))
    noise = torch.arange(n, dtype=torch.float32)[None, None, :, None]
    audio = LatentState(noise.expand(1, 1, n, 400), torch.zeros(1, 1, n, 400), torch.ones(1, 1, n))
    motion = LatentState(noise.expand(1, 1, n, N_CHANNELS), torch.zeros(1, 1, n, N_CHANNELS), torch.ones(1, 1, n))
    inputs = JointInputs(
        audio=audio.blended, sigma=torch.ones(1), symbols=torch.arange(4 * n)[None, None],
        phoneme_position=torch.zeros(1, 1, 4 * n, 2), voice=torch.zeros(1, 1, 65), audio_given=audio.given,
        motion=motion.blended, motion_given=motion.given, share=torch.ones(1, 1, n),
    )  # fmt: skip
    seen: list[tuple[int, int]] = []

    def denoise(
        told: JointInputs, sound: LatentState, shown: LatentState, some: FaceRouting, place: Place
    ) -> tuple[LatentState, LatentState]:
        length = sound.latent.shape[2]
        prefix = 4 if place.number else 0
        frames = torch.arange(place.first, place.first + length, dtype=torch.float32)
        assert torch.equal(told.symbols[0, 0, ::4], 4 * frames.long()) and some.drivers.shape[1] == length
        for state, given in ((sound, told.audio_given), (shown, told.required("motion_given"))):
            assert torch.equal(given[0, 0], (torch.arange(length) < prefix).float())
            assert torch.equal(state.blended[0, 0, :prefix, 0], 100 + frames[:prefix])
            assert torch.equal(state.blended[0, 0, prefix:, 0], frames[prefix:])
        seen.append((place.first, place.count))
        return tuple(LatentState(state.latent + 100, state.clean, state.denoise_mask) for state in (sound, shown))  # type: ignore[return-value]

    finished = sample_windows(denoise, inputs, audio, motion, rows, np.zeros(n, bool))
    assert len(seen) == 4 and {count for _, count in seen} == {4}
    for state in finished:
        assert torch.equal(state.blended[0, 0, :, 0], 100 + torch.arange(n))


def test_without_a_pause_windows_join_where_the_mouth_is_shut_for_a_stop() -> None:
    """Fails when stops count as loud as vowels, or their bursts as their closures."""
    phonemes = "aaaaapaaaadaaa"
    ids, positions = timed_symbols(phonemes, (20,) * len(phonemes))
    audio = torch.ones(1, 1, len(ids) // 4, 400)
    inputs = SimpleNamespace(
        symbols=torch.from_numpy(ids)[None, None], phoneme_position=torch.from_numpy(positions)[None, None]
    )
    state = LatentState(audio, audio, torch.ones(1, 1, len(ids) // 4))
    quiet = quiet_frames(inputs, state, np.zeros((1, 400), np.float32))  # type: ignore[arg-type]
    assert quiet[25:28] == pytest.approx(0.6) and quiet[50:53] == pytest.approx(0.4)
    assert not quiet[[*range(25), *range(28, 50), *range(53, len(quiet))]].any()


def test_a_gap_between_words_is_no_pause() -> None:
    """Fails when every space between words counts as silence: words follow each other without any."""
    ids, positions = timed_symbols("a a a", (20, 8, 20, 24, 20))
    audio = torch.ones(1, 1, len(ids) // 4, 400)
    inputs = SimpleNamespace(
        symbols=torch.from_numpy(ids)[None, None], phoneme_position=torch.from_numpy(positions)[None, None]
    )
    quiet = quiet_frames(inputs, LatentState(audio, audio, torch.ones(audio.shape[:3])), np.zeros((1, 400)))  # type: ignore[arg-type]
    assert quiet[5:7] == pytest.approx(0.1) and quiet[12:18] == pytest.approx(1.0) and quiet[8:11] == pytest.approx(0)


def test_sound_passes_from_one_window_into_the_next(short_windows: None) -> None:
    """Fails when the sounds of two windows are set side by side."""
    n = 40
    rows = route(np.ones((1, 1, n), np.float32), np.ones((1, n), bool))
    audio = LatentState.pinned(torch.zeros(1, 1, n, 400))
    audio = LatentState(audio.latent, audio.clean, torch.ones(1, 1, n))
    motion = LatentState.pinned(torch.zeros(1, 1, n, N_CHANNELS))
    inputs = JointInputs(
        audio=audio.blended, sigma=torch.ones(1), symbols=torch.zeros(1, 1, 4 * n, dtype=torch.long),
        phoneme_position=torch.zeros(1, 1, 4 * n, 2), voice=torch.zeros(1, 1, 65), audio_given=audio.given,
        motion=motion.blended, motion_given=motion.given, share=torch.ones(1, 1, n),
    )  # fmt: skip

    def denoise(
        told: JointInputs, sound: LatentState, shown: LatentState, some: FaceRouting, place: Place
    ) -> tuple[LatentState, LatentState]:
        return LatentState(torch.full_like(sound.latent, place.number), sound.clean, sound.denoise_mask), shown

    made = sample_windows(denoise, inputs, audio, motion, rows, np.zeros(n))[0].blended[0, 0, :, 0]
    steps = made.diff()
    assert made[0] == 0 and made[-1] == 2 and (steps >= 0).all() and steps.max() < 0.6


CAST = [CastMember(name, np.full(64, 0.1, np.float32), side) for name, side in (("A", -0.5), ("B", 0.5))]
LINES = [Line("a", 0, 2, 40, " ", (160,)), Line("b", 1, 44, 10, " ", (40,), np.zeros(9600, np.float32))]


def test_a_scene_of_several_windows_is_whole_and_a_retake_changes_its_span_alone(short_windows: None) -> None:
    pipeline = tiny_pipeline()
    steps: list[tuple[int, int]] = []
    made = pipeline(LINES, CAST, 60, sampling=Sampling(2), on_step=lambda *step: steps.append(step))
    assert steps[-1] == (10, 10) and steps == sorted(steps)
    assert all(np.abs(part.motion.values).sum(1).min() > 0 for part in made.characters)
    span = KeyedSpan(LINES[0], 20, 26, 1, (Key(22, "jawOpen", 0.8),))
    routing = np.repeat(np.eye(2, dtype=np.float32)[:, :, None], 60, 2)
    track = regenerate_span(pipeline, span, LINES, CAST, made, routing, 0, Sampling(2)).values
    kept = made.characters[0].motion.values
    changed = np.flatnonzero(np.abs(track - kept).max(1) > 1e-4)
    assert len(changed) and changed[0] >= 20 - FADE and changed[-1] < 26 + FADE


def test_a_long_line_becomes_sound_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when a piece is left out, said twice, or joined with a step."""
    lengths = []

    def decode(mel: torch.Tensor) -> torch.Tensor:
        lengths.append(mel.shape[1])
        return mel[..., 0].repeat_interleave(240, 1)

    vocoder: Any = SimpleNamespace(device="cpu", decode=decode)
    mel = np.repeat(np.sin(np.arange(205) / 9).astype(np.float32)[:, None], 100, 1)
    whole = _decoded(mel, vocoder)
    monkeypatch.setattr("generation.pipeline.postprocess._LONGEST_PIECE", 40)
    np.testing.assert_allclose(_decoded(mel, vocoder), whole, atol=1e-6)
    assert len(lengths) > 5 and max(lengths[1:]) <= 41
