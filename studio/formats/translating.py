"""Recorded lines of a script as lines in English, spoken by their characters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from generation.audio.channels import channel_of
from generation.audio.waveform import load_audio
from generation.recordings.multilingual_whisper import require_whisper, translate
from studio.core.messages import existing_file
from studio.core.problems import DocumentError, Problem
from studio.formats.importing import Script

_OF_RECORDINGS = ("recording", "channel", "language")


def in_english(script: Script, folder: Path) -> Script:
    """The script with what each recording says, in English, in place of the recording; all files are looked at first.

    Args:
        script: what was read.
        folder: that its files are named from.

    Raises:
        DocumentError: recordings that are not there, or in which nobody speaks.
        ValueError: one that cannot be read, a sentence.
        RuntimeError: the extra translate is not installed.
    """
    require_whisper()
    named = {number: folder / line["recording"] for number, line in enumerate(script.lines) if line.get("recording")}
    if not named:
        raise DocumentError([Problem("script", "no line of it is a recording", "leave out --translate")])
    missing = [reason for path in dict.fromkeys(named.values()) if (reason := existing_file(path, "the recording"))]
    if missing:
        raise DocumentError([Problem("script", reason) for reason in missing])
    lines = list(script.lines)
    for number, path in named.items():
        sound = load_audio(path, channel=channel_of(lines[number].get("channel")))
        try:
            said = translate(sound.waveform, lines[number].get("language"))
        except ValueError as error:
            what, _, repair = str(error).partition("; ")
            raise DocumentError([Problem("script", f"the recording {path.name!r} {what}", repair)]) from None
        kept = {key: value for key, value in lines[number].items() if key not in _OF_RECORDINGS}
        lines[number] = {**kept, "text": said.text}
    return replace(script, lines=tuple(lines))
