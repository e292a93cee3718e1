"""The HTTP service: routes over :class:`studio.service.films.FilmService`, by FastAPI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.security import HTTPBearer
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ValidationError
from starlette.middleware import Middleware

from studio.core.problems import DocumentError, Problem, told
from studio.core.storage import StorageError
from studio.project.history import EditConflict
from studio.scene.styles import StyleFacts, shipped_styles
from studio.scene.voices import VoiceFacts, shipped_voices
from studio.service.access import BearerGuard, BodyLimit, known_hosts
from studio.service.draft import Files
from studio.service.films import FilmService, NoSuchJob
from studio.service.models import (
    CheckAnswer,
    FilmRequest,
    JobReport,
    ProjectName,
    Refusal,
    ResultFile,
    SceneRequest,
    SpeechRequest,
    Told,
    form_faults,
)

THREADS = 8
"""Requests that are worked at; more wait."""
EVENT_SECONDS, QUEUED_SECONDS = 0.25, 1.0
"""How often a job that runs, and one that waits, is looked at for its events."""
KEEP_SECONDS = 10.0
"""How often the service looks whether jobs wait without a worker."""
_Model = TypeVar("_Model", bound=BaseModel)
_REFUSALS: dict[int | str, dict[str, Any]] = {code: {"model": Refusal} for code in (401, 403, 404, 409, 413, 422, 507)}
_router = APIRouter(responses=_REFUSALS, dependencies=[Depends(HTTPBearer(auto_error=False))])


def _films(request: Request) -> FilmService:
    service: FilmService = request.app.state.films
    return service


Films = Annotated[FilmService, Depends(_films)]
Uploads = Annotated[list[UploadFile], File(description="files of the scene, each by the name that it has there")]
RequestText = Annotated[str, Form(alias="request", description="JSON as the route without upload takes it")]


def service_app(films: FilmService, token: str | None, host: str) -> FastAPI:
    """The service as an ASGI application.

    Args:
        films: what it serves.
        token: what a client must know; None where only this computer reaches it.
        host: where it listens.
    """
    guard = Middleware(BearerGuard, token=token, hosts=known_hosts(host))
    app = FastAPI(
        title="Parley", version="1", summary="Films in which everybody speaks with their own voice and lips.",
        docs_url=None, redoc_url=None, lifespan=_lifespan, middleware=[guard, Middleware(BodyLimit)],
    )  # fmt: skip
    app.state.films = films
    app.include_router(_router)
    app.add_exception_handler(RequestValidationError, _refuse_request)
    app.add_exception_handler(Exception, _refuse)
    for error in (ValueError, StorageError):
        app.add_exception_handler(error, _refuse)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Take up what was left, and keep a worker alive while jobs wait."""
    films: FilmService = app.state.films
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    await anyio.to_thread.run_sync(films.take_up)

    async def keeping() -> None:
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            await anyio.to_thread.run_sync(films.keep_worker)

    task = asyncio.create_task(keeping())
    try:
        yield
    finally:
        task.cancel()


def _refuse(_request: Request, error: Exception) -> JSONResponse:
    """Any error as sentences."""
    sentences = told(error, "the request")
    problems = tuple(Told.of(item) for item in sentences if isinstance(item, Problem))
    codes = ((NoSuchJob, 404), (EditConflict, 409), (DocumentError, 422), (StorageError, 507), (ValueError, 422))
    code = next((code for kind, code in codes if isinstance(error, kind)), 500)
    if isinstance(error, ValueError) and not isinstance(error, DocumentError) and problems:
        code = 500  # none of ours: a fault of the program
    detail = " ".join(item.sentence if isinstance(item, Problem) else item for item in sentences[:3])
    return JSONResponse(Refusal(detail=detail, problems=problems).model_dump(mode="json"), code)


def _refuse_request(_request: Request, error: Exception) -> JSONResponse:
    """A request of another form than the schema's."""
    faults = error.errors() if isinstance(error, RequestValidationError | ValidationError) else ()
    return JSONResponse(Refusal(detail=form_faults(faults)).model_dump(mode="json"), 422)


def _by_name(uploads: list[UploadFile]) -> Files:
    """Uploaded files by name.

    Raises:
        ValueError: two of one name.
    """
    files = {upload.filename or "": upload.file for upload in uploads}
    if len(files) < len(uploads):
        raise ValueError("Two files have one name; send each once.")
    return files


@_router.get("/voices")
def voices() -> list[VoiceFacts]:
    """The voices that scenes can name."""
    return shipped_voices()


@_router.get("/styles")
def styles() -> list[StyleFacts]:
    """The styles that scenes can give to each character."""
    return shipped_styles()


@_router.post("/check")
def check(request: SceneRequest, films: Films) -> CheckAnswer:
    """Say all that is wrong with a scene, without rendering it."""
    return films.check(request)


@_router.post("/check/upload")
def check_upload(request: RequestText, films: Films, files: Uploads = []) -> CheckAnswer:  # noqa: B006
    """The same with the scene's files."""
    return films.check(_parsed(SceneRequest, request), _by_name(files))


@_router.post("/jobs", status_code=202)
def submit_film(request: FilmRequest, films: Films) -> JobReport:
    """Submit a film."""
    return films.render(request)


@_router.post("/jobs/upload", status_code=202)
def submit_film_upload(request: RequestText, films: Films, files: Uploads = []) -> JobReport:  # noqa: B006
    """The same with the scene's files."""
    return films.render(_parsed(FilmRequest, request), _by_name(files))


@_router.post("/speech", status_code=202)
def submit_speech(request: SpeechRequest, films: Films) -> JobReport:
    """Submit one line to be spoken: the job's result ``sound`` is a WAV file. Of these jobs the last 20 are kept."""
    return films.speak(request)


@_router.post("/projects", status_code=201)
def unpack_project(name: Annotated[str, Form()], archive: UploadFile, films: Films) -> ProjectName:
    """Make a project of an archive that ``parley archive out`` wrote."""
    return ProjectName(project=films.unpack(archive.file, name))


@_router.get("/jobs/{job_id}")
def job(job_id: str, films: Films) -> JobReport:
    """Where a job stands."""
    return films.report(job_id)


@_router.delete("/jobs/{job_id}")
def cancel(job_id: str, films: Films) -> JobReport:
    """Ask a job to stop; finished lines are kept for the next one of its project."""
    return films.cancel(job_id)


def _known_job(job_id: str, films: Films) -> str:
    films.job(job_id)
    return job_id


@_router.get("/jobs/{job_id}/events", response_class=EventSourceResponse)
async def events(job_id: Annotated[str, Depends(_known_job)], films: Films) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: an event ``status`` with the job's report at each change, until it has ended."""
    last = None
    while last is None or not last.ended:
        report = await anyio.to_thread.run_sync(films.report, job_id)
        if report != last:
            last = report
            yield ServerSentEvent(event="status", data=report)
        if not report.ended:
            await asyncio.sleep(QUEUED_SECONDS if report.state == "queued" else EVENT_SECONDS)


@_router.get("/jobs/{job_id}/results")
def results(job_id: str, films: Films) -> list[ResultFile]:
    """The files that a job has made: ``video``, stems, captions, curves, ``report`` and so on, or ``sound``.

    While a film is being made its ``beginning`` is among them, once two seconds can be watched; it is replaced by a
    longer one as it grows.
    """
    return films.results(job_id)


@_router.get("/jobs/{job_id}/results/{name}", response_class=FileResponse)
def result(job_id: str, name: str, films: Films) -> FileResponse:
    """One of these files."""
    path = films.result(job_id, name)
    return FileResponse(path, filename=path.name)


def _parsed(model: type[_Model], text: str) -> _Model:
    """The part ``request`` of an upload."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
