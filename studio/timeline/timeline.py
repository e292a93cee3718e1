"""Builds the timeline of a scene: phonemes, durations and position of every line at 25 frames/s."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import numpy as np

from generation.core.arrays import seed_of
from generation.core.clock import (
    MELS_PER_FRAME,
    frames_covering_mels,
    frames_covering_samples,
    frames_from_seconds,
    samples_from_frames,
    seconds_from_frames,
)
from generation.core.delivery import AVERAGE, Delivery, scale_pauses
from generation.core.performance import Line, Prosody
from generation.singing.notes import Note
from generation.singing.syllables import lyrics, on_notes
from generation.text.languages import is_english
from generation.text.phonemizer import Phonemizer, display_text, phonemize
from studio.core.problems import DocumentError, Problem, as_clause
from studio.scene.lexicon import lexicon_in
from studio.scene.line_names import line_names
from studio.scene.schema import Scene, ScriptLine, listed
from studio.scene.voices import language_of
from studio.timeline.interruptions import Interruption, broken_off, find_interruptions, words_said
from studio.timeline.new_words import new_text, with_new_words
from studio.timeline.recordings import require_convertible
from studio.timeline.video_gaps import find_overruns, fit_to_gaps
from studio.timeline.word_clock import with_pauses

LEAD_FRAMES = 8
"""Frames before the first line, when it names no time of its own."""
PAUSE_FRAMES = 8
"""Frames between two lines, when the later names no time of its own."""
_MELS_PER_LETTER = 7.0  # mean of the training corpus' texts at speed 1, spaces included
MAX_TEXT = 100_000
"""Letters of a line, some two hours: what is longer is no script."""
INTERRUPTION_FRAMES = 8
"""Frames before the end of an interrupted line at which the next begins, when it names no time of its own."""
TAIL_FRAMES = 12
"""Frames after the last line, so that its mouth is seen to close."""


class DurationEstimator(Protocol):
    """Says how long each symbol lasts."""

    def predict(
        self,
        phonemes: str,
        voice: np.ndarray | None,
        speed: float = 1.0,
        seed: int | None = None,
        language: str = "en-us",
    ) -> tuple[int, ...]:
        """Mel frames (10 ms) of each symbol of ``phonemes``."""
        ...


class AverageDurations:
    """The corpus' mean length for every letter: an estimate without any network."""

    def predict(
        self,
        phonemes: str,
        voice: np.ndarray | None,
        speed: float = 1.0,
        seed: int | None = None,
        language: str = "en-us",
    ) -> tuple[int, ...]:
        """Mel frames (10 ms) of each symbol; they sum to the estimate for the whole line."""
        ends = np.round(np.arange(len(phonemes) + 1) * _MELS_PER_LETTER / speed).astype(int)
        return tuple(int(n) for n in np.diff(ends))


NotesOf = Callable[[ScriptLine, str], tuple[Note, ...]]
"""Notes of a line that is sung, given its phonemes; raises ValueError where these do not fit them."""
TimesOfWords = Callable[[np.ndarray, str], tuple[int, ...] | None]
"""Mel frames of each symbol of what a recording (S,) says; None where its words are not found in it."""


@dataclass(frozen=True)
class Speaker:
    """What shapes the time of a character's lines: speaker embedding (None = none known) and delivery.

    ``in_lines`` has another delivery for some lines, by their index in the script.
    """

    voice: np.ndarray | None
    delivery: Delivery = AVERAGE
    in_lines: Mapping[int, Delivery] = field(default_factory=dict)


@dataclass(frozen=True)
class Timeline:
    """Timeline of a scene: its lines on the clock.

    Attributes:
        lines: one a script line, in the script's order; of a line said together that of its first speaker.
        texts: what a reader sees of each line, for the subtitles; empty for a recording without text.
        n_frames: length of the scene in video frames.
        together: by id of a line said together, those of its other speakers, on the same clock.
        interruptions: lines that another's stops, in which no more is said than is heard.
    """

    lines: tuple[Line, ...]
    texts: tuple[str, ...]
    n_frames: int
    together: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)
    interruptions: tuple[Interruption, ...] = ()

    def of_all_speakers(self, line: Line) -> tuple[Line, ...]:
        """One of :attr:`lines` as each of its speakers says it."""
        return (line, *self.together.get(line.id, ()))

    def with_adapters(
        self, strengths: Sequence[tuple[tuple[str, float], ...]], prosodies: Sequence[Prosody]
    ) -> Timeline:
        """The timeline whose lines have these adapters and prosodies of their own, one each a script line."""
        given = zip(self.lines, strengths, prosodies, strict=True)
        lines = tuple(replace(line, adapters=own, prosody=prosody) for line, own, prosody in given)
        together = {
            line.id: tuple(replace(o, adapters=line.adapters, prosody=line.prosody) for o in self.together[line.id])
            for line in lines
            if line.id in self.together
        }
        return replace(self, lines=lines, together=together)

    @property
    def speaker_lines(self) -> tuple[Line, ...]:
        """The lines of all voices: one a script line and speaker."""
        return tuple(voiced for line in self.lines for voiced in self.of_all_speakers(line))

    def speaker_names(self, names: Sequence[str]) -> list[str]:
        """Speakers of each of :attr:`lines`, for a reader; ``names`` are the cast's."""
        return [listed([names[voiced.character] for voiced in self.of_all_speakers(line)]) for line in self.lines]

    @property
    def seconds(self) -> float:
        """Length of the scene in seconds."""
        return seconds_from_frames(self.n_frames)


def build_timeline(
    scene: Scene,
    speakers: Sequence[Speaker],
    durations: DurationEstimator,
    load_recording: Callable[[ScriptLine], np.ndarray],
    names: Sequence[str] | None = None,
    times_of_words: TimesOfWords | None = None,
    n_frames: int | None = None,
    notes_of: NotesOf | None = None,
) -> Timeline:
    """Pronounce, measure and place every line of a scene.

    Args:
        scene: a scene whose lines name members of its cast.
        speakers: one a member of the cast.
        durations: says how long each symbol lasts.
        load_recording: the sound of a line that has a recording, (S,) float32 samples at 24 kHz.
        names: of its lines; None = as :func:`studio.scene.line_names.line_names` has them.
        times_of_words: lays the text of a recording on it; None = recordings say what they say.
        n_frames: length of the video that the scene is laid on: lines that do not fit before what follows are then
            spoken faster, see :func:`studio.timeline.video_gaps.fit_to_gaps`. None = the scene is as long as its lines.
        notes_of: reads the songs of lines that are sung.

    Returns:
        Lines on whole video frames: ends are padded to 40 ms, starts and pauses are rounded to it.

    Raises:
        DocumentError: lines that cannot be said or read, times that cannot be met.
    """
    measured = partial(
        measure_lines,
        speakers=speakers,
        durations=durations,
        load_recording=load_recording,
        names=names,
        times_of_words=times_of_words,
        notes_of=notes_of,
    )

    def placed(scene: Scene) -> tuple[list[int], list[int]]:
        drafts, problems = measured(scene)
        if problems:
            raise DocumentError(problems.values())
        return place_lines(scene.script, _lengths(drafts)), _lengths(drafts)

    if n_frames is not None:
        scene = fit_to_gaps(scene, placed, n_frames)
    drafts, problems = measured(scene)
    if problems:
        raise DocumentError(problems.values())
    starts = place_lines(scene.script, _lengths(drafts))
    interruptions = find_interruptions(scene, starts, _lengths(drafts))
    whole = [replace(line, start=start) for line, start in zip(drafts, starts, strict=True)]
    lines, texts = list(whole), [new_text(line.text, line.words) for line in scene.script]
    for stopped in interruptions:
        lines[stopped.line] = cut = broken_off(whole[stopped.line], whole[stopped.by], stopped.how)
        if cut.fade is not None and texts[stopped.line]:
            texts[stopped.line] = words_said(replace(whole[stopped.line], fade=cut.fade), texts[stopped.line])
    clashes = find_clashes(scene, starts, _lengths(lines))
    if n_frames is not None:
        clashes += find_overruns(scene, starts, _lengths(lines), n_frames)
    if clashes:
        raise DocumentError(clashes)
    together = {
        line.id: tuple(
            replace(line, id=f"{line.id} {scene.cast[other].name}", character=other)
            for other in scene.speakers_of(written)[1:]
        )
        for line, written in zip(lines, scene.script, strict=True)
        if len(written.speakers) > 1
    }
    length = max((line.stop for line in lines), default=0) + TAIL_FRAMES if n_frames is None else n_frames
    return Timeline(tuple(lines), tuple(texts), length, together, tuple(interruptions))


def _lengths(drafts: Sequence[Line]) -> list[int]:
    return [line.n_frames for line in drafts]


def measure_lines(
    scene: Scene,
    speakers: Sequence[Speaker],
    durations: DurationEstimator,
    load_recording: Callable[[ScriptLine], np.ndarray],
    phonemizer: Phonemizer | None = None,
    names: Sequence[str] | None = None,
    times_of_words: TimesOfWords | None = None,
    notes_of: NotesOf | None = None,
) -> tuple[list[Line], dict[int, Problem]]:
    """Pronounce and measure every line, each at frame 0; arguments as of :func:`build_timeline`.

    A line said together is pronounced as its first speaker does, and each of its symbols lasts for the mean of what the
    speakers' voices would take: so all say it on one clock.

    Args:
        phonemizer: what pronounces plain words; eSpeak NG if not given. With one the lengths are estimates, and of
            replaced words no more is looked at than that they are there.
        names: as of :func:`build_timeline`.

    Returns:
        The lines that can be said, and by index in the script what is wrong with each that cannot.
    """
    drafts: list[Line] = []
    problems: dict[int, Problem] = {}
    named = line_names(scene) if names is None else names
    for index, (line, name) in enumerate(zip(scene.script, named, strict=True)):
        unknown = [named for named in line.speakers or ("",) if scene.find(named) is None]
        if unknown:
            problems[index] = _problem(index, f"script line {index + 1}: nobody in the cast is called {unknown[0]!r}")
            continue
        saying = scene.speakers_of(line)
        character = saying[0]
        try:
            language = language_of(scene, character, line)
            if line.recording is not None:
                draft = replace(_measure_recording(name, character, load_recording(line)), language=language)
                lexicon = lexicon_in(scene.lexicon, language)
                if line.convert:
                    require_convertible(draft, line.text, lexicon)
                if times_of_words is not None and line.text and is_english(language):
                    draft = _with_words(draft, line.text, lexicon, times_of_words)
                    if line.convert and not draft.phonemes.strip():
                        raise ValueError("its text is not heard in the recording; write what is said in it.")
                drafts.append(draft)
                continue
            seed = seed_of(scene.seed, name, "rhythm")
            pronounce = partial(
                phonemize, lang=language, lexicon=lexicon_in(scene.lexicon, language), phonemizer=phonemizer
            )
            said_by = [(speakers[n].voice, speakers[n].in_lines.get(index, speakers[n].delivery)) for n in saying]
            measure = partial(_shared_lengths, said_by, durations, line.speed, seed, language)
            if line.sing is not None and notes_of is not None:
                ipa = lyrics(phonemize(line.text, language, lexicon_in(scene.lexicon, language)))
                sung = on_notes(ipa, measure(ipa), notes_of(line, ipa))
                draft = _measure_speech(name, character, sung.phonemes, sung.durations)
                drafts.append(replace(draft, language=language, melody=sung.numbers))
                continue
            estimated = line.words and phonemizer is not None
            ipa = f" {pronounce(new_text(line.text, line.words, spoken=True) if estimated else line.text)} "
            paused = with_pauses(ipa, tuple(measure(ipa)), display_text(line.text), line.pauses, language)
            draft = replace(_measure_speech(name, character, ipa, paused), language=language)
            if line.words and not estimated:
                draft = with_new_words(draft, line.text, line.words, pronounce, measure)
            drafts.append(draft)
        except ValueError as error:
            problems[index] = _problem(index, f"script line {index + 1} ({line.who}): {as_clause(error)}")
    return drafts, problems


def _shared_lengths(
    said_by: Sequence[tuple[np.ndarray | None, Delivery]],
    durations: DurationEstimator,
    speed: float,
    seed: int,
    language: str,
    phonemes: str,
) -> list[int]:
    """Mel frames of each symbol, the mean over the voices and deliveries that say a line."""
    taken = []
    for voice, delivery in said_by:
        mels = durations.predict(phonemes, voice, speed * delivery.tempo, seed, language)
        taken.append(scale_pauses(phonemes, mels, delivery.pauses))
    return [round(sum(of_symbol) / len(said_by)) for of_symbol in zip(*taken, strict=True)]


def _problem(index: int, what: str, repair: str = "") -> Problem:
    return Problem("script", what, repair, ("script", index))


def place_lines(script: Sequence[ScriptLine], lengths: Sequence[int]) -> list[int]:
    """First video frame of each line, given their lengths in video frames.

    Raises:
        DocumentError: a line would begin before the one it overlaps, or before the scene.
    """
    starts: list[int] = []
    for number, line in enumerate(script, 1):
        previous_start, previous_stop = (starts[-1], starts[-1] + lengths[number - 2]) if starts else (0, LEAD_FRAMES)
        if line.start is not None:
            start = frames_from_seconds(line.start)
        elif line.overlap is not None:
            start = previous_stop - frames_from_seconds(line.overlap)
            if not starts or start < previous_start:
                length = seconds_from_frames(previous_stop - previous_start)
                reason = f"the line before it lasts only {length:.2f} s" if starts else "no line stands before it"
                what = f"script line {number} ({line.who}) overlaps by {line.overlap:g} s, but {reason}"
                raise DocumentError([_problem(number - 1, what)])
        elif line.pause is not None:
            start = (previous_stop if starts else 0) + frames_from_seconds(line.pause)
        elif starts and _interrupts(line, script[number - 2]):
            start = max(previous_stop - INTERRUPTION_FRAMES, previous_start + 1)
        else:
            start = previous_stop + (PAUSE_FRAMES if starts else 0)
        starts.append(start)
    return starts


def _interrupts(line: ScriptLine, before: ScriptLine) -> bool:
    """Whether a line without a time of its own begins in the one before it."""
    own = {name.casefold() for name in line.speakers}
    return before.interrupted is not None and not own & {name.casefold() for name in before.speakers}


def find_clashes(scene: Scene, starts: Sequence[int], lengths: Sequence[int]) -> list[Problem]:
    """Each pair of lines that the same person would have to say at once."""
    spans: dict[int, list[tuple[int, int, int]]] = {}
    for number, (line, start, length) in enumerate(zip(scene.script, starts, lengths, strict=True), 1):
        for speaker in scene.speakers_of(line):
            spans.setdefault(speaker, []).append((start, start + length, number))
    clashes = []
    for character, own in spans.items():
        own.sort()
        for (_, stop, first), (start, _, second) in zip(own, own[1:], strict=False):
            if start < stop:
                lines = f"script lines {min(first, second)} and {max(first, second)}"
                at = seconds_from_frames(start)
                what = f"{lines}: {scene.cast[character].name} would say both at {at:.2f} s"
                clashes.append(_problem(max(first, second) - 1, what, "move one by its start, pause or overlap"))
    return clashes


def _measure_speech(name: str, character: int, phonemes: str, mels: Sequence[int]) -> Line:
    """A spoken line at frame 0, its last pause lengthened to a whole frame."""
    n_frames = frames_covering_mels(sum(mels))
    last = mels[-1] + n_frames * MELS_PER_FRAME - sum(mels)
    return Line(name, character, 0, n_frames, phonemes, (*mels[:-1], last))


def _measure_recording(name: str, character: int, samples: np.ndarray) -> Line:
    """A recorded line at frame 0, filled with silence to a whole frame."""
    n_frames = max(1, frames_covering_samples(len(samples)))
    samples = np.pad(samples, (0, samples_from_frames(n_frames) - len(samples)))
    # without its words the sound says it all: the model was trained to do without phonemes
    return Line(name, character, 0, n_frames, " ", (n_frames * MELS_PER_FRAME,), samples)


def _with_words(line: Line, text: str, lexicon: Mapping[str, str], times_of_words: TimesOfWords) -> Line:
    """A recorded line with the phonemes of its text where they are said; as it is where they are not found."""
    assert line.recording is not None
    try:
        phonemes = f" {phonemize(text, line.language, lexicon)} "
    except ValueError:  # the text of a recording is for its readers first
        return line
    durations = times_of_words(line.recording, phonemes)
    return line if durations is None else replace(line, phonemes=phonemes, durations=durations)
