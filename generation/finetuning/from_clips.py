"""Fine-tunes an adapter on clips: held-out split, reference voice, delivery statistics, training."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generation.adapters.lora import FILE, write_scaled_adapter
from generation.adapters.metadata import Part
from generation.core.clock import FPS
from generation.core.delivery import Delivery
from generation.data.clips import Clip
from generation.data.joint_dataset import Batch
from generation.finetuning.clip_reader import common_voice
from generation.finetuning.datasets import ClipDataset
from generation.finetuning.lora_training import Size, TrainableModel, clip_loss, train_adapter
from generation.metrics.style import mean_figures, motion_figures, speech_figures
from generation.models.duration_predictor import DurationPredictor
from generation.models.normalizer import LatentNormalizer
from generation.models.transformer import JointTransformer

HELD_OUT = 8
"""Of so many clips one is held out."""
_AVERAGE_BLINKS = 18.5
"""A minute, of those that are drawn for everybody."""
_HELD_OUT_BATCHES = 2
_KEPT = 0.75
"""Share of what a voice's layers learnt that its adapter does at strength 1: with all of it words are lost."""
_PACE = 0.5
"""Share of the way, in logs, to the pace of the clips: at a hasty pace words are lost."""
_MEASURABLE = {"tempo": (0.6, 1.6), "blinks": (0.2, 3)}
"""What a few minutes of clips are trusted to show, narrower than :data:`generation.core.delivery.RANGES`."""
_NOTICED = 0.05
"""A part of the delivery that differs by less is not worth a word."""


@dataclass(frozen=True)
class TrainingPlan:
    """A training from clips, ready for :func:`generation.finetuning.lora_training.train_adapter`.

    Attributes:
        trainable: with a fresh adapter, and the voice where it starts.
        draw: generator -> one batch.
        held_out: batches of clips that ``draw`` never sees.
        delivery: of the one who is in the clips.
        voice: (64,) as the voice encoder hears the clips; None for a way of moving.
        figures: of the clips themselves.
    """

    trainable: TrainableModel
    draw: Callable[[torch.Generator], Batch]
    held_out: tuple[Batch, ...]
    delivery: Delivery
    voice: np.ndarray | None
    figures: dict[str, float]


def training_plan(
    clips: Sequence[Clip], part: Part, transformer: JointTransformer, durations: DurationPredictor, size: Size
) -> TrainingPlan:
    """Plans a fine-tuning: which clips train which part of the model, and which are held out.

    Args:
        clips: at least two.
        part: what the adapter changes.
        transformer: the base.
        durations: says how long the symbols of the clips would last in an average rate of the voice.
        size: how much.
    """
    held = [clip for number, clip in enumerate(clips) if number % HELD_OUT == HELD_OUT - 1] or [clips[-1]]
    used = [clip for clip in clips if clip not in held]
    voice = None if part == "motion" else common_voice(tuple(used))
    normalizer = LatentNormalizer.of(transformer)
    n_voices = len(transformer.config.voice_names) if voice is None else 1
    own, others = (ClipDataset(group, normalizer, n_voices, size.n_frames) for group in (used, held))
    generators = [torch.Generator().manual_seed(seed) for seed in range(_HELD_OUT_BATCHES)]
    batches = tuple(others.batch(2 * size.batch, generator) for generator in generators)
    trainable = TrainableModel(transformer, part, size.rank, None if voice is None else torch.from_numpy(voice))
    return TrainingPlan(
        trainable,
        lambda generator: own.batch(size.batch, generator),
        batches,
        measured_delivery(clips, part, durations, voice),
        voice,
        figures_of(clips, part),
    )


@dataclass(frozen=True)
class Origin:
    """Origin of the clips: name, consent, statement and licence.

    Attributes:
        name: of the adapter.
        consent: one of :data:`generation.adapters.metadata.CONSENTS`.
        statement: who agreed, when and how.
        licence: SPDX name, or ``proprietary``.

    Raises:
        ValueError: nobody was asked.
    """

    name: str
    consent: str
    statement: str = ""
    licence: str = "proprietary"

    def __post_init__(self) -> None:
        if not self.consent or (self.consent in ("agreed", "public") and not self.statement):
            raise ValueError(
                f"Say whose voice or face {self.name} is: me, drawn (nobody's), or agreed or public with a statement"
                " of who agreed, when and how."
            )


@dataclass(frozen=True)
class FineTuned:
    """An adapter that learnt: its file, facts for the report, and the voice (64,) that the clips' is heard as."""

    path: Path
    facts: dict[str, Any]
    voice: np.ndarray | None


def finetune(
    clips: Sequence[Clip],
    part: Part,
    origin: Origin,
    transformer: JointTransformer,
    durations: DurationPredictor,
    size: Size,
    folder: Path,
    on_progress: Callable[[float], None] = lambda share: None,
) -> FineTuned:
    """Trains an adapter on clips; a folder in which that was begun is gone on with.

    Args:
        clips: at least two.
        part: what the adapter changes.
        origin: who is in the clips.
        transformer: the base; it gets the adapter, so it is of no other use afterwards.
        durations: see :func:`training_plan`.
        size: how much.
        folder: of checkpoints and the adapter.
        on_progress: see :func:`generation.finetuning.lora_training.train_adapter`.
    """
    plan = training_plan(clips, part, transformer, durations, size)
    seconds = sum(clip.n_frames for clip in clips) / FPS
    about = {
        "kind": "motion" if part == "motion" else "voice", "does": description(origin.name, part, plan.delivery),
        "trained_on": f"{len(clips)} clips of together {seconds:.0f} s.", "licence": origin.licence,
        "consent": origin.consent, "statement": origin.statement, "delivery": json.dumps(asdict(plan.delivery)),
    }  # fmt: skip
    trained = train_adapter(plan.trainable, clip_loss, plan.draw, plan.held_out, about, size, folder, on_progress)
    facts = {
        "minutes": trained.minutes, "size": asdict(size), "steps": trained.steps,
        "held_out": {"before": trained.before, "after": trained.after}, "material": plan.figures,
    }  # fmt: skip
    path = trained.folder / FILE
    if plan.voice is not None:
        path = write_scaled_adapter(path, folder / FILE, _KEPT)
    return FineTuned(path, facts, plan.voice)


def description(name: str, part: Part, delivery: Delivery) -> str:
    """Description of an adapter for its users: whose it is, and which delivery they will notice."""
    noticed = [f"{name}'s way of moving the head and brows" if part == "motion" else f"{name}'s voice"]
    if abs(delivery.tempo - 1) >= _NOTICED:
        noticed.append(f"speaks {abs(delivery.tempo - 1):.0%} {'faster' if delivery.tempo > 1 else 'slower'} than most")
    if abs(delivery.blinks - 1) >= _NOTICED:
        noticed.append(f"blinks {delivery.blinks:.1f} times as often as most")
    return f"{'; '.join(noticed)}."


def measured_delivery(
    clips: Sequence[Clip], part: Part, durations: DurationPredictor, voice: np.ndarray | None
) -> Delivery:
    """Pace of the speech beside what the duration model expects, and rate of blinks beside the average."""
    tempo, blinks = 1.0, 1.0
    if part != "motion":
        spoken = [clip for clip in clips if clip.phonemes]
        natural = sum(sum(durations.predict(clip.phonemes, voice, language=clip.language)) for clip in spoken)
        own = natural / sum(sum(clip.durations) for clip in spoken)
        tempo = float(np.clip(own**_PACE, *_MEASURABLE["tempo"]))
    if part != "audio":
        moved = np.concatenate([clip.motion for clip in clips if clip.motion is not None])
        blinks = float(np.clip(motion_figures(moved)["blinks"] / _AVERAGE_BLINKS, *_MEASURABLE["blinks"]))
    return Delivery(tempo=round(tempo, 3), blinks=round(blinks, 3))


def figures_of(clips: Sequence[Clip], part: Part) -> dict[str, float]:
    """Figures of the clips themselves: of the speech or the motion that is learnt, or of both."""
    speech = [speech_figures(c.waveform, c.phonemes, c.durations) for c in clips if c.waveform is not None]
    motion = [motion_figures(c.motion) for c in clips if c.motion is not None and len(c.motion) > 1]
    return mean_figures([*(speech if part != "motion" else ()), *(motion if part != "audio" else ())])
