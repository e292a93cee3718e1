"""Subtitles on the clock of the mouths, and the whole set of files of a scene."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from generation.audio.loudness import mix
from generation.audio.waveform import Audio
from generation.core.clock import SAMPLES_PER_FRAME
from generation.core.motion import MotionTrack
from generation.core.performance import CharacterPerformance, Line, Performance
from generation.motion.motion_files import read_motion_file
from generation.text.phonemizer import phonemize
from studio.core.storage import file_names
from studio.export.frame_encoder import Encoder
from studio.export.provenance import make_record, verify
from studio.export.subtitles import Caption, captions, line_width, srt, voice_end, vtt
from studio.export.writers import export_scene
from studio.timeline.timeline import Timeline

LONG = (
    "This is a rather long line, with a comma in it. It goes on for several sentences, because people do talk like"
    " that! Does it ever end? It does, after nineteen or twenty more words that have no full stop at all in them."
)


def line(text: str, character: int = 0, start: int = 0, pause: int = 20) -> Line:
    """A line in which every symbol takes 60 ms and the pauses around it 200 ms and more."""
    phonemes = f" {phonemize(text)} "
    mels = [pause, *[6] * (len(phonemes) - 2), pause]
    mels[-1] += -sum(mels) % 4
    return Line(f"l{start}", character, start, sum(mels) // 4, phonemes, tuple(mels))


def words_end(spoken: Line) -> float:
    return (spoken.start + spoken.n_frames) / 25 - spoken.durations[-1] / 100


def test_captions_begin_and_end_with_the_words() -> None:
    spoken = line("Good morning to you.", start=50)
    (caption,) = captions([spoken], ["Good morning to you."], ["Ada"])
    assert caption.start == pytest.approx(2.2) and caption.stop == pytest.approx(words_end(spoken))


def test_a_caption_ends_when_the_voice_falls_silent() -> None:
    """The line goes on for the pause of its full stop; its voice, quieter at its end, does not."""
    spoken = line("Good morning to you.", start=50)
    first, last = spoken.start * SAMPLES_PER_FRAME, int(3.05 * 24_000)
    voice = np.zeros((spoken.stop + 50) * SAMPLES_PER_FRAME, np.float32)
    voice[first:last] = np.linspace(0.3, 0.03, last - first) * np.sin(0.1 * np.arange(last - first))
    voice[(spoken.stop + 10) * SAMPLES_PER_FRAME :] = 0.5  # the next line
    end = voice_end([voice, np.zeros_like(voice)], spoken)
    assert end == pytest.approx(3.05, abs=0.011) and end < words_end(spoken) - 0.05
    (caption,) = captions([spoken], ["Good morning to you."], ["Ada"], ends=[end])
    assert caption.stop == end
    assert voice_end([np.zeros_like(voice)], spoken) == pytest.approx(spoken.stop / 25)


def test_long_lines_are_cut_at_sentences_and_on_time() -> None:
    spoken = line(LONG)
    made = captions([spoken], [LONG], ["Ada"])
    assert len(made) >= 3 and " ".join(c.text for c in made) == LONG
    assert all(a.stop == b.start for a, b in zip(made, made[1:], strict=False))
    assert made[0].text.endswith((".", "!", "?", ","))
    for caption in made[1:]:
        said = LONG.index(caption.text)
        true = 0.2 + 0.06 * (len(phonemize(LONG[:said])) + 1)
        assert caption.start == pytest.approx(true, abs=0.08), caption


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1080), (1080, 1920)])
@pytest.mark.parametrize("text", [LONG, "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch!", "Hi."])
def test_every_line_fits_the_picture(size: tuple[int, int], text: str) -> None:
    width = line_width(size)
    made = captions([line(text)], [text], ["Bartholomew"], width)
    for block in srt(made, width).strip().split("\n\n"):
        shown = block.split("\n")[2:]
        assert 1 <= len(shown) <= 3 and max(map(len, shown)) <= width
    for block in vtt(made, width).strip().split("\n\n")[1:]:
        shown = re.sub("<[^>]*>", "", "\n".join(block.split("\n")[1:])).split("\n")
        assert max(map(len, shown)) <= width
    assert "".join(c.text.replace("-", "").replace(" ", "") for c in made) == text.replace(" ", "")


def test_overlapping_speakers_keep_their_own_captions() -> None:
    first, second = line("I was going to say that.", 0, 0), line("But you did not say it!", 1, 20)
    made = captions([first, second], ["I was going to say that.", "But you did not say it!"], ["Ada", "Bob"])
    assert [c.speaker for c in made] == ["Ada", "Bob"] and made[1].start < made[0].stop


def test_short_words_stay_readable_but_never_into_the_next_caption() -> None:
    alone = captions([line("No.")], ["No."], ["Ada"])[0]
    assert alone.stop - alone.start == pytest.approx(0.8)
    first, second = line("No."), line("Yes.", 1, 12)
    crowded = captions([first, second], ["No.", "Yes."], ["Ada", "Bob"])
    assert crowded[0].stop == pytest.approx(min(crowded[1].start, crowded[0].start + 0.8))


def test_a_recording_without_text_has_no_caption_and_one_with_text_spans_it() -> None:
    given = Line("r", 0, 25, 50, " ", (200,), np.zeros(50 * SAMPLES_PER_FRAME, np.float32))
    assert captions([given], [""], ["Ada"]) == []
    (caption,) = captions([given], ["As recorded."], ["Ada"])
    assert (caption.start, caption.stop) == (1.0, 3.0)


def test_both_formats_say_who_speaks_and_survive_odd_text() -> None:
    made = [Caption("Ann & Co", "1 < 2 → so", 3661.5, 3662.0004)]
    assert srt(made) == "1\n01:01:01,500 --> 01:01:02,000\nAnn & Co: 1 < 2 → so\n"
    assert vtt(made) == "WEBVTT\n\n01:01:01.500 --> 01:01:02.000\n<v Ann &amp; Co>1 &lt; 2 → so</v>\n"
    assert "-->" not in captions([line("a b")], ["a --> b"], ["Ada"])[0].text
    assert srt([]) == "" and vtt([]) == "WEBVTT\n"


def test_file_names_are_safe_and_different() -> None:
    safe = ["Ada", "ada-2", "Bob", "名前", "person", "person-2"]
    assert file_names(["Ada", "ada", "../Bob", "名前", "??", "!!"]) == safe


def performance(names: list[str], n_frames: int) -> Performance:
    time = np.arange(n_frames * SAMPLES_PER_FRAME)
    motion = MotionTrack(np.random.default_rng(0).random((n_frames, 57), np.float32))
    parts = [CharacterPerformance(n, 0.2 * np.sin(0.05 * (i + 1) * time), motion) for i, n in enumerate(names)]
    return Performance(tuple(parts), n_frames)


def test_a_scene_leaves_all_its_files_or_none(tmp_path: Path) -> None:
    lines = (line("Hello there."), line("Good day.", 1, 40))
    timeline = Timeline(lines, ("Hello there.", "Good day."), 80)
    part = performance(["Ada", "Bob"], 80)
    sound = mix([Audio(character.speech, 24_000) for character in part.characters])
    still = np.random.default_rng(1).integers(0, 255, (32, 48, 3), np.uint8)
    about = make_record({"title": "T"}, tmp_path, {}, photograph=False)
    folder = tmp_path / "out"
    with Encoder(tmp_path / "all.mp4") as pictures:
        for _ in range(80):
            pictures.write(still)
        pictures.finish()
    made = export_scene([pictures.target], sound, part, timeline, folder / "s.mp4", size=(48, 32), record=about)
    expected = {f"s.{rest}" for rest in ("mp4", "srt", "vtt", "otio")}
    expected |= {f"s.{who}.{kind}" for who in ("Ada", "Bob") for kind in ("wav", "csv", "json")}
    assert made[0].name == "s.mp4" and {p.name for p in folder.iterdir()} == {p.name for p in made} == expected
    for name in ("s.mp4", "s.Ada.wav", "s.Bob.wav"):
        assert verify(folder / name).ok
    samples, rate = soundfile.read(folder / "s.Bob.wav")
    assert rate == 24_000 and np.abs(samples - part.characters[1].speech).max() < 1e-6
    for track in (read_motion_file(folder / f"s.Ada.{kind}").track for kind in ("json", "csv")):
        assert np.abs(track.channel("jawOpen") - part.characters[0].motion.channel("jawOpen")).max() < 1e-4
    assert "Ada: Hello there." in (folder / "s.srt").read_text(encoding="utf-8")
    assert "<v Bob>Good day.</v>" in (folder / "s.vtt").read_text(encoding="utf-8")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(RuntimeError, match="could not be encoded"):
        export_scene([tmp_path / "no.mp4"], sound, part, timeline, folder / "s.mp4", size=(48, 32), record=about)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
