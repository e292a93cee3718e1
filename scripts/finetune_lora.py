"""Fine-tunes an adapter on minutes of recordings: a style, a voice or a way of moving.

python -m scripts.finetune_lora style weary --minutes 10           one of the styles that ship, from the corpus
python -m scripts.finetune_lora clips FOLDER --name joe --parts audio --consent me
                                                                   a folder of clips: sound (.wav .mp3 ...) with its
                                                                   words in a .txt beside it, or heard by Whisper; video
                                                                   with sound; motion (.csv of ARKit, our .json); or a
                                                                   corpus with its manifest.jsonl
python -m scripts.finetune_lora clips FOLDER --check               says clip by clip what is wrong, and trains nothing
python -m scripts.finetune_lora refit FILE... --rank 3             adapters of other weights, made a start for training
                                                                   on those that ship, at a lower rank
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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from generation.adapters.lora import FILE, write_reduced_adapter
from generation.adapters.metadata import CONSENTS, PARTS, Part, read_about, shipped_base
from generation.core.assets import asset
from generation.core.weights import load_strict
from generation.data.corpus import SpeechCorpus
from generation.data.grid_corpus import held_out_sentences
from generation.finetuning.clip_reader import ClipReader, TrainingClips
from generation.finetuning.datasets import StyleDataset
from generation.finetuning.from_clips import Origin, finetune
from generation.finetuning.lora_training import Size, TrainableModel, speaking_loss, train_adapter
from generation.finetuning.report import (
    SENTENCES,
    lip_timing,
    prompts,
    trials,
    voice_similarity,
    write_report,
)
from generation.finetuning.styles import STYLES, training_utterances
from generation.finetuning.transcription import load_whisper
from generation.finetuning.trial import STRENGTHS
from generation.models.duration_predictor import DurationPredictor
from generation.models.normalizer import LatentNormalizer
from generation.models.transformer import JointTransformer
from generation.pipeline.forced_alignment import ForcedAligner
from generation.pipeline.joint import JointPipeline
from studio.production.render import render_scene
from studio.production.settings import RenderSettings
from studio.scene.document import dump_scene, load_scene

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HELD_OUT_SECONDS, HELD_OUT_BATCHES, REAL_CLIPS = 60, 2, 48
STYLE_RATE = 2e-3
"""Peak learning rate: many voices at once forget less than one does."""
SAMPLE, SAMPLE_ROWS = "scenes/cafe/scene.yaml", 480
"""In its picture the first of the cast says the first sentence, in the sample video."""


@dataclass(frozen=True)
class Reporter:
    """What is written about an adapter, and where.

    Attributes:
        out: folder of all adapters.
        shared: folder with ``motion/`` for the timing of lips; it may be missing.
        lines: sentences that are said.
        steps: of the guided sampler; None = the sampler that ships.
    """

    out: Path
    shared: Path
    lines: int
    steps: int | None

    def publish(self, name: str, trained: Path, facts: Mapping[str, Any], target_figures: Mapping[str, int]) -> None:
        """The adapter under its own name, and the report on it."""
        path = self.out / name / f"{name}.safetensors"
        shutil.copyfile(trained, path)
        self.report(name, path, facts, target_figures)

    def report(self, name: str, path: Path, facts: Mapping[str, Any], target_figures: Mapping[str, int]) -> None:
        """The report on an adapter, printed and written, and its sample video."""
        folder, pipeline = self.out / name, JointPipeline.from_pretrained().to(DEVICE)
        facts = {"name": name, **facts}
        if read_about(path).part != "speech" and (self.shared / "motion").is_dir():
            clips = held_out_sentences(self.shared, REAL_CLIPS)
            facts["timing"] = lip_timing(pipeline, path, clips, self.steps)
        durations = DurationPredictor.from_pretrained()
        found = trials(pipeline, durations, path, prompts(self.lines), STRENGTHS, self.steps)
        print(write_report(folder, path, facts, found, target_figures))
        print(f"Sample video: {sample_video(path, folder)}")


def train_style(name: str, work: Path, size: Size, reporter: Reporter) -> None:
    """One of the styles that ship, from the processed corpus."""
    style = STYLES[name]
    size = replace(size, learning_rate=STYLE_RATE)
    pipeline = JointPipeline.from_pretrained()
    normalizer, names = LatentNormalizer.of(pipeline.transformer), list(pipeline.transformer.config.voice_names)
    corpus = SpeechCorpus.load(work)
    labels = None if style.part == "audio" else np.load(work / "labels.npy", mmap_mode="r")
    common = (labels, normalizer, names, style, size.n_frames)
    recordings = 0.0 if style.part == "audio" else 0.25
    examples = StyleDataset(corpus, training_utterances(corpus, "train"), *common)
    held = StyleDataset(corpus, training_utterances(corpus, "dev", HELD_OUT_SECONDS), *common)
    generators = [torch.Generator().manual_seed(seed) for seed in range(HELD_OUT_BATCHES)]
    batches = [held.batch(2 * size.batch, generator, recordings) for generator in generators]
    about = {
        "kind": "style", "does": style.does, "trained_on": style.trained_on, "licence": "Apache-2.0",
        "consent": "drawn", "delivery": json.dumps(asdict(style.delivery)),
    }  # fmt: skip
    model = TrainableModel(pipeline.transformer, style.part, size.rank)
    trained = train_adapter(
        model, speaking_loss, lambda g: examples.batch(size.batch, g, recordings), batches, about, size,
        reporter.out / name,
    )  # fmt: skip
    facts = {"minutes": trained.minutes, "size": asdict(size), "steps": trained.steps}
    facts |= {"held_out": {"before": trained.before, "after": trained.after}}
    reporter.publish(name, trained.folder / FILE, facts, style.target_figures)


def read_clips(folder: Path, part: Part, language: str) -> TrainingClips:
    """Clips of a folder; what is wrong with them is printed."""
    transformer = load_strict(JointTransformer, asset("model") / "transformer")
    aligner = ForcedAligner(transformer, DurationPredictor.from_pretrained())
    training_clips = ClipReader(part, aligner, language, load_whisper()).read(folder)
    for sentence in training_clips.faults:
        print(f"Left out: {sentence}")
    for sentence in training_clips.warnings:
        print(f"Warning: {sentence}")
    print(f"{len(training_clips.clips)} clips of together {training_clips.seconds:.0f} s can be used.")
    training_clips.require_enough()
    return training_clips


def train_clips(training_clips: TrainingClips, part: Part, origin: Origin, size: Size, reporter: Reporter) -> None:
    """A voice or a way of moving, from clips."""
    pipeline, durations = JointPipeline.from_pretrained(), DurationPredictor.from_pretrained()
    folder = reporter.out / origin.name
    trained = finetune(training_clips.clips, part, origin, pipeline.transformer, durations, size, folder)
    facts = {**trained.facts, "left_out": training_clips.faults, "warnings": training_clips.warnings}
    if trained.voice is not None:
        base = JointPipeline.from_pretrained().to(DEVICE)
        sounds = [clip.waveform for clip in training_clips.clips]
        judged = voice_similarity(base, durations, trained.path, trained.voice, sounds, reporter.lines, reporter.steps)
        facts |= {"similarity": judged} if judged else {}
    reporter.publish(origin.name, trained.path, facts, {})


def try_file(path: Path, reporter: Reporter) -> None:
    """Figures of an adapter that is there."""
    name = read_about(path).name
    reporter.report(name, path, {}, STYLES[name].target_figures if name in STYLES else {})


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


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one command."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        if args.command == "refit":
            for path in args.files:
                write_reduced_adapter(path, path, args.rank, shipped_base())
        elif args.command == "try":
            try_file(args.file, _reporter(args))
        elif args.command == "style":
            train_style(args.name, args.work, Size.for_device(DEVICE, args.rank, args.minutes), _reporter(args))
        else:
            training_clips = read_clips(args.folder, args.parts, args.language)
            if not args.check:
                name = args.folder.resolve().name if args.name is None else args.name
                origin = Origin(name, args.consent, args.statement, args.licence)
                size = Size.for_device(DEVICE, args.rank, args.minutes)
                train_clips(training_clips, args.parts, origin, size, _reporter(args))
    except (ValueError, RuntimeError) as error:
        sys.exit(str(error))


def _reporter(args: argparse.Namespace) -> Reporter:
    return Reporter(args.out, args.shared, args.lines, args.steps)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    style = commands.add_parser("style", help="one of the styles that ship")
    style.add_argument("name", choices=STYLES)
    style.add_argument("--work", type=Path, default=Path("work"), help="arrays of the corpus")
    clips = commands.add_parser("clips", help="a folder of clips")
    clips.add_argument("folder", type=Path)
    clips.add_argument("--name", help="of the adapter; the folder's if not given")
    clips.add_argument("--parts", choices=PARTS, default="audio", help="what it changes")
    clips.add_argument("--consent", choices=CONSENTS, default="", help="whose voice or face it is, as scenes say it")
    clips.add_argument("--statement", default="", help="who agreed, when and how")
    clips.add_argument("--language", default="en-us", choices=("en-us", "en-gb"))
    clips.add_argument("--licence", default="proprietary", help="under which the adapter may be used")
    clips.add_argument("--check", action="store_true", help="look at the clips and stop")
    refit = commands.add_parser("refit", help="adapters of other weights, for those that ship")
    refit.add_argument("files", type=Path, nargs="+", metavar="FILE")
    refit.add_argument("--rank", type=int, required=True, help="at most")
    tried = commands.add_parser("try", help="figures of an adapter that is there")
    tried.add_argument("file", type=Path)
    for command in (style, clips):
        command.add_argument("--minutes", type=float, help="length of the training, all resumes together")
        command.add_argument("--rank", type=int)
    for command in (style, clips, tried):
        command.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with motion/, for lips")
        command.add_argument("--out", type=Path, default=Path("work/adapters"))
        command.add_argument("--lines", type=int, default=len(SENTENCES), help="sentences in the report")
        command.add_argument("--steps", type=int, help="of the guided sampler, in the report")
    return parser


if __name__ == "__main__":
    main()
