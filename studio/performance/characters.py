"""Voice, timbre, styles and delivery of everybody in a scene's cast, and the styles of single lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.adapters.metadata import fingerprint
from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from generation.core.delivery import Delivery
from generation.voices.bank import speaker_embedding_from_clip
from studio.performance.models import Models
from studio.scene.schema import Character, Scene
from studio.scene.styles import delivery_of, read_style
from studio.timeline.recordings import line_recording, scene_recording


@dataclass(frozen=True)
class CharacterVoice:
    """Voice, timbre, styles and delivery of a character.

    Attributes:
        name: of the character.
        embedding: (64,) float32, the speaker embedding.
        timbre: (2, 100) float32 correction of the spectrum of a cloned voice; None = none.
        styles: strengths of adapters by the hash of their file.
        delivery: pace, pauses, gaze and lids of those styles together.
    """

    name: str
    embedding: np.ndarray
    timbre: np.ndarray | None
    styles: dict[str, float]
    delivery: Delivery


def character_voices(scene: Scene, folder: Path, models: Models) -> list[CharacterVoice]:
    """Load everybody's adapters and find everybody's voice.

    Args:
        scene: a checked scene.
        folder: where its file names start.
        models: which the adapters are loaded into.

    Raises:
        ValueError: a style that cannot be used.
        RuntimeError: an adapter's file that is damaged.
    """
    voices = []
    for character in scene.cast:
        styles, delivery = _styles(character, folder, models)
        embedding, timbre = _voice(character, styles, scene, folder, models)
        voices.append(CharacterVoice(character.name, embedding, timbre, styles, delivery))
    return voices


def line_strengths(scene: Scene, folder: Path, models: Models) -> list[tuple[tuple[str, float], ...]]:
    """Strengths that each line of the script has of its own, by the hashes of the adapters' files, which are loaded.

    Raises:
        ValueError: a style that cannot be used.
        RuntimeError: an adapter's file that is damaged.
    """
    return [tuple(_loaded(line.styles, folder, models).items()) for line in scene.script]


def _loaded(styles: Mapping[str, float], folder: Path, models: Models) -> dict[str, float]:
    """Strengths by the hashes of the files of adapters, which are loaded."""
    adapters, strengths = models.pipeline.adapters, {}
    for name, strength in styles.items():
        path = read_style(name, folder).path
        if (key := fingerprint(path)) not in adapters.names:
            adapters.load(key, path)
        strengths[key] = strength
    return strengths


def _styles(character: Character, folder: Path, models: Models) -> tuple[dict[str, float], Delivery]:
    used = {name: strength for name, strength in character.styles.items() if strength > 0}
    return _loaded(used, folder, models), delivery_of(used, folder)


def _voice(
    character: Character, styles: Mapping[str, float], scene: Scene, folder: Path, models: Models
) -> tuple[np.ndarray, np.ndarray | None]:
    """Speaker embedding and timbre; those who only play recordings have the embedding of the first one.

    Styles that bring a voice of their own take its place, in step with their strength.
    """
    adapters, timbre = models.pipeline.adapters, None
    embedding = np.zeros_like(models.voices.octave)
    if character.voice is None:
        index = scene.find(character.name)
        own = [line for line in scene.script if index is not None and scene.says(index, line) and line.recording]
        if own:
            embedding = speaker_embedding_from_clip(Audio(line_recording(folder, own[0]), SAMPLE_RATE))
    elif character.voice.clip is not None:
        cloned = models.cloned(scene_recording(folder, character.voice.clip))
        embedding, timbre = cloned.embedding, np.float32(adapters.remaining_voice(styles)) * cloned.timbre
    elif character.voice.preset is not None:
        embedding = models.voices.embedding(character.voice.preset)
    return adapters.adapted_voice(embedding, styles), timbre
