"""LoRA training: the trained model, losses, sizes by machine, early stopping."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from generation.adapters.lora import FILE, add_adapter, base_hash, check_base, fill_adapter, read_adapter, save_adapter
from generation.adapters.metadata import PARTS, VOICE, Part
from generation.audio.pitch import envelope
from generation.core.clock import N_MELS
from generation.core.motion import INDEX
from generation.data.joint_dataset import Batch
from generation.models.transformer import JointTransformer
from generation.training.flow_matching_loss import add_noise, joint_loss, sample_sigma
from generation.training.trainer import FitSettings, fit

NAME = "tuned"
"""Of the adapter inside the transformer while it is trained."""
PATIENCE = 4
"""Checkpoints without a better held-out loss after which the training ends."""
Loss = Callable[["TrainableModel", Batch], tuple[Tensor, dict[str, float]]]
_SEEN, _HIDDEN = 0.3, 0.6
"""Noise levels below which a clip's ripples show through the noise, and above which they are hidden by it."""
_MOVED = [i for name, i in INDEX.items() if name.startswith(("head", "brow"))]
_HELD = [i for i in range(len(INDEX)) if i not in _MOVED]


@dataclass(frozen=True)
class Size:
    """Size of a training: rank, length, batch and learning rate.

    Attributes:
        rank: of the adapter's matrices.
        minutes: length of the training.
        batch: examples a step.
        n_frames: length of each in video frames.
        learning_rate: peak.
        steps: length of the training in steps, if that is reached earlier; None = no such end.
    """

    rank: int = 8
    minutes: float = 15.0
    batch: int = 4
    n_frames: int = 100
    learning_rate: float = 1e-3
    steps: int | None = None

    @classmethod
    def for_device(cls, device: str, rank: int | None = None, minutes: float | None = None) -> Size:
        """Size that a laptop's cores or a GPU train in reasonable time; values that the caller gives stay."""
        quick = device != "cpu"
        usual_rank, usual_minutes, batch = (16, 5.0, 16) if quick else (8, 15.0, 4)
        return cls(usual_rank if rank is None else rank, usual_minutes if minutes is None else minutes, batch)


class TrainableModel(nn.Module):
    """The transformer as it ships with a fresh adapter, and with the speaker embedding of a voice that is trained too.

    Args:
        transformer: the base.
        part: what the adapter changes.
        rank: of its matrices.
        voice: (64,) where the embedding starts; None = the voices are those of the base.
    """

    def __init__(self, transformer: JointTransformer, part: Part, rank: int, voice: Tensor | None = None) -> None:
        super().__init__()
        transformer.to(torch.bfloat16).to(torch.float32)
        add_adapter(transformer, NAME, rank, PARTS[part])
        self.transformer = transformer
        self.part = part
        self.start = None if voice is None else voice.detach().clone().float()
        self.voice = None if self.start is None else nn.Parameter(self.start.clone())

    @property
    def table(self) -> Tensor | None:
        """Voices (1, 64) in place of the base's, if there are any."""
        return None if self.voice is None else self.voice[None]


class AdapterCheckpoint:
    """The adapter's own file, for :func:`generation.training.trainer.fit`.

    Args:
        about: metadata, as :func:`generation.adapters.lora.save_adapter` takes them.
    """

    def __init__(self, about: Mapping[str, str]) -> None:
        self.about = about

    def write(self, model: TrainableModel, folder: Path) -> None:
        """See :class:`generation.training.trainer.Files`."""
        save_adapter(model.transformer, NAME, folder, self.about, model.voice)

    def read(self, model: TrainableModel, folder: Path) -> None:
        """Fills the adapter in place: its parameters stay those being trained.

        See :class:`generation.training.trainer.Files`.

        Raises:
            RuntimeError: the file is damaged, of another shape, or was made for other weights.
        """
        tensors, about = read_adapter(folder / FILE)
        check_base(about, base_hash(model.transformer))
        voice = tensors.pop(VOICE, None)
        fill_adapter(model.transformer, NAME, tensors, about)
        if model.voice is not None and voice is not None:
            model.voice.data.copy_(voice)


def speaking_loss(trainable: TrainableModel, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """The joint model's own loss; of an adapter of the audio stream the sound's alone.

    Args:
        trainable: what is trained, with the voices of the base.
        batch: B examples.
    """
    return joint_loss(trainable.transformer, batch, motion=trainable.part != "audio")


def clip_loss(trainable: TrainableModel, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Loss on clips: their speech or motion is fitted, the rest is held to the base with the same inputs.

    A voice is the spectrum's envelope. How a stranger's melody goes nobody can tell from the words, and a mean of
    melodies has no harmonics: the speech would turn hoarse. So the ripples on the envelope are those of the base where
    noise hides the material's, and the material's where it does not.

    A way of moving is head and brows. Tracked lips are less exact than the base's, and lips belong to what is said;
    gaze and lids are drawn by chance (:mod:`generation.motion.gaze`), and their errors would be most of the loss.

    Args:
        trainable: what is trained.
        batch: B examples of clips.

    Returns:
        loss, and the mean squared errors ``audio`` against the clips, ``motion`` of head and brows against them, and
        ``held`` of the rest of the face against the base.
    """
    model, motion = trainable.transformer, trainable.part != "audio"
    sigma = sample_sigma(len(batch.audio)).to(batch.audio.device)
    noisy = add_noise(batch.audio, batch.audio_given, sigma)
    moving = add_noise(batch.motion, batch.motion_given, sigma) if motion else None

    def run(table: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        return model(batch.inputs(table, noisy, moving, sigma), return_dict=False)

    own = model.voice_table if trainable.table is None else trainable.table
    model.disable_adapters()
    with torch.no_grad():
        usual = run(own if trainable.start is None else trainable.start[None].to(own.device))
    model.enable_adapters()
    found = run(own)
    weight = sigma.clamp(min=0.2).square().reciprocal()
    loss, parts = torch.zeros((), device=sigma.device), {}
    if trainable.part != "motion":
        error = _voice_error(found[0].float(), usual[0].float(), batch.audio, sigma)
        loss = loss + _mean(error, batch.audio_given, weight)
        parts["audio"] = float(_mean((found[0].detach() - batch.audio).square(), batch.audio_given))
    if found[1] is not None and usual[1] is not None:
        moved = (found[1][..., _MOVED].float() - batch.motion[..., _MOVED]).square()
        held = (found[1][..., _HELD].float() - usual[1][..., _HELD].float()).square()
        loss = loss + sum(_mean(error, batch.motion_given, weight) for error in (moved, held))
        parts |= {"motion": float(_mean(moved.detach(), batch.motion_given))}
        parts |= {"held": float(_mean(held.detach(), batch.motion_given))}
    return loss, parts


def _voice_error(found: Tensor, usual: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """Squared errors (B, 1, T, 400) of the envelope, and of the ripples against those of clips and base mixed."""
    found, usual, clean = (each.unflatten(-1, (-1, N_MELS)) for each in (found, usual, clean))
    smooth = torch.from_numpy(envelope(np.eye(N_MELS, dtype=np.float32))).to(found.device)
    seen = ((_HIDDEN - sigma) / (_HIDDEN - _SEEN)).clamp(0, 1)[:, None, None, None, None]
    error, wanted = found - clean, (1 - seen) * (usual - clean)
    ripples = (error - error @ smooth) - (wanted - wanted @ smooth)
    return ((error @ smooth).square() + ripples.square()).flatten(-2)


def _mean(error: Tensor, given: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over the frames that were not given (B, 1, T) of errors (B, 1, T, C), weighted per example (B,)."""
    wanted = 1 - given
    each = wanted if weight is None else wanted * weight[:, None, None]
    return (error.mean(-1) * each).sum() / wanted.sum().clamp(min=1)


class EarlyStopping:
    """The loss on examples that are not trained on, always with the same noise; the best adapter so far is kept.

    Args:
        loss: of the training.
        batches: held out.
        files: how the adapter is written.
        folder: gets ``held_out.json``, the losses of the base and of each checkpoint, and the best adapter, ``best/``.
    """

    def __init__(self, loss: Loss, batches: Sequence[Batch], files: AdapterCheckpoint, folder: Path) -> None:
        self._loss, self._batches, self._files, self._folder = loss, batches, files, folder
        path = folder / "held_out.json"
        self.history: list[float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []

    def __call__(self, trainable: TrainableModel) -> dict[str, float]:
        """The figure ``held_out``; the adapter is written when it is the best of those that were trained."""
        found = self._measure(trainable)
        if found <= min(self.history[1:], default=found):
            self._files.write(trainable, self._folder / "best")
        self.history.append(found)
        (self._folder / "held_out.json").write_text(json.dumps(self.history), encoding="utf-8")
        return {"held_out": found}

    def begin(self, trainable: TrainableModel) -> None:
        """Measures the base, with which a fresh adapter agrees, unless a run that goes on has done so."""
        if not self.history:
            self.history.append(self._measure(trainable))

    @torch.no_grad()
    def _measure(self, trainable: TrainableModel) -> float:
        device = trainable.transformer.device
        with torch.random.fork_rng():
            torch.manual_seed(0)
            losses = [float(self._loss(trainable, batch.to(device))[0]) for batch in self._batches]
        return sum(losses) / len(losses)

    @property
    def enough(self) -> bool:
        """Whether the loss has not fallen for some checkpoints."""
        trained = self.history[1:]
        return bool(trained) and len(trained) - 1 - trained.index(min(trained)) >= PATIENCE


@dataclass(frozen=True)
class TrainingResult:
    """Result of a training: folder of the best adapter, held-out losses of base and adapter, steps and minutes."""

    folder: Path
    before: float
    after: float
    steps: int
    minutes: float


def train_adapter(
    trainable: TrainableModel,
    loss: Loss,
    draw: Callable[[torch.Generator], Batch],
    held_out: Sequence[Batch],
    about: Mapping[str, str],
    size: Size,
    folder: Path,
    on_progress: Callable[[float], None] = lambda share: None,
) -> TrainingResult:
    """Trains an adapter and keeps the best by held-out loss; a folder that was begun is gone on with.

    Args:
        trainable: with a fresh adapter.
        loss: :func:`speaking_loss` or :func:`clip_loss`.
        draw: generator -> one batch.
        held_out: batches of material that ``draw`` never sees.
        about: what the file is to say of itself.
        size: how much.
        folder: of checkpoints, log and the best adapter (``best/``).
        on_progress: told before each step how much of the training has passed; its own time is not the training's, and
            what it raises ends it.

    Raises:
        RuntimeError: the training was stopped by a signal; a checkpoint was written.
    """
    files = AdapterCheckpoint(about)
    held = EarlyStopping(loss, held_out, files, folder)
    held.begin(trainable)
    settings = FitSettings(
        minutes=size.minutes, learning_rate=size.learning_rate, warmup=0.05, ema=0.98, save_every=size.minutes / 10,
        max_steps=size.steps,
    )  # fmt: skip

    def enough(share: float) -> bool:
        on_progress(share)
        return held.enough

    fit(trainable, loss, draw, settings, folder, validate=held, files=files, enough=enough)
    before, *trained = held.history
    progress = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    if settings.share(progress["step"], progress["minutes"]) < 1 and not held.enough:
        raise RuntimeError("The training was stopped; start it again, and it goes on where it was.")
    return TrainingResult(folder / "best", before, min(trained), progress["step"], progress["minutes"])
