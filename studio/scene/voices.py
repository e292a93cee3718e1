"""Names and languages of the preset voices that scenes can name."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel

from studio.scene.schema import Scene


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


def language_of(scene: Scene, index: int) -> str:
    """The language a character is pronounced in: its own, else that of its preset, else ``en-us``."""
    character = scene.cast[index]
    if character.language is not None:
        return character.language
    from generation.voices.bank import VoiceBank

    preset = VoiceBank.load().presets.get(character.voice.preset or "") if character.voice else None
    return preset.language if preset else "en-us"
