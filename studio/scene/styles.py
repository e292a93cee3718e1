"""Styles of a scene: finds the adapter of each name, checks it, and blends the delivery parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from generation.adapters.metadata import SUFFIX, About, find_adapter, read_about, shipped_adapters, shipped_base
from generation.adapters.tensors import tensor_fault
from generation.core.delivery import Delivery, blend_deliveries
from studio.core.messages import nearest, shortened
from studio.core.problems import DocumentError, Problem
from studio.scene.schema import Scene


def known_styles(folder: Path) -> list[str]:
    """Names of usable styles: shipped adapters, and adapter files in the scene's folder and in its ``media``."""
    files = [*folder.glob(f"*{SUFFIX}"), *folder.glob(f"media/*{SUFFIX}")]
    return [*shipped_adapters(), *sorted(path.relative_to(folder).as_posix() for path in files)]


class StyleFacts(BaseModel):
    """A style that ships: what it does, what it changes, whose recordings it was trained on and their licence.

    ``problem`` says why it cannot be used; the rest is then empty.
    """

    style: str
    does: str = ""
    changes: str = ""
    trained_on: str = ""
    licence: str = ""
    problem: str = ""


def shipped_styles() -> list[StyleFacts]:
    """The styles that scenes can give to each character wherever they lie, as plain data."""
    return [_facts(name) for name in shipped_adapters()]


def _facts(name: str) -> StyleFacts:
    try:
        about = read_style(name, Path())
    except DocumentError as error:
        return StyleFacts(style=name, problem=error.sentence)
    facts = {"does": about.does, "changes": about.part, "trained_on": about.trained_on, "licence": about.licence}
    return StyleFacts(style=name, **facts)


@dataclass(frozen=True)
class Offer:
    """A style as a page shows it.

    Attributes:
        title: letters, digits and spaces alone, so that it can stand in any label.
        does: what it does, in its file's own words, which are anybody's: to be escaped.
        why_not: why it cannot be chosen and what to do, one sentence; empty where it can.
    """

    title: str
    does: str = ""
    why_not: str = ""


def offers(folder: Path, named: Iterable[str] = ()) -> dict[str, Offer]:
    """The styles that a scene in a folder can name, and those that it names already, by that name."""
    names = dict.fromkeys([*known_styles(folder), *named])
    return {name: _offer(name, folder) for name in names}


def _offer(name: str, folder: Path) -> Offer:
    title = " ".join(re.findall(r"[^\W_]+", Path(name).stem)).capitalize() or "Nameless"
    if name.endswith(SUFFIX):
        title += " (own file)"
    try:
        about = read_style(name, folder)
    except DocumentError as error:
        return Offer(title, why_not=error.sentence)
    silent = about.part == "motion" and (about.delivery.tempo, about.delivery.pauses) == (1, 1)
    does = about.does or f"Changes {about.part}."
    return Offer(title, f"{does} Seen, not heard." if silent else does)


def read_style(name: str, folder: Path) -> About:
    """Metadata of the adapter that a scene in a folder means by a name.

    Raises:
        DocumentError: there is none, it cannot be used with the weights that ship, or nobody agreed to it.
    """
    path = find_adapter(name, folder)
    if path is None:
        known = known_styles(folder)
        hint = nearest(name, known) if known else "no style ships and none is in the scene's folder; remove it"
        raise _refusal(name, "is not known", hint)
    try:
        about = read_about(path)
    except RuntimeError as error:
        raise DocumentError([Problem("cast", f"the style {shortened(name)}: {error}")]) from error
    if about.kind == "distilled_sampler":
        raise _refusal(name, "is a sampler's adapter", "name a style, a voice or a way of moving")
    if about.base != shipped_base():
        raise _refusal(name, "was made for other weights", "train it again on these")
    if fault := tensor_fault(about):
        raise _refusal(name, fault, "fetch or train it again")
    if about.kind in ("voice", "motion") and not about.consent:
        raise _refusal(name, "is somebody's, without a record of consent", "train it with --consent")
    if about.consent in ("agreed", "public") and not about.statement:
        raise _refusal(name, "does not say who agreed, when and how", "train it with --statement")
    return about


def _refusal(name: str, what: str, repair: str) -> DocumentError:
    return DocumentError([Problem("cast", f"the style {shortened(name)} {what}", repair)])


def line_deliveries(scene: Scene, index: int, folder: Path) -> dict[int, Delivery]:
    """Delivery of a character in the lines that have styles of their own, by their index in the script.

    Raises:
        DocumentError: as :func:`read_style`.
    """
    styles = scene.cast[index].styles
    return {
        number: delivery_of({**styles, **line.styles}, folder)
        for number, line in enumerate(scene.script)
        if line.styles
    }


def delivery_of(styles: Mapping[str, float], folder: Path) -> Delivery:
    """The delivery that comes with styles at their strengths.

    Raises:
        DocumentError: as :func:`read_style`.
    """
    return blend_deliveries((read_style(name, folder).delivery, strength) for name, strength in styles.items())
