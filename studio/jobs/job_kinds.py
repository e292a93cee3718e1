"""The one table of job kinds: options, priority, preemption, stages with their shares, handler and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

KindName = Literal["hear", "move", "preview", "render", "inspect", "finetune"]

SHORT = 3
"""Most lines of a job ``hear`` that goes before everything else."""
CLIPS_FOLDER, CLIPS_FILE = "material", "clips.npz"
"""In the frozen copy of a job: the folder of the clips to be inspected; the clips to fine-tune on."""
WAITING = "waiting"
"""Stage of a job that waits in the queue, also of one that lets a job of higher priority go first."""
BEGINNING = "begin"
"""Stage of a job that was taken from the queue and has not reported any other stage."""
FILM_SUFFIXES = {"mp4": ".mp4", "lossless": ".mkv", "prores": ".mov", "webm": ".webm"}
"""How the film of a job to render ends, by its option ``film``; ``mp4`` where it has none."""
_WHOSE = {"who": str, "name": str, "consent": str, "statement": str}


def _never(options: Mapping[str, Any], n_lines: int) -> bool:
    return False


@dataclass(frozen=True)
class JobStage:
    """A stage of a job: the name in its status, its rough share of the job's time, and what a page calls it."""

    name: str
    share: float
    label: str


@dataclass(frozen=True)
class JobKind:
    """Everything that is particular to one kind of job.

    Attributes:
        name: what jobs and their folders are called on disk.
        label: what a page calls it.
        handler: ``module:function`` that does it, see :mod:`studio.jobs.handlers`; a name, since it needs torch.
        stages: in their order.
        options: name and type of what it can be told.
        priority: 1 for what is done in seconds, 2 for a film, 3 for fine-tuning; smaller ones go first, also before
            one that has begun.
        awaited: whether somebody waits for a job with these options and so many lines; its priority is then 0.
        goes_first: what is said of a job that this one goes before.
        lets_pass: what is said of a job that goes before this one.
        whole: whether all files of the scene have to be there.
        kept: whether its results are kept for good once it is done.
        background: whether a page goes on as if it were not there.
    """

    name: KindName
    label: str
    handler: str
    stages: tuple[JobStage, ...]
    options: Mapping[str, type] = field(default_factory=dict)
    priority: int = 1
    awaited: Callable[[Mapping[str, Any], int], bool] = _never
    goes_first: str = ""
    lets_pass: str = "next"
    whole: bool = False
    kept: bool = False
    background: bool = False


JOB_KINDS: dict[str, JobKind] = {
    kind.name: kind
    for kind in (
        JobKind(
            "hear", "Speaking", "studio.jobs.handlers:run_hear",
            (JobStage("listen", 1, "reading the lines"), JobStage("speech and motion", 20, "speech and faces"),
             JobStage("sound", 1, "writing the sound")),
            {"lines": list, "steps": int},
            awaited=lambda options, n_lines: n_lines <= SHORT,
            goes_first="lines are being spoken first",
        ),
        JobKind(
            "move", "Making the motion", "studio.jobs.handlers:run_move",
            (JobStage("look at the picture", 2, "looking at the picture"),
             JobStage("speech and motion", 20, "speech and faces"), JobStage("drawing", 4, "drawing the frames")),
            {"line": str, "take": int, "before": list, "who": str, "steps": int},
            awaited=lambda options, n_lines: "line" in options or "who" in options,
            goes_first="motion is made first",
        ),
        JobKind(
            "preview", "Quick preview", "studio.jobs.handlers:run_preview",
            (JobStage("look at the picture", 1, "looking at the picture"),
             JobStage("speech and motion", 3, "speech and faces"), JobStage("drawing", 2, "drawing the frames")),
            goes_first="a quick preview goes first",
        ),
        JobKind(
            "render", "Making the video", "studio.jobs.handlers:run_render",
            (JobStage("check", 1, "looking at the scene"), JobStage("load models", 1, "loading the model"),
             JobStage("speech and motion", 1, "speech and faces"), JobStage("rendering", 1, "drawing the frames"),
             JobStage("encoding", 1, "writing the file")),
            {"steps": int, "height": int, "draft": bool, "film": str},
            priority=2, goes_first="the video is made first",
            lets_pass="next, as soon as the film has finished a part", whole=True, kept=True,
        ),
        JobKind(
            "inspect", "Looking at the clips", "studio.jobs.handlers:run_inspect",
            (JobStage("listen to the clips", 1, "listening"),),
            _WHOSE, goes_first="clips are listened to first", background=True,
        ),
        JobKind(
            "finetune", "Fine-tuning", "studio.jobs.handlers:run_finetune",
            (JobStage("learn", 900, "learning from the clips"), JobStage("try", 30, "trying it out")),
            {**_WHOSE, "minutes": float},
            priority=3, lets_pass="next, in a moment", kept=True, background=True,
        ),
    )
}  # fmt: skip
"""All kinds, by their names."""

STAGE_LABELS: dict[str, str] = {
    WAITING: "waiting for its turn",
    BEGINNING: "beginning",
    **{stage.name: stage.label for kind in JOB_KINDS.values() for stage in kind.stages},
}
"""What a page calls each stage."""
