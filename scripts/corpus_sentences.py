"""Sentences of other languages for the corpus, from tables of `scripts/sentences` written by hand, and rows of words.

python -m scripts.corpus_sentences es 600      prints so many sentences, each once
"""

from __future__ import annotations

import argparse
import random
import re
from itertools import cycle
from pathlib import Path

TABLES = Path(__file__).with_name("sentences")
MOST_FREQUENT = 6000
"""Words of a language that rows are drawn from."""
_SLOT = re.compile(r"{(\w+)}")
_ELISION = re.compile(r"\b([Qq]u)e (?=[AEIOUYÉÈaeiouyéè])|\b([Ss])i (?=ils?\b)")
"""French words that lose their vowel before another one."""


def sentences(language: str, wanted: int, seed: int = 0) -> list[str]:
    """Distinct sentences: the whole ones of the table, then its patterns in turn, filled at random.

    Args:
        language: es, fr, it or pt.
        wanted: at least as many as the table's whole ones.
        seed: of what fills the patterns.
    """
    tables = _tables(TABLES / f"{language}.txt")
    rng = random.Random(f"{language}/{seed}")
    found = dict.fromkeys(tables.pop("whole"))
    patterns = tables.pop("sentence")
    rng.shuffle(patterns)

    def fill(slot: re.Match[str]) -> str:
        name = slot[1]
        text = rng.choice(tables.get(name) or tables[name.lower()])
        return text[0].upper() + text[1:] if name[0].isupper() else text

    for pattern in cycle(patterns):
        if len(found) >= wanted:
            return list(found)
        text = _SLOT.sub(fill, pattern)
        found[_ELISION.sub(r"\1\2'", text) if language == "fr" else text] = None
    return list(found)


def word_rows(language: str, wanted: int, seed: int = 0) -> list[str]:
    """Rows of four to nine frequent words: sounds and neighbours that the tables' few hundred words do not have.

    Args:
        language: es, fr, it or pt.
        wanted: how many.
        seed: of what is drawn.
    """
    from wordfreq import top_n_list, zipf_frequency

    words = [
        word
        for word in top_n_list(language, MOST_FREQUENT)
        if word.isalpha() and 3 <= len(word) <= 14 and zipf_frequency(word, language) > zipf_frequency(word, "en")
    ]
    rng = random.Random(f"words/{language}/{seed}")
    found: dict[str, None] = {}
    while len(found) < wanted:
        row = rng.sample(words, rng.randint(4, 9))
        between = rng.choice((" ", ", "))
        found[between.join(row).capitalize() + rng.choice((".", ".", "?"))] = None
    return list(found)


def _tables(path: Path) -> dict[str, list[str]]:
    """Lines of a file under their ``[heads]``."""
    tables: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            rows = tables[line.strip("[]")] = []
        else:
            rows.append(line)
    return tables


def main() -> None:
    """Prints sentences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", choices=sorted(path.stem for path in TABLES.glob("*.txt")))
    parser.add_argument("wanted", type=int, help="how many")
    args = parser.parse_args()
    print("\n".join(sentences(args.language, args.wanted)))


if __name__ == "__main__":
    main()
