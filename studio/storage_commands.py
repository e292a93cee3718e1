"""The commands ``parley archive`` and ``parley storage``: their options, and what they say."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from studio.core.environment import ROOT_VARIABLE

Say = Callable[..., None]
"""``say(event, sentence, **facts)``: one message on stdout."""
CLEARABLE = ("takes", "videos", "cache")


def add_archive_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options of ``parley archive``."""
    command.add_argument("way", choices=("out", "in"), help="out packs a project or scene, in makes a project of it")
    command.add_argument("source", type=Path, help="out: a project's folder or a scene file; in: an archive (.zip)")
    output_help = (
        "out: the archive (.zip); in: folder for the project, Parley in the home folder and its name by default"
    )
    command.add_argument("-o", "--output", type=Path, help=output_help)


def archive(arguments: argparse.Namespace, say: Say) -> int:
    """Run ``parley archive``; 0 = done.

    Raises:
        ValueError: what cannot be packed or unpacked, in a sentence.
        StorageError: the disk is full; nothing was made.
    """
    from studio.core.output import require_place
    from studio.project.archive import pack, unpack
    from studio.project.history import SCENE_FILE
    from studio.project.projects import Projects

    source: Path = arguments.source
    if arguments.way == "out":
        default = Path(f"{source.resolve().name if source.is_dir() else source.stem}.zip")
        target = arguments.output or default
        names = pack(source, target)
        size = target.stat().st_size
        say("done", f"{target} is ready: {len(names)} files, {size / 1e6:.1f} MB.", file=str(target), bytes=size)
        return 0
    default = Path(os.environ.get(ROOT_VARIABLE) or Path.home() / "Parley") / source.stem
    target = arguments.output or default
    require_place(target / SCENE_FILE)
    project = unpack(source, Projects(target.parent), target.name)
    say("done", f"The project {project.folder} is ready.", folder=str(project.folder))
    return 0


def add_storage_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options of ``parley storage``."""
    folder_help = "a project, a folder of projects, or the folder of a video; here if not given"
    command.add_argument("folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help=folder_help)
    clear_help = "delete what can go of a kind; may be given again. Nothing should be made there meanwhile"
    command.add_argument("--clear", choices=CLEARABLE, action="append", default=[], help=clear_help)


def storage(arguments: argparse.Namespace, say: Say) -> int:
    """Run ``parley storage``; 0 = done.

    Raises:
        ValueError: no such folder.
        OSError: something cannot be deleted.
    """
    from studio.editor.storage import clear, storage_use

    for use in storage_use(arguments.folder):
        cleared = use.kind in arguments.clear
        if cleared:
            clear(arguments.folder, use.kind)
        spare = f", {use.spare_size / 1e6:.1f} MB {'deleted' if cleared else 'can go'}" if use.spare_size else ""
        facts = {"kind": use.kind, "files": use.n_files, "bytes": use.size, "spare": use.spare_size, "cleared": cleared}
        say("stored", f"{use.kind:8} {use.n_files:6} files {use.size / 1e6:9.1f} MB{spare}", **facts)
    return 0
