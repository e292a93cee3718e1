"""Pseudo-labels of lip motion for the speech corpus, and the motion arrays of tracked sentences.

Files in the work folder, all on the 25 frames/s clock, channels as in :data:`generation.core.motion.CHANNELS`:

- ``labels.npy`` float16 (frames, 57): lips and jaw of every corpus utterance in the order of the manifest, the other
  channels zero (gestures are drawn anew while training, :mod:`generation.motion.gestures`);
- ``labels_index.json``: utterance id -> [first frame, number of frames];
- ``grid_motion.npy`` and ``grid_motion_index.json``: all channels of the tracked sentences, held-out files included,
  "file/sentence" -> [first frame, number of frames].
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch

from generation.audio.mel import mel_spectrogram
from generation.audio.voice_activity import loudness_track, quiet_frames
from generation.core.clock import HOP, MELS_PER_FRAME, SAMPLES_PER_FRAME, frames_covering_samples
from generation.core.motion import N_CHANNELS, WEIGHTS
from generation.data.corpus import corpus_rows
from generation.data.grid_corpus import HELD_OUT_FILES, TRAIN_FILES, mean_symbol_seconds, read_sentences
from generation.labels.motion_teacher import MOUTH_INDEX, MotionTeacher, load_teacher
from generation.motion.articulation import LipGeometry, LipTargets, correct_lips, lip_targets, pauses, phonetic_features
from generation.motion.rig import FaceRig
from generation.text.timed_phonemes import TimedPhonemes

logger = logging.getLogger(__name__)
OTHER_TALKERS = ("grid_multi",)


def label_speech(
    waveform: np.ndarray, timed: TimedPhonemes, teacher: MotionTeacher, lips: LipGeometry, seed: int
) -> np.ndarray:
    """Lips and jaw for speech with known phoneme times.

    Args:
        waveform: (S,) float32, 24 kHz.
        timed: its phonemes.
        teacher: the trained teacher.
        lips: the rig's lips.
        seed: of the teacher's noise.

    Returns:
        (T, 51) float32, 0..1, T = ceil(S / 960); channels other than mouth and jaw are zero.
    """
    sampled, targets = sample_teacher(waveform, timed, teacher, seed)
    return correct_lips(sampled, targets, lips)


def sample_teacher(
    waveform: np.ndarray, timed: TimedPhonemes, teacher: MotionTeacher, seed: int
) -> tuple[np.ndarray, LipTargets]:
    """Teacher's own sample (T, 51) float32, uncorrected, and what phonetics asks of the lips."""
    n_frames = frames_covering_samples(len(waveform))
    padded = np.pad(waveform, (0, n_frames * SAMPLES_PER_FRAME - len(waveform)))
    mel = mel_spectrogram(torch.from_numpy(padded))
    phonetic = torch.from_numpy(phonetic_features(timed, n_frames * MELS_PER_FRAME))
    weights = np.zeros((n_frames, WEIGHTS.stop), np.float32)
    weights[:, MOUTH_INDEX] = teacher.sample(mel, phonetic, torch.Generator().manual_seed(seed)).numpy()
    silent = pauses(timed, quiet_frames(padded, len(padded) // HOP))
    return weights, lip_targets(timed, silent, loudness_track(padded))


def make_labels(shared: Path, corpora: Sequence[Path], work: Path) -> None:
    """Writes the files named in the module's text; utterances that are done already are left alone.

    Args:
        shared: folder with ``motion/``, and ``corpus/`` for the usual rate of speech.
        corpora: see :func:`generation.data.corpus.corpus_rows`.
        work: folder with the trained teacher; the labels go there.
    """
    _write_real_motion(shared, work)
    rows = corpus_rows(corpora)
    lengths = [frames_covering_samples(record["samples"]) for record, _ in rows]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    index = {r["id"]: [int(a), n] for (r, _), a, n in zip(rows, starts, lengths, strict=False)}
    path, known = work / "labels.npy", work / "labels_index.json"
    if path.exists() and json.loads(known.read_text()) == index:
        return
    part, progress = work / "labels.part.npy", work / "labels.progress"
    fresh = not (progress.exists() and part.exists())
    shape = (int(starts[-1]), N_CHANNELS) if fresh else None
    labels = np.lib.format.open_memmap(part, mode="w+" if fresh else "r+", dtype=np.float16, shape=shape)
    done = _copy_labels(path, known, labels, index) if fresh else int(progress.read_text())
    teacher, lips = load_teacher(work), LipGeometry.of(FaceRig.load())
    for number in range(done, len(rows)):
        record, sound = rows[number]
        waveform = soundfile.read(sound, dtype="float32")[0]
        waveform = np.pad(waveform, (0, max(0, record["samples"] - len(waveform))))[: record["samples"]]
        timed = TimedPhonemes.from_corpus(record["phonemes"], record["durations"])
        weights = label_speech(waveform, timed, teacher, lips, seed=zlib.crc32(record["id"].encode()))
        labels[starts[number] : starts[number + 1], WEIGHTS] = weights
        if (number + 1) % 100 == 0:
            labels.flush()
            progress.write_text(str(number + 1))
            logger.info("labelled %d of %d utterances", number + 1, len(rows))
    labels.flush()
    del labels
    known.write_text(json.dumps(index))
    part.replace(path)
    progress.unlink(missing_ok=True)


def _copy_labels(path: Path, known: Path, labels: np.ndarray, index: dict[str, list[int]]) -> int:
    """Copies the labels of a smaller corpus that this one begins with; the number of its utterances."""
    if not path.exists():
        return 0
    old = json.loads(known.read_text())
    if list(old.items()) != list(index.items())[: len(old)]:
        return 0
    kept = np.load(path, mmap_mode="r")
    labels[: len(kept)] = kept
    return len(old)


def _write_real_motion(shared: Path, work: Path) -> None:
    if (work / "grid_motion_index.json").exists():
        return
    seconds = mean_symbol_seconds(shared / "corpus" / "manifest.jsonl")
    motion: list[np.ndarray] = []
    index: dict[str, list[int]] = {}
    first = 0
    for sentence in read_sentences(shared / "motion", TRAIN_FILES + HELD_OUT_FILES + OTHER_TALKERS, seconds):
        index[sentence.name] = [first, len(sentence.motion)]
        first += len(sentence.motion)
        motion.append(sentence.motion.astype(np.float16))
    np.save(work / "grid_motion.npy", np.concatenate(motion))
    (work / "grid_motion_index.json").write_text(json.dumps(index))
    logger.info("tracked motion of %d sentences", len(index))
