"""Material to learn from: what is read, cut and laid on its words, and what is said of clips that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
import skimage.data
import soundfile
from sounds import buzz
from tiny import tiny_pipeline

from generation.core.motion import INDEX, N_CHANNELS
from generation.data.clips import Clip
from generation.finetuning.clip_reader import ClipReader
from generation.finetuning.from_clips import training_plan
from generation.finetuning.lora_training import Size
from generation.finetuning.transcription import TranscribedSegment
from generation.models.duration_predictor import DurationPredictor
from generation.motion.arkit import write_arkit_csv, write_motion_json
from generation.motion.video_tracking import face_fault, track_video
from generation.pipeline.forced_alignment import Alignment, ForcedAligner, _at_least_one, _warp

RATE = 24_000


class Layer:
    """Lays words evenly; ``distance`` is what it says of them."""

    def __init__(self, distance: float = 0.5) -> None:
        self.distance = distance

    def align(self, waveform: np.ndarray, phonemes: str, voice: np.ndarray, language: str = "en-us") -> Alignment:
        edges = np.linspace(0, len(waveform) // 240, len(phonemes) + 1).round().astype(int)
        return Alignment(tuple(int(n) for n in np.diff(edges)), self.distance)


def write_sound(path: Path, seconds: float = 3.0, scale: float = 1.0, words: str | None = "one two") -> np.ndarray:
    quiet = np.zeros(RATE // 2, np.float32)
    sound = np.concatenate([quiet, scale * buzz(seconds - 1), quiet]).astype(np.float32)
    soundfile.write(path, sound.clip(-0.5, 0.5), RATE)
    if words is not None:
        path.with_suffix(".txt").write_text(words)
    return sound


def reader(part: str = "audio", transcribe: object = None, distance: float = 0.5) -> ClipReader:
    return ClipReader(part, Layer(distance), "en-us", transcribe)


def test_a_clip_with_its_words_is_trimmed_and_laid(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav")
    material = reader().read(tmp_path)
    (clip,) = material.clips
    assert material.faults == () and clip.name == "a" and clip.motion is None
    assert 2.0 <= clip.n_frames / 25 <= 2.4, "half a second of silence at both ends is gone"
    assert clip.phonemes.startswith(" w") and sum(clip.durations) == 4 * clip.n_frames
    assert clip.waveform.shape == (960 * clip.n_frames,)
    with pytest.raises(ValueError, match=r"^The material is too little: 1 usable clips of together 2 s;"):
        material.require_enough()


def test_what_is_wrong_is_said_clip_by_clip(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write_sound(tmp_path / "a_good.wav")
    write_sound(tmp_path / "b_clipped.wav", scale=8.0)
    write_sound(tmp_path / "c_wordless.wav", words=None)
    soundfile.write(tmp_path / "d_short.wav", buzz(0.5), RATE)
    noise = 0.1 * rng.standard_normal(3 * RATE)
    noise[: RATE // 2] = noise[-RATE // 2 :] = 0
    soundfile.write(tmp_path / "e_rain.wav", noise, RATE)
    (tmp_path / "e_rain.txt").write_text("nobody speaks")
    tones = sum(0.1 * np.sin(2 * np.pi * f * np.arange(3 * RATE) / RATE) for f in (220, 277, 330))
    soundfile.write(tmp_path / "f_music.wav", tones, RATE)
    (tmp_path / "f_music.txt").write_text("la la")
    write_sound(tmp_path / "g_empty.wav", words=" ")
    write_sound(tmp_path / "h_long.wav", seconds=31.0)
    (tmp_path / "i_damaged.wav").write_bytes(b"no sound")
    (tmp_path / "notes.md").write_text("no clip")
    material = reader().read(tmp_path)
    assert [clip.name for clip in material.clips] == ["a_good"]
    wanted = {
        "b_clipped": "is clipped", "c_wordless": "c_wordless.txt beside it, or install faster-whisper",
        "d_short": "lasts 0.5 s", "e_rain": "holds no voice", "f_music": "noise or music",
        "g_empty": "is empty; write what is said", "h_long": "cut it into clips of at most 30 s",
        "i_damaged": "cannot be read as sound",
    }  # fmt: skip
    assert len(material.faults) == len(wanted)
    for sentence, (name, reason) in zip(material.faults, wanted.items(), strict=True):
        assert name in sentence and reason in sentence and sentence.endswith(".") and "\n" not in sentence


def test_other_words_than_are_said_are_found(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav")
    assert reader(distance=0.95).read(tmp_path).faults == (
        "a does not say the words that are written for it; correct its text.",
    )


def test_a_long_recording_is_cut_where_words_are_heard(tmp_path: Path) -> None:
    sound = np.concatenate([np.pad(buzz(2.0), RATE // 2) for _ in range(3)])
    soundfile.write(tmp_path / "talk.wav", sound, RATE)
    heard = [
        TranscribedSegment(0.0, 3.0, "one two"),
        TranscribedSegment(3.0, 6.0, "three"),
        TranscribedSegment(6.0, 6.4, "no"),
        TranscribedSegment(6.0, 9.0, "four"),
    ]
    material = reader(transcribe=lambda waveform: heard).read(tmp_path)
    assert [clip.name for clip in material.clips] == ["talk (1)", "talk (2)", "talk (3)"]
    assert reader(transcribe=lambda waveform: []).read(tmp_path).faults == (
        "talk holds no words that can be heard; use clips in which somebody speaks.",
    )


def test_a_long_recording_with_its_words_is_cut_without_hearing(tmp_path: Path) -> None:
    sentences = [f"This is sentence {number}." for number in ("one", "two", "six", "ten") * 3]
    sound = np.concatenate([np.pad(buzz(2.5), RATE // 2) for _ in sentences])
    soundfile.write(tmp_path / "talk.wav", sound, RATE)
    (tmp_path / "talk.txt").write_text("\n".join(sentences))
    material = reader().read(tmp_path)
    assert material.faults == () and material.seconds > 20 and len(material.clips) >= 8
    assert " ".join(clip.words for clip in material.clips) == " ".join(sentences)


@pytest.mark.parametrize("write", [write_arkit_csv, write_motion_json])
def test_motion_alone_and_motion_with_sound(tmp_path: Path, write: object) -> None:
    values = np.zeros((75, N_CHANNELS), np.float32)
    values[:, INDEX["browInnerUp"]] = np.linspace(0, 1, 75)
    suffix = ".csv" if write is write_arkit_csv else ".json"
    write(tmp_path / f"alone{suffix}", values)
    write(tmp_path / f"both{suffix}", values)
    write_sound(tmp_path / "both.wav")
    write_sound(tmp_path / "sound.wav")
    material = reader("motion").read(tmp_path)
    alone, both = material.clips
    assert alone.waveform is None and alone.n_frames in (74, 75)
    np.testing.assert_allclose(alone.motion[:, INDEX["browInnerUp"]], values[: alone.n_frames, 2], atol=1e-4)
    assert both.waveform is not None and len(both.motion) == both.n_frames and both.phonemes
    assert material.faults == (
        "sound has no motion; use a video of the speaker, or an ARKit recording (.csv) beside it.",
    )
    assert [clip.name for clip in reader("joint").read(tmp_path).clips] == ["both"]


def test_a_manifest_brings_its_own_times(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    soundfile.write(tmp_path / "audio" / "u1.opus", buzz(1.2), RATE, format="OGG", subtype="OPUS")
    row = {"id": "u1", "phonemes": "ab", "durations": [8, 16, 16, 8], "samples": 28_800}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    (clip,) = reader().read(tmp_path).clips
    assert clip.phonemes == " ab " and sum(clip.durations) == 4 * clip.n_frames == 120


def test_no_folder_and_nothing_in_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no folder"):
        reader().read(tmp_path / "none")
    with pytest.raises(ValueError, match="has no clips"):
        reader().read(tmp_path)


def write_video(path: Path, frames: list[np.ndarray]) -> None:
    height, width = frames[0].shape[:2]
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=25, macro_block_size=2)
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame))
    writer.close()


def test_videos_without_a_face_or_with_two_are_named(tmp_path: Path) -> None:
    face = cv2.resize(skimage.data.astronaut()[:256, 100:356], (256, 256))
    write_video(tmp_path / "wall.mp4", [np.full((240, 320, 3), 120, np.uint8)] * 30)
    write_video(tmp_path / "two.mp4", [np.hstack([face, face[:, ::-1]])] * 14)
    write_video(tmp_path / "one.mp4", [face] * 14)
    assert "shows two faces in 100% of its frames" in face_fault(tmp_path / "two.mp4")
    assert face_fault(tmp_path / "one.mp4") is None and len(track_video(tmp_path / "one.mp4")) == 14
    assert "shows no face in 100% of its frames" in face_fault(tmp_path / "wall.mp4")
    (tmp_path / "no.mp4").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no.mp4 cannot be read as a video"):
        track_video(tmp_path / "no.mp4")


def test_warping_follows_a_known_stretch_and_no_symbol_vanishes() -> None:
    rng = np.random.default_rng(0)
    said = rng.standard_normal((60, 8))
    true = np.concatenate([np.repeat(np.arange(20), 2), np.arange(20, 40), np.arange(40, 60, 2)])
    cost = np.linalg.norm(said[true][:, None] - said[None], axis=-1)
    path = _warp(cost)
    assert np.abs(path - true).max() <= 2 and path[-1] >= 58
    assert _at_least_one(np.array([0, 5, 0, 3])) == [1, 3, 1, 3]


def test_the_aligner_covers_the_recording_and_refuses_too_many_words() -> None:
    aligner = ForcedAligner(tiny_pipeline().transformer, DurationPredictor(dim=16, num_layers=1).eval())
    found = aligner.align(buzz(1.2)[: 960 * 30], " həloʊ ", np.ones(64, np.float32))
    assert sum(found.durations) == 120 and min(found.durations) >= 1 and 0 < found.distance
    with pytest.raises(ValueError, match="cannot be said in 0.2 s"):
        aligner.align(np.zeros(960 * 5, np.float32), " " + "a" * 30 + " ", np.ones(64, np.float32))


def test_habits_of_the_material_come_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.finetuning.from_clips.common_voice", lambda clips: np.ones(64, np.float32))
    durations = DurationPredictor(dim=16, num_layers=1).eval()
    phonemes = " həloʊ həloʊ "
    natural = durations.predict(phonemes, np.ones(64, np.float32))
    slow = tuple(2 * n for n in natural)
    frames = sum(slow) // 4
    motion = np.zeros((frames, N_CHANNELS), np.float32)
    sound = np.tile(buzz(2.0), 4)[: 960 * frames]
    clips = [Clip(str(i), frames, sound, phonemes, slow, motion) for i in range(3)]
    size = Size(rank=2, batch=2, n_frames=12)
    learnt = training_plan(clips, "joint", tiny_pipeline().transformer, durations, size)
    # twice as slow as expected, of which half is taken over, in logs
    assert learnt.delivery.tempo == pytest.approx(0.5**0.5, abs=1e-3) and learnt.delivery.blinks == pytest.approx(0.2)
    assert learnt.voice is not None and learnt.figures["blinks"] == 0 and "pitch" in learnt.figures
    moves = training_plan(clips, "motion", tiny_pipeline().transformer, durations, size)
    assert moves.voice is None and moves.trainable.voice is None and moves.delivery.tempo == 1
