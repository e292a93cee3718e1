"""Submits fine-tuning jobs from the page, and reads their reports and results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from studio.core.storage import read_json, safe_name
from studio.editor.voice_preview import VoicePreview
from studio.jobs.estimate import finetuning_overhead
from studio.jobs.job import Job
from studio.jobs.job_kinds import CLIPS_FILE, CLIPS_FOLDER
from studio.jobs.queue import jobs, submit
from studio.project.project import Project
from studio.project.uploads import MAX_BYTES, SOUNDS
from studio.scene.schema import STATEMENT_NEEDED
from studio.scene.upgrade import upgrade_report

LENGTHS = {"short": 5.0, "normal": 15.0}
"""Minutes of training; normal is what a voice takes on two cores."""
_FEW_STEPS = 60
"""With fewer a voice is hardly learnt."""
_FIGURES: dict[str, tuple[str, Callable[[float], float]]] = {
    "pitch": ("Pitch, Hz", lambda semitones: 100 * 2 ** (semitones / 12)),
    "pitch_range": ("Melody, semitones", float),
    "rate": ("Pace, sounds a second", float),
    "brightness": ("Brightness, dB", float),
    "voiced_share": ("Voice, not breath, %", lambda share: 100 * share),
}
"""What readers are told of :data:`generation.metrics.style.UNITS`, in units that they know."""


@dataclass(frozen=True)
class ClipReport:
    """Report of an inspection of clips.

    Attributes:
        usable: name, seconds and words of each piece that can be used.
        faults: one sentence for each clip that cannot.
        warnings: the same of clips that are used all the same.
        refusal: why nothing can be learnt from what remains; empty when it can.
    """

    usable: tuple[tuple[str, float, str], ...] = ()
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def seconds(self) -> float:
        """Of all usable pieces."""
        return sum(seconds for _, seconds, _ in self.usable)


@dataclass(frozen=True)
class FinetuningResult:
    """Result of a fine-tuning job.

    Attributes:
        style: name of the adapter in scenes.
        before: the character without it, a WAV file.
        after: with it.
        figures: rows of a figure with its unit: before, with it, and of the clips.
        summary: how well it was learnt, in a sentence or two.
    """

    style: str
    before: Path
    after: Path
    figures: tuple[tuple[str, float, float, float], ...] = field(default=())
    summary: str = ""


def transcription_installed() -> bool:
    """Whether what clips say can be transcribed where no words are given."""
    return find_spec("faster_whisper") is not None


def script_of(words: Mapping[str, str]) -> str:
    """What clips say as lines for a reader to fill in, ``CLIP: words``, by the clips' plain names."""
    return "\n".join(f"{clip}: {' '.join(said.split())}" for clip, said in words.items())


def words_of(script: str, clips: Iterable[str]) -> dict[str, str]:
    """What each clip says, from lines of :func:`script_of`; a line without a clip's name goes on with the last one's.

    Raises:
        ValueError: words before the first clip; one sentence.
    """
    known = {clip.casefold(): clip for clip in clips}
    said: dict[str, str] = {}
    now = next(iter(known.values())) if len(known) == 1 else None
    for line in filter(None, map(str.strip, script.splitlines())):
        name, colon, rest = line.partition(":")
        if colon and name.strip().casefold() in known:
            now, line = known[name.strip().casefold()], rest.strip()
        if now is None:
            raise ValueError(f"The words {line[:40]!r} belong to no clip; write them behind one's name and a colon.")
        said[now] = f"{said.get(now, '')} {line}".strip()
    return {clip: words for clip, words in said.items() if words}


def submit_inspection(
    project: Project,
    index: int,
    name: str,
    consent: str,
    statement: str,
    clips: Mapping[str, bytes],
    script: str,
) -> Job:
    """Submit the inspection of clips, before anything is trained on them.

    Args:
        project: whose character is to be trained.
        index: which of the cast.
        name: of the style.
        consent: whose voice it is, one of :data:`generation.adapters.metadata.CONSENTS`.
        statement: who agreed, when and how.
        clips: sound files by their names.
        script: what is said in them, see :func:`words_of`; what is missing is to be heard.

    Raises:
        ValueError: a name that cannot be one, nobody was asked, or files that are no clips; one sentence.
    """
    name, statement = " ".join(name.split()), " ".join(statement.split())
    if not re.fullmatch(r"\w[\w '-]{0,39}", name):
        raise ValueError("Give the style a name of 1 to 40 letters, digits and spaces.")
    if not consent or (consent in STATEMENT_NEEDED and not statement):
        raise ValueError("Say whose voice it is, and who agreed.")
    if not clips:
        raise ValueError("Drop some clips first: together about two minutes of one person who speaks.")
    files: dict[str, bytes] = {}
    stems: dict[str, str] = {}
    for title, data in clips.items():
        plain = safe_name(title)
        stem = Path(plain).stem
        if Path(plain).suffix not in SOUNDS:
            raise ValueError(f"{title} is no sound that can be read; use {', '.join(SOUNDS)}.")
        if len(data) > MAX_BYTES:
            raise ValueError(f"{title} has more than {MAX_BYTES // 10**6} MB; cut it into shorter clips.")
        if stem.casefold() in stems:
            raise ValueError(f"Two clips are called {stem}; rename one of them.")
        stems[stem.casefold()] = stem
        files[f"{CLIPS_FOLDER}/{plain}"] = data
    for stem, said in words_of(script, stems.values()).items():
        files[f"{CLIPS_FOLDER}/{stem}.txt"] = said.encode()
    whose = {"who": project.scene.cast[index].name, "name": name, "consent": consent, "statement": statement}
    return submit(VoicePreview(project, index), "inspect", files, **whose)


def latest_job(project: Project, index: int) -> Job | None:
    """The newest inspection or fine-tuning job of a character; None before there was one."""
    who = project.scene.cast[index].name
    return next(
        (job for job in jobs(project) if job.kind in ("inspect", "finetune") and job.options["who"] == who), None
    )


def inspection_of(project: Project, finetuned: Job) -> Job | None:
    """The inspection whose clips a fine-tuning job had, while they are kept."""
    whose = {key: value for key, value in finetuned.options.items() if key != "minutes"}
    found = (
        job
        for job in jobs(project)
        if job.kind == "inspect" and job.options == whose and "clips" in job.status().results
    )
    return next(found, None)


def clip_report(job: Job) -> ClipReport:
    """Report of a finished inspection."""
    data = read_json(job.status().results.get("material", Path()))
    if not isinstance(data, dict):
        return ClipReport(refusal="What was found in the clips is no longer there; look at them again.")
    usable = tuple((clip["name"], clip["seconds"], clip["words"]) for clip in data["clips"])
    return ClipReport(usable, tuple(data["faults"]), tuple(data["warnings"]), data["refusal"])


def submit_finetuning(project: Project, index: int, inspection: Job, minutes: float) -> Job:
    """Fine-tune the character's voice on the clips of an inspection.

    Raises:
        ValueError: the clips are gone; one sentence.
    """
    clips = inspection.status().results.get("clips")
    if clips is None or not clips.is_file():
        raise ValueError("The clips are no longer there; look at them again.")
    return submit(
        VoicePreview(project, index),
        "finetune",
        {CLIPS_FILE: clips.read_bytes()},
        **inspection.options,
        minutes=minutes,
    )


def expected_training_seconds(root: Path, minutes: float) -> float:
    """How long fine-tuning takes from its turn on, with what is worked out before and after the training."""
    return 60 * minutes + finetuning_overhead(root)


def finetuning_result(job: Job) -> FinetuningResult | None:
    """Result of a finished fine-tuning job; None when it is gone."""
    results = job.status().results
    data = read_json(results.get("report", Path()))
    if not isinstance(data, dict):
        return None
    data = upgrade_report(data)
    return FinetuningResult(data["style"], results["before"], results["after"], figure_rows(data), summary_of(data))


def figure_rows(report: Mapping[str, Any]) -> tuple[tuple[str, float, float, float], ...]:
    """Rows of a report for readers: those figures of speech that sentences and clips have."""
    before, after, clips = report["strengths"]["0"], report["strengths"]["1"], report["material"]
    return tuple(
        (title, reading(before[key]), reading(after[key]), reading(clips[key]))
        for key, (title, reading) in _FIGURES.items()
        if key in before and key in after and key in clips
    )


def summary_of(report: Mapping[str, Any]) -> str:
    """Summary of a fine-tuning: its effect on held-out clips, and whether the training was long enough."""
    loss, rows = report["held_out"], figure_rows(report)
    share = 100 * (1 - loss["after"] / loss["before"])
    nearer = sum(abs(after - clips) < abs(before - clips) for _, before, after, clips in rows)
    learnt = f"{share:.0f} % less wrong" if share >= 0.5 else "no better than before"
    said = f"On clips kept back from training it is {learnt}; {nearer} of {len(rows)} figures came nearer to the clips."
    if report["steps"] < _FEW_STEPS:
        said += f" Only {report['steps']} steps fitted into the time: a longer time, or a quieter computer, does more."
    return said
