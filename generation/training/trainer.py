"""Training loop: accelerate, bf16, EMA, a schedule over time, Muon and AdamW, checkpoints that resume."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from diffusers import ModelMixin
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

logger = logging.getLogger(__name__)

Loss = Callable[[Any, Any], Tensor | tuple[Tensor, dict[str, float]]]
_LOG_SECONDS = 20


@dataclass(frozen=True)
class FitSettings:
    """Settings of the training of one model.

    Attributes:
        minutes: length of the run; warm-up and cosine decay follow the share of it that has passed, over all resumes.
        learning_rate: peak, of Muon as well: its updates are as large as AdamW's.
        warmup: share of the run that warms up.
        ema: decay of the moving average of the weights, reached gradually.
        clip: largest gradient norm.
        weight_decay: of every weight.
        muon: whether the matrices inside a model's blocks are trained by Muon (Jordan et al. 2024, scaled as in arXiv
            2502.16982), which needs fewer steps; everything else, always, by AdamW.
        save_every: minutes of training between checkpoints.
        seed: of everything that is drawn.
        max_steps: length of the run in steps, if that is reached earlier; None = no such end.
    """

    minutes: float
    learning_rate: float = 6e-4
    warmup: float = 0.03
    ema: float = 0.998
    clip: float = 1.0
    weight_decay: float = 0.01
    muon: bool = False
    save_every: float = 5.0
    seed: int = 0
    max_steps: int | None = None

    def share(self, step: int, minutes: float) -> float:
        """How much of the run has passed, 1 = the end."""
        return max(minutes / self.minutes, step / self.max_steps if self.max_steps else 0.0)

    def rate(self, share: float) -> float:
        """Learning rate after a share of the run: linear warm-up, then cosine decay to 2 % of the peak."""
        if share < self.warmup:
            return self.learning_rate * (share / self.warmup + 0.01)
        rest = min(1.0, (share - self.warmup) / (1 - self.warmup))
        return self.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(rest * math.pi)))


def trained_weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """The parameters that are trained, by name, detached: all of a model, or the adapter that was put into it."""
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}


def optimizers(model: torch.nn.Module, settings: FitSettings) -> dict[str, torch.optim.Optimizer]:
    """Optimizers of a model's trainable weights, by name: ``adam``, and ``muon`` if it is wanted."""
    wanted = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    inner = {name for name, weight in wanted.items() if settings.muon and weight.dim() == 2 and "blocks." in name}
    common: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    rest = [weight for name, weight in wanted.items() if name not in inner]
    found: dict[str, torch.optim.Optimizer] = {"adam": torch.optim.AdamW(rest, betas=(0.9, 0.98), fused=True, **common)}
    if inner:
        matrices = [wanted[name] for name in sorted(inner)]
        found["muon"] = torch.optim.Muon(matrices, adjust_lr_fn="match_rms_adamw", **common)
    return found


class MovingAverage:
    """Exponential moving average of a model's trained weights, kept in float32 on the model's device."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {k: v.float().clone() for k, v in trained_weights(model).items()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        """Moves the average towards the weights now; early on faster, so that the start is forgotten."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in trained_weights(model).items():
            self.weights[name].lerp_(value.float(), 1 - decay)


class Files(Protocol):
    """How weights are written into a folder and read from it."""

    def write(self, model: ModelMixin, folder: Path) -> None:
        """Writes what is trained."""

    def read(self, model: ModelMixin, folder: Path) -> None:
        """Reads it back into the model."""


class WholeModel:
    """A model as diffusers saves it."""

    def write(self, model: ModelMixin, folder: Path) -> None:
        """See :class:`Files`."""
        model.save_pretrained(folder)

    def read(self, model: ModelMixin, folder: Path) -> None:
        """See :class:`Files`."""
        model.load_state_dict(load_file(folder / "diffusion_pytorch_model.safetensors"), strict=True)


WHOLE = WholeModel()


def fit(
    model: ModelMixin,
    loss: Loss,
    batches: Callable[[torch.Generator], Any],
    settings: FitSettings,
    folder: Path,
    *,
    validate: Callable[[ModelMixin], dict[str, float]] | None = None,
    files: Files = WHOLE,
    enough: Callable[[float], bool] = lambda share: False,
) -> dict[str, float]:
    """Trains ``model`` in place, those of its parameters that want a gradient, and leaves their EMA in ``folder``.

    ``folder`` gets the model in ``ema/`` (written by ``files``), ``state.safetensors`` (weights, EMA, moments) and
    ``progress.json`` to resume from, and ``log.jsonl``. A folder that holds such a state is resumed, and goes on as if
    it had never stopped: each step draws from its own seed. One that only holds ``ema/`` is a cold start from those
    weights with a fresh optimizer.

    Started in several processes (``accelerate launch``), on one machine or more, each draws batches of its own and the
    gradients are averaged: a step is as good as one with so many batches. The first process counts the time and writes
    the files, the others read what it wrote: ``folder`` lies on a disk that all machines see.

    Args:
        model: any ModelMixin; moved to the device that accelerate picks.
        loss: (model, batch) -> loss, or (loss, parts to log).
        batches: generator -> one batch on the CPU, of tensors or of what has ``to(device)``.
        settings: see :class:`FitSettings`.
        folder: where everything is written.
        validate: called on the model with EMA weights at each checkpoint; its figures are logged.
        files: how the EMA weights are written and read: the whole model, or an adapter in it.
        enough: asked before each step, with the share of the run that has passed, whether to end here; the time that
            it takes is not the run's, and what it raises ends the run without a checkpoint.

    Returns:
        the last log entry.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(model, settings, folder, files)
    device = run.accelerator.device
    # A GPU is faster than one process draws examples.
    workers = min(12, os.cpu_count() or 1) if device.type == "cuda" else 0
    drawn = iter(draw(batches, settings.seed, run.step, workers, run.place))
    saved = run.minutes
    with _StopOnSignal() as stop:
        while not run.is_over(lambda share: share >= 1 or stop.asked or enough(share)):
            # Told by the first process, so that all save at the same step: each saving waits for every one.
            if run.minutes - saved > settings.save_every:
                run.save(validate)
                saved = run.minutes
            clock = time.monotonic()
            batch = send_to_device(next(drawn), device)
            torch.manual_seed(_number(settings.seed, run.step, run.place) + 1)
            run.train_step(loss, batch)
            run.minutes += (time.monotonic() - clock) / 60
            run.log_if_due()
        run.save(validate)
    return run.log()


class _Steps(Dataset):
    """The batch of each step, from its own seed."""

    def __init__(self, batches: Callable[[torch.Generator], Any], seed: int, place: tuple[int, int]) -> None:
        self._batches, self._seed, self._place = batches, seed, place

    def __getitem__(self, step: int) -> Any:  # noqa: ANN401 - whatever the loss takes
        return self._batches(torch.Generator().manual_seed(_number(self._seed, step, self._place)))


def draw(
    batches: Callable[[torch.Generator], Any], seed: int, first: int, workers: int, place: tuple[int, int] = (0, 1)
) -> DataLoader:
    """Batches of step ``first`` and all later ones, in order, drawn ahead by so many processes (0 = by this one).

    How many draw changes nothing in them. ``place``: which of how many processes trains with them.
    """
    context: dict[str, Any] = {"multiprocessing_context": "fork", "prefetch_factor": 4} if workers else {}
    steps = range(first, sys.maxsize)
    return DataLoader(_Steps(batches, seed, place), batch_size=None, sampler=steps, num_workers=workers, **context)


def _number(seed: int, step: int, place: tuple[int, int]) -> int:
    index, count = place
    return 2 * (1_000_003 * seed + step * count + index)


class _Run:
    """A model under training with all that a checkpoint holds."""

    def __init__(self, model: ModelMixin, settings: FitSettings, folder: Path, files: Files) -> None:
        self.model, self.settings, self.folder, self.files = model, settings, folder, files
        self.step, self.minutes, self.rate = 0, 0.0, 0.0
        self.accelerator = Accelerator(mixed_precision="bf16")
        model.to(self.accelerator.device)
        if (folder / "ema").exists():
            files.read(model, folder / "ema")  # with it comes what is not trained, which no state holds
        self.optimizers = optimizers(model, settings)
        self.average = MovingAverage(model, settings.ema)
        if (folder / "progress.json").exists():
            self._resume()
            logger.info("resumed at step %d, %.1f minutes", self.step, self.minutes)
        elif (folder / "ema").exists():
            logger.info("cold start from %s", folder / "ema")
        # Gradients are averaged here: losses use parameters outside of ``forward``, of which a wrapper would not know.
        self.prepared = self.accelerator.prepare_model(model, evaluation_mode=True)
        self.optimizers = {name: self.accelerator.prepare(one) for name, one in self.optimizers.items()}
        self._sums: dict[str, float] = {}
        self._counted = 0
        self._last_log = time.monotonic()
        self._entry: dict[str, float] = {}

    @property
    def place(self) -> tuple[int, int]:
        """Which of how many processes this is."""
        return self.accelerator.process_index, self.accelerator.num_processes

    def is_over(self, ends: Callable[[float], bool]) -> bool:
        """Whether the run ends here, asked with the share of it that has passed.

        Of several processes any may end it, for all; the first one's time becomes that of all, since rates follow it.
        """
        over = ends(self.settings.share(self.step, self.minutes))
        if self.accelerator.num_processes == 1:
            return over
        own = torch.tensor([[self.minutes, float(over)]], device=self.accelerator.device)
        told = self.accelerator.gather(own)
        self.minutes = float(told[0, 0])
        return bool(told[:, 1].any())

    def _average_gradients(self) -> None:
        """Give every process the mean of all processes' gradients."""
        if self.accelerator.num_processes == 1:
            return
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        flat = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        mean = self.accelerator.reduce(torch.cat([g.float().flatten() for g in flat]), "mean")
        for weight, part in zip(weights, mean.split([w.numel() for w in weights]), strict=True):
            weight.grad = part.view_as(weight).to(weight.dtype)

    def train_step(self, loss: Loss, batch: Any) -> None:  # noqa: ANN401 - whatever the loss takes
        """One step of the optimizers and of the average."""
        self.rate = self.settings.rate(self.settings.share(self.step, self.minutes))
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.rate
        self.prepared.train()
        with self.accelerator.autocast():
            value = loss(self.prepared, batch)
        total, parts = value if isinstance(value, tuple) else (value, {})
        self.accelerator.backward(total)
        self._average_gradients()
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.average.update(self.model)
        self.step += 1
        self._counted += 1
        for name, part in {"loss": float(total.detach()), "grad": float(norm), **parts}.items():
            self._sums[name] = self._sums.get(name, 0.0) + part

    def log_if_due(self) -> None:
        """Logs the means since the last entry, if that was a while ago."""
        if time.monotonic() - self._last_log > _LOG_SECONDS:
            self.log()

    def log(self) -> dict[str, float]:
        """Logs the means since the last entry, if there are any; the last entry."""
        if self._counted:
            means = {name: value / self._counted for name, value in self._sums.items()}
            self._entry = {"step": self.step, "minutes": self.minutes, "lr": self.rate, **means}
            self._write(self._entry)
            self._sums, self._counted, self._last_log = {}, 0, time.monotonic()
        return self._entry

    def _write(self, entry: dict[str, float]) -> None:
        if not self.accelerator.is_main_process:
            return
        rounded = {k: round(v, 6) for k, v in entry.items()}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(rounded) + "\n")
        logger.info(" ".join(f"{k}={v:.4g}" for k, v in rounded.items()))

    def save(self, validate: Callable[[ModelMixin], dict[str, float]] | None) -> None:
        """Writes every file beside its old one and swaps it in, so that a kill in between leaves no half file."""
        if self.accelerator.is_main_process:
            self._save(validate)
        self.accelerator.wait_for_everyone()

    def _save(self, validate: Callable[[ModelMixin], dict[str, float]] | None) -> None:
        weights = {k: v.clone() for k, v in trained_weights(self.model).items()}
        average = self.average.weights
        tensors = {f"model.{k}": v for k, v in weights.items()} | {f"ema.{k}": v for k, v in average.items()}
        for name, optimizer in self.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"{name}.{index}.{k}": v.reshape(1) if v.dim() == 0 else v for k, v in moments.items()}
        save_file({k: v.contiguous().clone() for k, v in tensors.items()}, self.folder / "state.part")
        (self.folder / "state.part").replace(self.folder / "state.safetensors")
        progress = {"step": self.step, "minutes": self.minutes, "updates": self.average.updates}
        document = json.dumps({**progress, "settings": asdict(self.settings)}, indent=1)
        (self.folder / "progress.part").write_text(document, encoding="utf-8")
        (self.folder / "progress.part").replace(self.folder / "progress.json")
        self._put(average)
        self.model.eval()
        try:
            self._save_model()
            if validate is not None:
                with torch.no_grad():
                    self._write({"step": self.step, "minutes": self.minutes, **validate(self.model)})
        finally:
            self._put(weights)

    def _put(self, weights: dict[str, Tensor]) -> None:
        own = trained_weights(self.model)
        if own.keys() != weights.keys():
            odd = sorted(own.keys() ^ weights.keys())[:3]
            raise ValueError(f"The checkpoint in {self.folder.name}/ belongs to another model: {odd} do not match.")
        for name, weight in own.items():
            weight.copy_(weights[name])

    def _save_model(self) -> None:
        fresh, kept = self.folder / "ema.part", self.folder / "ema"
        self.files.write(self.model, fresh)
        kept.mkdir(exist_ok=True)
        for file in fresh.iterdir():
            file.replace(kept / file.name)
        fresh.rmdir()

    def _resume(self) -> None:
        tensors = load_file(self.folder / "state.safetensors")
        progress = json.loads((self.folder / "progress.json").read_text(encoding="utf-8"))
        self.step, self.minutes, self.average.updates = (progress[k] for k in ("step", "minutes", "updates"))
        self._put(_part(tensors, "model."))
        self.average.weights = {k: v.to(self.accelerator.device) for k, v in _part(tensors, "ema.").items()}
        for kind, optimizer in self.optimizers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _part(tensors, f"{kind}.").items():
                index, name = key.split(".", 1)
                state.setdefault(int(index), {})[name] = value.reshape(()) if name == "step" else value
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


class _StopOnSignal:
    """Inside of it, SIGTERM and SIGINT are requests to write a checkpoint and end."""

    def __enter__(self) -> _StopOnSignal:
        self.asked = False
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        self.asked = True
