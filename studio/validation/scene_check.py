"""Checks a scene before any heavy work: all problems and warnings at once, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from generation.audio.clip_quality import assess_clip
from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE, seconds_from_frames
from generation.core.delivery import AVERAGE, Delivery
from generation.core.performance import Line
from generation.text.language_guess import language_name
from generation.text.phonemizer import read_ipa, read_text
from studio.cast.face_assignment import FaceAssignment, assign_faces, assignment_key
from studio.cast.geometry import cramped_faces
from studio.cast.picture_warnings import picture_warnings
from studio.core.messages import nearest
from studio.core.problems import DocumentError, Location, Part, Problem, as_clause, unexpected
from studio.scene.document import Document, at_most, read_document, validate
from studio.scene.retakes import faults
from studio.scene.schema import GAZES, STATEMENT_NEEDED, Character, Scene, ScriptLine, Voice
from studio.scene.styles import delivery_of, read_style
from studio.scene.voices import language_of, voice_names
from studio.timeline.recordings import line_recording, recording_findings, scene_recording
from studio.timeline.timeline import Speaker, find_clashes, measure_lines, place_lines

MAX_TEXT = 600
MAX_SECONDS = 1800
_MELS_PER_LETTER = 7.0  # mean of the training corpus' texts at speed 1, spaces included


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        problems: a scene with any of them is not rendered.
        warnings: what is worth a look.
        scene: what could be read of the scene, None when nothing could.
        assignment: who sits where in the picture, None when that is unknown.
        seconds: estimated length of the video.
    """

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    scene: Scene | None = None
    assignment: FaceAssignment | None = None
    seconds: float = 0.0


def check_scene(path: Path) -> Report:
    """Look at everything a scene file names and say all that is wrong with it."""
    try:
        document = read_document(path)
    except DocumentError as error:
        return Report(error.problems)
    scene, problems = validate(document)
    if scene is None:
        return Report(tuple(problems))
    check = _Check(document, scene, problems)
    for step in (check.cast, check.voices, check.script, check.spoken, check.picture):
        try:
            step()
        except Exception as error:  # a fault in one part should not hide what is found in the others
            check.problems.append(unexpected(error, f"the check of {path.name} ({step.__name__})"))
    told, warnings = at_most(list(dict.fromkeys(check.problems))), at_most(check.warnings)
    return Report(tuple(told), tuple(warnings), scene, check.assignment, check.seconds)


class AverageDurations:
    """The corpus' mean length for every letter: an estimate without any network."""

    def predict(
        self, phonemes: str, voice: np.ndarray | None, speed: float = 1.0, seed: int | None = None
    ) -> tuple[int, ...]:
        """Mel frames (10 ms) of each symbol; they sum to the estimate for the whole line."""
        ends = np.round(np.arange(len(phonemes) + 1) * _MELS_PER_LETTER / speed).astype(int)
        return tuple(int(n) for n in np.diff(ends))


def _letters(text: str) -> str:
    """Spelling in place of pronunciation, with letters that are no IPA symbols replaced: enough to check and estimate.

    eSpeak NG takes a third of a second to load; what cannot be said is found before it is asked.
    """
    return text.lower().translate(str.maketrans("cgqy", "kɡkj"))


class _Check:
    """One pass over one scene; every method adds to ``problems`` and ``warnings``."""

    def __init__(self, document: Document, scene: Scene, problems: list[Problem]) -> None:
        self.document, self.scene, self.problems = document, scene, problems
        self.folder = document.path.parent
        self._well_formed = not problems
        self.warnings: list[Problem] = [document.notice] if document.notice else []
        self.assignment: FaceAssignment | None = None
        self.lexicon: dict[str, str] = {}
        self.seconds = 0.0

    def _say(
        self, where: Location, what: str, repair: str = "", *, part: Part | None = None, warning: bool = False
    ) -> None:
        """Add a problem of an item of the file."""
        target = self.warnings if warning else self.problems
        target.append(self.document.problem(where, what, repair, part))

    def _say_of_line(self, problem: Problem) -> None:
        """Add what another module found wrong with a line of the script."""
        self._say(problem.where or ("script",), problem.what, problem.repair)

    def _cast_at(self, index: int, key: str | None = None) -> Location:
        """Where a character stands in the file, by its name: faulty items before it may have been left out."""
        items = self.document.data.get("cast")
        name = self.scene.cast[index].name
        for number, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict) and " ".join(str(item.get("name")).split()) == name and number >= index:
                return ("cast", number, key) if key else ("cast", number)
        return ("cast",)

    def _is_empty(self, key: str) -> bool:
        """Whether a list has no items, and not because all of them were left out as faulty."""
        return self.document.data.get(key) == [] or (not getattr(self.scene, key) and self._well_formed)

    def cast(self) -> None:
        """Names, roles and styles."""
        if self._is_empty("cast"):
            self._say(("cast",), "the cast is empty", "add at least one character with a name and a voice")
        seen: dict[str, str] = {}
        for index, character in enumerate(self.scene.cast):
            if character.name.casefold() in seen:
                self._say(self._cast_at(index), f"{character.name} is in the cast twice", "give one another name")
            seen[character.name.casefold()] = character.name
            for style in character.styles:
                try:
                    read_style(style, self.folder)
                except DocumentError as error:
                    for problem in error.problems:
                        at = (*self._cast_at(index, "styles"), style)
                        self._say(at, f"{character.name}: {problem.what}", problem.repair)
        for word, ipa in self.scene.lexicon.items():
            try:
                read_ipa(ipa, word)
                self.lexicon[word] = ipa
            except ValueError as error:
                self._say(("lexicon", word), f"lexicon: {error}")

    def voices(self) -> None:
        """Voices are known, clips usable and their use recorded."""
        known = voice_names()
        for index, character in enumerate(self.scene.cast):
            voice, name = character.voice, character.name
            at = self._cast_at(index, "voice")
            if voice is None:
                texts = [line for line in self.scene.script if line.recording is None]
                if any(self.scene.says(index, line) for line in texts):
                    if not self._faulty(self._cast_at(index), "voice"):
                        self._say(at, f"{name} speaks but has no voice", f"add voice: with one of {', '.join(known)}")
            elif voice.preset is not None and voice.preset not in known:
                self._say(at, f"{name}: the voice {voice.preset!r} is not known", f"{nearest(voice.preset, known)}")
            elif voice.clip is not None:
                self._clip(at, name, voice, voice.clip)

    def _clip(self, at: Location, name: str, voice: Voice, clip: str) -> None:
        """The clip can be read and lends itself to it, and whoever is heard in it agreed."""
        try:
            found = assess_clip(Audio(scene_recording(self.folder, clip), SAMPLE_RATE))
        except ValueError as error:
            self._say(at, f"{name}: {as_clause(error)}")
        else:
            for sentence in found.problems:
                self._say(at, f"{name}: the voice clip {clip!r} {sentence}.")
            for sentence in found.warnings:
                self._say(at, f"{name}: the voice clip {clip!r} {sentence}.", warning=True)
        if voice.consent is None:
            kinds = "drawn (nobody's, made by a machine), me, agreed or public"
            self._say(at, f"{name}: say whose voice the clip is: add consent: {kinds}.")
        elif voice.consent in STATEMENT_NEEDED and not voice.statement.strip():
            needed = "who agreed, when and how" if voice.consent == "agreed" else "who it is, and why it may be used"
            self._say(at, f"{name}: consent {voice.consent!r} for the voice clip needs a statement: {needed}.")

    def _faulty(self, location: Location, key: str) -> bool:
        """Whether the file gives that key, though it was left out of the scene as faulty."""
        data: Any = self.document.data
        for part in location:
            data = data[part]
        return isinstance(data, dict) and data.get(key) is not None

    def script(self) -> None:
        """Lines have known speakers who may speak, something to say, and files that exist."""
        if self._is_empty("script"):
            self._say(("script",), "the script has no lines", "add at least one, as NAME: text")
        names = [character.name for character in self.scene.cast]
        for number, line in enumerate(self.scene.script, 1):
            label, at = f"script line {number} ({line.who})", ("script", number - 1)
            for name in line.speakers or ("",):
                character = self.scene.find(name)
                if character is None:
                    if self._cast_is_whole():
                        hint = nearest(name, names)
                        self._say(at, f"script line {number}: nobody in the cast is called {name!r}", f"{hint}")
                elif self.scene.cast[character].role == "silent":
                    self._say(at, f"{label}: {name} has the role silent", "remove the role or the line")
            self._faces(number, label, line)
            if line.looks is not None and line.looks not in GAZES:
                self._looks(at, label, line.speakers, line.looks)
            if line.recording is None and not line.text:
                self._say(at, f"{label} is empty", f"write what {line.who} says, or remove it")
            self._reading(at, label, line)
            self._retakes(number, line)
            if len(line.text) > MAX_TEXT:
                self._say(at, f"{label} has {len(line.text)} letters", f"split it into lines of at most {MAX_TEXT}")

    def _faces(self, number: int, label: str, line: ScriptLine) -> None:
        """A line comes out of faces that are in the picture."""
        seen = [self.scene.cast[index].name for index in self.scene.on_screen]
        for name in line.faces:
            index, at = self.scene.find(name), ("script", number - 1, "face")
            if index is None and self._cast_is_whole():
                self._say(at, f"{label}: no face belongs to {name!r}", nearest(name, seen))
            elif index is not None and self.scene.cast[index].role == "narrator":
                what = f"{label}: the line cannot come out of the face of {name}, a narrator, who has none"
                self._say(at, what, "name somebody in the picture, or remove the key face")

    def _retakes(self, number: int, line: ScriptLine, longest: float | None = None) -> None:
        """Retakes that cannot be made, in a line of at most ``longest`` seconds."""
        for problem in faults(line, longest):
            what = f"script line {number} ({line.who}): {problem.what}"
            self._say(("script", number - 1, *problem.where), what, problem.repair)

    def _reading(self, at: Location, label: str, line: ScriptLine) -> None:
        """What of a line is not spoken as it stands: directions are left out, another language is read as English."""
        if line.recording is not None or len(line.text) > MAX_TEXT:
            return
        try:
            reading = read_text(line.text)
        except ValueError:  # said with the line's phonemes
            return
        if reading.directions:
            named = ", ".join(repr(direction) for direction in reading.directions[:3])
            self._say(at, f"{label}: {named} is a direction and is not spoken", warning=True)
        if reading.other_language:
            what = f"{label} seems to be {language_name(reading.other_language)} and will be read as English"
            self._say(at, what, "write it in English, or give a recording", warning=True)

    def _looks(self, at: Location, label: str, speakers: Sequence[str], looks: str) -> None:
        """A line's gaze goes to somebody in the picture, and not to the speaker."""
        seen = [self.scene.cast[index].name for index in self.scene.on_screen]
        speaking = [name.casefold() for name in speakers]
        others = [name for name in seen if name.casefold() not in speaking]
        if looks.casefold() not in [name.casefold() for name in others] and self._cast_is_whole():
            hint = nearest(looks, [*others, *GAZES])
            self._say(at, f"{label}: nobody to look at is called {looks!r}", f"{hint}")

    def _cast_is_whole(self) -> bool:
        """Whether nobody was left out of the cast for a fault; else a name may belong to one of those."""
        items = self.document.data.get("cast")
        return isinstance(items, list) and len(items) == len(self.scene.cast) > 0

    def spoken(self) -> None:
        """Every line can be pronounced or played, and their times can be met."""
        # what is too long is said by its length: reading a megabyte aloud takes minutes
        script = tuple(line.model_copy(update={"text": line.text[:MAX_TEXT]}) for line in self.scene.script)
        scene = self.scene.model_copy(update={"lexicon": self.lexicon, "script": script})
        speakers = [
            Speaker(None, language_of(scene, index), self._delivery(character))
            for index, character in enumerate(scene.cast)
        ]
        load = partial(line_recording, self.folder)
        lines, problems = measure_lines(scene, speakers, AverageDurations(), load, _letters)
        for index, problem in problems.items():
            line = scene.script[index]
            if len(scene.speakers_of(line)) == len(line.speakers) > 0 and (line.text or line.recording):
                self._say_of_line(problem)
        for index, line in enumerate(scene.script):
            if line.recording is not None and index not in problems:
                self._recording(index, line)
        if not problems:
            self._times(lines)

    def _recording(self, index: int, line: ScriptLine) -> None:
        """What is worth a look in the recording of a line."""
        for found in recording_findings(self.folder, line):
            what = f"script line {index + 1} ({line.who}): the recording {line.recording!r} {found.what}"
            self._say(("script", index, "recording"), what, found.repair, warning=True)

    def _delivery(self, character: Character) -> Delivery:
        """Those of a character's styles; average ones where a style has faults, which are said elsewhere."""
        try:
            return delivery_of(character.styles, self.folder)
        except ValueError:
            return AVERAGE

    def _times(self, lines: list[Line]) -> None:
        """Overlaps and clashes that no plausible pace of speaking avoids; lengths are estimates here."""
        lengths = [line.n_frames for line in lines]
        given = [line.recording is not None for line in lines]
        slowest = [n if fixed else 2 * n for n, fixed in zip(lengths, given, strict=True)]
        for number, (line, n_frames) in enumerate(zip(self.scene.script, slowest, strict=True), 1):
            self._retakes(number, line, seconds_from_frames(n_frames))
        quickest = [n if fixed else n // 2 for n, fixed in zip(lengths, given, strict=True)]
        try:
            place_lines(self.scene.script, slowest)
        except DocumentError as error:
            for problem in error.problems:
                self._say_of_line(problem)
            return
        try:
            starts = place_lines(self.scene.script, lengths)
        except DocumentError:
            starts = []
        self.seconds = seconds_from_frames(max((s + n for s, n in zip(starts, lengths, strict=False)), default=0))
        try:
            clashes = find_clashes(self.scene, place_lines(self.scene.script, quickest), quickest)
        except DocumentError:
            clashes = []
        for clash in clashes:
            self._say_of_line(clash)
        if self.seconds > MAX_SECONDS:
            self._say(("script",), f"the scene would last {self.seconds / 60:.0f} minutes", "split it, 30 are the most")

    def picture(self) -> None:
        """The picture, whose it is, and everybody's face in it."""
        scene = self.scene
        if scene.consent is None and "consent" not in self.document.data:
            self._say(("consent",), "say who is in the picture", "add consent: drawn, me, agreed or public")
        elif scene.consent in STATEMENT_NEEDED and not scene.statement.strip():
            self._say(("consent",), f"consent {scene.consent!r} needs a short statement: who it is, and who agreed.")
        if not scene.picture:
            if "picture" in self.document.data and self.document.data["picture"] in (None, ""):
                self._say(("picture",), "the picture has no file name", "name one")
            return
        self.assignment, problems, tight, warnings = _seen(assignment_key(scene, self.folder), self.folder)
        for problem in problems:
            if problem.where == ("cast",) and not self._cast_is_whole():
                continue  # whose faces they are is clear only with everybody in the cast
            place, *rest = problem.where
            at = (*self._cast_at(int(rest[0])), *rest[1:]) if place == "cast" and rest else problem.where
            self._say(at, problem.what, problem.repair, part="picture")
        if self.assignment is None:
            return
        for index in tight:
            name = scene.cast[index].name
            what = f"{name}'s region or mask is tight around the head, so that its movement is reduced"
            self._say(self._cast_at(index), what, "draw it wider", part="picture", warning=True)
        for warning in warnings:
            place, *rest = warning.where
            at = (*self._cast_at(int(rest[0])), *rest[1:]) if place == "cast" and rest else warning.where
            told = self.document.problem(at, warning.what, warning.repair, "picture")
            self.warnings.append(replace(told, box=warning.box))


@lru_cache(maxsize=4)
def _seen(
    key: tuple[str, tuple[object, ...]], folder: Path
) -> tuple[FaceAssignment | None, Sequence[Problem], Sequence[int], Sequence[Problem]]:
    """Who sits where, what is wrong, who has little room, and warnings; remembered: the editor asks at each edit."""
    scene = Scene.model_validate_json(key[0])
    assignment, problems = assign_faces(scene, folder)
    if assignment is None:
        return None, problems, (), ()
    return assignment, problems, cramped_faces(assignment), picture_warnings(scene, assignment)
