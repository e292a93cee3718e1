"""Voice preview: a one-line scene, submitted as a normal job."""

from __future__ import annotations

from pathlib import Path

from generation.voices.bank import VoiceBank
from studio.jobs.job import Job
from studio.jobs.queue import frozen_scene, jobs
from studio.project.project import Project
from studio.scene.line_names import line_names
from studio.scene.schema import PLACELESS, Scene, ScriptLine


class VoicePreview:
    """One character saying one sentence; to :func:`studio.jobs.queue.submit` it is a project.

    Args:
        project: whose character.
        index: which of the cast.
    """

    def __init__(self, project: Project, index: int) -> None:
        member = project.scene.cast[index]
        words = sentence(member.name)
        alone = member.model_copy(update={"role": "narrator", **PLACELESS})
        line = ScriptLine(who=member.name, text=words)
        self.scene = Scene(picture="", cast=(alone,), script=(line,), lexicon=project.scene.lexicon)
        self.folder: Path = project.folder
        self.name = project.name

    def line_ids(self) -> list[str]:
        """Name of its only line."""
        return line_names(self.scene, takes=False)


def sentence(name: str) -> str:
    """Sentence of the voice preview."""
    return f"Hello, I am {name}. This is how I sound."


def latest(project: Project, index: int) -> Job | None:
    """The newest audition of a character with the voice that it has now; None before there was one."""
    wanted = VoicePreview(project, index).scene
    for job in jobs(project):
        if job.kind == "hear" and not job.options and frozen_scene(job) == wanted:
            return job
    return None


def descriptions() -> dict[str, str]:
    """How every voice of the bank sounds: who speaks, then how high, how fast and how bright."""
    bank = VoiceBank.load()
    return {name: bank[name].description for name in bank.names}
