"""Voices are suggested by how unlike they are to those of the rest of the cast."""

from __future__ import annotations

from generation.voices.bank import VoiceBank
from studio.scene.schema import Character, Scene, Voice
from studio.scene.voices import _likeness, voice_names, voices_by_contrast


def cast_of(*voices: str) -> Scene:
    cast = [Character(name=f"P{n}", voice=Voice(preset=voice)) for n, voice in enumerate(voices)]
    return Scene(picture="a.png", cast=tuple(cast), script=())


def test_the_voice_least_like_the_others_comes_first() -> None:
    bank = VoiceBank.load()
    assert voices_by_contrast(cast_of()) == voice_names()
    for taken in (("Maya",), ("Maya", "Owen"), ("Alice", "Arthur", "Ruth")):
        order = voices_by_contrast(cast_of(*taken))
        assert sorted(order) == sorted(voice_names())
        near = [max(_likeness(bank[name].embedding, bank[t].embedding) for t in taken) for name in order]
        assert near == sorted(near)
        assert set(order[-len(taken) :]) == set(taken)
    assert voices_by_contrast(cast_of("Maya", "Owen"), 1) == voices_by_contrast(cast_of("Maya"))
