"""The joint pipeline on tiny real networks: what depends on what, what is given, saving, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from random_networks import tiny_transformer
from sounds import syllables

from generation.audio.mel import mel_spectrogram
from generation.core.clock import samples_from_frames
from generation.core.motion import INDEX, MOUTH, WEIGHTS
from generation.core.performance import CastMember, CharacterPerformance, Line, Performance
from generation.models.vocoder import Vocoder
from generation.pipeline.conditioning import Generate, Given, LatentState, apply_all
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import Guidance, Sampling
from generation.text.phoneme_sequence import PAUSE, UNKNOWN_SYMBOL, silent_symbols, timed_symbols
from generation.text.phonemizer import SYMBOL_INDEX

N_FRAMES = 40
QUICK = Sampling(steps=2)
DEAF = Guidance(listen=0.0)


def voice(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=4).astype(np.float32)


ANN, BOB, EVE = (
    CastMember(name, voice(i), side) for i, (name, side) in enumerate([("ANN", -0.5), ("BOB", 0.5), ("EVE", 0)])
)
CAST = (ANN, BOB, EVE)


def line(name: str, character: int, start: int, n_frames: int = 8, recording: np.ndarray | None = None) -> Line:
    phonemes = " həlˈoʊ "
    durations = (4,) * (len(phonemes) - 1) + (4 * n_frames - 4 * (len(phonemes) - 1),)
    return Line(name, character, start, n_frames, phonemes, durations, recording)


LINES = (line("first", 0, 3), line("second", 1, 14), line("third", 0, 26))


def tiny_pipeline() -> JointPipeline:
    torch.manual_seed(0)
    return JointPipeline.assemble(tiny_transformer(), Vocoder(dim=16, hidden=32, num_layers=1).eval())


def hasten(pipeline: JointPipeline) -> JointPipeline:
    """Griffin-Lim of noise is not what is tested here; fewer rounds save most of the time."""
    decode = pipeline.vocoder.decode
    pipeline.vocoder.decode = lambda mel: decode(mel, iterations=4)
    return pipeline


@pytest.fixture(scope="module")
def pipeline() -> JointPipeline:
    return hasten(tiny_pipeline())


@pytest.fixture(scope="module")
def whole(pipeline: JointPipeline) -> Performance:
    return pipeline(LINES, CAST, N_FRAMES, sampling=QUICK)


def part(performance: Performance, name: str) -> CharacterPerformance:
    return next(p for p in performance.characters if p.name == name)


def speech_of(performance: Performance, spoken: Line) -> np.ndarray:
    samples = slice(samples_from_frames(spoken.start), samples_from_frames(spoken.stop))
    return performance.characters[spoken.character].speech[samples]


def assert_alike(a: CharacterPerformance, b: CharacterPerformance, tolerance: float = 1e-4) -> None:
    np.testing.assert_allclose(a.speech, b.speech, rtol=0, atol=200 * tolerance)  # pitch and phases magnify rounding
    np.testing.assert_allclose(a.motion.values, b.motion.values, rtol=0, atol=tolerance)


def test_sound_lies_in_the_lines_and_motion_everywhere(whole: Performance) -> None:
    for k, performance in enumerate(whole.characters):
        speaks = np.zeros(N_FRAMES, bool)
        for spoken in LINES:
            speaks[spoken.start : spoken.stop] |= spoken.character == k
        by_frame = np.abs(performance.speech).reshape(N_FRAMES, -1).max(1)
        assert (by_frame[speaks] > 0).all() and not by_frame[~speaks].any()
        assert (performance.motion.values.std(0) > 0)[[INDEX["eyeBlinkLeft"], INDEX["headRotationX"]]].all()
        assert performance.motion.values[:, WEIGHTS].min() >= 0 and performance.motion.values[:, WEIGHTS].max() <= 1


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(pipeline: JointPipeline, whole: Performance) -> None:
    again, other = (pipeline(LINES, CAST, N_FRAMES, seed=seed, sampling=QUICK) for seed in (0, 1))
    for a, b, c in zip(whole.characters, again.characters, other.characters):
        assert a.speech.tobytes() == b.speech.tobytes() and a.motion.values.tobytes() == b.motion.values.tobytes()
        assert a.motion.values.tobytes() != c.motion.values.tobytes()
    assert not np.allclose(part(whole, "ANN").speech, part(other, "ANN").speech, atol=1e-3)


def test_the_order_of_the_cast_changes_nobodys_part(pipeline: JointPipeline, whole: Performance) -> None:
    order = [2, 0, 1]
    lines = [replace(spoken, character=order.index(spoken.character)) for spoken in LINES]
    other = pipeline(lines, [CAST[i] for i in order], N_FRAMES, sampling=QUICK)
    for member in CAST:
        assert_alike(part(whole, member.name), part(other, member.name))


def test_a_line_sounds_the_same_whatever_else_is_said(pipeline: JointPipeline, whole: Performance) -> None:
    first, second, third = LINES
    alone = pipeline([first], CAST, N_FRAMES, sampling=QUICK)
    np.testing.assert_allclose(speech_of(alone, first), speech_of(whole, first), rtol=0, atol=2e-2)
    extended = pipeline([*LINES, line("fourth", 2, 4, 7), line("fifth", 1, 28)], CAST, N_FRAMES, sampling=QUICK)
    np.testing.assert_allclose(speech_of(extended, second), speech_of(whole, second), rtol=0, atol=2e-2)


def test_a_line_sounds_the_same_after_a_longer_pause(pipeline: JointPipeline, whole: Performance) -> None:
    later = [LINES[0], *(replace(spoken, start=spoken.start + 5) for spoken in LINES[1:])]
    paused = pipeline(later, CAST, N_FRAMES + 5, sampling=QUICK)
    for before, after in zip(LINES, later):
        np.testing.assert_allclose(speech_of(paused, after), speech_of(whole, before), rtol=0, atol=2e-2)


def test_text_voice_and_id_make_the_sound(pipeline: JointPipeline, whole: Performance) -> None:
    first = LINES[0]
    for changed, cast in (
        (replace(first, phonemes=first.phonemes[:2] + "u" + first.phonemes[3:]), CAST),
        (replace(first, id="another"), CAST),
        (first, (replace(ANN, voice=voice(7)), BOB, EVE)),
    ):
        other = pipeline([changed], cast, N_FRAMES, sampling=QUICK)
        assert np.abs(speech_of(other, first) - speech_of(whole, first)).max() > 5e-2


def test_a_tone_is_its_owners_alone_and_moves_no_face(pipeline: JointPipeline, whole: Performance) -> None:
    tone = np.stack([np.linspace(1, -1, 100), np.linspace(-1, 1, 100)]).astype(np.float32)
    recorded = line("played", 1, 26, recording=np.random.default_rng(0).normal(0, 0.1, 8 * 960).astype(np.float32))
    lines = [*LINES, recorded]
    plain = pipeline(lines, CAST, N_FRAMES, sampling=QUICK)
    other = pipeline(lines, [CAST[0], replace(CAST[1], timbre=tone), CAST[2]], N_FRAMES, sampling=QUICK)
    for a, b in zip(plain.characters, other.characters):
        assert a.motion.values.tobytes() == b.motion.values.tobytes()
    for k in (0, 2):
        assert plain.characters[k].speech.tobytes() == other.characters[k].speech.tobytes()
    sampled = next(spoken for spoken in LINES if spoken.character == 1)
    assert not np.allclose(speech_of(plain, sampled), speech_of(other, sampled), atol=1e-2)
    assert speech_of(other, recorded).tobytes() == recorded.recording.tobytes()


def test_recordings_come_back_untouched_and_move_their_own_face(pipeline: JointPipeline) -> None:
    sounds = [syllables(0.32, pitch) for pitch in (110, 160)]
    a, b = (
        pipeline([line("first", 0, 3, recording=sound), LINES[1]], CAST, N_FRAMES, sampling=QUICK, guidance=DEAF)
        for sound in sounds
    )
    for performance, sound in ((a, sounds[0]), (b, sounds[1])):
        assert speech_of(performance, LINES[0]).tobytes() == sound.tobytes()
    lips = [INDEX[name] for name in MOUTH]
    moved = [np.abs(a.characters[k].motion.values - b.characters[k].motion.values)[:, lips].max() for k in range(2)]
    assert moved[0] > 1e-3 and moved[1] < 1e-6


def test_faces_start_calmer_than_heads_and_noise_of_ones_own_is_calmed_alike(
    pipeline: JointPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[LatentState] = []
    denoise = pipeline.denoise

    def watched(inputs: object, audio: LatentState, motion: LatentState, *rest: object) -> tuple:
        started.append(motion)
        return denoise(inputs, audio, motion, *rest)

    monkeypatch.setattr(pipeline, "denoise", watched)
    own = Generate(2, 0, torch.full((N_FRAMES, 57), 2.0))
    for temperature in (1.0, 0.25):
        sampling = replace(QUICK, face_temperature=temperature)
        pipeline(LINES, CAST, N_FRAMES, sampling=sampling, motion_conditions=[own])
    full, calm = (state.latent[0] for state in started)
    head = slice(WEIGHTS.stop, None)
    assert torch.equal(calm[..., WEIGHTS], 0.25 * full[..., WEIGHTS]) and torch.equal(calm[..., head], full[..., head])
    assert (calm[2, :, WEIGHTS] == 0.5).all() and 0.9 < full[0].std() < 1.1


def test_given_motion_is_kept_exactly(pipeline: JointPipeline, whole: Performance) -> None:
    rng = np.random.default_rng(3)
    kept = rng.uniform(0.2, 0.8, (12, 57)).astype(np.float32)
    given = Given(0, 10, torch.from_numpy(pipeline.normalizer.motion(kept)))
    result = pipeline(LINES, CAST, N_FRAMES, sampling=QUICK, motion_conditions=[given])
    np.testing.assert_allclose(result.characters[0].motion.values[10:22], kept, rtol=0, atol=1e-6)
    assert np.abs(part(result, "ANN").motion.values - part(whole, "ANN").motion.values)[:10].max() > 1e-4


def test_given_audio_reaches_the_sound(pipeline: JointPipeline, whole: Performance) -> None:
    second = LINES[1]
    quiet = Given(1, second.start, torch.from_numpy(pipeline.normalizer.silence(4)))
    result = pipeline(LINES, CAST, N_FRAMES, sampling=QUICK, audio_conditions=[quiet])
    half = samples_from_frames(2)
    assert np.abs(speech_of(result, second)[:half]).max() < 0.2 * np.abs(speech_of(whole, second)[:half]).max()


def test_conditions_apply_in_order_and_leave_the_state_before_alone() -> None:
    state = LatentState.pinned(torch.zeros(1, 2, 6, 3))
    made = Generate(1, 1, torch.full((4, 3), 2.0))
    kept = Given(1, 2, torch.full((1, 3), 5.0))
    result = apply_all(state, [made, kept])
    assert result.blended[0, 1, :, 0].tolist() == [0, 2, 5, 2, 2, 0] and result.given[0, 1].tolist() == [
        1,
        0,
        1,
        0,
        0,
        1,
    ]
    assert not result.blended[0, 0].any() and not state.blended.any()
    assert apply_all(state, [kept, made]).blended[0, 1, 2, 0] == 2


@pytest.mark.parametrize("item", [Generate, Given])
@pytest.mark.parametrize(("character", "start", "width"), [(0, 4, 3), (0, -1, 3), (2, 0, 3), (0, 0, 4)])
def test_conditions_outside_the_scene_are_refused(item: type, character: int, start: int, width: int) -> None:
    state = LatentState.pinned(torch.zeros(1, 2, 6, 3))
    with pytest.raises(ValueError, match="do not fit a scene of 2 characters and 6 frames of width 3"):
        item(character, start, torch.zeros(3, width)).apply_to(state)


def test_the_silent_keep_their_mouths_shut_and_live(whole: Performance) -> None:
    silent = part(whole, "EVE")
    assert not silent.speech.any()
    for name in MOUTH:
        if not name.startswith("mouthSmile"):
            assert not silent.motion.channel(name).any(), name
    assert silent.motion.channel("eyeBlinkLeft").any()


def lips(performance: Performance, face: int) -> np.ndarray:
    return performance.characters[face].motion.values[:, [INDEX[name] for name in MOUTH]]


@pytest.mark.parametrize("sampling", [QUICK, Sampling(steps=3)])
def test_routing_decides_who_moves_in_finished_motion(pipeline: JointPipeline, sampling: Sampling) -> None:
    """Fails when the routing is replaced by the identity: face 0 would speak, face 1 would not."""
    sound = syllables(1.2)
    sounds = [line("long", 0, 5, 30, sound), line("long", 0, 5, 30, sound[::-1].copy())]
    for driven in (0, 1):
        table = np.zeros((2, 2, N_FRAMES), np.float32)
        table[0, driven] = 1
        a, b = (pipeline([s], CAST[:2], N_FRAMES, table, sampling=sampling, guidance=DEAF) for s in sounds)
        moved = [np.abs(lips(a, k) - lips(b, k)).max() for k in range(2)]
        assert moved[driven] > 1e-4 and moved[1 - driven] == 0
        assert lips(a, driven).any() and not lips(a, 1 - driven)[:, [0]].any()


def test_words_enter_a_face_through_its_voice(pipeline: JointPipeline) -> None:
    """Fails when a face keeps the words of its own lines."""
    lines = [line("one", 0, 4, 20), line("two", 1, 4, 20)]
    spoken = [lines[0], replace(lines[1], phonemes=lines[1].phonemes[::-1], durations=lines[1].durations[::-1])]
    crossed = np.repeat(np.eye(2, dtype=np.float32)[::-1, :, None], N_FRAMES, 2)
    a, b = (pipeline(said, CAST[:2], N_FRAMES, crossed, sampling=QUICK, guidance=DEAF) for said in (lines, spoken))
    assert np.abs(lips(a, 0) - lips(b, 0)).max() > 1e-4, "voice 1 drives face 0"
    assert np.abs(lips(a, 1) - lips(b, 1)).max() < 1e-6


def test_a_face_of_two_voices_lies_between_them_and_a_trace_of_a_voice_is_none(pipeline: JointPipeline) -> None:
    table = np.repeat(np.eye(3, dtype=np.float32)[:, :, None], N_FRAMES, 2)
    nearly = table.copy()
    nearly[0, 1] = 1e-12
    a, b = (pipeline(LINES, CAST, N_FRAMES, t, sampling=QUICK, guidance=DEAF) for t in (table, nearly))
    for x, y in zip(a.characters, b.characters):
        assert_alike(x, y)
    nearly[0, 1], nearly[1, 1] = 0.4, 0.6
    c = pipeline(LINES, CAST, N_FRAMES, nearly, sampling=QUICK, guidance=DEAF)
    assert np.abs(c.characters[1].motion.values - a.characters[1].motion.values).max() > 1e-3
    assert_alike(c.characters[2], a.characters[2])


def test_saved_and_loaded_it_has_the_same_weights_and_performs_alike(whole: Performance, tmp_path: Path) -> None:
    saved = tiny_pipeline()
    saved.save_pretrained(tmp_path)
    loaded = hasten(JointPipeline.from_pretrained(tmp_path))
    for before, after in ((saved.transformer, loaded.transformer), (saved.vocoder, loaded.vocoder)):
        assert all(torch.equal(after.state_dict()[name], weight) for name, weight in before.state_dict().items())
    again = loaded(LINES, CAST, N_FRAMES, sampling=QUICK)
    for a, b in zip(whole.characters, again.characters):
        assert_alike(a, b)


def test_saved_folders_name_the_classes_by_these_paths(tmp_path: Path) -> None:
    tiny_pipeline().save_pretrained(tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    assert {name: tuple(value) for name, value in index.items() if not name.startswith("_")} == {
        "transformer": ("generation.models.transformer", "JointTransformer"),
        "vocoder": ("generation.models.vocoder", "Vocoder"),
        "guider": ("generation.pipeline.guidance", "MaskRoutedGuidance"),
        "audio_guider": ("diffusers", "ClassifierFreeGuidance"),
        "scheduler": ("diffusers", "FlowMatchEulerDiscreteScheduler"),
    }
    assert index["_class_name"] == "JointPipeline"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lines": [line("x", 3, 0)]}, "Line x belongs to character 3; the cast has 3"),
        ({"lines": [line("x", 0, 33)]}, "Line x spans frames 33 to 41 of a scene of 40"),
        ({"lines": [line("x", 0, -1)]}, "Line x spans frames -1 to 7"),
        ({"lines": [line("y", 0, 7), line("x", 0, 0)]}, "Lines x and y of ANN overlap"),
        ({"cast": [replace(ANN, voice=np.zeros(3, np.float32)), BOB, EVE]}, r"voice of ANN has shape \(3,\), expected"),
        (
            {"cast": [replace(ANN, timbre=np.zeros(100, np.float32)), BOB, EVE]},
            r"timbre of ANN has shape \(100,\), expected",
        ),
        ({"cast": [], "lines": []}, "needs somebody"),
        ({"routing": np.eye(3, dtype=np.float32)}, r"routing has shape \(3, 3\), expected \(3, 3, 40\)"),
        ({"routing": np.full((3, 3, 40), 0.5, np.float32)}, "sum to at most 1"),
        ({"sampling": Sampling(steps=0)}, "at least one step"),
    ],
)
def test_what_does_not_fit_together_is_refused(pipeline: JointPipeline, changes: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        pipeline(**{"lines": LINES, "cast": CAST, "n_frames": N_FRAMES, "sampling": QUICK} | changes)


def test_lines_check_themselves() -> None:
    with pytest.raises(ValueError, match="Line x: 3 symbols and 2 durations that sum to 8 mel frames, expected 8"):
        Line("x", 0, 0, 2, " a ", (4, 4))
    with pytest.raises(ValueError, match="recording has 7 samples, expected 1920"):
        Line("x", 0, 0, 2, " a ", (2, 4, 2), np.zeros(7, np.float32))


def test_phonemes_on_the_clock() -> None:
    ids, place = timed_symbols(" aə", (1, 4, 2))
    assert ids.tolist() == [SYMBOL_INDEX[s] for s in " aaaaəə"]
    np.testing.assert_allclose(place[:, 0], [0.5, 0.125, 0.375, 0.625, 0.875, 0.25, 0.75])
    np.testing.assert_allclose(place[:, 1], np.log([1, 4, 4, 4, 4, 2, 2]) / 4, rtol=1e-6)
    ids, place = silent_symbols(3)
    assert (ids == SYMBOL_INDEX[PAUSE]).all() and place.shape == (3, 2) and UNKNOWN_SYMBOL not in ids


def test_latents_turn_back_into_mel_and_motion(pipeline: JointPipeline) -> None:
    rng = np.random.default_rng(0)
    mel, motion = rng.normal(size=(8, 100)).astype(np.float32), rng.normal(size=(2, 57)).astype(np.float32)
    assert pipeline.normalizer.audio(mel).shape == (2, 400)
    np.testing.assert_allclose(pipeline.normalizer.mel(pipeline.normalizer.audio(mel)), mel, atol=1e-5)
    np.testing.assert_allclose(pipeline.normalizer.motion_values(pipeline.normalizer.motion(motion)), motion, atol=1e-5)
    silence = pipeline.normalizer.mel(pipeline.normalizer.silence(2))
    np.testing.assert_allclose(silence, mel_spectrogram(torch.zeros(1920)).numpy(), atol=1e-5)
