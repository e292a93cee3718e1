"""The one training loop: accelerate, bf16, EMA, a schedule over time, checkpoints that resume, SIGTERM writes one."""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import ModelMixin
from safetensors.torch import load_file, save_file
from torch import Tensor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitSettings:
    """How one model is trained.

    Attributes:
        minutes: length of the run; warm-up and cosine decay follow the share of it that has passed, over all resumes.
        learning_rate: peak of AdamW.
        warmup: share of the run that warms up.
        ema: decay of the moving average of the weights, reached gradually.
        clip: largest gradient norm.
        save_every: minutes between checkpoints.
        seed: of the batches.
        max_steps: ends the run earlier; None = never.
    """

    minutes: float
    learning_rate: float = 6e-4
    warmup: float = 0.03
    ema: float = 0.998
    clip: float = 1.0
    weight_decay: float = 0.01
    save_every: float = 5.0
    seed: int = 0
    max_steps: int | None = None


class MovingAverage:
    """Exponential moving average of a model's weights, kept in float32 on the model's device."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {k: v.detach().float().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        """Moves the average towards the weights now; early on faster, so that the start is forgotten."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in model.state_dict().items():
            self.weights[name].lerp_(value.detach().float(), 1 - decay)


def fit(
    model: ModelMixin,
    loss: Callable[[ModelMixin, Any], Tensor | tuple[Tensor, dict[str, float]]],
    batches: Callable[[torch.Generator], Any],
    settings: FitSettings,
    folder: Path,
    *,
    validate: Callable[[ModelMixin], dict[str, float]] | None = None,
) -> dict[str, float]:
    """Trains ``model`` in place and leaves its EMA weights in ``folder``.

    ``folder`` gets ``state.safetensors`` and ``optimizer.pt``-free resume data: weights, EMA and Adam moments as
    safetensors, ``progress.json``, ``log.jsonl``, and the model itself in ``ema/`` (``save_pretrained``). A folder
    that holds such a state is resumed; one that only holds ``ema/`` is a cold start from those weights with a fresh
    optimizer.

    Args:
        model: any ModelMixin; moved to the device that accelerate picks.
        loss: (model, batch) -> loss, or (loss, parts to log).
        batches: generator -> one batch on the model's device or the CPU.
        settings: see :class:`FitSettings`.
        folder: where everything is written.
        validate: called on the model with EMA weights at each checkpoint; its figures are logged.

    Returns:
        the last log entry.
    """
    folder.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator(mixed_precision="bf16")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
    )
    progress = {"step": 0, "minutes": 0.0}
    model.to(accelerator.device)
    if not (folder / "progress.json").exists() and (folder / "ema").exists():
        model.load_state_dict(load_file(folder / "ema" / "diffusion_pytorch_model.safetensors"), strict=True)
        logger.info("cold start from %s", folder / "ema")
    average = MovingAverage(model, settings.ema)
    if (folder / "progress.json").exists():
        progress = _resume(folder, model, optimizer, average)
        logger.info("resumed at step %d, %.1f minutes", progress["step"], progress["minutes"])
    prepared, optimizer = accelerator.prepare(model, optimizer)
    stop = _StopOnSignal()
    generator = torch.Generator().manual_seed(settings.seed + progress["step"])
    entry: dict[str, float] = {}
    last_save = last_log = time.monotonic()
    clock = time.monotonic()
    sums: dict[str, float] = {}
    counted = 0
    last_step = settings.max_steps or float("inf")
    while progress["minutes"] < settings.minutes and progress["step"] < last_step and not stop.asked:
        rate = _schedule(progress["minutes"] / settings.minutes, settings)
        for group in optimizer.param_groups:
            group["lr"] = rate
        prepared.train()
        with accelerator.autocast():
            value = loss(prepared, batches(generator))
        total, parts = value if isinstance(value, tuple) else (value, {})
        accelerator.backward(total)
        norm = accelerator.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update(model)
        now = time.monotonic()
        progress["step"] += 1
        progress["minutes"] += (now - clock) / 60
        clock = now
        counted += 1
        for name, part in {"loss": float(total.detach()), "grad": float(norm), **parts}.items():
            sums[name] = sums.get(name, 0.0) + part
        if now - last_log > 20:
            entry = {**progress, "lr": rate, **{k: v / counted for k, v in sums.items()}}
            _log(folder, entry)
            sums, counted, last_log = {}, 0, now
        if now - last_save > 60 * settings.save_every:
            _save(folder, model, optimizer, average, progress, settings, validate)
            last_save = clock = time.monotonic()
    _save(folder, model, optimizer, average, progress, settings, validate)
    return entry


def _schedule(share: float, settings: FitSettings) -> float:
    if share < settings.warmup:
        return settings.learning_rate * (share / settings.warmup + 0.01)
    rest = min(1.0, (share - settings.warmup) / (1 - settings.warmup))
    return settings.learning_rate * (0.02 + 0.98 * 0.5 * (1 + torch.cos(torch.tensor(rest * torch.pi)).item()))


def _log(folder: Path, entry: dict[str, float]) -> None:
    rounded = {k: round(v, 6) for k, v in entry.items()}
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(rounded) + "\n")
    logger.info(" ".join(f"{k}={v:.4g}" for k, v in rounded.items()))


def _save(
    folder: Path,
    model: ModelMixin,
    optimizer: torch.optim.Optimizer,
    average: MovingAverage,
    progress: dict[str, float],
    settings: FitSettings,
    validate: Callable[[ModelMixin], dict[str, float]] | None,
) -> None:
    """Writes every file beside its old one and swaps them in, so that a kill in between loses nothing."""
    weights = {k: v.detach().clone() for k, v in model.state_dict().items()}
    model.load_state_dict({k: v.to(weights[k].dtype) for k, v in average.weights.items()})
    model.eval()
    model.save_pretrained(folder / "ema")
    if validate is not None:
        with torch.no_grad():
            _log(folder, {**progress, **validate(model)})
    model.load_state_dict(weights)
    tensors = {f"model.{k}": v for k, v in weights.items()} | {f"ema.{k}": v for k, v in average.weights.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{k}": v if v.dim() else v.reshape(1) for k, v in moments.items()}
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / "state.part")
    (folder / "state.part").replace(folder / "state.safetensors")
    document = {**progress, "updates": average.updates, "settings": asdict(settings)}
    (folder / "progress.part").write_text(json.dumps(document, indent=1))
    (folder / "progress.part").replace(folder / "progress.json")


def _resume(
    folder: Path, model: ModelMixin, optimizer: torch.optim.Optimizer, average: MovingAverage
) -> dict[str, float]:
    tensors = load_file(folder / "state.safetensors")
    document = json.loads((folder / "progress.json").read_text())
    model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")}, strict=True)
    device = next(model.parameters()).device
    average.weights = {k[4:]: v.to(device) for k, v in tensors.items() if k.startswith("ema.")}
    average.updates = document["updates"]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("adam."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value.reshape(()) if name == "step" else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return {"step": document["step"], "minutes": document["minutes"]}


class _StopOnSignal:
    """Turns SIGTERM and SIGINT into a request to write a checkpoint and end."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True
