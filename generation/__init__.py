"""Speech and facial motion from one model, and the pictures made of them: the public names, loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generation.audio.loudness import mix
    from generation.audio.waveform import Audio, load_audio
    from generation.core.motion import MotionTrack
    from generation.core.performance import CastMember, CharacterPerformance, Line, Performance
    from generation.models.duration_predictor import DurationPredictor
    from generation.pipeline.joint import JointPipeline
    from generation.pipeline.retake import regenerate_span
    from generation.pipeline.sampling import Guidance, Sampling
    from generation.rendering.face import RenderFace
    from generation.rendering.renderer import SceneRenderer
    from generation.text.phonemizer import phonemize
    from generation.voices.bank import VoiceBank
    from generation.voices.cloning import ClonedVoice, clone_voice

_MODULES = {
    "Audio": "audio.waveform",
    "CastMember": "core.performance",
    "CharacterPerformance": "core.performance",
    "ClonedVoice": "voices.cloning",
    "DurationPredictor": "models.duration_predictor",
    "Guidance": "pipeline.sampling",
    "JointPipeline": "pipeline.joint",
    "Line": "core.performance",
    "MotionTrack": "core.motion",
    "Performance": "core.performance",
    "RenderFace": "rendering.face",
    "Sampling": "pipeline.sampling",
    "SceneRenderer": "rendering.renderer",
    "VoiceBank": "voices.bank",
    "clone_voice": "voices.cloning",
    "load_audio": "audio.waveform",
    "mix": "audio.loudness",
    "phonemize": "text.phonemizer",
    "regenerate_span": "pipeline.retake",
}

__all__ = [
    "Audio", "CastMember", "CharacterPerformance", "ClonedVoice", "DurationPredictor", "Guidance", "JointPipeline",
    "Line", "MotionTrack", "Performance", "RenderFace", "Sampling", "SceneRenderer", "VoiceBank", "clone_voice",
    "load_audio", "mix", "phonemize", "regenerate_span",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """A public name, its module imported when it is first asked for, so that ``import generation`` loads no torch."""
    if name not in _MODULES:
        raise AttributeError(f"module 'generation' has no attribute {name!r}")
    value = getattr(import_module(f"generation.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
