"""The command ``parley import``: its options, and what it says."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

Say = Callable[..., None]
"""``say(event, sentence, **facts)``: one message on stdout."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options of ``parley import``."""
    command.add_argument("script", type=Path, help="the script; what it is written in is told by what is in it")
    cast_help = "a scene whose picture and cast it is for; without one, everybody who speaks gets a voice"
    command.add_argument("--cast", type=Path, metavar="SCENE", help=cast_help)
    translate_help = "recordings in any language become lines in English that say what they say (parley setup)"
    command.add_argument("--translate", action="store_true", help=translate_help)
    command.add_argument("-o", "--output", type=Path, required=True, help="the scene file (.yaml)")


def run(arguments: argparse.Namespace, say: Say) -> int:
    """Run the command; 0 = the scene is there.

    Raises:
        ValueError: what cannot be used, a sentence.
    """
    from studio.formats.importing import scene_of_script
    from studio.formats.translating import in_english

    change = in_english if arguments.translate else None
    scene, script = scene_of_script(arguments.script, arguments.output, arguments.cast, change)
    todo = "" if scene.picture else " Name its picture, and who is in it, in the keys picture and consent."
    names = [member.name for member in scene.cast]
    say("done", f"{script.told} {arguments.output} is there.{todo}", lines=len(scene.script), cast=names)
    return 0
