"""Messages that the browser's widgets send: one pydantic model per action, with bounds; others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from generation.motion.keyframes import HANDLES
from studio.scene.schema import Language

MOST_POINTS = 20_000
_UNKNOWN = "The page sent something that cannot be done here; reload it and try again."


def _known_channel(channel: str) -> str:
    if channel not in HANDLES:
        raise ValueError(f"no channel {channel!r}")
    return channel


def _to_milliseconds(seconds: float) -> float:
    return round(seconds, 3)


Name = Annotated[str, Field(max_length=200)]
Index = Annotated[int, Field(ge=0, le=100_000)]
Coordinate = Annotated[float, Field(ge=-1e5, le=1e5)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
SpanSeconds = Annotated[float, Field(ge=0, le=600), AfterValidator(_to_milliseconds)]


class _Message(BaseModel):
    """Strict types, no NaN or infinity, no unknown fields; ``refused`` is what the page says of one that fails."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
    refused: ClassVar[str] = _UNKNOWN

    n: int = Field(0, ge=0, lt=2**53)
    """Number of the message, by which the page and the widget know what is done."""


# The script


class _LineAction(_Message):
    """Something done in a row of the script; ``text`` is what the line says by now, where that was being typed."""

    refused: ClassVar[str] = "What was done in the script did not arrive whole; do it again."

    index: Index
    line: Name | None = None
    text: Annotated[str, Field(max_length=20_000)] | None = None


class SetText(_LineAction):
    """Another text."""

    kind: Literal["text"] = "text"


class SetSpeaker(_LineAction):
    """Other speakers, by name: several say the line together."""

    kind: Literal["who"] = "who"
    value: list[Name] = Field(min_length=1, max_length=20)


class SetFace(_LineAction):
    """Whose faces the line comes out of, by name; none = each speaker's own."""

    kind: Literal["face"] = "face"
    value: list[Name] = Field(max_length=20)


class SetLanguage(_LineAction):
    """Another language than the speaker's; none = the speaker's."""

    kind: Literal["language"] = "language"
    value: Language | None


class SetSpeed(_LineAction):
    """Another speed; 1 is the voice's own."""

    kind: Literal["speed"] = "speed"
    value: float = Field(title="speed", ge=0.5, le=2.0)


class SetStyles(_LineAction):
    """Strengths of styles in this line, as ``whisper 0.8 + weary``; empty = as its speakers have them."""

    refused: ClassVar[str] = "Styles of a line are written as: whisper 0.8 + weary."

    kind: Literal["styles"] = "styles"
    value: Annotated[str, Field(max_length=2000)]


class SetDirection(_LineAction):
    """What the line does besides its words, in words; empty = nothing."""

    refused: ClassVar[str] = "A direction has at most 2000 letters; shorten it."

    kind: Literal["direction"] = "direction"
    value: Annotated[str, Field(max_length=2000)]


class SetPause(_LineAction):
    """Begin so many seconds after the line before it ends."""

    kind: Literal["pause"] = "pause"
    value: float = Field(title="pause", ge=0, le=60)


class SetOverlap(_LineAction):
    """Begin so many seconds before the line before it ends."""

    kind: Literal["overlap"] = "overlap"
    value: float = Field(title="overlap", ge=0, le=60)


class SetStart(_LineAction):
    """Begin so many seconds after the scene begins."""

    kind: Literal["start"] = "start"
    value: float = Field(title="start", ge=0, le=360_000)


class AddLine(_LineAction):
    """An empty line below this one."""

    kind: Literal["add"] = "add"


class RemoveLine(_LineAction):
    """Remove this line."""

    kind: Literal["remove"] = "remove"


class MoveLine(_LineAction):
    """Move this line up or down by one."""

    kind: Literal["move"] = "move"
    by: Literal[-1, 1]


class HearLine(_LineAction):
    """Speak this line, with ``pair`` also the next one, and play it."""

    kind: Literal["hear"] = "hear"
    pair: bool = False


class NewTake(_LineAction):
    """Speak this line in another way."""

    kind: Literal["take"] = "take"


class KeepTake(_LineAction):
    """Use a take in the video."""

    kind: Literal["keep_take"] = "keep_take"
    take: Name


class PlayTake(_LineAction):
    """Play a take."""

    kind: Literal["play_take"] = "play_take"
    take: Name


class CorrectWord(_LineAction):
    """Have a word sound otherwise in the whole project; no sound takes a correction away."""

    refused: ClassVar[str] = "A correction needs a word and how it sounds; fill in both."

    kind: Literal["sound"] = "sound"
    word: Name = Field(min_length=1)
    sound: Name


class ReplaceWord(_LineAction):
    """Say another word in the place of one of this line; without one the word is as it was."""

    refused: ClassVar[str] = "Write the word that is replaced, and the one in its place."

    kind: Literal["replace"] = "replace"
    word: Name = Field(min_length=1)
    to: Name


class CompareTakes(_LineAction):
    """Play the take that is kept and the newest other one."""

    kind: Literal["compare_takes"] = "compare_takes"


LineAction = (
    SetText | SetSpeaker | SetFace | SetLanguage | SetSpeed | SetStyles | SetDirection | SetPause | SetOverlap
    | SetStart | AddLine | RemoveLine | MoveLine | HearLine | NewTake | KeepTake | PlayTake | CompareTakes | CorrectWord
    | ReplaceWord
)  # fmt: skip

# The picture; places are in pixels of the loaded picture


class ClaimFace(_Message):
    """Give a found face to a character."""

    refused: ClassVar[str] = "This face is no longer there; click again."

    kind: Literal["claim"] = "claim"
    face: Index


class SelectCharacter(_Message):
    """Work on another member of the cast."""

    kind: Literal["select"] = "select"
    character: Index


class _Drawn(_Message):
    refused: ClassVar[str] = "What was drawn did not arrive whole; draw it again."


class PaintRegion(_Drawn):
    """A stroke of the brush, which adds to a region or takes away from it."""

    kind: Literal["stroke"] = "stroke"
    points: list[Point] = Field(min_length=1, max_length=MOST_POINTS)
    radius: float = Field(gt=0, le=1e5)
    erase: bool = False


class DrawBox(_Drawn):
    """A box (left, top, right, bottom) as a region."""

    kind: Literal["box"] = "box"
    box: list[Coordinate] = Field(min_length=4, max_length=4)


class MarkPoints(_Drawn):
    """A face marked by hand: places by the names of its points."""

    refused: ClassVar[str] = "Mark all the points on the picture first."

    kind: Literal["points"] = "points"
    points: dict[Name, Point] = Field(min_length=1, max_length=100)


PictureAction = ClaimFace | SelectCharacter | PaintRegion | DrawBox | MarkPoints

# The motion curves


class SpanKey(_Message):
    """A value that a channel passes through, ``at`` seconds of the line."""

    at: SpanSeconds
    channel: Annotated[str, AfterValidator(_known_channel)]
    value: Annotated[float, Field(ge=-1000, le=1000), AfterValidator(_to_milliseconds)]


class Span(_Message):
    """A part of a line, in seconds of the line, with its keys."""

    line: Name
    start: SpanSeconds
    end: SpanSeconds
    keys: list[SpanKey] = Field(max_length=60)

    def as_data(self) -> dict[str, Any]:
        """The span as the widget and the scene have it."""
        keys = [key.model_dump(exclude={"n"}) for key in self.keys]
        return {"line": self.line, "start": self.start, "end": self.end, "keys": keys}


class _SpanAction(_Message):
    refused: ClassVar[str] = (
        "A span needs a begin, an end and for each key a second, a channel and a value; correct it or choose it again."
    )


class ChooseSpan(_SpanAction):
    """Choose a span, or none."""

    kind: Literal["span"] = "span"
    span: Span | None


class RetakeSpan(_SpanAction):
    """Generate the motion of a span again."""

    kind: Literal["again"] = "again"
    span: Span


class SetAmount(_Message):
    """Another amount of somebody's mouth, head, blinks or expression; 1 is as generated."""

    refused: ClassVar[str] = "That cannot be changed here; look at the page Cast."

    kind: Literal["amount"] = "amount"
    who: Name
    field: Literal["mouth", "head", "blink", "expression"]
    value: float = Field(title="amount", ge=0, le=1.5)


MotionAction = ChooseSpan | RetakeSpan | SetAmount


def _adapter(union: Any) -> tuple[TypeAdapter[Any], dict[str, type[_Message]]]:  # noqa: ANN401 - a union of models
    models = {get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(union)}
    return TypeAdapter(Annotated[union, Field(discriminator="kind")]), models


_LINE, _PICTURE, _MOTION = _adapter(LineAction), _adapter(PictureAction), _adapter(MotionAction)


def read_line_action(message: object) -> LineAction:
    """The action in the script that a message stands for.

    Raises:
        ValueError: it stands for none, or for one that is out of bounds; one sentence.
    """
    return _read(_LINE, message)


def read_picture_action(message: object) -> PictureAction:
    """The action on the picture that a message stands for.

    Raises:
        ValueError: it stands for none, or for one that is out of bounds; one sentence.
    """
    return _read(_PICTURE, message)


def read_motion_action(message: object) -> MotionAction:
    """The action on the motion curves that a message stands for.

    Raises:
        ValueError: it stands for none, or for one that is out of bounds; one sentence.
    """
    return _read(_MOTION, message)


def _read(family: tuple[TypeAdapter[Any], Mapping[str, type[_Message]]], message: object) -> Any:  # noqa: ANN401
    adapter, models = family
    try:
        return adapter.validate_python(message)
    except ValidationError as error:
        place = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
    model = models.get(str(place[0])) if place else None
    raise ValueError(_UNKNOWN if model is None else _sentence(model, place[1:]))


def _sentence(model: type[_Message], place: tuple[int | str, ...]) -> str:
    """What is wrong with a message of a known kind: the bounds of a field that has a title, else what its kind says."""
    field = model.model_fields.get(str(place[0])) if place else None
    if field is None or field.title is None:
        return model.refused
    low, high = (next(getattr(b, end) for b in field.metadata if hasattr(b, end)) for end in ("ge", "le"))
    return f"The {field.title} should be between {low:g} and {high:g}."
