"""Songs: notes read and held against a voice, words laid on them, and sound that has their pitch and time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.audio.mel_bands import log_mel
from generation.audio.pitch import pulses, track_pitch
from generation.core.clock import HOP, SAMPLE_RATE
from generation.singing.imposing import at_pitch, heard_notes, sung, with_melody_of
from generation.singing.notes import Note, out_of_range, read_midi, read_notes, transposed
from generation.singing.syllables import lyrics, misfit, on_notes, syllables

TWINKLE = " twˈɪŋkəl lˈɪɾəl stˈɑːɹ "


def voice(hertz: np.ndarray) -> np.ndarray:
    """Pulses at a pitch (M,) Hz, formed by two resonances; silent where it is 0: (240 M,) float32."""
    import torch
    from scipy.signal import lfilter

    sound = pulses(torch.from_numpy(np.where(hertz > 0, hertz, 120).astype(np.float32))[None])[0].numpy()
    for centre, width in ((600, 90), (1400, 120)):
        r = np.exp(-np.pi * width / SAMPLE_RATE)
        sound = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * centre / SAMPLE_RATE), r * r], sound)
    return (0.3 * sound / np.abs(sound).max() * np.repeat(hertz > 0, HOP)).astype(np.float32)


def cents_off(sound: np.ndarray, numbers: np.ndarray, inside: slice) -> float:
    track = track_pitch(log_mel(sound))
    sure = track.voiced_share[inside] > 0.7
    assert sure.mean() > 0.8
    heard = 69 + 12 * np.log2(track.hertz[inside] / 440)
    return float(np.median(100 * np.abs(heard - numbers[inside])[sure]))


def test_notes_as_text() -> None:
    notes = read_notes("C4 E4:2 r F#3:0.5~Bb3:1/2", 120)
    assert [(note.number, note.start, note.seconds, note.tied) for note in notes] == [
        (60, 0, 0.5, False), (64, 0.5, 1, False), (54, 2, 0.25, False), (58, 2.25, 0.25, True),
    ]  # fmt: skip
    assert [note.name for note in notes] == ["C4", "E4", "F#3", "A#3"]


@pytest.mark.parametrize("text", ["", "r r", "C4 H2", "C4:0", "C4:1/0", "C4:99", "do re mi"])
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"holds"):
        read_notes(text, 100)


def test_midi(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    track = mido.MidiTrack()
    for kind, number, ticks in (
        ("note_on", 60, 0), ("note_off", 60, 480), ("note_on", 64, 240), ("note_on", 65, 480), ("note_off", 64, 120),
        ("note_off", 65, 360),
    ):  # fmt: skip
        track.append(mido.Message(kind, note=number, velocity=80, time=ticks))
    song = mido.MidiFile()
    song.tracks.append(track)
    song.save(tmp_path / "song.mid")
    found = [(n.number, round(n.start, 2), round(n.seconds, 2), n.tied) for n in read_midi(tmp_path / "song.mid")]
    assert found == [(60, 0, 0.5, False), (64, 0.75, 0.5, False), (65, 1.25, 0.5, True)]
    (tmp_path / "bad.mid").write_bytes(b"MThd nothing")
    with pytest.raises(ValueError, match="cannot be read as MIDI"):
        read_midi(tmp_path / "bad.mid")


def test_range_of_a_voice_and_its_repair() -> None:
    notes = read_notes("C5 G5", 100)
    fault = out_of_range(notes, 46)
    assert fault is not None and "C5 to G5" in fault and "add -24 to transpose" in fault
    assert out_of_range(transposed(notes, -24), 46) is None
    wide = out_of_range(read_notes("C2 C5", 100), 46)
    assert wide is not None and "more than a voice spans" in wide


@pytest.mark.parametrize(
    ("ipa", "parts"),
    [
        ("ɡˌoʊɪŋ tə ðə fˈaɪɚ.", [" ɡˌoʊ", "ɪŋ", " tə", " ðə", " fˈaɪ", "ɚ "]),
        ("ˈɛvɹi bɐnˈænə!", [" ˈɛv", "ɹi", " bɐ", "nˈæ", "nə "]),
    ],
)
def test_syllables(ipa: str, parts: list[str]) -> None:
    phonemes = lyrics(ipa)
    assert [phonemes[s.start : s.stop] for s in syllables(phonemes)] == parts


def test_each_vowel_begins_with_its_note_and_consonants_keep_their_length() -> None:
    notes = read_notes("C4 D4 E4 F4 r G4:2", 100)
    placed = on_notes(TWINKLE, [7] * len(TWINKLE), notes)
    starts = np.cumsum((0, *placed.durations))
    vowels = [starts[s.vowel] for s in syllables(TWINKLE)]
    assert [int(at - vowels[0]) for at in vowels] == [round(100 * note.start) for note in notes]
    consonants = [n for symbol, n in zip(TWINKLE, placed.durations, strict=True) if symbol in "twŋklstɹɾ"]
    assert set(consonants) == {7} and sum(placed.durations) % 4 == 0
    middle = vowels[1] + 30
    assert placed.numbers[middle] == pytest.approx(62, abs=0.05) and len(placed.numbers) == sum(placed.durations)
    pause = [n for i, n in enumerate(placed.durations) if TWINKLE[i] == " "][2]
    assert pause > 30, "the rest is a rest"


def test_what_does_not_fit_is_said() -> None:
    few = misfit(TWINKLE, read_notes("C4 D4", 100))
    assert few is not None and "5 syllables" in few and "for 2" in few
    quick = misfit(TWINKLE, read_notes("C4 D4:0.05 E4 F4 G4", 100))
    assert quick is not None and "note 2 (D4)" in quick
    assert misfit(TWINKLE, read_notes("C4 D4~E4 E4 F4 G4", 100)) is None


def test_sound_has_the_pitch_and_the_time_asked_for() -> None:
    hertz = np.r_[np.zeros(20), np.full(20, 130.0), np.zeros(20)]
    numbers = np.r_[np.full(20, 52.0), np.full(80, 52.0), np.full(20, 52.0)]
    made = sung(voice(hertz), " a ", [20, 20, 20], [20, 80, 20], numbers)
    assert len(made) == 120 * HOP
    level = np.abs(made).reshape(-1, HOP).max(1)
    assert level[25:95].min() > 0.02 > level[:15].max() and level[105:].max() < 0.02
    assert cents_off(made, numbers, slice(30, 90)) < 20


def test_a_vowel_without_a_tracked_pitch_is_sung_all_the_same() -> None:
    creaking = voice(np.full(60, 130.0))
    noise = np.random.default_rng(0).standard_normal(20 * HOP)
    creaking[20 * HOP : 40 * HOP] = 0.1 * noise
    numbers = np.full(100, 60.0)
    made = sung(creaking, "aaa", [20, 20, 20], [20, 60, 20], numbers)
    assert cents_off(made, numbers, slice(30, 70)) < 30


def test_a_rest_is_silent() -> None:
    breath = voice(np.full(60, 130.0))
    breath[20 * HOP : 40 * HOP] = 0.02 * np.random.default_rng(0).standard_normal(20 * HOP)
    made = sung(breath, "a a", [20, 20, 20], [40, 60, 40], np.full(140, 52.0))
    assert np.abs(made[45 * HOP : 95 * HOP]).max() < 1e-3 < np.abs(made[: 35 * HOP]).max()


def test_pitch_moves_by_an_octave() -> None:
    numbers = np.linspace(55, 60, 100)
    assert cents_off(at_pitch(voice(np.full(100, 120.0)), numbers), numbers, slice(10, 90)) < 25


def test_a_melody_is_followed_in_the_voices_own_register() -> None:
    rise = 2 ** (np.linspace(-3, 3, 120) / 12)
    recording = voice(240 * rise)
    recording[: 60 * HOP] *= 0.4
    made = with_melody_of(voice(np.full(120, 115.0)), recording)
    wanted = 69 + 12 * np.log2(115 * rise / 440)
    assert cents_off(made, wanted, slice(10, 110)) < 40
    halves = [np.sqrt(np.mean(np.square(made[i * 60 * HOP + 2400 : (i + 1) * 60 * HOP - 2400]))) for i in (0, 1)]
    assert 0.25 < halves[0] / halves[1] < 0.6


def test_a_whisper_leaves_the_voice_its_own_melody() -> None:
    breath = 0.1 * np.random.default_rng(0).standard_normal(100 * HOP).astype(np.float32)
    spoken = voice(np.full(100, 115.0))
    assert with_melody_of(spoken, breath) is spoken


def test_notes_of_whoever_hums() -> None:
    hertz = np.r_[np.zeros(10), np.full(40, 220.0), np.zeros(8), np.full(40, 246.9), np.full(40, 196.0), np.zeros(10)]
    notes = heard_notes(voice(hertz), 3)
    assert [note.number for note in notes] == [57, 59, 55] and not any(note.tied for note in notes)
    assert [note.start for note in notes] == pytest.approx([0.1, 0.58, 0.98], abs=0.05)
    assert [note.tied for note in heard_notes(voice(hertz), 2)] == [False, False, True]
    with pytest.raises(ValueError, match="sing one for each syllable"):
        heard_notes(voice(hertz), 9)


def test_notes_are_named_by_number() -> None:
    assert Note(69, 0, 1).name == "A4" and Note(59.6, 0, 1).name == "C4"
