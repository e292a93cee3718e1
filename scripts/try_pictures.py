"""Checks sixty pictures as people bring them and writes what was found and said to docs/pictures.md.

Run from the top of the checkout: ``python -m scripts.try_pictures``; ``--keep FOLDER`` keeps the pictures, with the
faces that would speak outlined. Needs the extra ``demo``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from masks.topology import FACE_OVAL
from scripts.pictures.case import PictureCase
from scripts.pictures.drawings import drawn_cases
from scripts.pictures.photographs import photograph_cases
from studio.scene.voices import voice_names
from studio.validation.scene_check import Report, check_scene

NAMES = ("Ann", "Bob", "Cyd", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jo")
PAGE = Path(__file__).parents[1] / "docs" / "pictures.md"
MARKS = ("<!-- table: written by python -m scripts.try_pictures -->", "<!-- end of table -->")


@dataclass(frozen=True)
class Outcome:
    """What came of one picture: the check's report, and how many faces that may not speak would."""

    case: PictureCase
    report: Report
    wrong: int


def try_picture(case: PictureCase, folder: Path) -> Outcome:
    """Write a picture with a scene to a folder and check that."""
    exif = Image.Exif()
    exif[0x0112] = case.turned
    Image.fromarray(np.ascontiguousarray(case.picture)).save(folder / "picture.png", exif=exif)
    count, voice = case.cast or len(case.people), voice_names()[0]
    cast: list[dict[str, object]] = [{"name": name, "voice": voice} for name in NAMES[:count]]
    cast[0].update(case.scene)
    script = [{"who": name, "text": "Good morning."} for name in NAMES[:count]]
    scene = {"picture": "picture.png", "consent": "drawn", "cast": cast, "script": script}
    (folder / "scene.json").write_text(json.dumps(scene), encoding="utf-8")
    report = check_scene(folder / "scene.json")
    speaking = [] if report.assignment is None or report.problems else report.assignment.assigned
    wrong = 0
    for person in speaking:
        middle = person.face.eyes.mean(0)
        wrong += all(np.hypot(*(middle - (x, y))) > 0.8 * unit for x, y, unit in case.people)
    return Outcome(case, report, wrong)


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Rows of Markdown."""
    rows = ["| # | picture | cast | found | speaks | said |", "|---|---|---|---|---|---|"]
    for number, outcome in enumerate(outcomes, 1):
        report, case = outcome.report, outcome.case
        seen = report.assignment
        found = 0 if seen is None else len(seen.assigned) + len(seen.bystanders)
        speaks = "nobody: refused" if report.problems else "wrong faces" if outcome.wrong else "the right ones"
        said = [*report.problems, *report.warnings]
        words = " ".join(problem.sentence for problem in said).replace("|", "/") or "nothing"
        rows.append(f"| {number} | {case.name} | {case.cast or len(case.people)} | {found} | {speaks} | {words} |")
    return rows


def summary(outcomes: list[Outcome]) -> str:
    """The table in a sentence."""
    refused = sum(bool(outcome.report.problems) for outcome in outcomes)
    wrong = sum(outcome.wrong > 0 for outcome in outcomes)
    right = len(outcomes) - refused - wrong
    return (
        f"The right faces speak in {right} of {len(outcomes)} pictures, {refused} are refused; a wrong one in {wrong}."
    )


def outlined(outcome: Outcome) -> np.ndarray:
    """The loaded picture with the faces that would speak in green, the others in red, reduced: uint8 (H, W, 3) RGB."""
    seen = outcome.report.assignment
    if seen is None:
        return outcome.case.picture
    picture = seen.picture.copy()
    faces = [(person.face, (0, 220, 0)) for person in seen.assigned] + [(face, (230, 0, 0)) for face in seen.bystanders]
    for face, colour in faces:
        cv2.polylines(picture, [np.int32(face.points[list(FACE_OVAL), :2])], True, colour, 3, cv2.LINE_AA)
    return picture


def main() -> None:
    """Check them all and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="a folder for the pictures")
    keep = parser.parse_args().keep
    outcomes = []
    for cases in (photograph_cases(), drawn_cases()):
        for case in cases:
            with tempfile.TemporaryDirectory() as scratch:
                outcomes.append(try_picture(case, Path(scratch)))
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(keep / f"{len(outcomes):02}.jpg"), outlined(outcomes[-1])[..., ::-1])
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(MARKS[0])
    _, tail = rest.split(MARKS[1])
    body = "\n".join([MARKS[0], "", summary(outcomes), "", *table(outcomes), "", MARKS[1]])
    PAGE.write_text(head + body + tail, encoding="utf-8")
    print(summary(outcomes))


if __name__ == "__main__":
    main()
