"""A run of a batch: what is kept, what is tried again, what is given up, and what several runs share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from batch_fixtures import StandIns, write_film, write_scene

from studio.batch import run as run_module
from studio.batch import schedule as schedule_module
from studio.batch.attempts import Attempt, AttemptFolder, new_attempt
from studio.batch.manifest import MANIFEST, PROBLEMS, TEMPORARY, exit_code, row_of, write_manifest
from studio.batch.orders import Order
from studio.batch.run import BatchRun
from studio.batch.scenes import STATE_FOLDER, BatchScene, find_sources, read_scenes
from studio.core.failures import failure_of
from studio.core.output import output_problems
from studio.core.problems import DocumentError, Problem, unexpected
from studio.core.storage import StorageError
from studio.production.settings import RenderSettings

DRAFT = RenderSettings(draft=True)


@pytest.fixture
def scenes(tmp_path: Path) -> list[BatchScene]:
    for name in ("one", "two", "three"):
        write_scene(tmp_path / "scenes", name)
    return read_scenes(find_sources([tmp_path / "scenes"]), tmp_path / "out", DRAFT)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_module, "BACKOFF_SECONDS", 0.0)


def make(scenes: list[BatchScene], tmp_path: Path, crew: StandIns, retries: int = 2) -> BatchRun:
    batch = BatchRun(scenes, tmp_path / "out", DRAFT, crew, retries)
    batch.make()
    return batch


def attempts(tmp_path: Path, name: str) -> list[Attempt]:
    return AttemptFolder(tmp_path / "out" / STATE_FOLDER / name).read()


def test_films_are_made_once_and_only_what_does_not_verify_is_made_again(scenes, tmp_path: Path) -> None:
    crew = StandIns()
    told: list[str] = []
    batch = BatchRun(scenes, tmp_path / "out", DRAFT, crew, tell=lambda row: told.append(row.film))
    batch.make()
    assert sorted(crew.made) == sorted(told and [row.name for row in batch.rows]) == ["one", "three", "two"]
    assert sorted(told) == ["one/one.mp4", "three/three.mp4", "two/two.mp4"]
    assert exit_code(batch.rows) == 0 and crew.closed
    left = {path.name for path in (tmp_path / "out" / STATE_FOLDER / "one").iterdir()}
    assert left == {"1.json"}, "what only an unfinished film needs goes with its end"
    (tmp_path / "out" / "one" / "one.EILEEN.wav").unlink()
    with (tmp_path / "out" / "two" / "two.mp4").open("r+b") as film:
        film.seek(8)
        film.write(b"mp42")
    again = StandIns()
    assert exit_code(make(scenes, tmp_path, again).rows) == 0
    assert sorted(again.made) == ["one", "two"]
    assert make(scenes, tmp_path, third := StandIns()).rows[0].figures == {"took": 0.1}
    assert third.made == []


def test_a_changed_scene_is_another_film(scenes, tmp_path: Path) -> None:
    make(scenes, tmp_path, StandIns())
    write_scene(tmp_path / "scenes", "two", "Something else.")
    changed = read_scenes(find_sources([tmp_path / "scenes"]), tmp_path / "out", DRAFT)
    make(changed, tmp_path, crew := StandIns())
    assert crew.made == ["two"]
    finer = read_scenes(find_sources([tmp_path / "scenes"]), tmp_path / "out", RenderSettings(steps=9))
    assert {scene.key for scene in finer}.isdisjoint(scene.key for scene in changed)


def test_a_fault_of_the_scene_is_never_tried_again_a_crash_is(scenes, tmp_path: Path) -> None:
    tries: dict[str, int] = {}

    def act(order: Order) -> None:
        name = order.video.stem
        tries[name] = tries.get(name, 0) + 1
        if name == "one":
            raise DocumentError([Problem("picture", "there is no face", "choose another picture", box=(1, 2, 3, 4))])
        if name == "two" and tries[name] < 3:
            raise RuntimeError("crash")
        write_film(order)

    batch = make(scenes, tmp_path, StandIns(act))
    assert tries == {"one": 1, "two": 3, "three": 1}
    assert [(row.name, row.state, row.kind) for row in batch.rows if row.state != "done"] == [("one", "fault", "fault")]
    fault = batch.rows[0]
    assert fault.sentence == "There is no face; choose another picture." and fault.problems[0]["part"] == "picture"
    assert fault.problems[0]["box"] == [1, 2, 3, 4]
    assert [a.state for a in attempts(tmp_path, "two")] == ["failed", "failed", "done"]
    assert exit_code(batch.rows) == PROBLEMS
    make(scenes, tmp_path, again := StandIns())
    assert again.made == [], "the fault is still the scene's, as long as the scene is the same"


def test_what_a_check_did_not_foresee_is_tried_again(scenes, tmp_path: Path) -> None:
    """A node without the face networks, or a disk that refuses, is no fault of the scene."""
    tries: list[Exception] = [RuntimeError("not installed"), OSError(28, "No space left"), MemoryError()]

    def act(order: Order) -> None:
        if tries:
            raise DocumentError([unexpected(tries.pop(0), "the check")])
        write_film(order)

    batch = make(scenes[:1], tmp_path, StandIns(act), retries=3)
    kinds = [attempt.kind for attempt in attempts(tmp_path, "one")]
    assert batch.rows[0].state == "done" and kinds == ["crash", "disk", "memory", None]
    both = [Problem("file", "the picture is gone"), unexpected(MemoryError(), "the check")]
    assert failure_of(DocumentError(both)).kind == "fault"


def test_what_is_wrong_with_the_place_is_no_fault_of_the_scene(tmp_path: Path) -> None:
    """A render looks for room before it begins."""
    (refused,) = output_problems(tmp_path / "a.mp4", needed_bytes=1 << 60)
    assert "free some space" in refused.sentence
    assert failure_of(DocumentError([refused])).kind == "disk"
    assert failure_of(DocumentError([refused, Problem("picture", "there is no face")])).kind == "fault"


def test_tries_end_and_another_run_gives_new_ones(scenes, tmp_path: Path) -> None:
    def act(order: Order) -> None:
        raise MemoryError

    batch = make(scenes[:1], tmp_path, crew := StandIns(act), retries=1)
    assert crew.made == ["one", "one"] and exit_code(batch.rows) == TEMPORARY
    assert batch.rows[0].state == "failed" and batch.rows[0].kind == "memory"
    assert make(scenes[:1], tmp_path, StandIns()).rows[0].state == "done"


def test_what_says_it_is_finished_but_does_not_verify_counts_as_a_crash(scenes, tmp_path: Path) -> None:
    batch = make(scenes[:1], tmp_path, crew := StandIns(lambda order: order.video.write_bytes(b"")), retries=1)
    assert len(crew.made) == 2 and batch.rows[0].sentence == "The film one does not verify."


def test_a_full_disk_is_waited_for(scenes, tmp_path: Path, monkeypatch) -> None:
    """The disk refuses three times; then there is room, and nothing is tried in between."""
    state = {"looks": 0}

    def takes_films(disk: object) -> bool:
        state["looks"] += 1
        return state["looks"] > 3

    monkeypatch.setattr(run_module._Disk, "_takes_films", takes_films)

    def act(order: Order) -> None:
        if state["looks"] <= 3:
            raise StorageError(28, "The disk is full.")
        write_film(order)

    batch = make(scenes[:1], tmp_path, crew := StandIns(act))
    assert [row.state for row in batch.rows] == ["done"] and len(crew.made) == 2
    assert attempts(tmp_path, "one")[0].kind == "disk"


def test_a_disk_that_stays_full_leaves_the_rest_for_another_run(scenes, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(run_module._Disk, "_takes_films", lambda disk: False)
    monkeypatch.setattr(run_module, "DISK_PATIENCE_SECONDS", 0.01)

    def act(order: Order) -> None:
        raise RuntimeError("Encoder failed: No space left on device")

    batch = make(scenes, tmp_path, StandIns(act, workers=1))
    assert exit_code(batch.rows) == TEMPORARY and {row.state for row in batch.rows} == {"waiting"}


def test_a_film_that_lives_elsewhere_is_waited_for_and_taken_over_when_it_is_silent(scenes, tmp_path, monkeypatch):
    other = AttemptFolder(tmp_path / "out" / STATE_FOLDER / "one")
    theirs = new_attempt(1, scenes[0].key, "other")
    assert other.begin(theirs) and not other.begin(theirs)
    clock = {"now": 0.0}
    batch = BatchRun(scenes[:1], tmp_path / "out", DRAFT, StandIns())
    batch._schedule.clock = lambda: clock["now"]
    claims = []
    for now in (0, 50, 100, 150, 209, 211):
        clock["now"] = float(now)
        if now <= 150:
            other.beat(theirs)  # far from silent
        claims.append(batch._schedule.claim())
    assert [claim is None for claim in claims] == [True] * 5 + [False]
    assert claims[-1].attempt.number == 2
    assert not other.holds(theirs), "who comes back sees that it was taken over"
    assert [(a.state, a.kind) for a in other.read()] == [("failed", "lost"), ("running", None)]


def test_what_another_run_took_over_is_let_go(scenes, tmp_path: Path) -> None:
    crew = StandIns(workers=1)
    batch = BatchRun(scenes[:1], tmp_path / "out", DRAFT, crew)
    batch._give_orders()
    assert crew.idle() == []
    other = AttemptFolder(tmp_path / "out" / STATE_FOLDER / "one")
    assert other.begin(new_attempt(2, scenes[0].key, "other"))
    batch._keep_up()
    assert crew.dropped == [0] and batch._running == {}
    assert [attempt.run for attempt in other.read()] == [batch.run, "other"]


def test_two_runs_share_a_folder_without_making_anything_twice(scenes, tmp_path: Path) -> None:
    """The second one does its part in the middle of the first one's film."""
    second = StandIns(workers=1)

    def act(order: Order) -> None:
        if not second.made:
            claims = BatchRun(scenes, tmp_path / "out", DRAFT, second)
            claims._give_orders()
            for worker, answer in second.wait(0):
                claims._take(claims._running.pop(worker), answer)
        write_film(order)

    first = StandIns(act, workers=1)
    batch = make(scenes, tmp_path, first)
    assert sorted(first.made + second.made) == ["one", "three", "two"] and len(second.made) == 1
    assert len({attempts(tmp_path, name)[0].run for name in ("one", "two", "three")}) == 2
    assert exit_code(batch.rows) == 0


def test_ctrl_c_gives_back_what_was_running(scenes, tmp_path: Path) -> None:
    class Stopped(StandIns):
        def wait(self, seconds: float) -> list:
            raise KeyboardInterrupt

    batch = BatchRun(scenes, tmp_path / "out", DRAFT, crew := Stopped())
    with pytest.raises(KeyboardInterrupt):
        batch.make()
    assert crew.closed and [attempts(tmp_path, n)[0].state for n in ("one", "three")] == ["stopped", "stopped"]
    assert {row.state for row in batch.rows} == {"waiting"}
    retried = make(scenes, tmp_path, StandIns(), retries=0)
    assert exit_code(retried.rows) == 0, "it counts as no try"


def test_an_attempt_of_a_broken_file_counts_as_running(scenes, tmp_path: Path) -> None:
    log = AttemptFolder(tmp_path / "out" / STATE_FOLDER / "one")
    log.begin(new_attempt(1, "", "x"))
    (log.folder / "1.json").write_bytes(b"")
    assert [(a.number, a.state) for a in log.read()] == [(1, "running")]


def test_nothing_of_anybody_else_is_deleted(scenes, tmp_path: Path) -> None:
    """A folder of the film's name that was there before keeps its files."""
    own = tmp_path / "out" / "one" / "notes.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert exit_code(make(scenes, tmp_path, StandIns()).rows) == 0
    assert own.read_text() == "mine" and (own.parent / "one.mp4").is_file()


def test_the_manifest_joins_what_all_runs_did(scenes, tmp_path: Path, monkeypatch) -> None:
    make(scenes[0::2], tmp_path, StandIns())
    make(scenes[1::2], tmp_path, StandIns())
    with monkeypatch.context() as patch:
        patch.setattr("studio.batch.films.verify", lambda path: pytest.fail("it was read once more"))
        assert {row_of(scene, tmp_path / "out").state for scene in scenes} == {"done"}
    shutil.rmtree(tmp_path / "out" / STATE_FOLDER / "two")
    path = write_manifest([row_of(scene, tmp_path / "out") for scene in scenes], tmp_path / "out")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert path.name == MANIFEST and [row["name"] for row in rows] == ["one", "three", "two"]
    assert {row["state"] for row in rows} == {"done"}, "a film that verifies needs no other proof"
    assert rows[0]["attempts"][0]["ended"] >= rows[0]["attempts"][0]["started"] and rows[0]["film"] == "one/one.mp4"
