"""Recorded lines in four languages, translated to English: how many content words are right.

python -m scripts.evaluation.workbench.translating --teacher work/speaker [--lines 20]

The held-out sentences are spoken by the teacher's native voices. The first twenty mean the same in each language; their
content words, with what else would be right, were written down before anything was translated (`content_words.txt`).
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

from generation.data.corpus_builder import NATIVE_VOICES
from generation.data.kokoro import SpeechTeacher, fetch_teacher
from generation.recordings.multilingual_whisper import translate
from generation.text.languages import espeak_name
from generation.text.phonemizer import phonemize
from scripts.evaluation.inputs import language_sentences

CONTENT_WORDS = Path(__file__).with_name("content_words.txt")
CODES = ("es", "fr", "it", "pt")


def content_words() -> list[list[str]]:
    """Of each sentence the beginnings of its content words in English, equal ones parted by ``|``."""
    return [line.split() for line in CONTENT_WORDS.read_text(encoding="utf-8").splitlines()]


def right(text: str, wanted: Sequence[str]) -> int:
    """How many of the wanted words an English text has, each by the beginning of one of its words."""
    said = re.findall(r"[a-z0-9']+", text.lower())
    return sum(any(word.startswith(tuple(each.split("|"))) for word in said) for each in wanted)


def translating(teacher: SpeechTeacher, lines: int) -> dict[str, dict[str, float]]:
    """Share of the content words that are right and of the languages that are heard as what they are, by language."""
    found: dict[str, dict[str, float]] = {}
    for code in CODES:
        language = espeak_name(code)
        voices, counts, known = NATIVE_VOICES[language], [0, 0], 0
        for number, (text, wanted) in enumerate(zip(language_sentences(code)[:lines], content_words(), strict=False)):
            speech = teacher.speak(phonemize(text, language), {voices[number % len(voices)]: 1.0}, 1.0).waveform
            made = translate(speech)
            known += made.language == code
            counts[0] += right(made.text, wanted)
            counts[1] += len(wanted)
            print(f"{code} {text} | {made.text}")  # noqa: T201
        found[code] = {"content_words": counts[0] / counts[1], "language": known / lines}
    return found


def main() -> None:
    """Prints what was said, and the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True, help="folder of the teacher, filled where it is empty")
    parser.add_argument("--lines", type=int, default=20, help="of each language, at most 20")
    args = parser.parse_args()
    fetch_teacher(args.teacher)
    print(json.dumps(translating(SpeechTeacher(args.teacher), args.lines), indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
