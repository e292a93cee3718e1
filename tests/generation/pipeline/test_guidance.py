"""Mask-routed guidance: its formula, its limits, any number of voices and any kind of token."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
import torch
from diffusers.guiders import ClassifierFreeGuidance
from random_networks import scene_tensors
from torch import Tensor

from generation.models.joint_inputs import JointInputs
from generation.pipeline.guidance import MaskRoutedGuidance, wordless_factor
from generation.pipeline.sampling import Guidance
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL
from masks.regions import box_mask
from masks.routing import PatchTokens, routing_weights

N_TOKENS = 12


def predictions(n_voices: int, heard: bool = True, n_tokens: int = N_TOKENS) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(n_voices)
    names = [
        "pred_null",
        "pred_text",
        *(f"pred_voice_{i}" for i in range(n_voices)),
        *(["pred_heard"] if heard else []),
    ]
    return {name: torch.randn(1, n_tokens, 5, generator=g) for name in names}


def guided(guider: MaskRoutedGuidance, shares: Tensor, preds: dict[str, Tensor]) -> Tensor:
    guider.set_routing_weights(shares)
    return guider.forward(**preds).pred


def test_the_formula_token_by_token() -> None:
    guider = MaskRoutedGuidance(num_voices=3, text_scale=1.7, speak_scale=2.3, listen_scale=0.6)
    shares, p = torch.rand(1, 3, N_TOKENS, generator=torch.Generator().manual_seed(1)) / 3, predictions(3)
    result = guided(guider, shares, p)
    for j in range(N_TOKENS):
        null, text, heard = (p[f"pred_{name}"][0, j] for name in ("null", "text", "heard"))
        expected = null + 1.7 * (text - null) + 0.6 * (heard - text)
        for i in range(3):
            expected = expected + 2.3 * shares[0, i, j] * (p[f"pred_voice_{i}"][0, j] - text)
        torch.testing.assert_close(result[0, j], expected)


def test_one_voice_with_a_full_mask_is_plain_classifier_free_guidance() -> None:
    p = predictions(1, heard=False)
    guider = MaskRoutedGuidance(text_scale=1.0, speak_scale=2.5, listen_scale=0.0)
    plain = ClassifierFreeGuidance(guidance_scale=2.5)
    shares = torch.ones(1, 1, N_TOKENS)
    torch.testing.assert_close(
        guided(guider, shares, p), plain.forward(pred_cond=p["pred_voice_0"], pred_uncond=p["pred_text"]).pred
    )
    both = MaskRoutedGuidance(text_scale=2.5, speak_scale=2.5, listen_scale=0.0)
    torch.testing.assert_close(
        guided(both, shares, p), plain.forward(pred_cond=p["pred_voice_0"], pred_uncond=p["pred_null"]).pred
    )


def test_tokens_may_be_led_more_by_their_voice_than_others() -> None:
    inputs = JointInputs(**scene_tensors(cast=1, n_frames=N_TOKENS))
    inputs.symbols[:, :, 2 * N_TOKENS :] = UNKNOWN_SYMBOL
    scales, p = Guidance(speak=1.5, wordless=3.0), predictions(1, heard=False)
    guider = MaskRoutedGuidance(speak_scale=scales.speak, listen_scale=0.0)
    guider.set_routing_weights(torch.ones(1, 1, N_TOKENS), wordless_factor(inputs, scales))
    result = guider.forward(**p).pred
    for part, scale in ((slice(None, N_TOKENS // 2), 1.5), (slice(N_TOKENS // 2, None), 3.0)):
        expected = p["pred_text"] + scale * (p["pred_voice_0"] - p["pred_text"])
        torch.testing.assert_close(result[:, part], expected[:, part])


def test_a_token_outside_all_masks_has_no_audio_in_it() -> None:
    p, shares = predictions(2, heard=False), torch.zeros(1, 2, N_TOKENS)
    shares[0, 0, :4] = 1
    guider = MaskRoutedGuidance(num_voices=2, text_scale=1.0, speak_scale=3.0, listen_scale=0.0)
    result = guided(guider, shares, p)
    torch.testing.assert_close(result[:, 4:], p["pred_text"][:, 4:])
    assert not torch.allclose(result[:, :4], p["pred_text"][:, :4])


def test_a_token_shared_by_two_gets_their_mean() -> None:
    p, shares = predictions(2, heard=False), torch.full((1, 2, N_TOKENS), 0.5)
    guider = MaskRoutedGuidance(num_voices=2, listen_scale=0.0)
    torch.testing.assert_close(guided(guider, shares, p), (p["pred_voice_0"] + p["pred_voice_1"]) / 2)


def test_the_order_of_the_cast_changes_nothing() -> None:
    p, shares = predictions(3), torch.rand(1, 3, N_TOKENS) / 3
    guider = MaskRoutedGuidance(num_voices=3, text_scale=1.2, speak_scale=1.9)
    first = guided(guider, shares, p)
    for order in permutations(range(3)):
        reordered = p | {f"pred_voice_{i}": p[f"pred_voice_{j}"] for i, j in enumerate(order)}
        torch.testing.assert_close(guided(guider, shares[:, list(order)], reordered), first)


def test_listening_knows_no_masks() -> None:
    p = predictions(1)
    guider = MaskRoutedGuidance(listen_scale=1.5)
    result = guided(guider, torch.zeros(1, 1, N_TOKENS), p)
    torch.testing.assert_close(result, p["pred_text"] + 1.5 * (p["pred_heard"] - p["pred_text"]))


def test_patches_of_a_latent_video_are_routed_by_their_masks() -> None:
    size = (32, 48)
    geometry = PatchTokens(size, (16, 16), (1, 4))
    masks = [box_mask("Ann", (0, 0, 16, 32), size), box_mask("Bob", (24, 0, 48, 32), size)]
    shares = torch.from_numpy(routing_weights(masks, geometry))[None]
    p = predictions(2, heard=False, n_tokens=shares.shape[2])
    guider = MaskRoutedGuidance(num_voices=2, listen_scale=0.0)
    columns = guided(guider, shares, p).unflatten(1, geometry.grid)
    voices = [p[f"pred_voice_{i}"].unflatten(1, geometry.grid) for i in range(2)]
    text = p["pred_text"].unflatten(1, geometry.grid)
    torch.testing.assert_close(columns[..., 0, :], voices[0][..., 0, :])
    torch.testing.assert_close(columns[..., 1, :], (text + voices[1])[..., 1, :] / 2)
    torch.testing.assert_close(columns[..., 2, :], voices[1][..., 2, :])


@pytest.mark.parametrize("listening", [True, False])
def test_each_pass_is_told_what_its_name_says(listening: bool) -> None:
    shares = torch.rand(1, 3, 8, generator=torch.Generator().manual_seed(2))
    shares[0, 1, 4:] = 0
    inputs = JointInputs(**scene_tensors(cast=3, n_frames=8), share=shares)
    guider = MaskRoutedGuidance().for_scene(inputs, Guidance(speak=1.4), listening)
    assert guider.config.speak_scale == 1.4 and torch.equal(guider.routing_weights, shares.flatten(1)[:, None])
    passes = guider.passes(inputs)
    assert list(passes) == ["pred_null", "pred_text", "pred_voice_0", *(["pred_heard"] if listening else [])]
    for name, told in passes.items():
        assert (told.symbols == UNKNOWN_SYMBOL).all() == (name == "pred_null")
        assert bool(told.phoneme_position.any()) == (name != "pred_null")
        assert bool(told.heard.any()) == (name == "pred_heard")
        assert torch.equal(told.share, (shares > 0).float() if name == "pred_voice_0" else torch.zeros_like(shares))
        assert told.audio is inputs.audio and told.motion is inputs.motion and told.voice is inputs.voice


def test_where_words_are_unknown_follows_the_voice_not_the_face() -> None:
    inputs = JointInputs(**scene_tensors(cast=2, n_frames=8))
    inputs.symbols[:, 0] = UNKNOWN_SYMBOL
    swapped = torch.tensor([1, 0])[None, :, None].repeat(1, 1, 8)
    routed = replace(inputs, driver=swapped, partner=swapped, face_voice=inputs.voice[:, [1, 0], None])
    factors = [
        wordless_factor(told, Guidance(speak=1.0, wordless=2.0)).unflatten(1, (2, 8)) for told in (inputs, routed)
    ]
    assert factors[0][0, :, 0].tolist() == [2, 1] and factors[1][0, :, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        (torch.full((1, 2, 4), 0.6), "sum to at most 1"),
        (torch.tensor([[[-0.1], [0.2]]]), "0 or more"),
        (torch.full((1, 2, 4), torch.nan), "0 or more"),
        (torch.ones(1, 3, 4) / 3, r"\(B, 2, tokens\), got \(1, 3, 4\)"),
        (torch.ones(2, 4) / 2, r"\(B, 2, tokens\), got \(2, 4\)"),
    ],
)
def test_impossible_memberships_are_refused(shares: Tensor, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        MaskRoutedGuidance(num_voices=2).set_routing_weights(shares)


def test_guidance_without_membership_or_voices_is_refused() -> None:
    with pytest.raises(ValueError, match="set_routing_weights"):
        MaskRoutedGuidance().forward(**predictions(1))
    with pytest.raises(ValueError, match="at least one voice"):
        MaskRoutedGuidance(num_voices=0)


def test_every_pass_needs_its_input() -> None:
    guider = MaskRoutedGuidance(num_voices=2)
    with pytest.raises(ValueError, match="routing_weights must be a tensor or 5 of them"):
        guider.prepare_inputs({"routing_weights": (torch.zeros(1),) * 4})
    with pytest.raises(ValueError, match="sigma must be a tensor"):
        guider.prepare_inputs({"sigma": 0.5})
    shared = torch.zeros(2)
    assert all(batch.x is shared for batch in guider.prepare_inputs({"x": shared}))


def test_outside_its_steps_or_disabled_every_scale_is_one() -> None:
    p, shares = predictions(1), torch.ones(1, 1, N_TOKENS)
    plain = guided(MaskRoutedGuidance(), shares, p)
    guider = MaskRoutedGuidance(text_scale=2.0, speak_scale=2.0, listen_scale=2.0, start=0.25, stop=0.5)
    active = []
    for step in range(8):
        guider.set_state(step, 8, torch.tensor(1.0))
        active.append(not torch.equal(guided(guider, shares, p), plain))
    assert active == [False, False, True, True, False, False, False, False]
    guider.set_state(2, 8, torch.tensor(1.0))
    guider.disable()
    torch.testing.assert_close(guided(guider, shares, p), plain)


def test_only_the_first_pass_is_without_condition() -> None:
    guider = MaskRoutedGuidance(num_voices=2)
    guider.set_state(0, 4, torch.tensor(1.0))
    conditional = []
    for _ in range(guider.num_conditions):
        guider.prepare_models(torch.nn.Identity())
        conditional.append(guider.is_conditional)
    assert conditional == [False, True, True, True, True]


def test_saved_and_loaded_it_guides_alike(tmp_path: Path) -> None:
    guider = MaskRoutedGuidance(num_voices=2, text_scale=1.3, speak_scale=1.8, listen_scale=0.0, stop=0.9)
    guider.save_pretrained(tmp_path)
    loaded = MaskRoutedGuidance.from_pretrained(tmp_path)
    assert loaded.num_conditions == 4 and loaded.config.stop == 0.9
    p, shares = predictions(2, heard=False), torch.full((1, 2, N_TOKENS), 0.3)
    torch.testing.assert_close(guided(loaded, shares, p), guided(guider, shares, p))
    assert loaded.new(num_voices=4).num_conditions == 6
