"""The tools for assistants, called by the SDK's own client: in this process, and on stdin and stdout."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from job_fixtures import work
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult
from service_fixtures import picture, scene

from studio.export.provenance import verify
from studio.project.projects import Projects
from studio.service import films as service
from studio.service.assistants import assistant_server
from studio.service.films import FilmService

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.usefixtures("tiny_worker")


@pytest.fixture
def films(projects: Projects, monkeypatch: pytest.MonkeyPatch) -> FilmService:
    monkeypatch.setattr(service, "ensure_worker", lambda root: None)
    (projects.root / "inputs").mkdir()
    (projects.root / "inputs" / "one.png").write_bytes(picture())
    return FilmService(projects)


def asked(films: FilmService, ask: Callable[[Client], Awaitable[None]]) -> None:
    """Run what a client asks of the server."""

    async def run() -> None:
        async with Client(assistant_server(films)) as client:
            await ask(client)

    asyncio.run(run())


def refusal(result: CallToolResult) -> str:
    assert result.is_error
    return result.content[0].text


def test_tools_and_their_arguments(films: FilmService) -> None:
    async def ask(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["check", "say", "render", "status"]
        assert "Scene" in tools["render"].input_schema["$defs"]
        assert all(tool.description and tool.output_schema for tool in tools.values())

    asked(films, ask)


def test_a_scene_is_checked_and_rendered(films: FilmService, projects: Projects, tmp_path: Path) -> None:
    async def ask(client: Client) -> None:
        wrong = await client.call_tool("check", {"scene": scene(colour="red"), "folder": "inputs"})
        assert "nknown key 'colour'" in wrong.structured_content["problems"][0]["sentence"]
        assert "less than or equal" in refusal(await client.call_tool("render", {"scene": scene(), "height": 10**6}))
        right = await client.call_tool("check", {"scene": scene(), "folder": "inputs"})
        assert right.structured_content["ok"]
        begun = await client.call_tool("render", {"scene": scene(), "folder": "inputs", "height": 96})
        job = begun.structured_content
        assert (job["state"], job["kind"]) == ("queued", "render")
        status = (await client.call_tool("status", {"job": job["id"]})).structured_content
        assert status == {"job": job, "files": {}}
        films.cancel(job["id"])
        assert "no such job" in refusal(await client.call_tool("status", {"job": "../secret"}))
        for folder in ("..", str(tmp_path)):
            outside = await client.call_tool("render", {"scene": scene(), "folder": folder})
            assert "lies outside" in refusal(outside)

    asked(films, ask)


def test_a_line_is_said_and_waited_for(films: FilmService, projects: Projects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ensure_worker", lambda root: work(projects))

    async def ask(client: Client) -> None:
        said = (await client.call_tool("say", {"text": "One.", "voice": "Alice"})).structured_content
        assert said["job"]["state"] == "done" and verify(Path(said["files"]["sound"])).ok
        assert "known are Alice, Arthur" in refusal(await client.call_tool("say", {"text": "One.", "voice": "Zoe"}))

    asked(films, ask)


@pytest.mark.slow
def test_the_command_serves_on_stdin_and_stdout(assets: Path, projects: Projects) -> None:
    program = [str(ROOT / "tests/support/tiny_service.py"), str(assets), "mcp", f"--projects={projects.root}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    transport = stdio_client(StdioServerParameters(command=sys.executable, args=program, env=environment))

    async def ask() -> None:
        async with Client(transport) as client:
            said = (await client.call_tool("say", {"text": "One.", "voice": "Alice"})).structured_content
            assert Path(said["files"]["sound"]).stat().st_size > 1000

    asyncio.run(ask())
