"""Subtitles drawn into a video: they fit any picture, are seen when they should, and the copy carries its mark."""

from __future__ import annotations

from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from generation.audio.waveform import Audio
from studio.editor.subtitle_burner import burn, burned_name, plate
from studio.export.provenance import make_record, verify
from studio.export.writers import write_video

WORDS = "Nora: " + "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz " * 2 + "and then some."


@pytest.mark.parametrize("size", [(1280, 720), (360, 640), (1920, 400), (128, 128)])
@pytest.mark.parametrize("text", ["Theo: Yes.", WORDS])
def test_a_caption_fits_every_picture(size: tuple[int, int], text: str) -> None:
    left, top, right, bottom = plate(text, size).getbbox()
    assert 0 < left and right < size[0] and size[1] * 0.4 < top and bottom < size[1]
    assert abs((left + right) / 2 - size[0] / 2) < 2


def test_the_copy_shows_captions_in_their_time_and_is_marked(tmp_path: Path) -> None:
    picture = np.full((128, 192, 3), 120, np.uint8)
    picture[:40, :60] = 200
    document = {"picture": "", "cast": [], "script": []}
    record = make_record(document, tmp_path, {"seed": 0}, photograph=False, label=False)
    sound = Audio(np.zeros(48_000, np.float32), 24_000)
    video = write_video((picture for _ in range(50)), sound, tmp_path / "film.mp4", picture=picture, record=record)
    subtitles = tmp_path / "film.vtt"
    subtitles.write_text("WEBVTT\n\n00:00:00.400 --> 00:00:01.000\n<v Theo>Well</v>\n", encoding="utf-8")
    burned = burn(video, subtitles)
    assert burned == burned_name(video) and verify(burned).ok and verify(burned).signature.state == "trusted"
    reader = imageio_ffmpeg.read_frames(str(burned))
    next(reader)
    frames = [np.frombuffer(data, np.uint8).reshape(128, 192, 3).astype(float) for data in reader]
    assert len(frames) == 50
    changed = [np.abs(frame[90:] - frames[0][90:]).max() > 40 for frame in frames]
    assert not any(changed[:10]) and all(changed[11:24]) and not any(changed[26:])
    subtitles.write_text("WEBVTT\n", encoding="utf-8")
    assert verify(burn(video, subtitles)).ok, "without captions it is a plain copy"
