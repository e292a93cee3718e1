"""What leaves the studio, decoded again by ffmpeg: stream facts, sync, colours, label, mark, whole files or none."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE, SAMPLES_PER_FRAME
from studio.export.encoder import encode
from studio.export.provenance import make_record, mark, public_scene, verify
from studio.export.watermark import draw_watermark, watermark_box
from studio.export.writers import write_sound, write_video

SCENE = {"picture": "faces/two.png", "consent": "agreed", "statement": "Ada signed", "title": "Test",
         "cast": [{"name": "Ada"}], "script": [{"who": "Ada", "text": "See /etc/hosts."}]}  # fmt: skip


def record(label: bool = True) -> dict:
    return make_record(SCENE, Path(), {"seed": 3}, photograph=True, label=label)


def picture(height: int = 64, width: int = 96) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 255 // height, columns * 255 // width, 0 * rows + 120], -1).astype(np.uint8)


def tone(n_frames: int) -> Audio:
    return Audio(0.3 * np.sin(0.1 * np.arange(n_frames * SAMPLES_PER_FRAME)), SAMPLE_RATE)


def run_ffmpeg(*arguments: str) -> bytes:
    return subprocess.run([get_ffmpeg_exe(), "-v", "error", *arguments], capture_output=True, check=True).stdout


def facts(path: Path) -> str:
    return subprocess.run([get_ffmpeg_exe(), "-i", str(path)], capture_output=True, text=True, check=False).stderr


def decoded_frames(path: Path, size: tuple[int, int]) -> np.ndarray:
    """(T, H, W, 3) uint8 on the absolute clock: a late first picture would come back as repeated ones."""
    raw = run_ffmpeg("-i", str(path), "-vf", "fps=25:start_time=0", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1")
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)


def decoded_sound(path: Path) -> np.ndarray:
    """(S,) float32 at 48 kHz on the absolute clock: a late start would come back as silence in front."""
    raw = run_ffmpeg("-i", str(path), "-af", "aresample=async=1:first_pts=0", "-f", "f32le", "pipe:1")
    return np.frombuffer(raw, np.float32)


@pytest.fixture(scope="module")
def clapper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-one seconds, dark and silent but for a flash and a click at once, at the start and at 20 s."""
    n_frames, still = 525, picture()
    sound = np.zeros(n_frames * SAMPLES_PER_FRAME, np.float32)
    click = np.sin(2 * np.pi * 2000 * np.arange(480) / SAMPLE_RATE)
    for frame in (0, 500):
        sound[frame * SAMPLES_PER_FRAME :][:480] = 0.8 * click
    path = tmp_path_factory.mktemp("clapper") / "clapper.mp4"
    frames = (255 - still // 3 if i in (0, 500) else still // 3 for i in range(n_frames))
    return write_video(frames, Audio(sound, SAMPLE_RATE), path, picture=still // 3, record=record(label=False))


def test_sound_and_picture_are_equally_long_and_together(clapper: Path) -> None:
    frames, sound = decoded_frames(clapper, (96, 64)), decoded_sound(clapper)
    assert len(frames) == 525
    assert abs(len(sound) / 48_000 - 21) < 0.04
    light = frames.mean(axis=(1, 2, 3))
    assert [i for i, level in enumerate(light) if level > 120] == [0, 500]
    for second in (0, 20):
        around = np.abs(sound[max(0, second * 48_000 - 4800) : second * 48_000 + 4800])
        onset = np.argmax(around > 0.4) - min(second * 48_000, 4800)
        assert abs(onset) / 48_000 < 0.005


def test_streams_are_what_every_player_takes(clapper: Path) -> None:
    said = facts(clapper)
    assert re.search(r"Video: h264 .*yuv420p\(tv, bt709", said) and "25 fps" in said and "25 tbr" in said
    assert re.search(r"Audio: aac \(LC\).* 48000 Hz, mono", said)
    assert "start: 0.000000" in said and "Duration: 00:00:21.00" in said
    assert "AI-generated" in said and "compositeWithTrainedAlgorithmicMedia" in said
    raw = clapper.read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat")


@pytest.mark.parametrize("size", [(96, 64), (97, 64), (96, 65), (97, 65)])
def test_odd_sides_gain_a_pixel_and_colours_stay(size: tuple[int, int], tmp_path: Path) -> None:
    still = picture(size[1], size[0])
    path = write_video([still] * 5, tone(5), tmp_path / "a.mp4", picture=still, record=record(label=False))
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    frame = decoded_frames(path, even)[2]
    difference = np.abs(frame[: size[1], : size[0]].astype(int) - still)
    assert difference.mean() < 3 and np.percentile(difference, 99) < 12


def test_a_part_of_a_frame_of_sound_counts_as_a_frame(tmp_path: Path) -> None:
    still = picture()
    sound = Audio(tone(4).waveform[:-500], SAMPLE_RATE)
    path = write_video([still] * 4, sound, tmp_path / "a.mp4", picture=still, record=record())
    assert len(decoded_frames(path, (96, 64))) == 4
    assert abs(len(decoded_sound(path)) / 48_000 - 0.16) < 0.04


def bad_frame(kind: str, still: np.ndarray) -> np.ndarray:
    return {
        "not numbers": np.full(still.shape, np.nan, np.float32),
        "is black": np.random.default_rng(0).integers(0, 4, still.shape, np.uint8),
        "one colour": np.full_like(still, 90),
        "expected": still[:-2],
    }[kind]


@pytest.mark.parametrize("kind", ["not numbers", "is black", "one colour", "expected"])
def test_a_broken_frame_stops_the_export_and_leaves_no_file(kind: str, tmp_path: Path) -> None:
    still = picture()
    (tmp_path / "a.mp4").write_bytes(b"earlier")
    with pytest.raises(ValueError, match=rf"Frame 2 \(0\.08 s\).*{kind}"):
        frames = [still, still, bad_frame(kind, still), still]
        write_video(frames, tone(4), tmp_path / "a.mp4", picture=still, record=record())
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"] and (tmp_path / "a.mp4").read_bytes() == b"earlier"


def test_a_dark_picture_may_stay_dark(tmp_path: Path) -> None:
    still = np.zeros((32, 32, 3), np.uint8)
    write_video([still] * 3, tone(3), tmp_path / "a.mp4", picture=still, record=record())
    assert (tmp_path / "a.mp4").is_file()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_export_leaves_nothing(stop: type[BaseException], tmp_path: Path) -> None:
    still = picture()

    def frames():
        yield from [still] * 10
        raise stop

    with pytest.raises(stop):
        write_video(frames(), tone(50), tmp_path / "new" / "a.mp4", picture=still, record=record())
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.skipif(os.name != "posix", reason="sends Ctrl-C as a POSIX signal to the process group")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    """A real one, sent to the whole group as a terminal does, while the encoder runs."""
    program = (
        "import time, numpy as np; from pathlib import Path; from generation.audio.waveform import Audio;"
        "from studio.core.output import whole_or_nothing\n"
        "from studio.export.encoder import encode\n"
        "def frames():\n"
        "  for i in range(1500):\n"
        "    time.sleep(0.02); i == 10 and print('go', flush=True)\n"
        "    yield np.full((64, 64, 3), i % 200, np.uint8)\n"
        f"with whole_or_nothing(Path({str(tmp_path / 'a.mp4')!r})) as folder:\n"
        "  encode(frames(), Audio(np.zeros(24000 * 60, np.float32), 24000), folder / 'a.mp4')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True,  # and not deaf to interrupts, as jobs in the background are
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip
    assert process.stdout.readline() == b"go\n"
    os.killpg(process.pid, signal.SIGINT)
    assert b"KeyboardInterrupt" in process.communicate(timeout=300)[1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("count", "words"), [(3, "3 frames, but the sound is 5"), (6, "more frames than the 5")])
def test_frames_and_sound_must_agree(count: int, words: str, tmp_path: Path) -> None:
    still = picture()
    with pytest.raises(ValueError, match=words):
        write_video([still] * count, tone(5), tmp_path / "a.mp4", picture=still, record=record())
    assert not list(tmp_path.iterdir())


def test_frames_are_taken_one_at_a_time_and_counted(tmp_path: Path) -> None:
    still, taken, done = picture(), [], []

    def frames():
        for i in range(25):
            assert len(done) == i
            taken.append(i)
            yield still

    write_video(frames(), tone(25), tmp_path / "a.mp4", picture=still, record=record(),
                on_frame=lambda i, n: done.append((i, n)))  # fmt: skip
    assert done == [(i + 1, 25) for i in range(25)]


def test_a_failing_encoder_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(RuntimeError, match=r"could not be encoded: .*directory"):
        encode([picture()] * 500, tone(500), tmp_path / "a.mp4", {})
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("size", [(64, 64), (160, 120), (640, 360), (1080, 1920), (4000, 3000)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_label_is_small_and_legible_on_any_picture(size: tuple[int, int], level: int) -> None:
    still = np.full((size[1], size[0], 3), level, np.uint8)
    marked = draw_watermark(still)
    rows, columns = watermark_box(size[1], size[0])
    patch = marked[rows, columns].astype(float) / 255
    linear = np.where(patch <= 0.04045, patch / 12.92, ((patch + 0.055) / 1.055) ** 2.4).mean(-1)
    contrast = (np.percentile(linear, 98) + 0.05) / (np.median(linear) + 0.05)
    assert contrast >= 4.5
    outside = marked.copy()
    outside[rows, columns] = still[rows, columns]
    assert (outside == still).all() and (marked != still).any() and (still == level).all()
    assert patch.shape[0] * patch.shape[1] <= max(1000, 0.02 * size[0] * size[1])


def test_label_is_on_unless_the_record_says_otherwise(tmp_path: Path) -> None:
    still = picture(360, 640)
    rows, columns = watermark_box(360, 640)
    for label in (True, False):
        path = write_video([still] * 3, tone(3), tmp_path / "a.mp4", picture=still, record=record(label))
        seen = decoded_frames(path, (640, 360))[1][rows, columns].astype(int)
        assert (np.abs(seen - still[rows, columns]).mean() > 30) == label
        assert verify(path).record["label"] == label


@pytest.fixture(params=["mp4", "wav"])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"a.{request.param}"
    if request.param == "mp4":
        return write_video([picture()] * 3, tone(3), path, picture=picture(), record=record())
    return write_sound(tone(3), path, record())


def test_mark_is_read_back_with_the_scene(exported: Path) -> None:
    report = verify(exported)
    assert report.ok and report.marked and report.intact
    assert report.record["scene"]["script"][0]["text"] == "See /etc/hosts."
    assert report.record["settings"] == {"seed": 3} and report.record["generator"].startswith("parley ")
    assert report.record["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert (
        "matches its record" in report.sentence
        and "does not prove" in report.sentence
        and exported.name in report.sentence
    )


def test_any_changed_byte_is_noticed(exported: Path) -> None:
    raw = exported.read_bytes()
    places = {*range(0, len(raw), max(1, len(raw) // 60)), *range(len(raw) - 2200, len(raw), 37), 5, len(raw) - 1}
    places |= {m.start() + 16 for m in re.finditer(rb"parley:(sha256|record)>", raw)}
    for place in places:
        changed = bytearray(raw)
        changed[place] ^= 1
        exported.write_bytes(changed)
        assert not verify(exported).ok, place
    exported.write_bytes(raw[:-1])
    assert not verify(exported).ok
    exported.write_bytes(raw + b"\0")
    assert not verify(exported).ok
    exported.write_bytes(raw)
    assert verify(exported).ok


def test_a_file_is_marked_once_and_only_where_a_mark_can_be(exported: Path) -> None:
    with pytest.raises(ValueError, match="carries a mark already"):
        mark(exported, record())
    (exported.parent / "a.png").write_bytes(b"\x89GNP and more than twelve bytes")
    with pytest.raises(ValueError, match="Only MP4, QuickTime, Matroska, WebM, WAV and PNG"):
        mark(exported.parent / "a.png", record())


def test_marked_files_still_play(exported: Path) -> None:
    assert len(decoded_sound(exported)) >= 0.12 * 24_000
    if exported.suffix == ".wav":
        samples, rate = soundfile.read(exported)
        assert rate == SAMPLE_RATE and np.abs(samples - tone(3).waveform).max() < 1e-6


def test_a_remuxed_video_still_says_what_it_is(exported: Path) -> None:
    if exported.suffix == ".mp4":
        run_ffmpeg("-i", str(exported), "-c", "copy", "-map_metadata", "0", str(exported.with_name("b.mp4")))
        report = verify(exported.with_name("b.mp4"))
        assert report.marked and not report.ok and "its record is lost" in report.sentence


def test_unmarked_and_foreign_files_are_told_apart(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(3).waveform, SAMPLE_RATE)
    (tmp_path / "b.mp4").write_bytes(b"no video" * 100)
    (tmp_path / "c.mp4").write_bytes(b"")
    for name in ("a.wav", "b.mp4", "c.mp4"):
        report = verify(tmp_path / name)
        assert not report.ok and not report.marked and "no mark" in report.sentence
    with pytest.raises(ValueError, match=r"'d\.mp4' does not exist"):
        verify(tmp_path / "d.mp4")


def test_private_things_stay_at_home(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ada.wav").write_bytes(b"voice")
    scene = {
        "picture": "/home/ada/secret/two.png",
        "consent": "agreed",
        "statement": "Ada Lovelace, 12 Example Street",
        "cast": [
            {"name": "Ada", "voice": {"clip": "sub/ada.wav", "consent": "agreed", "statement": "by letter"},
             "styles": {"C:\\Users\\ada\\calm.safetensors": 0.5}, "mask": "..\\masks\\ada.png"},
        ],
        "script": [{"who": "Ada", "text": "Look in /home, please.", "recording": "~/takes/one.wav"}],
        "lexicon": {"Ada": "/ˈeɪdə/"},
    }  # fmt: skip
    document, files = public_scene(scene, tmp_path)
    written = json.dumps([document, files], ensure_ascii=False)
    for secret in ("secret", "home/ada", "Users", "Example Street", "by letter", "takes", "sub/", "masks", "agreed"):
        assert secret not in written
    assert document["picture"] == "two.png" and document["lexicon"] == {"Ada": "/ˈeɪdə/"}
    assert document["script"][0]["text"] == "Look in /home, please."
    assert document["cast"][0]["styles"] == {"calm.safetensors": 0.5}
    clip = next(f for f in files if f["where"] == "cast[0].voice.clip")
    assert clip["name"] == "ada.wav" and clip["sha256"] == hashlib.sha256(b"voice").hexdigest()
    assert next(f for f in files if f["where"] == "picture")["sha256"] is None


@pytest.mark.parametrize("name", ["a.mov", "a", "a.wav"])
def test_a_video_is_called_mp4(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(name)):
        write_video([picture()], tone(1), tmp_path / name, picture=picture(), record=record())
