"""Words that are replaced in spoken lines: heard, not the old ones, and all samples around them as they were.

python -m scripts.evaluation.workbench.new_words --work work
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.core.clock import SAMPLE_RATE, samples_from_frames
from generation.core.performance import Line
from generation.metrics.word_errors import word_errors
from scripts.evaluation.judges import Judges
from studio.acting.marks import NewWord
from studio.core.progress import Progress, Stage
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.scene.schema import Scene

CASES = Path(__file__).with_name("new_words.tsv")
JOIN = round(0.06 * SAMPLE_RATE)
"""Samples on either side of the word that may change."""


@dataclass(frozen=True)
class Case:
    """A sentence and a word of it that becomes another; ``ipa`` is the new one's sound where that is given."""

    text: str
    word: str
    to: str
    ipa: str

    @property
    def new(self) -> NewWord:
        """As a scene has it."""
        return NewWord(word=self.word, to=f"{{{self.to}|{self.ipa}}}" if self.ipa else self.to)


def cases() -> list[Case]:
    """The table's."""
    rows = CASES.read_text(encoding="utf-8").splitlines()
    return [Case(*row.split("\t")) for row in rows if not row.startswith("#")]


def new_words(models: Models, judges: Judges, chosen: list[Case]) -> dict[str, float]:
    """Figures over some cases, preset voices in turn.

    Returns:
        ``words_heard``: share in which the new word is heard and the old one not; ``words_heard_ipa`` of those given in
        IPA; ``words_changed_samples``: samples beyond the word and its joins that differ, in all;
        ``words_p808_before`` and ``words_p808``: quality of the lines with the old and with the new word;
        ``words_wer``: word errors of the lines with the new word.
    """
    heard, by_ipa, changed, quality, errors, n_words = [], [], 0, [], 0, 0
    for number, case in enumerate(chosen):
        voice = models.voices.names[number % len(models.voices.names)]
        (line, before), (new, after) = (_spoken(models, voice, case, words) for words in ((), (case.new,)))
        changed += _changed(line, before, new, after)
        said = judges.words(after)
        wanted = judges.normal(case.text.replace(case.word, case.to))
        found = set(judges.normal(case.to)) <= set(said) and not set(judges.normal(case.word)) & set(said)
        heard.append(found)
        by_ipa += [found] if case.ipa else []
        quality.append([judges.quality(sound)[1] for sound in (before, after)])
        errors += word_errors(wanted, said)
        n_words += len(wanted)
    p808_before, p808 = np.mean(quality, axis=0)
    return {
        "words_heard": float(np.mean(heard)),
        "words_heard_ipa": float(np.mean(by_ipa)) if by_ipa else float("nan"),
        "words_changed_samples": changed,
        "words_p808_before": float(p808_before),
        "words_p808": float(p808),
        "words_wer": errors / n_words,
    }


def _spoken(models: Models, voice: str, case: Case, words: tuple[NewWord, ...]) -> tuple[Line, np.ndarray]:
    line = {"who": "SPEAKER", "text": case.text, "start": 0, "words": [word.model_dump() for word in words]}
    cast = [{"name": "SPEAKER", "voice": voice, "role": "narrator"}]
    scene = Scene.model_validate({"picture": "", "cast": cast, "script": [line]})
    performer = ScenePerformer(scene, Path(), models, speakers_only=True)
    timeline, progress = performer.timeline(), Progress([Stage("speech", 1)])
    progress.start("speech")
    with tempfile.TemporaryDirectory() as work:
        alone = np.eye(1, dtype=np.float32), np.zeros(1, np.float32)
        speech = performer.perform(timeline, *alone, Path(work), progress).speech[0][:]
    spoken = timeline.lines[0]
    return spoken, speech[samples_from_frames(spoken.start) : samples_from_frames(spoken.stop)]


def _changed(line: Line, before: np.ndarray, new: Line, after: np.ndarray) -> int:
    """Samples that differ beyond the new word, as its symbols lie, and 60 ms on either side.

    The word is whole: a sound that it begins or ends with as the old one did is made anew, too.
    """
    first = _common(line.phonemes, new.phonemes)
    last = _common(line.phonemes[::-1], new.phonemes[::-1][: len(new.phonemes) - first])
    first = new.phonemes.rfind(" ", 0, first) + 1
    last = len(new.phonemes) - new.phonemes.find(" ", len(new.phonemes) - last)
    start = 240 * sum(new.durations[:first]) - JOIN
    stop = 240 * sum(new.durations[: len(new.phonemes) - last]) + JOIN
    rest = len(after) - stop
    return int((before[:start] != after[:start]).sum() + (before[len(before) - rest :] != after[stop:]).sum())


def _common(one: str, other: str) -> int:
    """Symbols that two begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("work"), help="what was heard is kept in its eval/judged")
    parser.add_argument("--cases", type=int, default=40)
    arguments = parser.parse_args()
    judges = Judges(arguments.work / "eval" / "judged")
    print(json.dumps(new_words(Models.load(), judges, cases()[: arguments.cases]), indent=1))


if __name__ == "__main__":
    main()
