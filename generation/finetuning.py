"""Fine-tuning by LoRA: what is trained, on which loss, how large for which machine, and when it is enough."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from generation.adapter_files import PARTS, Part
from generation.adapters import add_adapter, load_adapter, save_adapter
from generation.examples import Batch
from generation.motion import INDEX, MOUTH
from generation.objective import draw_sigma, joint_loss, noised
from generation.training import FitSettings, fit
from generation.transformer import JointTransformer

NAME = "tuned"
"""Of the adapter inside the transformer while it is trained."""
PATIENCE = 4
"""Checkpoints without a better held-out loss after which the training ends."""
Loss = Callable[["Student", Batch], tuple[Tensor, dict[str, float]]]
_LIPS = [INDEX[name] for name in MOUTH]
_REST = [i for i in range(len(INDEX)) if i not in _LIPS]


@dataclass(frozen=True)
class Size:
    """How much is trained.

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
    learning_rate: float = 2e-3
    steps: int | None = None

    @classmethod
    def for_device(cls, device: str, rank: int | None = None, minutes: float | None = None) -> Size:
        """What a laptop's cores or a GPU do in reasonable time; what the caller names stays."""
        quick = device != "cpu"
        return cls(rank or (16 if quick else 8), minutes or (5.0 if quick else 15.0), 16 if quick else 4)


class Student(nn.Module):
    """The transformer as it ships with a fresh adapter, and with the vector of a voice that is learnt along.

    Args:
        transformer: the base.
        part: what the adapter changes.
        rank: of its matrices.
        voice: (64,) where the vector starts; None = the voices are those of the base.
    """

    def __init__(self, transformer: JointTransformer, part: Part, rank: int, voice: Tensor | None = None) -> None:
        super().__init__()
        transformer.to(torch.bfloat16).to(torch.float32)
        add_adapter(transformer, NAME, rank, PARTS[part])
        self.transformer = transformer
        self.part = part
        self.voice = None if voice is None else nn.Parameter(voice.detach().clone().float())

    @property
    def table(self) -> Tensor | None:
        """Voices (1, 64) in place of the base's, if there are any."""
        return None if self.voice is None else self.voice[None]


class StudentFiles:
    """The adapter's own file, for :func:`generation.training.fit`.

    Args:
        about: metadata, as :func:`generation.adapters.save_adapter` takes them.
    """

    def __init__(self, about: Mapping[str, str]) -> None:
        self.about = about

    def write(self, model: Student, folder: Path) -> None:
        """See :class:`generation.training.Files`."""
        save_adapter(model.transformer, NAME, folder, self.about, model.voice)

    def read(self, model: Student, folder: Path) -> None:
        """See :class:`generation.training.Files`: replaces the fresh adapter."""
        model.transformer.delete_adapters(NAME)
        _, voice = load_adapter(model.transformer, NAME, folder)
        if model.voice is not None and voice is not None:
            model.voice.data.copy_(voice)
        for name, weight in model.transformer.named_parameters():
            weight.requires_grad_(".lora_" in name)


def speaking_loss(student: Student, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """The joint model's own loss; of an adapter of the audio stream the sound's alone, of one of motion the motion's.

    Args:
        student: what is trained.
        batch: B examples.
    """
    loss, parts = joint_loss(student.transformer, batch, motion=student.part != "audio", table=student.table)
    return loss, parts


def moving_loss(student: Student, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Squared error of head, brows and eyes, while the lips are held to those of the base.

    Tracked lips are less exact than the base's, and lips belong to what is said: a way of moving leaves them alone.

    Args:
        student: what is trained, an adapter of the motion stream.
        batch: B examples whose motion is tracked.

    Returns:
        loss, and the mean squared errors ``motion`` of head, brows and eyes, and ``lips`` against the base.
    """
    model = student.transformer
    sigma = draw_sigma(len(batch.audio)).to(batch.audio.device)
    voice = torch.cat((batch.voices @ model.voice_table, batch.voices.sum(-1, keepdim=True).clamp(max=1)), -1)
    given = (
        noised(batch.audio, batch.audio_given, sigma), noised(batch.motion, batch.motion_given, sigma), sigma,
        batch.symbols, batch.place, voice, batch.audio_given, batch.motion_given, batch.heard, batch.membership,
        batch.segments,
    )  # fmt: skip
    model.disable_adapters()
    with torch.no_grad():
        lips = model(*given, return_dict=False)[1][..., _LIPS].float()
    model.enable_adapters()
    found = model(*given, return_dict=False)[1].float()
    wanted = 1 - batch.motion_given
    count = wanted.sum().clamp(min=1)
    weight = wanted / sigma.clamp(min=0.2).square()[:, None, None]
    rest = (found[..., _REST] - batch.motion[..., _REST]).square().mean(-1)
    held = (found[..., _LIPS] - lips).square().mean(-1)
    errors = ((error.detach() * wanted).sum() / count for error in (rest, held))
    parts = dict(zip(("motion", "lips"), map(float, errors), strict=True))
    return ((rest + held) * weight).sum() / count, parts


class HeldOut:
    """The loss on examples that are not trained on, always with the same noise; the best adapter so far is kept.

    Args:
        loss: of the training.
        batches: held out.
        files: how the adapter is written.
        folder: gets ``held_out.json``, the losses of the base and of each checkpoint, and the best adapter, ``best/``.
    """

    def __init__(self, loss: Loss, batches: Sequence[Batch], files: StudentFiles, folder: Path) -> None:
        self._loss, self._batches, self._files, self._folder = loss, batches, files, folder
        path = folder / "held_out.json"
        self.history: list[float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []

    def __call__(self, student: Student) -> dict[str, float]:
        """The figure ``held_out``; the adapter is written when it is the best of those that were trained."""
        found = self._measure(student)
        if found <= min(self.history[1:], default=found):
            self._files.write(student, self._folder / "best")
        self.history.append(found)
        (self._folder / "held_out.json").write_text(json.dumps(self.history), encoding="utf-8")
        return {"held_out": found}

    def begin(self, student: Student) -> None:
        """Measures the base, with which a fresh adapter agrees, unless a run that goes on has done so."""
        if not self.history:
            self.history.append(self._measure(student))

    @torch.no_grad()
    def _measure(self, student: Student) -> float:
        device = student.transformer.device
        with torch.random.fork_rng():
            torch.manual_seed(0)
            losses = [float(self._loss(student, batch.to(device))[0]) for batch in self._batches]
        return sum(losses) / len(losses)

    @property
    def enough(self) -> bool:
        """Whether the loss has not fallen for some checkpoints."""
        trained = self.history[1:]
        return bool(trained) and len(trained) - 1 - trained.index(min(trained)) >= PATIENCE


@dataclass(frozen=True)
class Tuned:
    """What came of a training: folder of the best adapter, held-out losses of base and adapter, steps and minutes."""

    folder: Path
    before: float
    after: float
    steps: int
    minutes: float


def tune(
    student: Student,
    loss: Loss,
    draw: Callable[[torch.Generator], Batch],
    held_out: Sequence[Batch],
    about: Mapping[str, str],
    size: Size,
    folder: Path,
    watch: Callable[[float], None] = lambda share: None,
) -> Tuned:
    """Trains an adapter and keeps the best by held-out loss; a folder that was begun is gone on with.

    Args:
        student: with a fresh adapter.
        loss: :func:`speaking_loss` or :func:`moving_loss`.
        draw: generator -> one batch.
        held_out: batches of material that ``draw`` never sees.
        about: what the file is to say of itself.
        size: how much.
        folder: of checkpoints, log and the best adapter (``best/``).
        watch: told before each step how much of the training has passed; its own time is not the training's, and what
            it raises ends it.

    Raises:
        RuntimeError: the training was stopped by a signal; a checkpoint was written.
    """
    files = StudentFiles(about)
    held = HeldOut(loss, held_out, files, folder)
    held.begin(student)
    settings = FitSettings(
        minutes=size.minutes, learning_rate=size.learning_rate, warmup=0.05, ema=0.98, save_every=size.minutes / 10,
        max_steps=size.steps,
    )  # fmt: skip

    def enough(share: float) -> bool:
        watch(share)
        return held.enough

    fit(student, loss, draw, settings, folder, validate=held, files=files, enough=enough)
    before, *trained = held.history
    progress = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    if settings.share(progress["step"], progress["minutes"]) < 1 and not held.enough:
        raise RuntimeError("The training was stopped; start it again, and it goes on where it was.")
    return Tuned(folder / "best", before, min(trained), progress["step"], progress["minutes"])
