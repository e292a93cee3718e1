"""Tools for assistants by the Model Context Protocol: check, say, render, status."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field, ValidationError

from studio.core.problems import told
from studio.service.films import FilmService
from studio.service.models import (
    CheckAnswer,
    FilmRequest,
    JobReport,
    SceneData,
    SceneRequest,
    SpeechRequest,
    form_faults,
)

INSTRUCTIONS = """Parley makes films in which the people of one picture speak with their own voices and lips.
Write a scene (its JSON schema is that of the argument `scene`), `check` it, mend what the sentences say, `render` it
and ask for its `status` until the state is done. Pictures and recordings lie in `folder`, below the folder of the
projects. Set `consent` only as the user says."""
_LOOK_SECONDS = 0.5
_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")
Scene = Annotated[SceneData | str, Field(description="the scene as data, or the text of a scene file")]
Folder = Annotated[str, Field(description="where the scene's files lie, in the folder of the projects")]


class JobFiles(BaseModel):
    """Where a job stands, and the paths of what it made."""

    job: JobReport
    files: dict[str, str]


def assistant_server(films: FilmService) -> MCPServer:
    """The server with its tools; ``run("stdio")`` serves them.

    Args:
        films: what the tools ask for.
    """
    server = MCPServer("parley", instructions=INSTRUCTIONS, log_level="WARNING")

    @server.tool()
    async def check(scene: Scene, folder: Folder = "") -> CheckAnswer:
        """Say all that is wrong with a scene, without rendering it."""
        return await _answer(films.check, SceneRequest, scene=scene, folder=folder)

    @server.tool()
    async def say(text: str, voice: str, context: Context[Any], speed: float = 1.0, language: str = "en") -> JobFiles:
        """Speak one line (en, es, fr, it or pt) into a WAV file; an unknown voice is refused with the names of all."""
        job = await _answer(films.speak, SpeechRequest, text=text, voice=voice, speed=speed, language=language)
        while not job.ended:
            await context.report_progress(job.percent, 100, job.stage)
            await asyncio.sleep(_LOOK_SECONDS)
            job = await _answer(films.report, str, job.id)
        return _with_files(films, job)

    @server.tool()
    async def render(
        scene: Scene, folder: Folder = "", project: str | None = None, draft: bool = False, height: int | None = None
    ) -> JobReport:
        """Begin to make the film of a scene; a draft is small and quick. Ask for its status by the id."""
        how = {"project": project, "draft": draft, "height": height}
        return await _answer(films.render, FilmRequest, scene=scene, folder=folder, **how)

    @server.tool()
    async def status(job: str) -> JobFiles:
        """Where a job stands, and the files that it made."""
        return _with_files(films, await _answer(films.report, str, job))

    films.take_up()
    return server


async def _answer(
    call: Callable[[_Request], _Answer],
    request: Callable[..., _Request],
    *one: str,
    **how: Any,  # noqa: ANN401 - the request checks them
) -> _Answer:
    """The answer to a request that is made of the tool's arguments; whatever goes wrong is told in sentences."""
    try:
        return await anyio.to_thread.run_sync(call, request(*one, **how))
    except ValidationError as error:
        raise ToolError(form_faults(error.errors())) from None
    except Exception as error:
        raise ToolError("\n".join(map(str, told(error, "the tool")))) from error


def _with_files(films: FilmService, job: JobReport) -> JobFiles:
    return JobFiles(job=job, files={made.name: str(films.result(job.id, made.name)) for made in films.results(job.id)})
