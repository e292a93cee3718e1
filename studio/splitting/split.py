"""Cuts a recording into a folder of lines and a script that plays them: ``parley split``."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from generation.audio.channels import Channel
from generation.audio.sound_file import sound_facts, stream_mono
from generation.core.clock import SAMPLE_RATE
from studio.core.messages import existing_file, shortened
from studio.core.output import require_place
from studio.core.problems import DocumentError, Problem
from studio.core.storage import file_names, write_whole
from studio.formats.importing import cast_name, decoded
from studio.formats.subtitles import Caption, read_captions
from studio.scene.schema import TOGETHER, ScriptLine, names_in
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
        DocumentError: the recording, the map or the names cannot be used, or the folder holds lines already or cannot
            be written.
        ValueError: the recording cannot be read.
    """
    for path, what in ((recording, "the recording"), (map_file, "the map")):
        if path is not None and (reason := existing_file(path, what)):
            raise DocumentError([Problem("file", reason)])
    names = [cast_name(name) for name in names]
    if map_file is None and len(names) > 2:
        what = f"pitch alone tells two people apart, not {len(names)}"
        raise DocumentError([Problem("script", what, "give --map, subtitles that name who speaks when")])
    mapped = [] if map_file is None else _captions(map_file)
    speakers = list(names) or ["SPEAKER"]
    if map_file is not None:
        speakers = list(dict.fromkeys(turn.who for turn in turns_of_captions(mapped, names, math.inf)))
    words = dict(zip(speakers, file_names(speakers), strict=True))
    facts = sound_facts(recording)
    if facts.seconds is not None and facts.seconds > MOST_SECONDS:
        what = f"the recording lasts {facts.seconds / 60:.0f} min, and at most {MOST_SECONDS // 60} min are cut at once"
        raise DocumentError([Problem("file", what, "cut it into parts with a sound editor")])
    _check_place(folder, list(words.values()), round(2 * SAMPLE_RATE * (facts.seconds or 0)))
    seconds, finder = 0.0, PhraseFinder()
    for block in _blocks(recording, channel):
        if map_file is None:
            finder.add(block)
        seconds += len(block) / SAMPLE_RATE
    if map_file is None:
        turns = turns_by_pitch(finder.phrases(), speakers, seconds)
    else:
        turns = turns_of_captions(mapped, names, seconds)
    _write(turns, _blocks(recording, channel), folder, words)
    return turns


def _captions(path: Path) -> list[Caption]:
    """The captions of a map; each names nobody, or whom a cast can have."""
    found = read_captions(decoded(path.read_bytes(), path.name))
    return [replace(caption, who=TOGETHER.join(map(cast_name, names_in(caption.who)))) for caption in found]


def _check_place(folder: Path, words: Sequence[str], n_bytes: int) -> None:
    """Refuse a folder with files that the lines could replace, and one that cannot be written.

    Args:
        folder: for the lines.
        words: by which the files of each speaker begin.
        n_bytes: what the lines take at most.
    """
    ours = re.compile(rf"(?:{'|'.join(map(re.escape, words))})-\d{{3,}}\.wav|{re.escape(SCRIPT)}", re.IGNORECASE)
    if taken := sorted(path.name for path in folder.glob("*") if ours.fullmatch(path.name)):
        what = f"{shortened(f'{folder.name}/{taken[0]}')} is there already"
        raise DocumentError([Problem("output", what, "name another folder")])
    require_place(folder / SCRIPT, [f"{word}-001.wav" for word in words], n_bytes)


def _blocks(recording: Path, channel: Channel | None) -> Iterator[np.ndarray]:
    return stream_mono(recording, _BLOCK_SECONDS, MOST_SECONDS, channel)


def _write(turns: Sequence[Turn], blocks: Iterator[np.ndarray], folder: Path, words: Mapping[str, str]) -> None:
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
        name = f"{words[turn.who]}-{number:03d}.wav"
        packed = io.BytesIO()
        soundfile.write(packed, np.concatenate(own), SAMPLE_RATE, format="WAV", subtype="PCM_16")
        files[folder / name] = packed.getvalue()
        lines.append(ScriptLine(who=turn.who, text=turn.text, recording=name, start=round(turn.start, 2)))
    write_whole({**files, folder / SCRIPT: print_lines(lines).encode()}, durable=False)
