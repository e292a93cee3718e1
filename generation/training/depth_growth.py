"""Growth of checkpoints: zero-gated copies of layers (arXiv 2312.15166), faces that see each other, languages."""

from __future__ import annotations

from pathlib import Path

import torch

from generation.core.weights import load_strict
from generation.models.duration_predictor import DurationPredictor
from generation.models.transformer import JointTransformer
from generation.text.ipa import NEAREST_SYMBOLS, SYMBOL_INDEX
from generation.text.languages import N_LANGUAGES


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
    seeing = JointTransformer.from_config(_plain_config(model) | {"sees_others": True})
    seeing.load_state_dict(seeing.state_dict() | model.state_dict())
    seeing.save_pretrained(ema)


LANGUAGE_INVENTORY = {"n_symbols": len(SYMBOL_INDEX), "n_languages": N_LANGUAGES}
"""What the config of a model of several languages says."""


def add_languages(ema: Path, kind: type[JointTransformer] | type[DurationPredictor]) -> None:
    """Gives a checkpoint the symbols and the language embedding of all languages; at first English stays as it was.

    A new symbol starts as the nearest one of English, a language without any change of the speaker's embedding.

    Args:
        ema: folder of the model, written anew if it has one language.
        kind: of the model.
    """
    model = load_strict(kind, ema)
    if model.config.n_languages > 1:
        return
    grown = kind.from_config(_plain_config(model) | LANGUAGE_INVENTORY)
    table = "phonemes.embed.weight" if kind is JointTransformer else "embed.weight"
    known = model.state_dict()
    nearest = torch.stack([known[table][SYMBOL_INDEX[symbol]] for symbol in NEAREST_SYMBOLS.values()])
    grown.load_state_dict(grown.state_dict() | known | {table: torch.cat((known[table], nearest))})
    grown.save_pretrained(ema)


def _plain_config(model: JointTransformer | DurationPredictor) -> dict[str, object]:
    """The settings of a model; a list of defaults among them would win over what is changed."""
    return {name: value for name, value in model.config.items() if not name.startswith("_")}
