"""The manners of a scene: which adapter each name means, what is wrong with it, and which habits come with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from generation.adapter_files import SUFFIX, About, find_adapter, read_about, shelf, shipped_base
from generation.habits import Habits, mixed
from studio.document import nearest


def known_manners(folder: Path) -> list[str]:
    """What can be named: the adapters that ship, and adapters' files in the scene's folder."""
    return [*shelf(), *sorted(path.name for path in folder.glob(f"*{SUFFIX}"))]


def read_manner(name: str, folder: Path) -> About:
    """What the adapter says of itself that a scene in a folder means by a name.

    Raises:
        ValueError: there is none, it cannot be used with the weights that ship, or nobody agreed to it; one sentence.
    """
    path = find_adapter(name, folder)
    if path is None:
        known = known_manners(folder)
        hint = nearest(name, known) if known else "no adapter is on the shelf or in the scene's folder; remove it."
        raise ValueError(f"the manner {name!r} is not known; {hint}")
    try:
        about = read_about(path)
    except RuntimeError as error:
        raise ValueError(f"the manner {name!r}: {error}") from error
    if about.kind == "few_steps":
        raise ValueError(f"the manner {name!r} is a sampler's adapter; name a manner, a voice or a way of moving.")
    if about.base != shipped_base():
        raise ValueError(f"the manner {name!r} was made for other weights; train it again on these.")
    if about.kind in ("voice", "moves") and not about.consent:
        raise ValueError(f"the manner {name!r} is somebody's, without a record of consent; train it with --consent.")
    if about.consent in ("agreed", "public") and not about.statement:
        raise ValueError(f"the manner {name!r} does not say who agreed, when and how; train it with --statement.")
    return about


def habits_of(manners: Mapping[str, float], folder: Path) -> Habits:
    """The habits that come with manners at their strengths.

    Raises:
        ValueError: as :func:`read_manner`.
    """
    return mixed((read_manner(name, folder).habits, strength) for name, strength in manners.items())
