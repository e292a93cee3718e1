"""The forms in which a scene says where somebody is in the picture, as points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from studio.acting.marks import Strict
from studio.core.messages import shortened

FileName = Annotated[str, Field(max_length=1000)]
Point = tuple[float, float]
MOST_POINTS = 2000
"""Corners of a region."""
FARTHEST = 100_000.0
"""Largest coordinate of a region, pixels."""
Box = tuple[float, float, float, float]
Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=MOST_POINTS)]


def region_points(value: Any) -> Any:  # noqa: ANN401 - whatever the document holds
    """``auto``, the four numbers of a box (left, top, right, bottom) or a polygon's points, as ``auto`` or points.

    Args:
        value: what the document says.

    Returns:
        ``"auto"``, or at least three (x, y) points in pixels of the picture; a box becomes its four corners.

    Raises:
        ValueError: neither of the three forms.
    """
    if value == "auto":
        return value
    form = "'auto', a box [left, top, right, bottom] or at least three points [[x, y], ...]"
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"should be {form}; it is {shortened(value)}")
    box = len(value) == 4 and not any(isinstance(item, Sequence) and not isinstance(item, str) for item in value)
    try:
        edges = tuple(map(float, value)) if box else ()
        points = () if box else tuple((float(x), float(y)) for x, y in value[: MOST_POINTS + 1])
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"should be {form}") from None
    if len(points) > MOST_POINTS:
        raise ValueError(f"has {len(value)} points; {MOST_POINTS} are the most")
    numbers = [*edges, *(number for point in points for number in point)]
    if not all(math.isfinite(number) and abs(number) <= FARTHEST for number in numbers):
        raise ValueError(f"should have numbers between -{FARTHEST:.0f} and {FARTHEST:.0f}, in pixels")
    if box:
        left, top, right, bottom = edges
        if right <= left or bottom <= top:
            raise ValueError("is a box whose right or bottom edge does not lie beyond its left or top edge")
        return ((left, top), (right, top), (right, bottom), (left, bottom))
    if len(points) < 3:
        raise ValueError(f"should be {form}; it has {len(points)} points")
    return points


def eyes_and_mouth_points(value: Any) -> Any:  # noqa: ANN401 - whatever the document holds
    """Three points (x, y) in pixels of the picture: the middles of the eyes, left one first, and the mouth's.

    Raises:
        ValueError: anything else.
    """
    form = "three points [[x, y], [x, y], [x, y]]: the eye on the left of the picture, the other eye, and the mouth"
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 3:
        raise ValueError(f"should be {form}")
    try:
        return tuple((float(x), float(y)) for x, y in value)
    except (TypeError, ValueError):
        raise ValueError(f"should be {form}") from None


class TimedRegion(Strict):
    """Where a character is from one second of the scene to another: a region in pixels of the picture, or a mask."""

    model_config = ConfigDict(populate_by_name=True)

    start: float = Field(alias="from", ge=0, le=360_000)
    end: float = Field(alias="to", ge=0, le=360_000)
    region: Annotated[tuple[Point, ...], BeforeValidator(region_points, Box | Polygon)] | None = None
    mask: FileName | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> TimedRegion:
        if (self.region is None) == (self.mask is None):
            raise ValueError("needs either a region or a mask, not both and not neither")
        if self.end <= self.start:
            raise ValueError(f"should end after {self.start:g} s, where it begins; it ends at {self.end:g} s")
        return self
