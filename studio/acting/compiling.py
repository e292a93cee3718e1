"""Compiles directions to marks: the explicit curves, gazes, pauses and dials that a scene can hold itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from studio.acting.grammar import LISTENING, Request, Unknown, read_direction
from studio.acting.marks import SIDES, Attitude, Curve, Emotion, Gaze, Interrupted, Pause
from studio.acting.vocabulary import VocalStyle, expressions

_EASE, _RELEASE = 0.25, 0.4
"""Seconds in which a face takes an expression, and in which it lets it go."""
_AT_END = -0.5
"""Seconds from a line's end at which what stands behind it begins."""
_STAY = 0.9
"""Seconds for which it stays then."""
_GLANCE = 1.2
_EVERY = 4
"""Words after which an act that goes on comes again."""
_LEVELS: dict[str, dict[str, float]] = {
    "tilt": {"headTilt": 9},
    "head down": {"headNod": 10},
    "head up": {"headNod": -8},
    "wide eyes": {"eyeWide": 0.7, "browInnerUp": 0.3},
    "squint": {"eyeSquint": 0.7, "browDown": 0.25},
    "close eyes": {"blink": 1},
    "brows up": {"browInnerUp": 0.6, "browOuterUp": 0.6},
    "frown": {"browDown": 0.75, "mouthFrown": 0.2},
    "smile": {"mouthSmile": 0.5, "cheekSquint": 0.3},
    "grin": {"mouthSmile": 0.65, "cheekSquint": 0.45, "mouthDimple": 0.2},
    "smirk": {"mouthSmileLeft": 0.5, "mouthDimpleLeft": 0.3, "cheekSquintLeft": 0.2},
    "pout": {"mouthPucker": 0.4, "mouthShrugLower": 0.35},
    "wrinkle nose": {"noseSneer": 0.65},
    "sneer": {"noseSneer": 0.55, "mouthUpperUp": 0.2, "browDown": 0.2},
    "mouth down": {"mouthFrown": 0.5, "mouthShrugLower": 0.2},
}
"""Acts that last: what the face or head holds meanwhile."""
_MOMENTS: dict[str, tuple[float, dict[str, float]]] = {
    "press lips": (0.6, {"mouthPress": 0.6, "mouthRollLower": 0.3, "mouthRollUpper": 0.3}),
    "puff cheeks": (0.7, {"cheekPuff": 0.8, "mouthPucker": 0.2}),
    "open mouth": (0.8, {"jawOpen": 0.45, "eyeWide": 0.3}),
    "wink": (0.2, {"eyeBlinkLeft": 1, "cheekSquintLeft": 0.5}),
    "blink": (0.06, {"blink": 1}),
}
"""Acts of a moment: how long they stay, and what the face holds then."""
_BEATS: dict[str, tuple[str, tuple[tuple[float, float], ...]]] = {
    "nod": ("headNod", ((0, 0), (0.2, 10), (0.42, -1.5), (0.62, 6), (0.85, 0))),
    "shake": ("headTurn", ((0, 0), (0.17, -8), (0.42, 8), (0.67, -7), (0.9, 5), (1.1, 0))),
}
"""Acts of the head by their course: seconds and degrees."""


@dataclass(frozen=True)
class Chip:
    """A part of a direction as a page shows it: its words, and what it stands for; ``nearest`` where for nothing."""

    text: str
    means: str = ""
    nearest: str = ""


@dataclass
class Acted:
    """What directions ask for in marks, and what of them is not understood.

    ``interrupts`` is of the line before; ``attitudes`` are by the listener's name, empty = everybody's.
    """

    speed: float = 1.0
    loudness: float = 0.0
    pitch: float = 0.0
    melody: float = 1.0
    styles: dict[str, float] = field(default_factory=dict)
    emotions: dict[Emotion, float] = field(default_factory=dict)
    blinks: float | None = None
    interrupted: Interrupted | None = None
    interrupts: bool = False
    attitudes: dict[str, Attitude] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    gazes: list[Gaze] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)

    def spoken(self, vocal_style: VocalStyle, share: float) -> None:
        """Adds a vocal style at a share of its strength."""
        self.speed *= vocal_style.speed**share
        self.loudness += vocal_style.loudness * share
        self.pitch += vocal_style.pitch * share
        self.melody *= vocal_style.melody**share
        for style, strength in vocal_style.styles:
            self.styles[style] = min(1.5, max(self.styles.get(style, 0.0), strength * share))


def compiled(directions: Iterable[tuple[str, int]], n_words: int, names: Sequence[str]) -> Acted:
    """The marks of a line's directions.

    Args:
        directions: each without its brackets, with the number of words said before it.
        n_words: of the line.
        names: the cast's, to be looked at.
    """
    acted = Acted()
    for text, after in directions:
        requests, unknown = read_direction(text, after, names)
        for request in requests:
            _add(acted, request, n_words)
            acted.chips.append(Chip(request.text, _meaning(request)))
        acted.unknown += unknown
        acted.chips += [Chip(part.text, nearest=part.nearest) for part in unknown]
    return acted


def show_emotions(acted: Acted, emotions: Mapping[Emotion, float], n_words: int) -> None:
    """Adds how emotions are shown, on the face and in the voice, each at its intensity."""
    for emotion, intensity in emotions.items():
        vocal_style, face = expressions()[emotion]
        acted.spoken(vocal_style, intensity)
        for channel, value in face:
            acted.curves.append(_held(channel, value * intensity, 0, n_words))


def _meaning(request: Request) -> str:
    known = request.known
    if known.kind == "act" and request.target:
        return f"{known.name} {'away from ' if request.opposite else ''}{request.target}"
    return known.name


def _add(acted: Acted, request: Request, n_words: int) -> None:
    known = request.known
    if known.kind == "vocal_style":
        acted.spoken(known.vocal_style, request.degree)
    elif known.kind == "emotion":
        emotion: Emotion = known.name  # type: ignore[assignment]
        acted.emotions[emotion] = min(1.0, max(acted.emotions.get(emotion, 0.0), known.intensity * request.degree))
    elif known.name in _LEVELS:
        first, until = _words(request, n_words)
        for channel, value in _LEVELS[known.name].items():
            acted.curves.append(_held(channel, _scaled(value, request.degree), first, until, n_words))
    elif known.name in _MOMENTS or known.name in _BEATS:
        _repeat(acted, request, n_words)
    else:
        _OTHERS[known.name](acted, request, n_words)


def _scaled(value: float, degree: float) -> float:
    """An amount of a head in degrees, or of a face, which is 1 at most."""
    return round(value * degree if abs(value) > 1 else min(1.0, value * degree), 3)


def _words(request: Request, n_words: int) -> tuple[int, int]:
    """Words after which something begins, and those after which it is let go."""
    number, count = request.order
    begin = {"start": 0, "all": 0, "end": n_words}.get(request.place, request.after)
    share = max(n_words - begin, 0) / count
    return begin + round(number * share), n_words if number == count - 1 else begin + round((number + 1) * share)


def _held(channel: str, value: float, first: int, until: int, n_words: int | None = None) -> Curve:
    """A value from a word on until another is said; what stands behind the line stays a moment."""
    if n_words is not None and first >= n_words:
        points = [(_AT_END, 0.0), (_AT_END + _EASE, value), (_STAY, value), (_STAY + _RELEASE, 0.0)]
        return Curve(channel=channel, after=first, points=tuple(points))
    return Curve(channel=channel, after=first, points=((-_EASE, 0.0), (0.0, value)), until=until)


def _repeat(acted: Acted, request: Request, n_words: int) -> None:
    """An act of a moment, once, as often as it says, or again and again."""
    first, until = _words(request, n_words)
    starts = range(first, max(until, first + 1), _EVERY) if request.known.lasting and not request.times else [first]
    for after in starts:
        at = _AT_END if after >= n_words > 0 else 0.0
        for _ in range(max(1, request.times)):
            at = _moment(acted, request, after, at)


def _moment(acted: Acted, request: Request, after: int, at: float) -> float:
    """One of an act from a second on; the second at which it is over."""
    name, pace = request.known.name, request.pace
    if name in _BEATS:
        channel, course = _BEATS[name]
        points = tuple((round(at + pace * t, 3), _scaled(value, request.degree)) for t, value in course)
        acted.curves.append(Curve(channel=channel, after=after, points=points))
        return points[-1][0] + 0.1
    stay, values = _MOMENTS[name]
    ease = 0.1 if name in ("blink", "wink") else _EASE
    times = [round(at + pace * t, 3) for t in (0.0, ease, ease + stay, 2 * ease + stay)]
    for channel, value in values.items():
        value = _scaled(value, request.degree)
        points = tuple(zip(times, (0.0, value, value, 0.0), strict=True))
        acted.curves.append(Curve(channel=channel, after=after, points=points))
    return times[-1] + 0.15


def _look(acted: Acted, request: Request, n_words: int) -> None:
    first, until = _words(request, n_words)
    brief = request.known.name == "glance" or first >= n_words
    looks = request.target if request.known.name != "look away" else "away"
    acted.gazes.append(
        Gaze(
            looks=looks,
            after=first,
            start=_AT_END if first >= n_words > 0 else 0.0,
            end=_GLANCE if brief else None,
            until=None if brief else until,
            turn=min(1.0, request.degree) if request.known.name == "turn" else 0.3 * (looks not in SIDES),
            opposite=request.opposite,
        )
    )


def _roll(acted: Acted, request: Request, n_words: int) -> None:
    first, _ = _words(request, n_words)
    at = _AT_END if first >= n_words > 0 else 0.0
    acted.gazes.append(Gaze(looks="up", after=first, start=at, end=at + 0.9))


def _pause(acted: Acted, request: Request, n_words: int) -> None:
    seconds = 1.3 if request.known.name == "long pause" else 0.6
    acted.pauses.append(Pause(after=min(request.after, n_words), seconds=round(seconds * request.degree, 2)))


def _blink_rate(acted: Acted, request: Request, n_words: int) -> None:
    acted.blinks = 60.0 if request.known.name == "blink often" else 0.0


def _interrupt(acted: Acted, request: Request, n_words: int) -> None:
    if request.known.name == "interrupt":
        acted.interrupts = True
    else:
        acted.interrupted = "cut" if request.known.name == "break off" else "yield"


def _listen(acted: Acted, request: Request, n_words: int) -> None:
    acted.attitudes[request.target] = LISTENING[request.known.name]


_OTHERS: Mapping[str, Callable[[Acted, Request, int], None]] = {
    **dict.fromkeys(("look", "glance", "look away", "turn"), _look),
    **dict.fromkeys(("pause", "long pause"), _pause),
    **dict.fromkeys(("blink often", "never blink"), _blink_rate),
    **dict.fromkeys(("break off", "yield", "interrupt"), _interrupt),
    **dict.fromkeys(LISTENING, _listen),
    "roll eyes": _roll,
}
