"""Sixty pictures as people bring them: no wrong face speaks in any."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.pictures.case import PictureCase
from scripts.pictures.drawings import drawn_cases
from scripts.pictures.photographs import photograph_cases
from scripts.try_pictures import summary, table, try_picture


def test_a_wrong_face_is_counted(tmp_path: Path) -> None:
    case = next(photograph_cases())
    right = try_picture(case, tmp_path)
    assert (right.wrong, right.report.problems) == (0, ())
    elsewhere = PictureCase("nobody is meant", case.picture, ((0.0, 0.0, 10.0),), cast=2)
    wrong = try_picture(elsewhere, tmp_path)
    assert wrong.wrong == 2
    assert summary([right, wrong]) == "The right faces speak in 1 of 2 pictures, 0 are refused; a wrong one in 1."
    assert "| wrong faces |" in table([right, wrong])[3]


@pytest.mark.slow
def test_no_wrong_face_speaks(tmp_path: Path) -> None:
    photographs, drawn = list(photograph_cases()), list(drawn_cases())
    assert (len(photographs), len(drawn)) == (20, 40)
    for case in [*photographs, *drawn]:
        assert try_picture(case, tmp_path).wrong == 0, case.name
