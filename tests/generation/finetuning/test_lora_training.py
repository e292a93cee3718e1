"""Fine-tuning: adapters learn, the base stays, runs go on where they stopped, and the best one is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapter_fixtures import write_adapter
from tiny import tiny_pipeline

from generation.adapters.lora import (
    add_adapter,
    base_hash,
    read_adapter,
    save_adapter,
    write_reduced_adapter,
    write_scaled_adapter,
)
from generation.adapters.metadata import VOICE, read_about
from generation.core.motion import INDEX, MOUTH
from generation.data.clips import Clip
from generation.finetuning.datasets import ClipDataset
from generation.finetuning.lora_training import (
    NAME,
    PATIENCE,
    AdapterCheckpoint,
    EarlyStopping,
    Size,
    TrainableModel,
    _voice_error,
    clip_loss,
    speaking_loss,
    train_adapter,
)
from generation.models.normalizer import LatentNormalizer
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL

SIZE = Size(rank=2, minutes=60, batch=2, n_frames=12, learning_rate=0.01, steps=30)
ABOUT = {"kind": "voice", "licence": "Apache-2.0", "consent": "me", "delivery": '{"tempo": 0.9}'}


def clips(n: int = 3, sound: bool = True, motion: bool = True) -> list[Clip]:
    rng = np.random.default_rng(0)
    made = []
    for number in range(n):
        frames = 10 + 4 * number
        wave = 0.1 * rng.standard_normal(960 * frames).astype(np.float32) if sound else None
        moved = np.full((frames, len(INDEX)), 0.3, np.float32) if motion else None
        lengths = (8, 4 * frames - 16, 8)
        made.append(Clip(f"clip{number}", frames, wave, " a " if sound else "", lengths if sound else (), moved))
    return made


def test_crops_hold_what_the_clip_holds_and_silence_is_not_learnt() -> None:
    normalizer = LatentNormalizer.of(tiny_pipeline().transformer)
    batch = ClipDataset(clips(), normalizer, 1, 20).batch(8, torch.Generator().manual_seed(0))
    inside = batch.line_numbers[:, 0] == 1
    assert (inside.sum(1) <= 18).all() and (inside.sum(1) >= 10).all()
    assert (batch.motion_given[:, 0] == (~inside).float()).all()
    assert (batch.audio_given[:, 0][~inside] == 1).all()
    values = normalizer.motion_values(batch.motion[:, 0][inside].numpy())
    np.testing.assert_allclose(values, 0.3, atol=1e-5)
    again = ClipDataset(clips(), normalizer, 1, 20).batch(8, torch.Generator().manual_seed(0))
    assert torch.equal(batch.audio, again.audio) and torch.equal(batch.symbols, again.symbols)


def test_motion_alone_is_deaf_and_sound_alone_gives_no_motion_to_learn() -> None:
    normalizer = LatentNormalizer.of(tiny_pipeline().transformer)
    moves = ClipDataset(clips(sound=False), normalizer, 5, 12).batch(6, torch.Generator().manual_seed(0))
    assert (moves.audio_given == 1).all() and (moves.share == 0).all() and (moves.motion_given == 0).any()
    speech = ClipDataset(clips(motion=False), normalizer, 1, 12).batch(6, torch.Generator().manual_seed(0))
    assert (speech.motion_given == 1).all() and (speech.audio_given == 0).any()


def test_motion_alone_is_learnt_from_given_sound_with_and_without_its_words() -> None:
    normalizer = LatentNormalizer.of(tiny_pipeline().transformer)
    examples = ClipDataset(clips(), normalizer, 3, 20, speech=False)
    batch = examples.batch(24, torch.Generator().manual_seed(0))
    assert (batch.audio_given == 1).all() and (batch.motion_given == 0).any(-1).all()
    inside = batch.line_numbers[:, 0] == 1
    wordless = (batch.symbols[:, 0, ::4] == UNKNOWN_SYMBOL)[inside].float().mean()
    assert 0.2 < wordless < 0.8
    both = examples.batch(2, torch.Generator().manual_seed(1)).joined(batch)
    assert len(both.audio) == 26 and torch.equal(both.motion[2:], batch.motion)


def test_a_voice_is_learnt_with_its_vector_and_the_base_stays(tmp_path: Path) -> None:
    transformer = tiny_pipeline().transformer
    trainable = TrainableModel(transformer, "audio", 2, torch.ones(64))
    before = base_hash(transformer)
    examples = ClipDataset(clips(motion=False), LatentNormalizer.of(transformer), 1, SIZE.n_frames)
    held = [examples.batch(4, torch.Generator().manual_seed(9))]
    trained = train_adapter(trainable, clip_loss, lambda g: examples.batch(2, g), held, ABOUT, SIZE, tmp_path)
    assert trained.after < trained.before and trained.steps == 30 and base_hash(transformer) == before
    tensors, about = read_adapter(trained.folder / "pytorch_lora_weights.safetensors")
    assert about.kind == "voice" and about.consent == "me" and about.delivery.tempo == 0.9 and about.part == "speech"
    assert (tensors[VOICE] != 1).any() and all(".motion." not in key for key in tensors)
    pipeline = tiny_pipeline()
    pipeline.adapters.load("joe", trained.folder / "pytorch_lora_weights.safetensors")
    start = np.zeros(64, np.float32)
    voices = [pipeline.adapters.adapted_voice(start, {"joe": s}) for s in (0.0, 0.5, 1.0, 1.5)]
    assert not voices[0].any() and np.allclose(2 * voices[1], voices[2]) and np.array_equal(voices[2], voices[3])
    np.testing.assert_array_equal(voices[2], tensors[VOICE].numpy())
    assert [pipeline.adapters.remaining_voice({"joe": s}) for s in (0.0, 0.5, 1.0, 1.5)] == [1.0, 0.5, 0.0, 0.0]


def test_a_stopped_run_goes_on_and_remembers_its_best(tmp_path: Path) -> None:
    def run(steps: int) -> int:
        transformer = tiny_pipeline().transformer
        trainable = TrainableModel(transformer, "audio", 2)
        examples = ClipDataset(clips(motion=False), LatentNormalizer.of(transformer), 2, SIZE.n_frames)
        held = [examples.batch(2, torch.Generator().manual_seed(9))]
        size = replace(SIZE, steps=steps)
        result = train_adapter(trainable, speaking_loss, lambda g: examples.batch(2, g), held, ABOUT, size, tmp_path)
        return result.steps

    assert run(2) == 2
    history = json.loads((tmp_path / "held_out.json").read_text())
    assert run(4) == 4
    assert json.loads((tmp_path / "held_out.json").read_text())[: len(history)] == history


@pytest.mark.parametrize("voice", [None, torch.ones(64)], ids=["style", "voice"])
def test_a_stopped_run_that_goes_on_still_trains(voice: torch.Tensor | None, tmp_path: Path) -> None:
    """Beside an adapter for all, as the shipped ones are trained: the resumed one trains its own weights alone."""

    def run(steps: int) -> dict[str, torch.Tensor]:
        transformer = tiny_pipeline().transformer
        add_adapter(transformer, "distilled_sampler", 2)
        transformer.disable_adapters()
        trainable = TrainableModel(transformer, "audio", 2, voice)
        voices = 2 if voice is None else 1
        examples = ClipDataset(clips(motion=False), LatentNormalizer.of(transformer), voices, SIZE.n_frames)
        held = [examples.batch(2, torch.Generator().manual_seed(9))]
        train_adapter(
            trainable, clip_loss, lambda g: examples.batch(2, g), held, ABOUT, replace(SIZE, steps=steps), tmp_path
        )
        assert all(not (".distilled_sampler." in k and w.requires_grad) for k, w in trainable.named_parameters())
        return read_adapter(tmp_path / "ema" / "pytorch_lora_weights.safetensors")[0]

    begun, resumed = run(3), run(12)
    assert all(float((resumed[key] - begun[key]).abs().max()) > 1e-3 for key in begun if "lora_A" not in key)


def test_a_way_of_moving_leaves_the_lips_to_the_base(tmp_path: Path) -> None:
    """Lips of the material are far from the base's; after training the others have moved, and the lips hardly."""
    transformer = tiny_pipeline().transformer
    trainable = TrainableModel(transformer, "motion", 2)
    examples = ClipDataset(clips(), LatentNormalizer.of(transformer), 2, SIZE.n_frames)
    batch = examples.batch(8, torch.Generator().manual_seed(9))

    def parts() -> dict[str, float]:
        torch.manual_seed(1)
        with torch.no_grad():
            return clip_loss(trainable, batch)[1]

    start = parts()
    assert start["held"] == 0
    lips = [INDEX[name] for name in MOUTH]
    away = float((batch.motion[..., lips] - batch.motion[..., lips].mean()).square().mean() + 1)
    size = replace(SIZE, steps=60, learning_rate=0.05)
    train_adapter(
        trainable, clip_loss, lambda g: examples.batch(4, g), [batch], ABOUT | {"kind": "motion"}, size, tmp_path
    )
    end = parts()
    assert end["motion"] < 0.9 * start["motion"] and end["held"] < 0.2 * away
    assert read_about(tmp_path / "best" / "pytorch_lora_weights.safetensors").part == "motion"


def test_the_best_is_kept_and_no_progress_is_enough(tmp_path: Path) -> None:
    trainable = TrainableModel(tiny_pipeline().transformer, "audio", 2)
    losses = iter([5.0, 4.0, 3.0, *[3.5] * PATIENCE])
    watch = EarlyStopping(
        lambda *_: (torch.tensor(next(losses)), {}), [_Anywhere()], AdapterCheckpoint(ABOUT), tmp_path
    )
    watch.begin(trainable)
    written = tmp_path / "best" / "pytorch_lora_weights.safetensors"
    changed = []
    for number in range(2 + PATIENCE):
        assert not watch.enough
        for name, weight in trainable.named_parameters():
            if ".lora_B" in name:
                weight.data.fill_(number + 1)
        watch(trainable)
        changed.append(read_adapter(written)[0])
    assert watch.enough
    b = next(key for key in changed[0] if ".lora_B" in key)
    assert changed[0][b].unique().tolist() == [1.0] and changed[-1][b].unique().tolist() == [2.0]


class _Anywhere:
    """A batch that is everywhere."""

    def to(self, device: torch.device) -> _Anywhere:
        return self


@pytest.mark.parametrize("part", ["audio", "motion", "joint"])
def test_an_adapter_learns_in_all_its_layers_beside_one_that_is_switched_off(part: str) -> None:
    """As the weights ship: the distilled sampler's adapter is there, and disabled."""
    transformer = tiny_pipeline().transformer
    add_adapter(transformer, "distilled_sampler", 2)
    transformer.disable_adapters()
    trainable = TrainableModel(transformer, part, 2, torch.zeros(transformer.config.voice_dim))
    batch = ClipDataset(clips(), LatentNormalizer.of(transformer), 1, 12).batch(2, torch.Generator().manual_seed(0))
    loss, _ = clip_loss(trainable, batch)
    loss.backward()
    # A fresh adapter's first matrices are multiplied by zeros: only the second ones feel the loss.
    reached = {n: w.grad is not None and bool(w.grad.any()) for n, w in trainable.named_parameters() if "lora_B" in n}
    ours = {name: found for name, found in reached.items() if f".{NAME}." in name}
    assert ours and all(ours.values()) and not any(found for name, found in reached.items() if name not in ours)


def test_ripples_that_noise_hides_are_those_of_the_base() -> None:
    """The envelope is the clip's at any noise; what is finer, the clip's in little noise and the base's in much."""
    clean, usual = torch.zeros(1, 1, 2, 400), torch.zeros(1, 1, 2, 400)
    fine = torch.tensor([1.0, -1.0]).repeat(200)
    usual[:] = fine
    bent = torch.linspace(-1, 1, 100).repeat(4)

    def error(found: torch.Tensor, sigma: float) -> float:
        return float(_voice_error(found.expand(1, 1, 2, 400), usual, clean, torch.tensor([sigma])).mean())

    assert error(0 * fine, 0.1) == pytest.approx(0, abs=1e-6) and error(fine, 0.9) < 0.01
    assert error(fine, 0.1) > 0.9 and error(0 * fine, 0.9) > 0.9
    assert error(bent, 0.1) > 0.25 and error(fine + bent, 0.9) > 0.25


def test_sizes_follow_the_machine_and_the_caller() -> None:
    assert Size.for_device("cpu").batch < Size.for_device("cuda").batch
    assert Size.for_device("cpu", rank=3, minutes=1.5) == Size(3, 1.5, 4)
    assert NAME not in getattr(tiny_pipeline().transformer, "peft_config", {})


def test_a_weakened_adapter_does_a_share_and_keeps_voice_and_habits(tmp_path: Path) -> None:
    transformer = tiny_pipeline().transformer
    trainable = TrainableModel(transformer, "audio", 2, torch.ones(64))
    for name, weight in trainable.transformer.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    whole = save_adapter(trainable.transformer, NAME, tmp_path / "whole.safetensors", ABOUT, trainable.voice)
    tensors, about = read_adapter(whole)
    less, same = read_adapter(write_scaled_adapter(whole, tmp_path / "less.safetensors", 0.5))
    assert same.delivery == about.delivery and same.base == about.base and torch.equal(less[VOICE], tensors[VOICE])
    assert all(torch.equal(less[key], (0.5 if "lora_B" in key else 1) * value) for key, value in tensors.items())


def test_an_adapter_of_lower_rank_does_the_best_that_its_rank_can(tmp_path: Path) -> None:
    whole = write_adapter(tmp_path / "whole.safetensors", seed=4)
    before, _ = read_adapter(whole)
    after, about = read_adapter(write_reduced_adapter(whole, tmp_path / "less.safetensors", 1, "f" * 32))
    assert (about.rank, about.base) == (1, "f" * 32)
    for down in (key for key in before if ".lora_A." in key):
        up = down.replace(".lora_A.", ".lora_B.")
        change, kept = before[up] @ before[down], after[up] @ after[down]
        lost = torch.linalg.svdvals(change)[1]
        assert torch.linalg.matrix_norm(change - kept, 2) <= 1.02 * lost + 1e-3


def test_an_adapter_of_that_rank_keeps_its_matrices_for_another_base(tmp_path: Path) -> None:
    whole = write_adapter(tmp_path / "whole.safetensors", seed=4)
    before, _ = read_adapter(whole)
    after, about = read_adapter(write_reduced_adapter(whole, whole, 8, "f" * 32))
    assert about.base == "f" * 32 and all(torch.equal(before[key], after[key]) for key in before)
