"""Cross-modal measures: how well the motion follows sound that is given to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from generation.audio.voice_activity import frame_loudness, speech_frames
from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE, SAMPLES_PER_FRAME, samples_from_frames
from generation.core.motion import INDEX
from generation.core.performance import CastMember, Line
from generation.metrics.binding import best_lag, correlation
from generation.pipeline.face_routing import route
from generation.pipeline.line_inputs import line_numbers
from generation.pipeline.sampling import Guidance
from generation.voices.bank import speaker_embedding_from_clip
from scripts.evaluation.bootstrap import mean, renamed
from scripts.evaluation.inputs import Recording
from scripts.evaluation.measures.lip_sync import closure, loudness, rig_gap, spoken
from scripts.evaluation.measures.rendered_face import Portrait
from scripts.evaluation.synthesis import Synthesis, Take

SHIFT = 5
PARTNERS = 8
_MOST_LAG = 12
_JAW = INDEX["jawOpen"]


def streams(synthesis: Synthesis, takes: Sequence[Take], voices: Sequence[str], portrait: Portrait) -> dict[str, float]:
    """Four trials on sentences that our own model spoke.

    Args:
        synthesis: the shipped models.
        takes: the sentences with text and sound made together.
        voices: of the corpus, whose presets said them.
        portrait: face on which lips are rendered and tracked again.

    Returns:
        ``given_*``: text dropped and the sound given, lips over the same sound; ``given_jaw_r``: the jaw with the text
        dropped against that of text and sound made together; ``shift_*``: sound moved by five
        frames; ``other_*``: the text of one sentence with the sound of another; ``leak_sampled``: lips of a silent
        partner over those of the speaker as the network samples them, before silence shuts mouths.
    """
    embeddings = [synthesis.preset(voice) for voice in voices]
    return (
        _sound_alone(synthesis, takes, embeddings, portrait)
        | _shifted(synthesis, takes, embeddings)
        | _other_sound(synthesis, takes, embeddings)
        | _silent_partner(synthesis, takes[:PARTNERS], embeddings[:PARTNERS])
    )


def recordings_played(synthesis: Synthesis, recordings: Sequence[Recording], portrait: Portrait) -> dict[str, float]:
    """Recordings of the corpus given to the model without their words: closed lips on the rig and in pixels."""
    takes = []
    for seed, recording in enumerate(recordings):
        voice = speaker_embedding_from_clip(Audio(recording.waveform, SAMPLE_RATE))
        played = synthesis.play(recording.waveform, voice, seed)
        takes.append(replace(played, phonemes=recording.phonemes, durations=recording.durations))
    return renamed(_rig_and_pixels(takes, portrait), "recording_")


def _sound_alone(
    synthesis: Synthesis, takes: Sequence[Take], voices: Sequence[np.ndarray], portrait: Portrait
) -> dict[str, float]:
    played = (
        synthesis.play(take.line, voice, seed) for seed, (take, voice) in enumerate(zip(takes, voices, strict=True))
    )
    given = [replace(p, phonemes=t.phonemes, durations=t.durations) for p, t in zip(played, takes, strict=True)]
    figures: dict[str, float] = {}
    for name, lips in (("full", takes), ("given", given)):
        figures |= renamed(_rig_and_pixels(lips, portrait), f"{name}_")
    jaws = [(take.motion[:, _JAW], other.motion[:, _JAW]) for take, other in zip(takes, given, strict=True)]
    return figures | mean("given_jaw_r", range(len(jaws)), [correlation(a, b) for a, b in jaws])


def _rig_and_pixels(takes: Sequence[Take], portrait: Portrait) -> dict[str, float]:
    raw = [spoken(take, rig_gap(take.motion), number) for number, take in enumerate(takes)]
    seen = portrait.figures(takes, [take.motion for take in takes])
    return renamed(closure(raw), after="_raw") | loudness(raw) | seen


def _shifted(synthesis: Synthesis, takes: Sequence[Take], voices: Sequence[np.ndarray]) -> dict[str, float]:
    room = np.zeros(samples_from_frames(SHIFT), np.float32)
    lags = []
    for seed, (take, voice) in enumerate(zip(takes, voices, strict=True)):
        early = synthesis.play(np.concatenate([take.line, room]), voice, seed)
        late = synthesis.play(np.concatenate([room, take.line]), voice, seed)
        lags.append(best_lag(rig_gap(early.motion), rig_gap(late.motion), _MOST_LAG))
    return {
        "shift_frames": float(np.median(lags)),
        "shift_within_1": float(np.mean(np.abs(np.array(lags) - SHIFT) <= 1)),
    }


def _other_sound(synthesis: Synthesis, takes: Sequence[Take], voices: Sequence[np.ndarray]) -> dict[str, float]:
    to_sound, to_text = [], []
    for number, (take, voice) in enumerate(zip(takes, voices, strict=True)):
        own, other = take.line, takes[(number + 1) % len(takes)].line
        other = np.resize(other, len(own)) if len(other) >= len(own) else np.pad(other, (0, len(own) - len(other)))
        played = synthesis.play(other, voice, number, take.phonemes, take.durations)
        gap = rig_gap(played.motion)[take.start : take.start + len(own) // SAMPLES_PER_FRAME]
        both = speech_frames(own) & speech_frames(other)
        to_sound.append(correlation(gap[both], frame_loudness(other)[both]))
        to_text.append(correlation(gap[both], frame_loudness(own)[both]))
    return {"other_follows_sound": float(np.mean(to_sound)), "other_follows_text": float(np.mean(to_text))}


def _silent_partner(synthesis: Synthesis, takes: Sequence[Take], voices: Sequence[np.ndarray]) -> dict[str, float]:
    pipeline, sampling, guidance = synthesis.pipeline, synthesis.sampling, Guidance()
    shares = []
    for seed, (take, voice) in enumerate(zip(takes, voices, strict=True)):
        line = Line("line", 0, take.start, len(take.line) // SAMPLES_PER_FRAME, take.phonemes, take.durations)
        cast = [CastMember("SPEAKER", voice, -0.5), CastMember("LISTENER", voices[seed - 1], 0.5)]
        n_frames = len(take.motion)
        own = np.repeat(np.eye(len(cast), dtype=np.float32)[:, :, None], n_frames, 2)
        with torch.inference_mode():
            rows = route(own, line_numbers([line], len(cast), n_frames) > 0)
            audio = pipeline.prepare_audio([line], cast, n_frames, seed, sampling, silent_voice=rows.silence)
            motion = pipeline.prepare_motion([line], cast, n_frames, seed, rows)
            inputs = pipeline.prepare_inputs([line], cast, rows, audio, motion)
            _, motion = pipeline.denoise(inputs, audio, motion, cast, rows, sampling, guidance, None)
        values = [pipeline.normalizer.motion_values(part.float().cpu().numpy()) for part in motion.blended[0]]
        speaker, listener = (np.square(rig_gap(v.clip(0, 1))[line.start : line.stop]).mean() ** 0.5 for v in values)
        shares.append(listener / speaker)
    return {"leak_sampled": float(np.mean(shares))}
