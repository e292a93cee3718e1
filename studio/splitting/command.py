"""The command ``parley split``: its options, and what it says."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

Say = Callable[..., None]
"""``say(event, sentence, **facts)``: one message on stdout."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options of ``parley split``."""
    command.add_argument("recording", type=Path, help="a sound file of at most an hour")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="folder for the lines")
    cast_help = "who speaks, in the order in which they begin; two are told apart by pitch"
    command.add_argument("--cast", default="", metavar="NAME,NAME", help=cast_help)
    command.add_argument("--map", type=Path, metavar="FILE", help="subtitles (SRT or WebVTT) that name who speaks when")
    command.add_argument("--channel", help="left, right, a number from 1, or mix; the mean of all if not given")


def run(arguments: argparse.Namespace, say: Say) -> int:
    """Run the command; 0 = the lines are there.

    Raises:
        ValueError: what cannot be used, a sentence.
    """
    from generation.audio.channels import channel_of
    from studio.splitting.split import SCRIPT, split_recording

    names = [name for name in map(str.strip, arguments.cast.split(",")) if name]
    turns = split_recording(arguments.recording, arguments.output, names, arguments.map, channel_of(arguments.channel))
    shares = ", ".join(f"{count} of {name}" for name, count in Counter(turn.who for turn in turns).items())
    script = arguments.output / SCRIPT
    say("done", f"{len(turns)} lines, {shares}; {script} plays them: parley import makes a scene of it.",
        lines=len(turns), file=str(script))  # fmt: skip
    return 0
