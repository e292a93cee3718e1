"""Requests and answers of the service, which are also its OpenAPI schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler

from studio.core.problems import Problem
from studio.jobs.job import State
from studio.jobs.job_kinds import KindName
from studio.scene.schema import Scene


class _AsScene:
    """Gives plain data the JSON schema of a scene: the reader of scene files says what is wrong in better words."""

    def __get_pydantic_json_schema__(self, _core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:  # noqa: ANN401
        return handler(Scene.__pydantic_core_schema__)


SceneData = Annotated[dict[str, Any], _AsScene()]
Style = Annotated[float, Field(ge=0, le=1.5)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SceneRequest(_Request):
    """A scene to be checked: as data, or as the text of a scene file.

    Its file names are those of uploaded files, or count from ``folder``, which lies in the folder of the projects.
    """

    scene: SceneData | str
    folder: str = Field("", max_length=1000)


class FilmRequest(_Request):
    """A film to be made: of a scene, of a project, or of a scene that becomes the project's.

    ``project`` is made where there is none of that name; without it one is made and named by the title and the time.
    ``height`` is the greatest, in pixels; ``film`` the format.
    """

    scene: SceneData | str | None = None
    folder: str = Field("", max_length=1000)
    project: str | None = Field(None, max_length=100)
    draft: bool = False
    height: int | None = Field(None, ge=1, le=100_000)
    steps: int | None = Field(None, ge=1, le=1000)
    film: Literal["mp4", "lossless", "prores", "webm"] = "mp4"


class SpeechRequest(_Request):
    """One line to be spoken by a voice, with styles by name and strength.

    ``language`` is ``en`` (in the voice's accent), ``en-us``, ``en-gb``, ``es``, ``fr``, ``it`` or ``pt``.
    """

    text: str
    voice: str = Field(max_length=100)
    language: str = Field("en", max_length=20)
    speed: float = 1.0
    styles: dict[str, Style] = Field({}, max_length=20)
    seed: int = Field(0, ge=0, lt=2**31)
    steps: int | None = Field(None, ge=1, le=1000)


class JobReport(BaseModel):
    """Where a job stands.

    ``percent`` is done of the whole; ``seconds_left`` is null while that would be a guess; ``sentence`` says why it
    failed or stopped. ``results`` names the files that it made; they are complete when ``state`` is ``done``.
    """

    id: str
    project: str
    kind: KindName
    state: State
    stage: str
    percent: float = Field(ge=0, le=100)
    seconds_left: float | None
    note: str
    sentence: str
    results: tuple[str, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in ("queued", "running")


class Told(BaseModel):
    """A problem or a warning: the sentence, and where in the scene it belongs (keys and indices)."""

    sentence: str
    part: str
    where: tuple[int | str, ...]
    line: int | None

    @classmethod
    def of(cls, problem: Problem) -> Told:
        """What is told of a problem."""
        return cls(sentence=problem.sentence, part=problem.part, where=problem.where, line=problem.line)


class CheckAnswer(BaseModel):
    """What a check found: a scene with problems is not rendered; ``seconds`` is the film's estimated length."""

    ok: bool
    problems: tuple[Told, ...]
    warnings: tuple[Told, ...]
    seconds: float


class ResultFile(BaseModel):
    """A file that a job made: ``name`` in the job's results, the file's own name, and its size in bytes."""

    name: str
    file: str
    bytes: int


class ProjectName(BaseModel):
    """A project that was made."""

    project: str


class Refusal(BaseModel):
    """Why a request was refused: a sentence, and each problem of a scene."""

    detail: str
    problems: tuple[Told, ...] = ()


def form_faults(faults: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with the form of a request, as one sentence; ``faults`` are pydantic's."""
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in faults[:5])
