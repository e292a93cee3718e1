"""Tiny random LTX-2 and Wan from diffusers' own classes: a voice, or a prompt, moves its own person and nobody else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from torch.nn.attention import SDPBackend, sdpa_kernel

from generation.audio.waveform import Audio
from generation.backbones.audio_latents import codec_log_mel
from generation.backbones.ltx2 import LTX2Backbone
from generation.backbones.people_apart import GroupedAttnProcessor, groups_of
from generation.backbones.scene import BackboneScene, WindowInputs
from generation.backbones.wan import WanBackbone
from generation.backbones.windows import Window, blend_from, make_frames, plan_windows, prompts_of, window_inputs
from masks.regions import CharacterMask
from scripts.tiny_backbone import write_tiny_backbone

HEIGHT, WIDTH, FRAMES = 128, 256, 17
KINDS = {"ltx2": (LTX2Backbone, 17), "wan": (WanBackbone, 9)}


def speech(seed: int | None, n_frames: int = FRAMES) -> Audio:
    rng = np.random.default_rng(seed)
    waveform = np.zeros(n_frames * 960) if seed is None else rng.normal(size=n_frames * 960) * 0.1
    return Audio(waveform.astype(np.float32), 24_000)


def two_people(second: Audio | None = None, n_frames: int = FRAMES) -> BackboneScene:
    """A and B side by side with background between and above; each mask has eight tokens of LTX-2 in a step."""
    first = np.zeros((HEIGHT, WIDTH), np.float32)
    first[32:, 16:112] = 1
    region = np.zeros_like(first)
    region[48:80, 40:88] = 1
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return BackboneScene(
        picture=pixels.repeat(8, 0).repeat(8, 1),
        masks=(CharacterMask("A", first), CharacterMask("B", np.ascontiguousarray(first[:, ::-1]))),
        voices=(speech(1, n_frames), second or speech(2, n_frames)),
        routing=np.eye(2, dtype=np.float32),
        regions=(region, np.ascontiguousarray(region[:, ::-1])),
        n_frames=n_frames,
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {kind: write_tiny_backbone(kind, folder / kind) for kind in KINDS}


@pytest.fixture(scope="module")
def backbones(folders: dict[str, Path]) -> dict[str, LTX2Backbone | WanBackbone]:
    prompts = prompts_of(two_people())
    return {kind: made.load(folders[kind], prompts, "cpu", 4) for kind, (made, _) in KINDS.items()}


def window(backbone: LTX2Backbone | WanBackbone, scene: BackboneScene, **how: bool) -> WindowInputs:
    n_frames = FRAMES if backbone.hears else 9
    return window_inputs(scene, backbone, Window(0, n_frames), scene.picture[None], **how)


def by_token(backbone: LTX2Backbone | WanBackbone, inputs: WindowInputs, seed: int = 0) -> torch.Tensor:
    """The latents of a window, (N, C)."""
    latents = backbone.run(inputs, seed=seed, output_type="latent")["latents"][0]
    return latents if latents.dim() == 2 else latents.flatten(1).T


def change_of_a_by_b(
    backbone: LTX2Backbone | WanBackbone, steps: int, *, routed: bool = True, keep_background: bool = False
) -> tuple[float, float]:
    """How far exchanging B's voice (LTX-2) or what B is told to do (Wan) moves A's latents, and B's."""
    backbone.steps = steps
    made = []
    for second in (speech(2), speech(3) if backbone.hears else speech(None)):
        inputs = window(backbone, two_people(second), keep_background=keep_background)
        if not routed:
            inputs = replace(inputs, routing_weights=np.full_like(inputs.routing_weights, 0.5))
        made.append(by_token(backbone, inputs))
    share = torch.as_tensor(window(backbone, two_people()).routing_weights)
    moved = made[0] - made[1]
    return tuple(float(moved[own > 0.5].norm()) for own in share)


@pytest.mark.parametrize(("kind", "limit"), [("ltx2", 0.02), ("wan", 0.005)])
def test_another_voice_of_b_leaves_a_alone(backbones: dict, kind: str, limit: float) -> None:
    of_a, of_b = change_of_a_by_b(backbones[kind], 20)
    assert of_b > 1e-3
    assert of_a <= limit * of_b
    of_a, of_b = change_of_a_by_b(backbones[kind], 1)  # exact in a step: what is left comes from B's moved pixels
    assert of_a <= 1e-6 * of_b


@pytest.mark.parametrize("kind", KINDS)
def test_without_routing_b_moves_a_as_much_as_b(backbones: dict, kind: str) -> None:
    of_a, of_b = change_of_a_by_b(backbones[kind], 2, routed=False)
    assert of_a > 0.5 * of_b


@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_background_is_the_picture(backbones: dict, kind: str) -> None:
    backbone, scene = backbones[kind], two_people()
    backbone.steps = 1
    frames = list(make_frames(scene, backbone, seed=0, keep_background=True))
    still = np.max(scene.regions, axis=0) == 0
    assert len(frames) == FRAMES and all((frame[still] == scene.picture[still]).all() for frame in frames)
    assert any((frame[~still] != scene.picture[~still]).any() for frame in frames)
    pinned = window(backbone, scene, keep_background=True).pinned
    assert 0 < pinned.mean() < 1
    first, second = (by_token(backbone, window(backbone, scene, keep_background=True), seed) for seed in (0, 5))
    moved = (first - second).abs().amax(1).view(3, -1)[1:]  # the first step is given
    kept = torch.as_tensor(pinned).view(3, -1)[1:]
    assert float(moved[kept].max()) < 1e-4 and float(moved[~kept].max()) > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_scene_is_made_of_windows(backbones: dict, kind: str) -> None:
    scene = replace(two_people(n_frames=30), picture=two_people().picture[:120, :250])
    crop = {"masks": tuple(replace(m, mask=m.mask[:120, :250]) for m in scene.masks)}
    crop["regions"] = tuple(region[:120, :250] for region in scene.regions)
    passes = []
    backbone = replace(
        backbones[kind], steps=1, window=KINDS[kind][1], overlap=9 if kind == "ltx2" else 5,
        on_pass=lambda: passes.append(1),
    )  # fmt: skip
    frames = list(make_frames(replace(scene, **crop), backbone, seed=0))
    assert len(frames) == 30 and frames[0].shape == (120, 250, 3) and frames[0].dtype == np.uint8
    assert len(passes) == {"ltx2": 3, "wan": 4}[kind] * 4


def test_a_silent_or_unseen_voice_costs_no_pass(backbones: dict) -> None:
    backbone = backbones["ltx2"]
    assert window(backbone, two_people(speech(None))).routing_weights.shape[0] == 1
    unseen = replace(two_people(), routing=np.array([[1, 0], [0, 0]], np.float32))
    assert len(window(backbone, unseen).sounds) == 1
    exchanged = replace(two_people(), routing=np.eye(2, dtype=np.float32)[::-1])
    own, other = (window(backbone, scene).routing_weights for scene in (two_people(), exchanged))
    np.testing.assert_array_equal(own, other[::-1])


def test_routing_may_change_in_time(backbones: dict) -> None:
    routing = np.zeros((2, 2, FRAMES), np.float32)
    routing[0, 0, :9] = routing[0, 1, 9:] = 1
    told = window(backbones["ltx2"], replace(two_people(), routing=routing))
    plain = window(backbones["ltx2"], two_people()).routing_weights.reshape(2, 3, -1)
    np.testing.assert_array_equal(told.routing_weights.reshape(3, -1), [plain[0, 0], plain[0, 1], plain[1, 2]])


def test_wan_is_told_who_speaks(backbones: dict) -> None:
    first, second = window(backbones["wan"], two_people(speech(None))).actions
    assert "first person from the left is speaking" in first and "second person from the left listens" in second


def test_windows_cover_and_overlap() -> None:
    plan = plan_windows(300, 121, 17, 8)
    assert plan[0] == Window(0, 121) and plan[1] == Window(104, 121)
    assert all((part.n_frames - 1) % 8 == 0 for part in plan)
    assert plan[-1].first + plan[-1].n_frames >= 300 > plan[-2].first + plan[-2].n_frames
    assert plan_windows(1, 121, 17, 8) == [Window(0, 9)]
    old, new = np.full((3, 1, 1, 3), 100, np.uint8), np.full((3, 1, 1, 3), 200, np.uint8)
    assert blend_from(old, new)[:, 0, 0, 0].tolist() == [125, 150, 175]


def test_grouped_attention_is_the_stock_one_where_all_see_all() -> None:
    torch.manual_seed(0)
    transformer = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=8, ffn_dim=16,
        num_layers=1, rope_max_seq_len=32,
    ).eval()  # fmt: skip
    attention, states = transformer.blocks[0].attn1, torch.randn(1, 12, 24)
    rotary = transformer.rope(torch.zeros(1, 4, 3, 4, 4))
    stock = WanAttnProcessor()(attention, states, None, None, rotary)
    everyone = torch.arange(12)
    grouped = GroupedAttnProcessor([(everyone[:5], everyone), (everyone[5:], everyone)])
    torch.testing.assert_close(grouped(attention, states, None, None, rotary), stock)
    groups = groups_of(torch.tensor([[1.0, 0.6, 0.0, 0.0], [0.0, 0.2, 0.9, 0.1]]))
    assert [(a.tolist(), b.tolist()) for a, b in groups] == [([0, 1], [0, 1, 3]), ([2], [2, 3]), ([3], [0, 1, 2, 3])]


def test_mel_is_that_of_the_codec() -> None:
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    mel = codec_log_mel(tone, 16_000, 160, 64)
    assert mel.shape == (101, 64)
    assert int(mel[50].argmax()) in (20, 21)  # 1 kHz = 15 of 45.2 Slaney mel, on 64 bands up to 8 kHz
    assert float(codec_log_mel(torch.zeros(16_000), 16_000, 160, 64).max()) == pytest.approx(np.log(1e-5))


@pytest.mark.parametrize("kind", KINDS)
@sdpa_kernel(SDPBackend.MATH)  # torch's fused one asks for AVX-512, whatever ATEN_CPU_CAPABILITY says of the processor
def test_in_half_the_memory_it_makes_about_the_same(backbones: dict, folders: dict[str, Path], kind: str) -> None:
    half = KINDS[kind][0].load(folders[kind], prompts_of(two_people()), "cpu", 2)
    assert half.pipeline.transformer.dtype == torch.bfloat16
    half.steps = backbones[kind].steps = 1
    inputs = window(half, two_people(), keep_background=True)
    rough, fine = by_token(half, inputs), by_token(backbones[kind], inputs)
    assert rough.dtype == torch.float32 and float((rough - fine).norm() / fine.norm()) < 0.05
    assert half.make(inputs, seed=0).shape == (inputs.n_frames, HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_do_not_load_are_named(folders: dict[str, Path], tmp_path: Path, kind: str) -> None:
    folder = shutil.copytree(folders[kind], tmp_path / kind)
    (weights,) = (folder / "transformer").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="^transformer of the weights folder .* cannot be loaded"):
        KINDS[kind][0].load(folder, prompts_of(two_people()), "cpu", 4)
