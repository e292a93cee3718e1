"""Speech and lips in other languages than English: word errors, quality, closed lips and voices, beside the teacher."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from generation.data.corpus_builder import NATIVE_VOICES, TRAINING_VOICES
from generation.text.languages import ESPEAK_NAMES, is_english, shipped_languages, unknown_language
from scripts.evaluation.bootstrap import mean, ratio, renamed
from scripts.evaluation.inputs import Corpus, language_sentences
from scripts.evaluation.judges import Judges
from scripts.evaluation.measures.lip_sync import figures, rig_gap, spoken
from scripts.evaluation.measures.speakers import voice_centre
from scripts.evaluation.peers import Peers
from scripts.evaluation.synthesis import Synthesis, Take
from scripts.evaluation.whisper_base import MultilingualListener, plain_words

log = logging.getLogger(__name__)
CODES = tuple(code for code, language in ESPEAK_NAMES.items() if not is_english(language))
MOST_NAMED = 5
"""Sentences whose errors are written into the log."""
Figures = dict[str, float]


def languages(
    synthesis: Synthesis, judges: Judges, listener: MultilingualListener, corpus: Corpus, peers: Peers, sentences: int
) -> dict[str, Figures]:
    """Figures by language, those of the teacher under ``teacher_...``; ours are left out where weights do not know it.

    Each sentence is said by one of the twelve presets in turn, and by the teacher's own voices of the language. Lips
    are measured on the rig. ``sim_presets`` is the cosine to the English recordings that a preset was learnt from.

    Args:
        synthesis: the shipped models.
        judges: quality and voices.
        listener: who writes down what is heard.
        corpus: recordings of the presets' voices.
        peers: the teacher.
        sentences: how many of each language's at most.
    """
    found: dict[str, Figures] = {}
    for code in CODES:
        texts, language = language_sentences(code)[:sentences], ESPEAK_NAMES[code]
        found[code] = {}
        if "kokoro" in peers.here:
            native = NATIVE_VOICES[language]
            said = [peers.kokoro(t, native[i % len(native)], language).waveform for i, t in enumerate(texts)]
            found[code] |= renamed(_heard(texts, said, code, listener, judges), before="teacher_")
        if unknown_language(language, shipped_languages()) is not None:
            log.warning("the weights do not speak %s", code)
            continue
        voices = [TRAINING_VOICES[i % len(TRAINING_VOICES)] for i in range(len(texts))]
        takes = [synthesis.speak(t, v, i, language=language) for i, (t, v) in enumerate(zip(texts, voices))]
        found[code] |= _heard(texts, [take.line for take in takes], code, listener, judges)
        found[code] |= _lips(takes) | same_voices(judges, corpus, voices, takes)
    return found


def _heard(
    texts: Sequence[str], said: Sequence[np.ndarray], code: str, listener: MultilingualListener, judges: Judges
) -> Figures:
    heard = [listener.text(waveform, code) for waveform in said]
    return word_figures(texts, heard, code) | mean("p808", range(len(said)), [judges.quality(w)[1] for w in said])


def word_figures(texts: Sequence[str], heard: Sequence[str], code: str) -> Figures:
    """``wer`` with its interval, both sides read by our rules of the language; the worst go into the log."""
    import jiwer

    wanted, found = ([plain_words(text, code) for text in side] for side in (texts, heard))
    counts = [jiwer.process_words(a, b) for a, b in zip(wanted, found, strict=True)]
    errors = [count.substitutions + count.deletions + count.insertions for count in counts]
    for number in sorted(range(len(texts)), key=lambda i: -errors[i])[:MOST_NAMED]:
        if errors[number]:
            log.info("%s: %d errors: %s | %s", code, errors[number], texts[number], heard[number])
    return ratio("wer", range(len(texts)), errors, [len(text.split()) for text in wanted])


def _lips(takes: Sequence[Take]) -> Figures:
    shown = [spoken(take, rig_gap(take.motion), number) for number, take in enumerate(takes)]
    found = figures({"closure", "mouth_loudness_r"}, shown)
    return {name.replace("mouth_loudness_r", "loudness_r"): value for name, value in found.items()}


def same_voices(judges: Judges, corpus: Corpus, voices: Sequence[str], takes: Sequence[Take]) -> Figures:
    """``sim_presets``, the mean over the presets, ``sim_presets_least``, that of the farthest, and each one's own."""
    centres = {voice: voice_centre(judges, corpus, voice) for voice in dict.fromkeys(voices)}
    cosines: dict[str, list[float]] = {voice: [] for voice in centres}
    for voice, take in zip(voices, takes, strict=True):
        cosines[voice].append(float(judges.voice(take.line) @ centres[voice]))
    means = {f"sim_presets_{voice}": float(np.mean(values)) for voice, values in cosines.items()}
    return {"sim_presets": float(np.mean([*means.values()])), "sim_presets_least": min(means.values())} | means


def goals(found: Mapping[str, float]) -> Figures:
    """What is asked of ours, from the teacher's own figures: most word errors, least p808, closure and likeness."""
    asked = {"closure": 0.9, "sim_presets": 0.8}
    if "teacher_wer" in found:
        asked["wer"] = max(1.5 * found["teacher_wer"], found["teacher_wer"] + 0.03)
        asked["p808"] = found["teacher_p808"] - 0.25
    return asked


ROWS = {
    "wer": "word errors", "p808": "DNSMOS p808", "closure": "closed on p, b, m, on the rig",
    "loudness_r": "opening against loudness, r", "sim_presets": "presets against their English recordings (cosine)",
    "sim_presets_least": "... the farthest of the twelve",
}  # fmt: skip
_PERCENT = ("wer", "closure")
_NAMES = {"es": "Spanish", "fr": "French", "it": "Italian", "pt": "Brazilian Portuguese"}


def markdown(found: Mapping[str, Mapping[str, float]]) -> str:
    """A table for each language that was measured; empty where none was."""
    parts = []
    for code, values in found.items():
        asked = goals(values)
        lines = ["| | goal | ours | teacher |", "| --- | --- | --- | --- |"]
        for key, name in ROWS.items():
            if key in values or f"teacher_{key}" in values:
                sign = "<=" if key == "wer" else ">="
                goal = f"{sign} {_written(key, asked[key])}" if key in asked else ""
                lines.append(
                    f"| {name} | {goal} | {_cell(key, key, values)} | {_cell(key, f'teacher_{key}', values)} |"
                )
        if len(lines) > 2:
            parts.append(f"### {_NAMES[code]}\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _cell(kind: str, key: str, values: Mapping[str, float]) -> str:
    if key not in values:
        return ""
    text = _written(kind, values[key])
    if f"{key}_low" in values:
        text += f" ({' - '.join(_written(kind, values[f'{key}_{end}']).removesuffix(' %') for end in ('low', 'high'))})"
    return text


def _written(kind: str, value: float) -> str:
    return f"{100 * value:.1f} %" if kind in _PERCENT else f"{value:.2f}"
