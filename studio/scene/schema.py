"""Schema of the scene document (pydantic): cast, script and settings; unknown keys are errors."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from generation.audio.channels import Channel, channel_of
from generation.core.motion import REGION_CHANNELS, Region
from studio.acting.marks import Attitude, LineActing, Movement, NewWord, Retake, Strict
from studio.core.messages import shortened
from studio.scene import screenplay
from studio.scene.region_points import Box, FileName, Point, Polygon, TimedRegion, eyes_and_mouth_points, region_points
from studio.scene.short_forms import or_name_and_text, or_text

Consent = Literal["drawn", "me", "agreed", "public"]
Language = Literal["en", "en-us", "en-gb", "es", "fr", "it", "pt"]
"""What is spoken; ``en`` is English in the accent of the voice."""
Place = Literal["auto"] | tuple[Point, ...]

GAZES = ("viewer", "away")
VIDEOS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg")
"""Endings of files that are videos in place of the picture."""
COLOURS = ("#d1495b", "#2e86ab", "#edae49", "#5b8e7d", "#8d5a97", "#e07a5f", "#3d5a80", "#7f7f7f")
STATEMENT_NEEDED = ("agreed", "public")
_NAME_FORBIDDEN = set(':(){}|"\n\r\t#')
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories of which a name has nothing: control and format characters (text direction, zero width)."""
_BLANKS = set("\u115f\u1160\u2800\u3164\uffa0")
"""Letters that show nothing."""
_JOINERS = set("\u200c\u200d")
"""Between two letters they are part of how some scripts and emoji are written."""
Name = Annotated[str, Field(max_length=1300)]
"""Names of people: up to twenty of sixty letters."""
Word = Annotated[str, Field(max_length=200)]
Styles = dict[FileName, Annotated[float, Field(ge=0, le=1.5)]]
"""Strength of each style by its name; 0 = off, 1 = as it was trained."""
PLACELESS: dict[str, Any] = {"region": "auto", "mask": None, "rig_face": None, "eyes_and_mouth": None, "regions": (),
                             "person": None}  # fmt: skip
"""Keys of a character that say where in the picture it is, with their values where nothing does."""
TOGETHER = " + "
"""Between the names of several people, in ``who`` and ``face``."""
BY_VOICE = "voice"
"""In place of a motion file: the model moves that region."""


def plain_name(name: str) -> str:
    """A character's name with single spaces.

    Raises:
        ValueError: it cannot be a name; a clause without its subject.
    """
    name = " ".join(name.split())
    if not name:
        raise ValueError("is empty; give the character a name")
    if len(name) > 60:
        raise ValueError(f"should have at most 60 letters; it has {len(name)}")
    inner = set(name[1:-1]) & _JOINERS
    unseen = [sign for sign in name if sign in _BLANKS or (unicodedata.category(sign) in _UNSEEN and sign not in inner)]
    if unseen:
        raise ValueError(f"holds the invisible character U+{ord(unseen[0]):04X}; type the name anew")
    if bad := sorted(_NAME_FORBIDDEN & set(name)):
        raise ValueError(f"should not contain {' '.join(bad)}; it is {name!r}")
    if TOGETHER in name:
        raise ValueError(f"should not contain '+' between spaces, which stands between two names; it is {name!r}")
    return name


def names_in(value: str | None) -> tuple[str, ...]:
    """The names in the text of a ``who`` or ``face``."""
    return tuple(value.split(TOGETHER)) if value else ()


def listed(names: Sequence[str]) -> str:
    """Names for a reader: ``Nora``, ``Nora and Theo``, ``Nora, Theo and Max``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


class Voice(Strict):
    """A voice of the bank by name, or a recording of 5 to 15 s to take the voice from.

    ``consent`` says whose voice the clip is, as the scene's says it of the picture (``drawn`` = made by a machine);
    ``statement`` who agreed, when and how. Neither leaves the machine in a film.
    """

    __get_pydantic_json_schema__ = classmethod(or_text)
    preset: Name | None = None
    clip: FileName | None = None
    consent: Consent | None = None
    statement: str = Field("", max_length=2000)

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:  # noqa: ANN401
        return {"preset": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> Voice:
        if (self.preset is None) == (self.clip is None):
            raise ValueError("needs either the name of a voice or a clip, not both and not neither")
        return self


class FaceMotion(Strict):
    """What moves each region of a face: ``voice``, the model, or a motion file (ARKit CSV or motion JSON)."""

    mouth: FileName | None = None
    brows: FileName | None = None
    eyes: FileName | None = None
    head: FileName | None = None

    @property
    def files(self) -> dict[Region, str]:
        """File of each region that has one."""
        return {region: name for region in REGION_CHANNELS if (name := getattr(self, region)) not in (None, BY_VOICE)}


class Character(Movement):
    """One member of the cast: a face in the picture with a voice, or a narrator with a voice alone.

    Where the face is: ``region`` (around it, pixels of the picture), ``mask`` (a picture file, white = this person) or
    ``rig_face`` (a face of the scene's rig file); without any of them the free faces are taken from left to right, the
    larger ones where there are more. ``eyes_and_mouth`` marks a face that is not found, a drawing's or an animal's, by
    the middles of its eyes, left in the picture first, and of its mouth. In a video a ``person`` is one of those who
    are followed through it, from 1 as they come; regions and masks hold where somebody is seen first.
    ``mouth``, ``head``, ``blink`` and ``expression`` are amounts: of lips and jaw, of the head, of how far lids shut,
    and of brows, cheeks and all else that a face shows. ``blinks`` are a minute; ``curves`` and ``gazes`` move it in
    seconds of the scene. ``attitude`` is how it listens.
    In the seconds of its ``regions`` a character's place is another: its voice drives what lies there.
    ``language`` is what it speaks, where a line names no other: any voice speaks any. Without it, English in the
    voice's accent.
    ``motion`` says what moves its face, from the scene's beginning on.
    """

    name: str
    colour: str | None = None
    role: Literal["silent", "narrator"] | None = None
    region: Annotated[Place, BeforeValidator(region_points, Literal["auto"] | Box | Polygon)] = "auto"
    mask: FileName | None = None
    rig_face: Name | None = None
    eyes_and_mouth: Annotated[tuple[Point, Point, Point] | None, BeforeValidator(eyes_and_mouth_points)] = None
    person: int | None = Field(None, ge=1, le=1000)
    regions: tuple[TimedRegion, ...] = Field((), max_length=100)
    voice: Voice | None = None
    language: Language | None = None
    styles: Styles = Field({}, max_length=20)
    motion: FaceMotion = FaceMotion()
    mouth: float = Field(1.0, ge=0, le=1.5)
    head: float = Field(1.0, ge=0, le=1.5)
    blink: float = Field(1.0, ge=0, le=1.5)
    expression: float = Field(1.0, ge=0, le=1.5)
    attitude: Attitude = "neutral"

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        return plain_name(name)

    @field_validator("colour")
    @classmethod
    def _hex_colour(cls, colour: str | None) -> str | None:
        if colour is not None and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
            raise ValueError(f'should be written as "#rrggbb"; it is {shortened(colour)}')
        return colour

    @model_validator(mode="after")
    def _one_place(self) -> Character:
        given = [key for key in (self.mask, self.rig_face, self.person) if key is not None]
        places = [self.region != "auto", *map(bool, given)]
        if sum(places) > 1:
            raise ValueError("has more than one place; keep one of region, mask, rig_face and person")
        if self.rig_face is not None and self.eyes_and_mouth is not None:
            raise ValueError("has its face marked twice; keep one of rig_face and eyes_and_mouth")
        if self.role == "narrator" and (any(places) or self.regions or self.eyes_and_mouth):
            keys = "region, mask, rig_face, eyes_and_mouth, person and regions"
            raise ValueError(f"is a narrator, who has no face; remove {keys}, or the role")
        return self

    @model_validator(mode="after")
    def _regions_in_order(self) -> Character:
        for one, other in pairwise(self.regions):
            if other.start < one.end:
                which = f"the region from {other.start:g} s begins before the one before it ends, at {one.end:g} s"
                raise ValueError(f"has regions that are not in order or overlap: {which}")
        return self


def masks_of(character: Character) -> list[str]:
    """Names of the mask files that a character names."""
    return [mask for mask in (character.mask, *(timed.mask for timed in character.regions)) if mask is not None]


class ScriptLine(LineActing):
    """One line of the script: spoken text, or a recording (its text then only serves the subtitles).

    ``language`` says in what language it is, if not in its speaker's; of a recording it tells the lips.
    A recording that is to ``convert`` is said by the speaker's own voice, in its timing and melody.
    ``channel`` says which channel of the recording is heard: ``left``, ``right``, a number from 1, or the ``mix``.

    It begins ``pause`` seconds after the line before it ends, or ``overlap`` seconds before that, or ``start`` seconds
    after the scene begins. Another ``take`` is the same line spoken anew. ``looks`` says where the speaker's eyes are
    meanwhile: at another member of the cast by name, at the ``viewer`` or ``away``. Its ``styles`` hold for this line:
    those that it names in place of the character's strengths. In its ``retakes`` the speaker moves in another way.
    A ``note`` is what the script says before the line and nobody speaks: a scene heading, what happens. ``motion`` says
    what moves the faces that say it, from its first frame to its last.

    Its ``words`` are replaced in what was spoken: only they and their joins are made anew.

    ``who`` may name several people, who say the line together, and ``face`` whose faces the voice comes out of in place
    of the speaker's own; both as a list or as ``Nora + Theo``.
    """

    __get_pydantic_json_schema__ = classmethod(or_name_and_text)
    who: Name
    face: Name | None = None
    text: str = ""
    language: Language | None = None
    recording: FileName | None = None
    channel: Annotated[Channel | None, BeforeValidator(channel_of)] = None
    convert: bool = False
    pause: float | None = Field(None, ge=0, le=60)
    overlap: float | None = Field(None, gt=0, le=60)
    start: float | None = Field(None, ge=0, le=360_000)
    speed: float = Field(1.0, ge=0.5, le=2.0)
    styles: Styles = Field({}, max_length=20)
    take: int = Field(0, ge=0, lt=1000)
    looks: Name | None = None
    note: str = Field("", max_length=20_000)
    motion: FaceMotion = FaceMotion()
    retakes: tuple[Retake, ...] = Field((), max_length=100)
    words: tuple[NewWord, ...] = Field((), max_length=100)

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:  # noqa: ANN401
        """``"ANNA: text"`` and ``{"ANNA": "text"}`` as the fields of a line; anything else as it is."""
        if isinstance(value, str):
            fields = screenplay.parse(value)
            if len(fields) != 1:
                raise ValueError(f"should hold one line; it holds {len(fields)}")
            return fields[0]
        if isinstance(value, dict) and len(value) == 1:
            ((who, text),) = value.items()
            if who not in cls.model_fields and not isinstance(text, dict | list):
                return {**screenplay.parse_head(str(who)), "text": text}
        return value

    @field_validator("take", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:  # noqa: ANN401
        return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else value

    @field_validator("styles", mode="before", json_schema_input_type=str | Styles)
    @classmethod
    def _named_styles(cls, value: Any) -> Any:  # noqa: ANN401
        """``whisper 0.8 + weary`` as strengths by name, 1 where none is given."""
        return screenplay.read_styles(value) if isinstance(value, str) else value

    @field_validator("who", "face", mode="before", json_schema_input_type=str | list[str] | None)
    @classmethod
    def _joined(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        """A list of names as one text, its spaces in order; nobody is empty in ``who`` and nothing in ``face``."""
        if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
            value = TOGETHER.join(value)
        value = " ".join(value.split()) if isinstance(value, str) else value
        return value or ("" if info.field_name == "who" else None)

    @field_validator("who", "face")
    @classmethod
    def _each_once(cls, value: str | None) -> str | None:
        names = names_in(value)
        for name in names:
            if [other.casefold() for other in names].count(name.casefold()) > 1:
                raise ValueError(f"names {name} twice; keep one")
        return value

    @field_validator("text", mode="before", json_schema_input_type=str | None)
    @classmethod
    def _one_line(cls, value: Any) -> Any:  # noqa: ANN401
        return "" if value is None else " ".join(value.split()) if isinstance(value, str) else value

    @field_validator("note", mode="before", json_schema_input_type=str | None)
    @classmethod
    def _note_lines(cls, value: Any) -> Any:  # noqa: ANN401
        """Lines of a note, each with single spaces, without empty ones."""
        return "\n".join(filter(None, (" ".join(row.split()) for row in value.splitlines()))) if isinstance(
            value, str) else value or ""  # fmt: skip

    @model_validator(mode="after")
    def _one_time(self) -> ScriptLine:
        given = [key for key in ("pause", "overlap", "start") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}; keep one of them")
        return self

    @model_validator(mode="after")
    def _one_recording(self) -> ScriptLine:
        if self.recording is not None and len(self.speakers) > 1:
            raise ValueError("is a recording of several people; name one, and whose faces say it with the key face")
        return self

    @model_validator(mode="after")
    def _channel_of_recording(self) -> ScriptLine:
        if self.words and self.recording is not None:
            raise ValueError("is a recording, in which no word can be replaced; remove words, or the recording")
        if self.words and self.interrupted is not None:
            raise ValueError("is interrupted, and no word of it can be replaced; remove words, or interrupted")
        if self.channel is not None and self.recording is None:
            raise ValueError("names a channel and no recording; add one, or remove channel")
        if self.convert and not (self.recording and self.text):
            raise ValueError("is to be converted; give the recording, and the text that is said in it")
        if self.sing is not None and (self.recording or self.words):
            raise ValueError("is sung; remove recording and words: its melody may be a recording, as sing.recording")
        return self

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who says it, as the line names them."""
        return names_in(self.who)

    @property
    def faces(self) -> tuple[str, ...]:
        """Whose faces say it in place of the speakers' own; empty where each moves their own."""
        return names_in(self.face)

    @property
    def speaker_label(self) -> str:
        """Who says it, for a reader: ``Nora and Theo``."""
        return listed(self.speakers)


_Lines = Annotated[tuple[ScriptLine, ...], Field(max_length=1000)]


class Scene(Strict):
    """A picture, its cast and their script. File names are relative to the scene file's folder.

    The picture may be a video: the cast are people in it who get new mouths where they have lines. ``ambience`` is how
    loud its own sound stays under them. ``silent`` says what mouths of the cast do without a line: ``keep`` what they
    do in the video, or ``close``.
    """

    version: Literal[2] = 2
    title: str = Field("", max_length=200)
    picture: FileName
    consent: Consent | None = None
    statement: str = Field("", max_length=2000)
    rig: FileName | None = None
    cast: tuple[Character, ...] = Field(max_length=100)
    script: _Lines
    lexicon: dict[Word, Word] = Field({}, max_length=1000)
    seed: int = Field(0, ge=0, lt=2**31)
    label: bool = True
    ambience: float = Field(1.0, ge=0, le=1)
    silent: Literal["keep", "close"] = "keep"

    @field_validator("script", mode="before", json_schema_input_type=str | _Lines)
    @classmethod
    def _lines(cls, value: Any) -> Any:  # noqa: ANN401
        """Accept a whole screenplay in place of a list of lines."""
        return screenplay.parse(value) if isinstance(value, str) else value

    @property
    def is_video(self) -> bool:
        """Whether a video stands in place of the picture."""
        return self.picture.lower().endswith(VIDEOS)

    def find(self, name: str) -> int | None:
        """Index of a character by name, capitals and small letters alike; None if nobody is called so."""
        names = [character.name.casefold() for character in self.cast]
        return names.index(name.casefold()) if name.casefold() in names else None

    def speakers_of(self, line: ScriptLine) -> list[int]:
        """Indices of those who say a line; names that nobody has are left out."""
        return [index for name in line.speakers if (index := self.find(name)) is not None]

    def says(self, index: int, line: ScriptLine) -> bool:
        """Whether a character is among those who say a line."""
        return self.cast[index].name.casefold() in [name.casefold() for name in line.speakers]

    def faces_of(self, line: ScriptLine, speaker: int) -> list[int]:
        """Indices of those whose faces say a line with a speaker's voice."""
        faces = [index for name in line.faces if (index := self.find(name)) is not None]
        return faces if line.faces else [speaker]

    def colour_of(self, index: int) -> str:
        """A character's colour as ``#rrggbb``, from the palette when the document gives none."""
        return self.cast[index].colour or COLOURS[index % len(COLOURS)]

    @property
    def on_screen(self) -> list[int]:
        """Indices of the characters who have a face in the picture."""
        return [index for index, character in enumerate(self.cast) if character.role != "narrator"]
