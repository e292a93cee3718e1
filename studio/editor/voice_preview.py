"""Voice preview: a one-line scene, submitted as a normal job."""

from __future__ import annotations

from pathlib import Path

from generation.text.languages import language_code
from generation.voices.bank import VoiceBank
from studio.jobs.job import Job
from studio.jobs.queue import frozen_scene, jobs
from studio.project.project import Project
from studio.scene.line_names import line_names
from studio.scene.schema import PLACELESS, Scene, ScriptLine
from studio.scene.voices import language_of


class VoicePreview:
    """One character saying one sentence; to :func:`studio.jobs.queue.submit` it is a project.

    Args:
        project: whose character.
        index: which of the cast.
    """

    def __init__(self, project: Project, index: int) -> None:
        member = project.scene.cast[index]
        words = sentence(member.name, language_code(language_of(project.scene, index)))
        alone = member.model_copy(update={"role": "narrator", **PLACELESS})
        line = ScriptLine(who=member.name, text=words)
        self.scene = Scene(picture="", cast=(alone,), script=(line,), lexicon=project.scene.lexicon)
        self.folder: Path = project.folder
        self.name = project.name

    def line_ids(self) -> list[str]:
        """Name of its only line."""
        return line_names(self.scene, takes=False)


_SENTENCES = {
    "en": "Hello, I am {}. This is how I sound.", "es": "Hola, soy {}. Así suena mi voz.",
    "fr": "Bonjour, je suis {}. Voici ma voix.", "it": "Ciao, sono {}. Questa è la mia voce.",
    "pt": "Olá, eu sou {}. Esta é a minha voz.",
}  # fmt: skip


def sentence(name: str, code: str = "en") -> str:
    """Sentence of the voice preview in en, es, fr, it or pt."""
    return _SENTENCES[code].format(name)


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
