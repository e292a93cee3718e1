"""Worker processes: orders go in, answers come out, a dead one is told of and replaced."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.batch import crew as crew_module
from studio.batch.crew import CrewError, LocalCrew, end_sentence
from studio.batch.orders import Answer, Order
from studio.production.settings import RenderSettings

PROGRAM = """
import json, os, sys
print("ready", flush=True)
for line in sys.stdin:
    order = json.loads(line)
    if "crash" in order["scene"]:
        os.kill(os.getpid(), 9)
    if "cut" in order["scene"]:
        print('{"state": "do', end="", flush=True)
        os._exit(3)
    print(json.dumps({"state": "done", "figures": {"pid": os.getpid()}}), flush=True)
"""


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCrew]:
    monkeypatch.setattr(crew_module, "COMMAND", (sys.executable, "-S", "-c", PROGRAM))
    crew = LocalCrew(1, None, tmp_path / "log")
    yield crew
    crew.close()


def order(name: str) -> Order:
    return Order(scene=Path(name), video=Path("a.mp4"), settings=RenderSettings(work=Path("work")))


def answer(crew: LocalCrew, name: str) -> Answer:
    while not crew.idle():
        crew.wait(0.1)
    crew.give(crew.idle()[0], order(name))
    while not (answers := crew.wait(1)):
        assert crew.idle() == []
    return answers[0][1]


def test_a_worker_stays_and_one_that_dies_is_replaced(crew: LocalCrew) -> None:
    first, second = answer(crew, "a").figures["pid"], answer(crew, "b").figures["pid"]
    assert first == second and first != os.getpid()
    died = answer(crew, "crash")
    assert (died.state, died.kind) == ("failed", "crash") and "SIGKILL" in died.sentence
    assert answer(crew, "cut").sentence == "The worker ended with code 3."
    assert answer(crew, "c").figures["pid"] != first


def test_workers_end_with_whoever_started_them(crew: LocalCrew) -> None:
    pid = int(answer(crew, "a").figures["pid"])
    crew.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_is_dropped_answers_no_more(crew: LocalCrew) -> None:
    pid = int(answer(crew, "a").figures["pid"])
    crew.give(crew.idle()[0], order("b"))
    crew.drop(1)
    assert answer(crew, "c").figures["pid"] != pid


def test_workers_that_never_start_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "COMMAND", (sys.executable, "-S", "-c", "import sys; sys.exit('no models')"))
    monkeypatch.setattr(crew_module, "MOST_STARTS", 1)
    crew = LocalCrew(2, None, tmp_path / "log")
    began = time.monotonic()
    with pytest.raises(CrewError, match="parley doctor"):
        while time.monotonic() - began < 60:
            crew.wait(1)
    crew.close()
    assert "no models" in (tmp_path / "log").read_text()


def test_ends_are_told_in_a_sentence() -> None:
    assert end_sentence(-signal.SIGKILL) == "The worker was ended by SIGKILL, as the system does for want of memory."
    assert end_sentence(-64).startswith("The worker was ended by ") and end_sentence(1).endswith("code 1.")
