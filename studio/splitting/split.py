"""Cuts a recording into a folder of lines and a script that plays them: ``parley split``."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from generation.audio.channels import Channel
from generation.audio.sound_file import sound_facts, stream_mono
from generation.core.clock import SAMPLE_RATE
from studio.core.messages import existing_file
from studio.core.problems import DocumentError, Problem
from studio.core.storage import folder_name, write_whole
from studio.formats.importing import decoded
from studio.formats.subtitles import captions
from studio.scene.schema import ScriptLine, plain_name
from studio.scene.screenplay import print_lines
from studio.splitting.turns import PhraseFinder, Turn, turns_by_pitch, turns_of_captions

MOST_SECONDS = 3600
SCRIPT = "script.txt"
_BLOCK_SECONDS = 120


def split_recording(
    recording: Path,
    folder: Path,
    names: Sequence[str] = (),
    map_file: Path | None = None,
    channel: Channel | None = None,
) -> list[Turn]:
    """Cut a recording into lines.

    Args:
        recording: of at most an hour.
        folder: where ``NAME-001.wav`` and so on go, and ``script.txt``, which plays them at their times; no file that
            is there is replaced.
        names: who speaks, in the order in which they begin; ``SPEAKER`` if not given.
        map_file: subtitles (SRT or WebVTT) that name who speaks when; without it pauses cut and pitch tells two apart.
        channel: of the recording; None = the mean of all.

    Returns:
        The turns, a line each.

    Raises:
        DocumentError: the recording, the map or the names cannot be used, or the folder holds lines already.
        ValueError: the recording cannot be read.
    """
    for path, what in ((recording, "the recording"), (map_file, "the map")):
        if path is not None and (reason := existing_file(path, what)):
            raise DocumentError([Problem("file", reason)])
    if (folder / SCRIPT).exists():
        raise DocumentError([Problem("output", f"{folder.name}/{SCRIPT} is there already", "name another folder")])
    names = [plain_name(name) for name in names]
    facts = sound_facts(recording)
    if facts.seconds is not None and facts.seconds > MOST_SECONDS:
        what = f"the recording lasts {facts.seconds / 60:.0f} min, and at most {MOST_SECONDS // 60} min are cut at once"
        raise DocumentError([Problem("file", what, "cut it into parts with a sound editor")])
    seconds, finder = 0.0, PhraseFinder()
    for block in _blocks(recording, channel):
        if map_file is None:
            finder.add(block)
        seconds += len(block) / SAMPLE_RATE
    if map_file is None:
        turns = turns_by_pitch(finder.phrases(), names or ["SPEAKER"], seconds)
    else:
        turns = turns_of_captions(captions(decoded(map_file.read_bytes(), map_file.name)), names, seconds)
    _write(turns, _blocks(recording, channel), folder)
    return turns


def _blocks(recording: Path, channel: Channel | None) -> Iterator[np.ndarray]:
    return stream_mono(recording, _BLOCK_SECONDS, MOST_SECONDS, channel)


def _write(turns: Sequence[Turn], blocks: Iterator[np.ndarray], folder: Path) -> None:
    """The sound of each turn, read once more block by block, and the script; all of them or none."""
    parts: list[list[np.ndarray]] = [[] for _ in turns]
    begin = 0
    for block in blocks:
        for turn, own in zip(turns, parts, strict=True):
            first, stop = (round(t * SAMPLE_RATE) - begin for t in (turn.start, turn.stop))
            if stop > 0 and first < len(block):
                own.append((32767 * block[max(0, first) : stop].clip(-1, 1)).astype(np.int16))
        begin += len(block)
    files, lines = {}, []
    for number, (turn, own) in enumerate(zip(turns, parts, strict=True), 1):
        name = f"{folder_name(turn.who)}-{number:03d}.wav"
        packed = io.BytesIO()
        soundfile.write(packed, np.concatenate(own), SAMPLE_RATE, format="WAV", subtype="PCM_16")
        files[folder / name] = packed.getvalue()
        lines.append(ScriptLine(who=turn.who, text=turn.text, recording=name, start=round(turn.start, 2)))
    folder.mkdir(parents=True, exist_ok=True)
    write_whole({**files, folder / SCRIPT: print_lines(lines).encode()}, durable=False)
