"""Builds the synthetic speech corpus: draws sentence, voice and speed, assigns splits, rejects faulty speech."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from generation.core.clock import SAMPLE_RATE
from generation.data.corpus import UNIT_SAMPLES
from generation.data.joint_dataset import HELD_OUT_VOICES
from generation.data.kokoro import SpeechTeacher, TeacherSpeech
from generation.text.phonemizer import phonemize

logger = logging.getLogger(__name__)
TRAINING_VOICES: tuple[str, ...] = (
    "af_bella", "af_heart", "af_kore", "af_nicole", "af_sarah", "am_adam", "am_fenrir", "am_michael", "am_onyx",
    "bf_emma", "bm_fable", "bm_george",
)  # fmt: skip
"""Voices that become presets."""
MORE_VOICES: tuple[str, ...] = (
    "af_alloy", "af_jessica", "af_nova", "af_river", "af_sky", "am_echo", "am_eric", "am_liam", "am_santa", "bf_alice",
    "bf_lily", "bm_daniel", "ef_dora", "em_alex", "em_santa", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi",
    "if_sara", "im_nicola", "jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo", "pf_dora", "pm_alex",
    "pm_santa", "zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia",
    "zm_yunyang",
)  # fmt: skip
"""Voices of the teacher, some of them other languages', that only widen what a voice can be."""
NATIVE_VOICES: dict[str, tuple[str, ...]] = {
    "es": ("ef_dora", "em_alex", "em_santa"),
    "fr-fr": ("ff_siwis",),
    "it": ("if_sara", "im_nicola"),
    "pt-br": ("pf_dora", "pm_alex", "pm_santa"),
}
"""Voices of the teacher that speak another language than English as their own."""
NATIVE_SHARE = 0.2
"""Of utterances in another language, those of a native voice; the others are presets with the native voices' accent."""
ACCENTS = {"es": 0.4, "fr-fr": 0.55, "it": 0.4, "pt-br": 0.4}
"""How far a preset is moved towards native voices: as little as makes it understood, since it costs likeness."""
ACCENT_SPREAD = 0.1
SPEEDS = (0.85, 1.2)
HELD_OUT_SHARE, BLEND_SHARE = 0.03, 0.2
TEST_PER_MILLE, DEV_PER_MILLE = 25, 35
SYMBOLS_ALLOWED = range(9, 250)
"""Shorter is hardly speech, and the teacher grows unsure of longer utterances."""
QUIETEST_PEAK = 0.05
LOUDEST_PEAK = 0.99
PROGRESS_EVERY = 50


@dataclass(frozen=True)
class Recipe:
    """How one utterance is to be made; the fields are those of the manifest."""

    id: str
    text: str
    lang: str
    voices: dict[str, float]
    speed: float
    accent: float = 0.0

    @property
    def spoken(self) -> dict[str, float]:
        """Voices of the teacher that make the sound: ``voices`` with the accent, which the model is not told."""
        return with_accent(self.voices, self.lang, self.accent)


class Splits:
    """Train, dev or test by sentence: what the manifest already has stays, the rest goes by hash of the sentence.

    Case, punctuation and spacing do not make another sentence. A text of several sentences is looked at sentence by
    sentence; the strictest split of a known sentence counts.

    Args:
        rows: manifest rows (``text``, ``split``) whose splits are kept.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]] = ()) -> None:
        self._texts: dict[str, str] = {_key(row["text"]): row["split"] for row in rows}
        self._sentences: dict[str, str] = {}
        strictness = ("train", "dev", "test")
        for row in rows:
            for key in _sentence_keys(row["text"]):
                kept = self._sentences.get(key, "train")
                self._sentences[key] = max(kept, row["split"], key=strictness.index)

    def of(self, text: str) -> str | None:
        """``train``, ``dev`` or ``test``; None if the text's sentences belong to different splits."""
        if _key(text) in self._texts:
            return self._texts[_key(text)]
        found = {self._sentences.get(key) or _hashed_split(key) for key in _sentence_keys(text)}
        return found.pop() if len(found) == 1 else None


def _key(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.casefold()))


def _sentence_keys(text: str) -> list[str]:
    """Without pieces of one or two words: ``Mr.`` ends no sentence, and ``Yes.`` gives nothing away."""
    keys = [_key(piece) for piece in re.split(r"(?<=[.!?])\s+", text)]
    return [key for key in keys if key.count(" ") >= 2] or [_key(text)]


def _hashed_split(key: str) -> str:
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % 1000
    if place < TEST_PER_MILLE:
        return "test"
    return "dev" if place < TEST_PER_MILLE + DEV_PER_MILLE else "train"


def tidy_texts(lines: Sequence[str]) -> list[str]:
    """Sentences with their final mark, each once, sorted; empty lines are left out."""
    texts = {" ".join(line.split()) for line in lines}
    texts = {text if text[-1] in ".!?" else text.rstrip(" ,;:-") + "." for text in texts if any(map(str.isalnum, text))}
    return sorted(texts)


def draw_recipe(seed: int, index: int, texts: Sequence[str], language: str | None = None) -> Recipe:
    """The ``index``-th utterance of a run: every text once before any comes again, voice and speed at random.

    Depends on nothing but the arguments, so that a stopped run goes on where it was. ``language`` is another than
    English, by its name in eSpeak NG.
    """
    turn, place = divmod(index, len(texts))
    text = texts[_order(seed, turn, len(texts))[place]]
    rng = random.Random(f"{seed}/{turn}/{place}")
    if language:
        voices, strength = foreign_voices(rng, language)
        speed = round(rng.uniform(*SPEEDS), 2)
        return Recipe(f"{language}-s{seed}-{index:06d}", text, language, voices, speed, strength)
    kind, known = rng.random(), TRAINING_VOICES + MORE_VOICES
    if kind < HELD_OUT_SHARE:
        voices = {rng.choice(HELD_OUT_VOICES): 1.0}
    elif kind < HELD_OUT_SHARE + BLEND_SHARE:
        voices = blend(rng)
    else:
        voices = {rng.choice(known): 1.0}
    lang = accent(voices)
    return Recipe(f"s{seed}-{index:06d}", text, lang, voices, round(rng.uniform(*SPEEDS), 2))


def blend(rng: random.Random) -> dict[str, float]:
    """Two of the voices that are trained on, and how much of each."""
    first, second = rng.sample(TRAINING_VOICES + MORE_VOICES, 2)
    weight = round(rng.uniform(0.25, 0.75), 2)
    return {first: weight, second: round(1 - weight, 2)}


def foreign_voices(rng: random.Random, language: str) -> tuple[dict[str, float], float]:
    """A native voice of a language, or a preset and how much accent it needs, so that presets keep their timbre."""
    native, preset, kind = rng.choice(NATIVE_VOICES[language]), rng.choice(TRAINING_VOICES), rng.random()
    strength = round(ACCENTS[language] + rng.uniform(-ACCENT_SPREAD, ACCENT_SPREAD), 2)
    return ({native: 1.0}, 0.0) if kind < NATIVE_SHARE else ({preset: 1.0}, strength)


def with_accent(voices: Mapping[str, float], language: str, strength: float) -> dict[str, float]:
    """Weights that add to voices what sets native voices of a language apart from English ones of the same sex.

    Voices of the teacher hold timbre and accent together: a preset alone is not understood in French, half of a native
    voice in it makes it another person. The mean difference moves the accent at half of that cost.

    Args:
        voices: voice name -> weight.
        language: of the accent, by its name in eSpeak NG.
        strength: 0 = none, 1 = all of the difference.
    """
    mixed = defaultdict(float, voices)
    for native in NATIVE_VOICES[language] if strength else ():
        share = strength / len(NATIVE_VOICES[language])
        alike = [v for v in TRAINING_VOICES + MORE_VOICES if v[0] in "ab" and v[1] == native[1]]
        mixed[native] += share
        for voice in alike:
            mixed[voice] -= share / len(alike)
    return dict(mixed)


def accent(voices: Mapping[str, float]) -> str:
    """The name, in eSpeak NG, of the pronunciation that goes with the first of the voices."""
    return "en-gb" if next(iter(voices)).startswith("b") else "en-us"


@lru_cache(maxsize=2)
def _order(seed: int, turn: int, n_texts: int) -> list[int]:
    order = list(range(n_texts))
    random.Random(f"{seed}/{turn}").shuffle(order)
    return order


def fault(speech: TeacherSpeech) -> str | None:
    """Why an utterance may not enter the corpus; None if it may."""
    if not np.isfinite(speech.waveform).all():
        return "not finite"
    if speech.durations.sum() * UNIT_SAMPLES != len(speech.waveform):
        return "durations do not fit the sound"
    if speech.durations.min() < 1:
        return "a symbol without duration"
    if np.abs(speech.waveform).max() < QUIETEST_PEAK:
        return "silent"
    return None


def read_manifest(path: Path) -> list[dict[str, Any]]:
    """Rows of a manifest; none if there is no file. A last line that a killed run left unfinished is cut off."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


@dataclass
class CorpusBuilder:
    """Writes ``audio/<id>.opus`` and ``manifest.jsonl`` until there is enough; goes on where it was stopped.

    Attributes:
        out: folder of the corpus.
        teacher: what speaks.
        texts: what can be said, of :func:`tidy_texts`.
        splits: where each sentence belongs.
        seed: of who says what how fast; also part of the ids, so that runs with other seeds add to a corpus.
        language: of the texts where it is not English, by its name in eSpeak NG.
        counts: "accepted", and the reasons for rejecting, of this run.
    """

    out: Path
    teacher: SpeechTeacher
    texts: Sequence[str]
    splits: Splits
    seed: int = 0
    language: str | None = None

    def __post_init__(self) -> None:
        (self.out / "audio").mkdir(parents=True, exist_ok=True)
        self.manifest = self.out / "manifest.jsonl"
        self.counts: Counter[str] = Counter()

    def build(self, hours: float, workers: int, stopped: Callable[[], bool]) -> None:
        """Makes utterances until the manifest holds ``hours`` of speech or ``stopped()``; what is begun is finished.

        Raises:
            ValueError: none of the texts can be used.
        """
        rows = read_manifest(self.manifest)
        seconds = sum(row["samples"] for row in rows) / SAMPLE_RATE
        logger.info("%d utterances, %.2f h are there; %d texts", len(rows), seconds / 3600, len(self.texts))
        recipes = self._usable_recipes({row["id"] for row in rows})
        pending: set[Future[dict[str, Any] | str]] = set()
        with ThreadPoolExecutor(workers) as pool, self.manifest.open("a", encoding="utf-8") as manifest:
            while True:
                while len(pending) < workers and seconds < hours * 3600 and not stopped():
                    pending.add(pool.submit(self._make, *next(recipes)))
                if not pending:
                    break
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for made in (future.result() for future in done):
                    if isinstance(made, str):
                        self.counts[made] += 1
                        continue
                    manifest.write(json.dumps(made, ensure_ascii=False) + "\n")
                    manifest.flush()
                    self.counts["accepted"] += 1
                    seconds += made["samples"] / SAMPLE_RATE
                    if self.counts["accepted"] % PROGRESS_EVERY == 0:
                        logger.info("%.3f h; %s", seconds / 3600, dict(self.counts))
        logger.info("%.3f h are there; this run: %s", seconds / 3600, dict(self.counts))

    def _usable_recipes(self, done: set[str]) -> Iterator[tuple[Recipe, str, str]]:
        """Recipes not made yet, with phonemes and split; texts that cannot be used are counted.

        Raises:
            ValueError: as many texts as there are, one after the other, cannot be used.
        """
        missed = 0
        for index in itertools.count():
            recipe = draw_recipe(self.seed, index, self.texts, self.language)
            if recipe.id in done:
                continue
            split = self.splits.of(recipe.text)
            try:
                phonemes = phonemize(recipe.text, recipe.lang)
            except ValueError:
                phonemes = ""
            if split and len(phonemes) in SYMBOLS_ALLOWED:
                missed = 0
                yield recipe, phonemes, split
                continue
            self.counts["too short, too long or unreadable" if split else "sentences of different splits"] += 1
            missed += 1
            if missed >= len(self.texts):
                raise ValueError(f"None of the {missed} texts can be used: {dict(self.counts)}; give other sentences.")

    def _make(self, recipe: Recipe, phonemes: str, split: str) -> dict[str, Any] | str:
        """The manifest's row of a new utterance whose sound is in place, or why there is none."""
        import soundfile

        speech = self.teacher.speak(phonemes, recipe.spoken, recipe.speed)
        if reason := fault(speech):
            return reason
        waveform = speech.waveform * min(1.0, LOUDEST_PEAK / np.abs(speech.waveform).max())
        path = self.out / "audio" / f"{recipe.id}.opus"
        partial = path.with_suffix(".part")
        soundfile.write(partial, waveform, SAMPLE_RATE, format="OGG", subtype="OPUS")
        if soundfile.info(partial).frames != len(waveform):
            partial.unlink()
            return "file of another length"
        partial.replace(path)
        timing = {"phonemes": phonemes, "durations": speech.durations.tolist(), "samples": len(waveform)}
        return {**vars(recipe), **timing, "split": split}
