"""Names of the preset voices that scenes can name, and what language a character and a line speak."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from generation.core.assets import asset
from generation.text.language_guess import language_name
from generation.text.languages import (
    ENGLISH,
    ESPEAK_NAMES,
    LANGUAGE_NAMES,
    espeak_name,
    is_english,
    shipped_languages,
    unknown_language,
)
from generation.voices.blend import read_blend
from studio.core.messages import nearest, shortened
from studio.scene.schema import Scene, ScriptLine


class VoiceFacts(BaseModel):
    """A voice that ships: its name, its language, and how it sounds."""

    voice: str
    language: str
    description: str


def shipped_voices() -> list[VoiceFacts]:
    """The voices that scenes can name, as plain data."""
    from generation.voices.bank import VoiceBank

    presets = VoiceBank.load().presets.items()
    return [VoiceFacts(voice=n, language=p.language, description=p.description) for n, p in presets]


def voice_names() -> tuple[str, ...]:
    """Names of the voices that are shipped."""
    from generation.voices.bank import VoiceBank

    return VoiceBank.load().names


def voice_fault(voice: str) -> tuple[str, str] | None:
    """What is wrong with the name of a voice or a blend of voices, and the repair; None if there are such voices."""
    try:
        blend = read_blend(voice)
    except ValueError as error:
        return f"the voice {shortened(voice)} {error}", ""
    known = voice_names()
    unknown = [name for name in blend.shares if name not in known]
    return (f"the voice {shortened(unknown[0])} is not known", nearest(unknown[0], known)) if unknown else None


def voices_by_contrast(scene: Scene, index: int | None = None) -> tuple[str, ...]:
    """All voices, those most unlike the voices of the rest of the cast first: suggestions for a member of it.

    What a face sounds like is not measured (``docs/decisions/0041``); that two people can be told apart is: by the
    distance between speaker embeddings.

    Args:
        scene: the scene.
        index: the member of the cast whose voice is sought; None for one to come.
    """
    from generation.voices.bank import VoiceBank

    bank = VoiceBank.load()
    others = [c.voice.preset for i, c in enumerate(scene.cast) if i != index and c.voice is not None]
    taken = [bank[name].embedding for name in others if name in bank.presets]

    def nearness(name: str) -> float:
        return max((_likeness(bank[name].embedding, other) for other in taken), default=0.0)

    return tuple(sorted(bank.names, key=nearness))


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Cosine of two speaker embeddings."""
    return float(one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9))


def spoken_languages() -> dict[str, str]:
    """The languages that the shipped weights speak, as scenes write them, with their names for a reader."""
    accents = {ENGLISH: "English", "en-us": "English, American", "en-gb": "English, British"}
    n_languages = shipped_languages()
    others = {
        code: LANGUAGE_NAMES[language]
        for code, language in ESPEAK_NAMES.items()
        if not is_english(language) and unknown_language(language, n_languages) is None
    }
    return accents | others


def foreign_text(subject: str, seems: str, language: str, change: str, otherwise: str = "") -> tuple[str, str]:
    """What is said of a text that seems to be in another language than it is read in, and the repair.

    Args:
        subject: what the text is to the reader, such as ``"the text"``.
        seems: code of the language that it seems to be in, see :class:`generation.text.reading.Reading`.
        language: voice of eSpeak NG that it is read by.
        change: the repair where the weights speak the language that it seems to be in.
        otherwise: the repair where they do not; empty = none but to write it in the language that it is read in.
    """
    own = LANGUAGE_NAMES[language]
    other = change if seems in spoken_languages() else otherwise
    repair = f"write it in {own}, or {other}" if other else f"write it in {own}"
    return f"{subject} seems to be {language_name(seems)} and will be read as {own}", repair


def language_of(scene: Scene, index: int, line: ScriptLine | None = None) -> str:
    """What a character speaks, by its name in eSpeak NG: the line's language, else its own, else English.

    English has the accent that the character's ``language`` names, else that of its preset, else ``en-us``.
    """
    character = scene.cast[index]
    wanted = (line.language if line is not None else None) or character.language or ENGLISH
    if wanted != ENGLISH:
        return espeak_name(wanted)
    if character.language is not None and is_english(character.language) and character.language != ENGLISH:
        return espeak_name(character.language)
    preset = character.voice.preset if character.voice else None
    return espeak_name(ENGLISH, _accents(asset("voices.json").parent).get(_leading(preset or ""), "en-us"))


def _leading(voice: str) -> str:
    """The voice with the largest share of a blend; empty where it is none."""
    try:
        return read_blend(voice).leading
    except ValueError:
        return ""


@cache
def _accents(folder: Path) -> dict[str, str]:
    """The language of each preset in a folder of assets: a script asks line by line."""
    from generation.voices.bank import VoiceBank

    return {name: preset.language for name, preset in VoiceBank.load(folder).presets.items()}
