"""Worker side of fine-tuning: inspects clips, trains and tries a LoRA adapter, and attaches it to the character."""

from __future__ import annotations

import gc
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np

from generation.adapters.metadata import SUFFIX, shipped_base
from generation.core.assets import asset
from generation.core.clock import FPS
from generation.core.weights import load_strict
from generation.finetuning.clip_reader import ClipReader, TrainingClips, read_clips, write_clips
from generation.finetuning.from_clips import FineTuned, Origin, finetune
from generation.finetuning.lora_training import Size
from generation.finetuning.report import Trial, prompts, trials, write_report
from generation.finetuning.transcription import load_whisper
from generation.models.transformer import JointTransformer
from generation.pipeline.forced_alignment import ForcedAligner
from generation.text.languages import is_english
from studio.core.progress import Progress
from studio.core.storage import safe_name, write_json
from studio.jobs.estimate import finetuning_overhead
from studio.jobs.job import Job
from studio.jobs.job_kinds import CLIPS_FILE, CLIPS_FOLDER
from studio.performance.models import Models
from studio.project.project import Project
from studio.scene.document import load_scene
from studio.scene.schema import Scene
from studio.scene.voices import language_of
from studio.timeline.recordings import scene_recording

_SENTENCES = 2
"""Said before and after."""


def inspect_clips(job: Job, models: Models, progress: Progress) -> dict[str, Path]:
    """Read clips, and say clip by clip what is wrong with them.

    Returns:
        ``material``, JSON for :func:`studio.editor.finetuning.clip_report`, and ``clips`` where something can be learnt
        from them.

    Raises:
        ValueError: the files are gone.
        Cancelled: stopped.
    """
    progress.start("listen to the clips")
    scene = load_scene(job.scene_path)
    folder, out = job.scene_path.parent / CLIPS_FOLDER, job.folder / "out"

    def on_progress(share: float) -> None:
        progress.update(share, 1.0)
        progress.yield_point()

    texts = {path.stem for path in folder.glob("*.txt")}
    wordless = any(path.stem not in texts for path in folder.iterdir())
    aligner = ForcedAligner(models.pipeline.transformer, models.durations)
    language = language_of(scene, 0)
    heard = load_whisper() if wordless and is_english(language) else None  # that recogniser knows no other
    reader = ClipReader("audio", aligner, language, heard, on_progress)
    material = reader.read(folder)
    out.mkdir(parents=True, exist_ok=True)
    results = {"material": out / "material.json"}
    refusal = _refusal(material)
    if not refusal:
        results["clips"] = out / CLIPS_FILE
        write_clips(results["clips"], material.clips)
    clips = [{"name": clip.name, "seconds": clip.n_frames / FPS, "words": clip.words} for clip in material.clips]
    said = {"clips": clips, "faults": material.faults, "warnings": material.warnings, "refusal": refusal}
    write_json(results["material"], said, durable=False)
    return results


def _refusal(material: TrainingClips) -> str:
    try:
        material.require_enough()
    except ValueError as error:
        return str(error)
    return ""


def finetune_voice(job: Job, models: Models, progress: Progress) -> dict[str, Path]:
    """Train an adapter on clips, try it in the character's voice, and have the character use it.

    Jobs of higher priority go first between two steps. Checkpoints are kept in the project's work folder until the job
    is done, so that the same job, tried again, goes on where it was.

    Returns:
        ``before``, ``after``: a WAV file each; ``report``: JSON for :func:`studio.editor.finetuning.finetuning_result`.

    Raises:
        ValueError: there is too little to learn from.
        Cancelled: stopped.
    """
    minutes = job.options["minutes"]
    progress.plan({"learn": 60 * minutes, "try": finetuning_overhead(job.root)})
    progress.start("learn")
    learnt = _learn(job, minutes, models, progress)
    progress.start("try")
    found: dict[float, Trial] = {}
    embedding, language = _voice(load_scene(job.scene_path), job.scene_path.parent, models)
    for done, strength in enumerate((0.0, 1.0)):
        progress.update(done, 2)
        progress.yield_point()
        said = prompts(_SENTENCES, embedding, language if is_english(language) else "en-us")
        found |= trials(models.pipeline, models.durations, learnt.path, said, (strength,))
    out, name = job.folder / "out", job.options["name"]
    project = Project(job.project_folder)
    style = project.add_media(learnt.path.read_bytes(), f"{name}{SUFFIX}")
    facts = {"name": name, "style": style, **learnt.facts}
    write_report(out, learnt.path, facts, found, {})
    who = job.options["who"]
    project.edit(with_finetuned(project.scene, who, name, style), f"{who}: trained {name}")
    shutil.rmtree(_work(job), ignore_errors=True)
    (job.scene_path.parent / CLIPS_FILE).unlink(missing_ok=True)  # what is done needs nobody's recordings any more
    return {"before": out / "strength_0.wav", "after": out / "strength_1.wav", "report": out / "report.json"}


def _learn(job: Job, minutes: float, models: Models, progress: Progress) -> FineTuned:
    """The training, with weights of its own: the worker's go on speaking meanwhile."""

    def on_progress(share: float) -> None:
        progress.update(share, 1.0)
        progress.yield_point()

    clips = read_clips(job.scene_path.parent / CLIPS_FILE)
    origin = Origin(job.options["name"], job.options["consent"], job.options["statement"])
    transformer = load_strict(JointTransformer, asset("model") / "transformer")
    size = Size.for_device(models.device, minutes=minutes)
    folder = _work(job)
    for other in folder.parent.iterdir() if folder.parent.is_dir() else ():
        if other != folder:  # of a job that was given up
            shutil.rmtree(other, ignore_errors=True)
    try:
        return finetune(clips, "audio", origin, transformer, models.durations, size, folder, on_progress)
    finally:
        del transformer
        gc.collect()


def _work(job: Job) -> Path:
    """Folder of the training; the same for the same clips, options and weights."""
    clips = hashlib.sha256((job.scene_path.parent / CLIPS_FILE).read_bytes()).hexdigest()
    order = json.dumps([clips, sorted(job.options.items()), shipped_base()])
    return job.project_folder / "work" / "finetuning" / hashlib.sha256(order.encode()).hexdigest()[:16]


def _voice(scene: Scene, folder: Path, models: Models) -> tuple[np.ndarray, str]:
    """The character's voice (64,) without any style, the bank's first where it has none, and its language."""
    voice, language = scene.cast[0].voice, language_of(scene, 0)
    if voice is not None and voice.clip is not None:
        return models.cloned(scene_recording(folder, voice.clip)).embedding, language
    name = models.voices.names[0] if voice is None or voice.preset is None else voice.preset
    return models.voices.embedding(name), language


def with_finetuned(scene: Scene, who: str, name: str, style: str) -> Scene:
    """The scene with a style, just trained under a name, at strength 1; an earlier one of that name is taken off.

    Nothing is changed where the character is no longer in the cast.
    """
    index = scene.find(who)
    if index is None:
        return scene
    stem = Path(safe_name(f"{name}{SUFFIX}")).stem
    same = re.compile(rf"media/{re.escape(stem)}(-\d+)?{re.escape(SUFFIX)}")
    member = scene.cast[index]
    kept = {other: strength for other, strength in member.styles.items() if not same.fullmatch(other)}
    member = member.model_copy(update={"styles": {**kept, style: 1.0}})
    return scene.model_copy(update={"cast": (*scene.cast[:index], member, *scene.cast[index + 1 :])})
