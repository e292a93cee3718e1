"""Films, speech and checks by the service, through its client: what comes back, cancel, restart, many at once."""

from __future__ import annotations

import asyncio
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from job_fixtures import make, work
from service_fixtures import ADDRESS, browser_of, picture, scene

from studio.core.storage import read_json, write_json
from studio.export.provenance import verify
from studio.jobs.queue import jobs, leave_queue, queue_entries
from studio.project.archive import pack
from studio.project.projects import Projects
from studio.service import films as service
from studio.service.app import THREADS, service_app
from studio.service.client import Client, ServiceRefusal
from studio.service.films import FilmService

pytestmark = pytest.mark.usefixtures("tiny_worker")
PICTURE = {"one.png": picture()}


@pytest.fixture
def films(projects: Projects, monkeypatch: pytest.MonkeyPatch) -> FilmService:
    """The service without a worker process: tests work in their own."""
    monkeypatch.setattr(service, "ensure_worker", lambda root: None)
    return FilmService(projects)


@pytest.fixture
def client(films: FilmService) -> Iterator[Client]:
    with browser_of(films) as http:
        yield Client(http=http)


def test_a_film_comes_back_with_all_that_belongs_to_it(client: Client, projects: Projects, tmp_path: Path) -> None:
    job = client.render(scene(), PICTURE, project="Tea", height=96, steps=1)
    assert (job["project"], job["state"], job["note"], job["results"]) == ("Tea", "queued", "next", [])
    work(projects)
    told = [*client.events(job["id"])]
    assert told == [client.wait(job["id"])] and told[0]["percent"] == 100
    assert {"video", "srt", "vtt", "otio", "stem:EILEEN", "curves:EILEEN", "report"} <= set(told[0]["results"])
    assert verify(client.save(job["id"], "video", tmp_path / "tea.mp4")).ok
    assert (tmp_path / "tea.mp4").stat().st_size > 1000
    assert "One." in client.save(job["id"], "srt", tmp_path / "tea.srt").read_text("utf-8")
    assert json.loads(client.save(job["id"], "report", tmp_path / "report.json").read_text())["seconds"] > 0
    with pytest.raises(ServiceRefusal, match="no such result"):
        client.save(job["id"], "stem:NOBODY", tmp_path / "none.wav")
    # the same folder, scene and job as in the editor
    project = projects.open("Tea")
    assert project.scene.picture == "media/one.png" and [made.id for made in jobs(project)] == [job["id"]]


def test_a_line_is_spoken_before_films(client: Client, projects: Projects, tmp_path: Path) -> None:
    film = client.render(scene(), PICTURE)
    spoken = client.say("Two.", "Alice", speed=1.2, steps=1)
    assert client.job(film["id"])["note"] == "1 before it"
    client.cancel(film["id"])
    work(projects)
    assert client.wait(spoken["id"])["results"] == ["sound", "words"]
    assert verify(client.save(spoken["id"], "sound", tmp_path / "two.wav")).ok
    assert projects.names() == [film["project"]], "what was only spoken is no project"
    for wrong, sentence in (({"voice": "Alise"}, "did you mean 'Alice'"), ({"text": " "}, "nothing"),
                            ({"speed": 9.0}, "between 0.5 and 2"), ({"styles": {"no": 1}}, "'no'"),
                            ({"language": "it"}, "do not speak Italian"), ({"language": "no"}, "'no'")):  # fmt: skip
        with pytest.raises(ServiceRefusal, match=sentence) as refusal:
            client.say(**{"text": "Two.", "voice": "Alice", **wrong})
        assert refusal.value.status == 422


def test_voices_and_styles_are_listed(client: Client) -> None:
    assert [voice["voice"] for voice in client.voices()] == ["Alice", "Arthur"]
    assert isinstance(client.styles(), list)


def test_a_check_says_what_is_wrong_and_where(client: Client, projects: Projects) -> None:
    assert client.check(scene(), PICTURE)["problems"] == []
    found = client.check(scene(script=["EILEEN: One.", "NOBODY: Two."], pictur=""), PICTURE)
    assert not found["ok"] and {tuple(p["where"]) for p in found["problems"]} == {("pictur",), ("script", 1)}
    (found,) = client.check("picture: one.png\ncast: [", PICTURE)["problems"]
    assert found["line"] == 3
    assert "does not exist" in str(client.check(scene())["problems"])
    (projects.root / "inputs").mkdir()
    (projects.root / "inputs" / "one.png").write_bytes(picture())
    assert client.check(scene(), folder="inputs")["ok"]


def test_a_project_is_changed_and_rendered_again(client: Client, projects: Projects) -> None:
    project = make(projects)
    first = client.render(project="Two")
    changed = client.render(scene(picture="media/one.png", script="EILEEN: Another."), project="Two", draft=True)
    assert {client.job(job["id"])["project"] for job in (first, changed)} == {"Two"}
    assert jobs(project)[0].options == {"draft": True, "film": "mp4"}
    project.reload_if_changed()
    assert project.scene.script[0].text == "Another." and project.undoable == "Asked for by a program"
    for wrong, sentence in ((scene(), "'one.png' is missing"), (None, "nothing to render")):
        with pytest.raises(ServiceRefusal, match=sentence):
            client.render(wrong)
    with pytest.raises(ServiceRefusal, match="no project 'Three'"):
        client.render(project="Three")
    with pytest.raises(ServiceRefusal, match="belong to no scene"):
        client.render(None, PICTURE, project="Two")
    assert projects.names() == ["Two"]


def test_a_cancelled_job_stops(client: Client, projects: Projects) -> None:
    job = client.render(scene(), PICTURE)
    assert client.cancel(job["id"])["state"] == "cancelled"
    with pytest.raises(ServiceRefusal, match="Cancelled before it began"):
        client.wait(job["id"])
    work(projects)
    assert client.job(job["id"])["results"] == [] and client.cancel(job["id"])["state"] == "cancelled"


def test_after_a_restart_a_job_goes_on_or_is_taken_up(client: Client, projects: Projects) -> None:
    waiting, begun, ill = (client.say(text, "Alice", steps=1)["id"] for text in ("One.", "Two.", "Three."))
    running = {"state": "running", "stage": "speech and motion", "share": 0.5, "seconds_left": None, "note": "",
               "sentence": "", "heartbeat": 0, "results": {}, "worker": "that was killed"}  # fmt: skip
    for job in (begun, ill):
        folder = projects.root / ".speech" / "jobs" / job
        write_json(folder / "status.json", running)
        (projects.root / ".worker" / "queue" / job).unlink()
    write_json(projects.root / service.INDEX / ill, {"project": ".speech", "begun": service.MOST_BEGUN})
    assert client.job(begun)["state"] == "stopped"
    with browser_of(FilmService(projects)) as http:  # another process, later
        again = Client(http=http)
        assert [again.job(job)["state"] for job in (waiting, begun, ill)] == ["queued", "queued", "stopped"]
        work(projects)
        assert [again.job(job)["state"] for job in (waiting, begun, ill)] == ["done", "done", "stopped"]
    assert read_json(projects.root / service.INDEX / begun)["begun"] == 2


def test_a_worker_is_kept_while_jobs_wait(films: FilmService, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Path] = []
    monkeypatch.setattr(service, "ensure_worker", started.append)
    films.keep_worker()
    assert started == []
    films.speak(service.SpeechRequest(text="One.", voice="Alice"))
    films.keep_worker()
    assert started == [films.root, films.root]


def test_an_archive_becomes_a_project(client: Client, projects: Projects, tmp_path: Path) -> None:
    pack(make(projects).folder, tmp_path / "two.zip")
    assert client.unpack(tmp_path / "two.zip", "Copy") == {"project": "Copy"}
    assert client.render(project="Copy")["state"] == "queued"
    with zipfile.ZipFile(tmp_path / "two.zip", "a") as archive:
        archive.writestr("more.txt", "more")
    with pytest.raises(ServiceRefusal, match="other files than its list says"):
        client.unpack(tmp_path / "two.zip", "Other")


def test_two_hundred_requests_twenty_at_once(films: FilmService, projects: Projects) -> None:
    make(projects)
    busy, most, lock = 0, 0, threading.Lock()
    render = films.render

    def counted(*request: object) -> object:
        nonlocal busy, most
        with lock:
            busy, most = busy + 1, max(most, busy + 1)
        try:
            return render(*request)
        finally:
            with lock:
                busy -= 1

    films.render = counted

    async def ask() -> list[httpx2.Response]:
        app, turns = service_app(films, None, "127.0.0.1"), asyncio.Semaphore(20)
        async with app.router.lifespan_context(app), httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url=ADDRESS
        ) as http:  # fmt: skip

            async def one(number: int) -> httpx2.Response:
                async with turns:
                    if number % 5 == 0:
                        return await http.post("/jobs", json={"project": "Two", "draft": True})
                    return await http.get(("/voices", "/styles", "/openapi.json", "/jobs/none")[number % 5 - 1])

            return await asyncio.gather(*map(one, range(200)))

    answers = asyncio.run(ask())
    codes = [answer.status_code for answer in answers]
    assert {code: codes.count(code) for code in set(codes)} == {202: 40, 200: 120, 404: 40}
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(ids) == 40 == len(queue_entries(projects.root)) and 1 < most <= THREADS
    for _, job in queue_entries(projects.root):
        leave_queue(job)
