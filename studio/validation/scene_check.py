"""Checks a scene before any heavy work: all problems and warnings at once, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from generation.audio.clip_quality import assess_clip
from generation.audio.sound_file import sound_facts
from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from generation.text.languages import ENGLISH, espeak_name
from generation.text.phonemizer import read_ipa
from studio.cast.clip_people import OnFrame, look_at_clip
from studio.cast.face_assignment import FaceAssignment, assign_faces, assignment_key
from studio.cast.geometry import cramped_faces
from studio.cast.picture_warnings import picture_warnings
from studio.core.problems import DocumentError, Location, Problem, as_clause, unexpected
from studio.scene.document import at_most, read_document, validate
from studio.scene.lexicon import language_and_word
from studio.scene.schema import STATEMENT_NEEDED, Scene, Voice
from studio.scene.voices import voice_fault, voice_names
from studio.timeline.recordings import scene_recording
from studio.validation.motion_check import MotionCheck
from studio.validation.script_check import ScriptCheck


@dataclass(frozen=True)
class Report:
    """Result of a scene check.

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


def check_scene(path: Path, on_frame: OnFrame = lambda done, total: None) -> Report:
    """Look at everything a scene file names and say all that is wrong with it.

    Args:
        path: the scene file.
        on_frame: told how far it is where people are followed through a video for the first time; what it raises ends
            the check.
    """
    try:
        document = read_document(path)
    except DocumentError as error:
        return Report(error.problems)
    scene, problems = validate(document)
    if scene is None:
        return Report(tuple(problems))
    check = _Check(document, scene, problems)
    if scene.is_video:
        with suppress(ValueError):  # the check of the picture says it
            check.clip = look_at_clip(check.folder / scene.picture, on_frame)
    for step in (check.cast, check.voices, check.script, check.spoken, check.motion, check.picture):
        try:
            step()
        except Exception as error:  # a fault in one part should not hide what is found in the others
            check.problems.append(unexpected(error, f"the check of {path.name} ({step.__name__})"))
    told, warnings = at_most(list(dict.fromkeys(check.problems))), at_most(check.warnings)
    return Report(tuple(told), tuple(warnings), scene, check.assignment, check.seconds)


class _Check(ScriptCheck, MotionCheck):
    """One pass over one scene; every method adds to ``problems`` and ``warnings``."""

    def cast(self) -> None:
        """Names, roles and styles."""
        if self._is_empty("cast"):
            self._say(("cast",), "the cast is empty", "add at least one character with a name and a voice")
        seen: dict[str, str] = {}
        for index, character in enumerate(self.scene.cast):
            if character.name.casefold() in seen:
                self._say(self._cast_at(index), f"{character.name} is in the cast twice", "give one another name")
            seen[character.name.casefold()] = character.name
            self._language(self._cast_at(index), character.name, character.language)
            for style in character.styles:
                self._style(self._cast_at(index), character.name, style)
        for word, ipa in self.scene.lexicon.items():
            code, named = language_and_word(word)
            try:
                read_ipa(ipa, named, espeak_name(code or ENGLISH))
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
                texts = [line for line in self.scene.script if line.recording is None or line.convert]
                if any(self.scene.says(index, line) for line in texts):
                    if not self._faulty(self._cast_at(index), "voice"):
                        self._say(at, f"{name} speaks but has no voice", f"add voice: with one of {', '.join(known)}")
            elif voice.preset is not None and (fault := voice_fault(voice.preset)) is not None:
                what, repair = fault
                self._say(at, f"{name}: {what}", repair)
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
        if not scene.is_video:
            self._without_a_video()
        elif self.clip is not None and self.clip.facts.sound and scene.ambience > 0:
            try:
                sound_facts(self.clip.path)
            except ValueError as error:
                self._say(("picture",), f"the video's sound: {as_clause(error)}", "or set ambience: 0")
        self.assignment, problems, tight, warnings = _seen(assignment_key(scene, self.folder), self.folder)
        for problem in problems:
            if problem.where == ("cast",) and not self._cast_is_whole():
                continue  # whose faces they are is clear only with everybody in the cast
            self.problems.append(self._of_picture(problem))
        if self.assignment is None:
            return
        for index in tight:
            name = scene.cast[index].name
            what = f"{name}'s region or mask is tight around the head, so that its movement is reduced"
            self._say(self._cast_at(index), what, "draw it wider", part="picture", warning=True)
        self.warnings += map(self._of_picture, warnings)

    def _without_a_video(self) -> None:
        """Keys that only a video in place of the picture has a use for."""
        given: list[Location] = [(key,) for key in ("ambience", "silent") if key in self.document.data]
        given += [self._cast_at(i, "person") for i, member in enumerate(self.scene.cast) if member.person is not None]
        for where in given:
            self._say(where, f"the key {where[-1]} is for a video in place of the picture", "remove it", part="picture")

    def _of_picture(self, problem: Problem) -> Problem:
        """What was found in the picture, at its place in the file."""
        place, *rest = problem.where
        at = (*self._cast_at(int(rest[0])), *rest[1:]) if place == "cast" and rest else problem.where
        return replace(self.document.problem(at, problem.what, problem.repair, "picture"), box=problem.box)


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
