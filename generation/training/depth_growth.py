"""Growth of a joint checkpoint: zero-gated copies of its layers (arXiv 2312.15166), and faces that see each other."""

from __future__ import annotations

from pathlib import Path

import torch

from generation.core.weights import load_strict
from generation.models.transformer import JointTransformer


def grow_depth(ema: Path, num_layers: int) -> None:
    """Gives a checkpoint of the joint model so many layers; at first it computes what it did.

    A new layer starts as a copy of the one ``joint_every`` below it (so joint layers follow joint ones), with its
    modulation at zero: AdaLN-zero then lets nothing of it through until training opens the gates.

    Args:
        ema: folder of the model, written anew if it has fewer layers.
        num_layers: it has afterwards, if it has not more.
    """
    model = load_strict(JointTransformer, ema)
    known = model.config.num_layers
    if known >= num_layers:
        return
    deeper = JointTransformer.from_config(dict(model.config) | {"num_layers": num_layers})
    weights = model.state_dict()
    for layer in range(known, num_layers):
        below = f"blocks.{layer - max(1, model.config.joint_every)}."
        for name in [name for name in weights if name.startswith(below)]:
            copy = torch.zeros_like(weights[name]) if ".modulation." in name else weights[name].clone()
            weights[name.replace(below, f"blocks.{layer}.", 1)] = copy
    deeper.load_state_dict(weights)
    deeper.save_pretrained(ema)


def add_motion_context(ema: Path) -> None:
    """Lets the faces of a checkpoint of the joint model see each other; at first it computes what it did.

    Args:
        ema: folder of the model, written anew if its faces do not see each other yet.
    """
    model = load_strict(JointTransformer, ema)
    if model.config.sees_others:
        return
    known = {name: value for name, value in model.config.items() if not name.startswith("_")}
    seeing = JointTransformer.from_config(known | {"sees_others": True})  # a list of defaults in it would win
    seeing.load_state_dict(seeing.state_dict() | model.state_dict())
    seeing.save_pretrained(ema)
