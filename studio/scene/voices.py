"""Names and languages of the preset voices that scenes can name."""

from __future__ import annotations

from studio.scene.schema import Scene


def voice_names() -> tuple[str, ...]:
    """Names of the voices that are shipped."""
    from generation.voices.bank import VoiceBank

    return VoiceBank.load().names


def language_of(scene: Scene, index: int) -> str:
    """The language a character is pronounced in: its own, else that of its preset, else ``en-us``."""
    character = scene.cast[index]
    if character.language is not None:
        return character.language
    from generation.voices.bank import VoiceBank

    preset = VoiceBank.load().presets.get(character.voice.preset or "") if character.voice else None
    return preset.language if preset else "en-us"
