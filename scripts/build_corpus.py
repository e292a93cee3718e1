"""Builds the speech corpus or extends one: sentences in the teacher's voices, with the length of every phoneme.

python -m scripts.build_corpus --shared ../shared --out work/more/corpus --hours 3      the sentences of the corpus
python -m scripts.build_corpus --shared ../shared --texts lines.txt --out ... --hours 3 other ones, one a line
python -m scripts.build_corpus --shared ../shared --out ... --lengths 25000             how long sounds last, unspoken
python -m scripts.build_corpus --language es --out work/es/corpus --hours 1             `scripts.corpus_sentences`

Needs the extra `train` and, for the voices, npm. Goes on where it was stopped (SIGTERM, Ctrl-C); another seed adds
other voices and speeds to the same folder. About 0.5 s of one core for a second of speech, 0.05 s for a sentence's
lengths.
"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

from generation.data.corpus_builder import CorpusBuilder, Splits, read_manifest, tidy_texts
from generation.data.duration_corpus import build_teacher_durations
from generation.data.kokoro import LengthTeacher, SpeechTeacher, fetch_teacher
from scripts.corpus_sentences import sentences, word_rows

LANGUAGES = {"es": "es", "fr": "fr-fr", "it": "it", "pt": "pt-br"}
"""What is asked for -> its name in eSpeak NG."""
SENTENCES = 1500
"""Of another language, without --texts, and as many rows of frequent words."""


def main(argv: list[str] | None = None) -> None:
    """Fetches the teacher, then makes utterances until there is enough or a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the new corpus")
    much = parser.add_mutually_exclusive_group(required=True)
    much.add_argument("--hours", type=float, help="length of the new corpus, all resumes together")
    much.add_argument("--lengths", type=int, help="sentences of this seed, many of them invented, whose lengths to ask")
    parser.add_argument("--texts", type=Path, help="sentences, one a line; without it those of the shared corpus")
    parser.add_argument("--shared", type=Path, help="folder with corpus/: its sentences keep their splits")
    parser.add_argument("--language", choices=LANGUAGES, help="another than English; without --texts own sentences")
    parser.add_argument("--teacher", type=Path, help="folder of the teacher, so that corpora share it")
    parser.add_argument("--seed", type=int, default=0, help="of voices, speeds and order")
    parser.add_argument("--workers", type=int, default=1, help="utterances at a time, one thread each")
    args = parser.parse_args(argv)
    if args.texts is None and args.shared is None and args.language is None:
        parser.error("give sentences with --texts, or a corpus that has some with --shared")
    manifest = args.shared / "corpus" / "manifest.jsonl" if args.shared else None
    if manifest and not manifest.is_file():
        parser.error(f"{manifest} is missing; --shared names the folder that holds corpus/")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")

    known = read_manifest(manifest) if manifest else []
    if args.texts:
        lines = args.texts.read_text(encoding="utf-8").splitlines()
    else:
        lines = [row["text"] for row in known]
        if args.language:
            lines = sentences(args.language, SENTENCES) + word_rows(args.language, SENTENCES)
    teacher = args.teacher or args.out / "teacher"
    fetch_teacher(teacher)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    texts, splits, spoken = tidy_texts(lines), Splits(known), LANGUAGES[args.language] if args.language else None
    if args.lengths:
        asked = LengthTeacher(teacher)
        measure = (args.out, asked, texts, splits, args.seed, args.lengths, args.workers, stop.is_set, spoken)
        build_teacher_durations(*measure)
    else:
        builder = CorpusBuilder(args.out, SpeechTeacher(teacher), texts, splits, args.seed, spoken)
        builder.build(args.hours, args.workers, stop.is_set)


if __name__ == "__main__":
    main()
