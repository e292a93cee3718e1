"""Options of the command line that say how films are made, which ``render`` and ``batch`` share, and their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio.core.option_values import device, whole
from studio.core.problems import DocumentError, Problem

if TYPE_CHECKING:
    from studio.production.backbone import BackboneDrawing
    from studio.production.settings import RenderSettings


def add_film_options(command: argparse.ArgumentParser) -> None:
    """Add how a film looks and what draws it."""
    kind = command.add_mutually_exclusive_group()
    lossless_help = "keep every pixel and sample, also outside the faces; the video is then a .mkv"
    kind.add_argument("--lossless", action="store_true", help=lossless_help)
    alpha_help = "a transparent background; the video is then a .mov (ProRes 4444), a .webm (VP9) or numbered .png"
    kind.add_argument("--alpha", action="store_true", help=alpha_help)
    command.add_argument("--backbone", choices=("ltx2", "wan"), help="a large video model draws the film")
    weights_help = "folder of the backbone's weights, in diffusers' layout; see docs/backbones.md"
    command.add_argument("--weights", type=Path, metavar="FOLDER", help=weights_help)
    keep_help = "with a backbone, everything outside the motion regions stays the picture's"
    command.add_argument("--keep-background", action="store_true", help=keep_help)
    size_help = "greatest height in pixels; never enlarges"
    command.add_argument("--size", type=whole(1, 100_000), metavar="ROWS", help=size_help)
    command.add_argument("--draft", action="store_true", help="small and quick: at most 480 rows")
    add_sampling_options(command)


def add_sampling_options(command: argparse.ArgumentParser) -> None:
    """Add how speech and motion are sampled."""
    command.add_argument("--seed", type=whole(0, 2**31 - 1), help="another number gives another take")
    command.add_argument("--steps", type=whole(1, 1000), help="sampling steps; more is slower and finer")
    command.add_argument("--device", type=device, help="cpu or cuda; the GPU is taken when there is one")


def read_film_options(
    arguments: argparse.Namespace, say: Callable[..., None]
) -> tuple[RenderSettings, BackboneDrawing | None]:
    """What is asked for by the options of :func:`add_film_options`.

    Args:
        arguments: values of the options.
        say: is told what is worth to know beforehand.

    Returns:
        The settings, and the video model where one draws.

    Raises:
        DocumentError: an option that is missing or means nothing without another, or a folder that holds no weights.
    """
    from studio.production.settings import RenderSettings

    backbone, steps, size = _backbone(arguments), arguments.steps, arguments.size
    if backbone is not None:
        from studio.production.backbone import HEIGHT

        backbone.check_weights()
        steps, size = None, size or (None if arguments.draft else HEIGHT)
        for notice in backbone.notices:
            say("warning", str(notice), **notice.as_data())
    how = (arguments.device, arguments.draft, arguments.lossless, arguments.alpha)
    return RenderSettings(arguments.seed, steps, size, *how), backbone


def add_beginning_option(command: argparse.ArgumentParser) -> None:
    """Add where the film's beginning goes while the rest is made."""
    beginning_help = "write the film's beginning here while the rest is made, again and again as it grows (.mp4)"
    command.add_argument("--beginning", type=Path, metavar="FILE", help=beginning_help)


def with_beginning(arguments: argparse.Namespace, settings: RenderSettings) -> RenderSettings:
    """The settings with the place of the film's beginning, where one is wanted.

    Raises:
        DocumentError: a film of which none is written, or a name that it cannot have.
    """
    path = arguments.beginning
    if path is None:
        return settings
    from studio.export.frame_encoder import MP4

    ordinary = arguments.output.suffix.lower() == MP4.suffix and settings.film_formats == (MP4,)
    if not ordinary or arguments.backbone:
        raise DocumentError([Problem("output", "--beginning needs an ordinary film", "leave it out")])
    if path.suffix.lower() != ".mp4" or path.absolute() == arguments.output.absolute():
        raise DocumentError([Problem("output", "--beginning needs a name of its own that ends in .mp4")])
    return replace(settings, beginning=path)


def _backbone(arguments: argparse.Namespace) -> BackboneDrawing | None:
    if arguments.backbone is None:
        if arguments.weights is not None or arguments.keep_background:
            raise DocumentError([Problem("output", "--weights and --keep-background need --backbone")])
        return None
    if arguments.weights is None:
        raise DocumentError([Problem("output", "--backbone needs --weights", "name the folder of its weights")])
    from studio.production.backbone import BackboneDrawing

    how = (arguments.keep_background, arguments.steps, arguments.device)
    return BackboneDrawing(arguments.backbone, arguments.weights.absolute(), *how)
