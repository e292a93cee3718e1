"""Checks the script of a scene: speakers, faces, texts and recordings, and the times of the lines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property, partial

from generation.adapters.metadata import About
from generation.core.clock import seconds_from_frames
from generation.core.delivery import AVERAGE, Delivery
from generation.core.performance import Line
from generation.motion.keyframes import HANDLES
from generation.text.languages import espeak_name, shipped_languages, unknown_language
from generation.text.phonemizer import read_text
from studio.acting.marks import SIDES, Movement
from studio.core.messages import nearest, shortened
from studio.core.problems import DocumentError, Location, as_clause
from studio.scene.line_names import line_names
from studio.scene.retakes import faults
from studio.scene.schema import GAZES, Scene, ScriptLine
from studio.scene.styles import delivery_of, line_deliveries, read_style
from studio.scene.voices import foreign_text, language_of
from studio.timeline.directed import acted_line, directed_scene
from studio.timeline.interruptions import find_interruptions
from studio.timeline.recordings import line_recording, notes_of_line, recording_findings
from studio.timeline.timeline import MAX_TEXT, AverageDurations, Speaker, find_clashes, measure_lines, place_lines
from studio.timeline.video_gaps import find_overruns, long_lines
from studio.validation.findings import Findings

_MOST_UNKNOWN = 5
"""Of a line's directions that are not understood so many are told."""
_ENOUGH = 600
"""Of a line that is refused anyway so many letters are read."""


def _letters(text: str) -> str:
    """Spelling in place of pronunciation, with letters that are no IPA symbols replaced: enough to check and estimate.

    eSpeak NG takes a third of a second to load; what cannot be said is found before it is asked.
    """
    return text.lower().translate(str.maketrans("cgqy", "kɡkj"))


class ScriptCheck(Findings):
    """The part of the check that looks at the script."""

    @cached_property
    def _languages(self) -> int:
        """How many languages the weights speak."""
        return shipped_languages()

    def _language(self, at: Location, label: str, wanted: str | None) -> None:
        """A language that a line or character names is one that the weights speak."""
        if wanted is not None and (reason := unknown_language(espeak_name(wanted), self._languages)):
            self._say((*at, "language"), f"{label}: {as_clause(reason)}")

    def _style(self, at: Location, label: str, style: str) -> About | None:
        """A style that a line or character names; None where it cannot be read, which is said."""
        try:
            return read_style(style, self.folder)
        except DocumentError as error:
            for problem in error.problems:
                self._say((*at, "styles", style), f"{label}: {problem.what}", problem.repair)
            return None

    def _lost_words(self, location: Location) -> bool:
        """Whether the file gives a line a text or a recording that was left out of the scene as faulty."""
        given = self.document.data.get("script")
        item = given[int(location[1])] if isinstance(given, list) else None
        if not isinstance(item, dict):
            return False
        return bool(item.get("recording")) or not isinstance(item.get("text"), str | None)

    def script(self) -> None:
        """Lines have known speakers who may speak, something to say, and files that exist."""
        if self._is_empty("script"):
            self._say(("script",), "the script has no lines", "add at least one, as NAME: text")
        names = [character.name for character in self.scene.cast]
        for number, line in enumerate(self.scene.script, 1):
            label, at = f"script line {number} ({line.who[:60]})", ("script", number - 1)
            for name in line.speakers or ("",):
                character = self.scene.find(name)
                if character is None:
                    if self._cast_is_whole():
                        hint = nearest(name, names)
                        self._say(
                            at, f"script line {number}: nobody in the cast is called {shortened(name)}", f"{hint}"
                        )
                elif self.scene.cast[character].role == "silent":
                    self._say(at, f"{label}: {name} has the role silent", "remove the role or the line")
            self._faces(number, label, line)
            if line.looks is not None and line.looks not in GAZES:
                self._looks(at, label, line.speakers, line.looks)
            if line.recording is None and not line.text and not self._lost_words(at):
                self._say(at, f"{label} is empty", f"write what {line.who} says, or remove it")
            self._reading(at, label, line)
            self._styles(at, label, line)
            self._marks(at, label, line, line.speakers)
            self._directions(at, label, line)
            self._attitudes(at, label, line)
            self._retakes(number, line)
            if len(line.text) > MAX_TEXT:
                self._say(at, f"{label} has {len(line.text)} letters", f"split it into lines of at most {MAX_TEXT}")

    def _faces(self, number: int, label: str, line: ScriptLine) -> None:
        """A line comes out of faces that are in the picture."""
        seen = [self.scene.cast[index].name for index in self.scene.on_screen]
        for name in line.faces:
            index, at = self.scene.find(name), ("script", number - 1, "face")
            if index is None and self._cast_is_whole():
                self._say(at, f"{label}: no face belongs to {shortened(name)}", nearest(name, seen))
            elif index is not None and self.scene.cast[index].role == "narrator":
                what = f"{label}: the line cannot come out of the face of {name}, a narrator, who has none"
                self._say(at, what, "name somebody in the picture, or remove the key face")

    def _retakes(self, number: int, line: ScriptLine, longest: float | None = None) -> None:
        """Retakes that cannot be made, in a line of at most ``longest`` seconds."""
        for problem in faults(line, longest):
            what = f"script line {number} ({line.who}): {problem.what}"
            self._say(("script", number - 1, *problem.where), what, problem.repair)

    def _reading(self, at: Location, label: str, line: ScriptLine) -> None:
        """What of a line is not spoken as it stands: directions, and words of another language than it is read in."""
        speaker = next(iter(self.scene.speakers_of(line)), None)
        self._language(at, label, line.language)
        if line.recording is not None or len(line.text) > MAX_TEXT:
            return
        try:
            language = "en-us" if speaker is None else language_of(self.scene, speaker, line)
            reading = read_text(line.text, language)
        except ValueError:  # said with the line's phonemes
            return
        if seems := reading.other_language:
            change = f"add language: {seems} to the line or to {line.speaker_label[:60]}"
            self._say(at, *foreign_text(label, seems, language, change, "give a recording"), warning=True)

    def _directions(self, at: Location, label: str, line: ScriptLine) -> None:
        """Directions that are not understood, each with the nearest phrase that is."""
        if len(line.text) > MAX_TEXT:
            return
        for unknown in acted_line(self.scene, line).unknown[:_MOST_UNKNOWN]:
            what = f"{label}: the direction {shortened(unknown.text)} is not understood and left out"
            self._say(at, what, f"the nearest that is: {unknown.nearest}", warning=True)

    def _attitudes(self, at: Location, label: str, line: ScriptLine) -> None:
        """Attitudes are those of people who hear the line."""
        speaking = [name.casefold() for name in line.speakers]
        others = [member.name for member in self.scene.cast if member.name.casefold() not in speaking]
        for name in line.attitudes:
            if name.casefold() not in map(str.casefold, others) and self._cast_is_whole():
                what = f"{label}: nobody who listens is called {shortened(name)}"
                self._say((*at, "attitudes", name), what, nearest(name, others) if others else "remove it")

    def _marks(self, at: Location, label: str, marks: Movement, speakers: Sequence[str]) -> None:
        """Curves move channels that there are within what these can do, and gazes go to somebody."""
        for number, curve in enumerate(marks.curves):
            place = (*at, "curves", number)
            handle = HANDLES.get(curve.channel)
            if handle is None:
                hint = nearest(curve.channel, HANDLES)
                self._say(place, f"{label}: the channel {shortened(curve.channel)} is not known", hint)
                continue
            beyond = [value for _, value in curve.points if not abs(value) <= handle.most]
            if beyond:
                most = f"keep it between {-handle.most:g} and {handle.most:g}"
                self._say(place, f"{label}: {curve.channel} has the value {beyond[0]:g}", most)
        for number, gaze in enumerate(marks.gazes):
            if gaze.looks not in (*GAZES, *SIDES):
                self._looks((*at, "gazes", number), label, speakers, gaze.looks)

    def _looks(self, at: Location, label: str, speakers: Sequence[str], looks: str) -> None:
        """A line's gaze goes to somebody in the picture, and not to the speaker."""
        seen = [self.scene.cast[index].name for index in self.scene.on_screen]
        speaking = [name.casefold() for name in speakers]
        others = [name for name in seen if name.casefold() not in speaking]
        if looks.casefold() not in [name.casefold() for name in others] and self._cast_is_whole():
            hint = nearest(looks, [*others, *GAZES])
            self._say(at, f"{label}: nobody to look at is called {shortened(looks)}", f"{hint}")

    def spoken(self) -> None:
        """Every line can be pronounced or played, and their times can be met."""
        # what is too long is said by its length: reading a megabyte aloud takes minutes
        script = tuple(
            line.model_copy(update={"text": line.text[:_ENOUGH]}) if len(line.text) > MAX_TEXT else line
            for line in self.scene.script
        )
        written = self.scene.model_copy(update={"lexicon": self.lexicon, "script": script})
        scene = directed_scene(written)
        speakers = [Speaker(None, *self._deliveries(scene, index)) for index in range(len(scene.cast))]
        load = partial(line_recording, self.folder)
        notes, named = partial(notes_of_line, scene, self.folder), line_names(written)
        lines, problems = measure_lines(scene, speakers, AverageDurations(), load, _letters, named, notes_of=notes)
        for index, problem in problems.items():
            line = scene.script[index]
            if len(scene.speakers_of(line)) == len(line.speakers) > 0 and (line.text or line.recording):
                self._say_of_line(problem)
        for index, line in enumerate(scene.script):
            if line.recording is not None and index not in problems:
                self._recording(index, line)
        if not problems:
            self.line_seconds = {index: seconds_from_frames(line.n_frames) for index, line in enumerate(lines)}
            self._times(scene, lines)

    def _recording(self, index: int, line: ScriptLine) -> None:
        """What is worth a look in the recording of a line."""
        for found in recording_findings(self.folder, line):
            what = f"script line {index + 1} ({line.who}): the recording {line.recording!r} {found.what}"
            self._say(("script", index, "recording"), what, found.repair, warning=True)

    def _deliveries(self, scene: Scene, index: int) -> tuple[Delivery, dict[int, Delivery]]:
        """Of a character and its lines; average ones where a style has faults, which are said elsewhere."""
        try:
            return delivery_of(scene.cast[index].styles, self.folder), line_deliveries(scene, index, self.folder)
        except ValueError:
            return AVERAGE, {}

    def _styles(self, at: Location, label: str, line: ScriptLine) -> None:
        """Styles of a line are known and leave the voice as whose it is."""
        for style in line.styles:
            about = self._style(at, label, style)
            if about is not None and about.kind == "voice":
                what = f"{label}: the style {shortened(style)} is a voice, which stays the same in all lines"
                self._say((*at, "styles", style), what, "give it to the character")

    def _times(self, scene: Scene, lines: list[Line]) -> None:
        """Overlaps and clashes that no plausible pace of speaking avoids; lengths are estimates here."""
        lengths = [line.n_frames for line in lines]
        given = [line.recording is not None for line in lines]
        slowest = [n if fixed else 2 * n for n, fixed in zip(lengths, given, strict=True)]
        for number, (line, n_frames) in enumerate(zip(self.scene.script, slowest, strict=True), 1):
            self._retakes(number, line, seconds_from_frames(n_frames))
        quickest = [n if fixed else n // 2 for n, fixed in zip(lengths, given, strict=True)]
        try:
            place_lines(scene.script, slowest)
        except DocumentError as error:
            for problem in error.problems:
                self._say_of_line(problem)
            return
        try:
            starts = place_lines(scene.script, lengths)
            self._interrupted(scene, starts, lengths)
        except DocumentError:
            starts = []
        self.seconds = seconds_from_frames(max((s + n for s, n in zip(starts, lengths, strict=False)), default=0))
        if self.clip is not None:
            self._times_on_a_video(starts, lengths, quickest, self.clip.track.n_frames)
        try:
            starts = place_lines(scene.script, quickest)
            said = list(quickest)
            for stopped in find_interruptions(scene, starts, quickest):  # no more of them is said than this
                said[stopped.line] = min(said[stopped.line], starts[stopped.by] - starts[stopped.line])
            clashes = find_clashes(scene, starts, said)
        except DocumentError:
            clashes = []
        for clash in clashes:
            self._say_of_line(clash)

    def _times_on_a_video(self, starts: list[int], lengths: list[int], quickest: list[int], n_frames: int) -> None:
        """Lines that go on after the video at any plausible pace, and those that will be spoken faster."""
        self.seconds = seconds_from_frames(n_frames)
        with suppress(DocumentError):  # told as a clash
            for problem in find_overruns(self.scene, place_lines(self.scene.script, quickest), quickest, n_frames):
                self._say_of_line(problem)
        for found in long_lines(self.scene, starts, lengths, n_frames) if starts else ():
            self._say(found.where, found.what, found.repair, warning=True)

    def _interrupted(self, scene: Scene, starts: list[int], lengths: list[int]) -> None:
        """Lines that are to be interrupted and in which, by their estimated lengths, nobody begins to speak."""
        found = {stopped.line for stopped in find_interruptions(scene, starts, lengths)}
        for index, line in enumerate(scene.script):
            if line.interrupted is not None and index not in found:
                what = (
                    f"script line {index + 1} ({line.who[:60]}) is interrupted, but nobody else begins to speak in it"
                )
                repair = "give the next line of another an overlap; as it is, the line is said to its end"
                self._say(("script", index), what, repair, warning=True)
