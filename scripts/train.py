"""Trains everything that the product ships, stage by stage; each stage resumes where it stopped.

python -m scripts.train features  --shared ../shared       decode the corpus
python -m scripts.train rig       --shared ../shared       face rig from tracked speech -> assets/rig.safetensors
python -m scripts.train teacher   --minutes 10             real lips from sound and phonemes
python -m scripts.train labels                             lip motion for the whole corpus
python -m scripts.train vocoder   --minutes 30             mel -> amplitude spectrum
python -m scripts.train joint     --minutes 90             speech and motion together
python -m scripts.train distilled_sampler --minutes 30     the joint model's sampler in 4 calls, as an adapter
python -m scripts.train durations --minutes 15             phoneme lengths, told the joint model's voices
python -m scripts.train voices    --minutes 4              speaker embedding of a recording
python -m scripts.train joint     --languages ...          the same with Spanish, French, Italian, Portuguese
python -m scripts.train mask      --minutes 42             speech in music and noise
python -m scripts.train publish_mask                       its EMA weights in float16 -> assets/
python -m scripts.train publish                            EMA weights of all others in bf16 -> assets/
python -m scripts.train improve   --minutes 28             all of it from vocoder to publish, from what ships, on a GPU
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from generation.core.weights import load_strict
from generation.data import corpus as features
from generation.data import grid_corpus, joint_dataset
from generation.data.dialogue_dataset import DialogueDataset
from generation.finetuning.datasets import ClipDataset
from generation.models.normalizer import LatentNormalizer
from generation.models.transformer import JointTransformer
from generation.text.ipa import UNKNOWN_SYMBOL
from generation.training import export
from generation.training.depth_growth import LANGUAGE_INVENTORY, add_languages, add_motion_context, grow_depth
from generation.training.flow_matching_loss import joint_loss
from generation.training.noisy_recordings import NoisyRecordings
from generation.training.trainer import FitSettings, fit

ROOT = Path(__file__).resolve().parent.parent

CUDA = torch.cuda.is_available()


def corpora(args: argparse.Namespace) -> list[Path]:
    """The shared corpus and what was added to it."""
    return [args.shared / "corpus", *args.more]


def minutes_of(args: argparse.Namespace, usual: float) -> float:
    """Length of a training as it was asked for, else the usual one."""
    return usual if args.minutes is None else args.minutes


def train_teacher(args: argparse.Namespace) -> None:
    """Motion teacher on the real clips."""
    from generation.labels.motion_teacher import train_teacher

    train_teacher(args.shared, args.work, minutes_of(args, 10))


def make_labels(args: argparse.Namespace) -> None:
    """Lip motion for every utterance of the corpus."""
    from generation.labels.motion_labels import make_labels

    make_labels(args.shared, corpora(args), args.work)


def fit_rig(args: argparse.Namespace) -> None:
    """Face rig."""
    from generation.labels.rig_fitting import fit_rig

    fit_rig(args.shared, ROOT / "assets" / "rig.safetensors")


def train_vocoder(args: argparse.Namespace) -> None:
    """Vocoder on random crops of about a second, alone or against discriminators."""
    from generation.models.vocoder import Vocoder
    from generation.training.vocoder import vocoder_batches, vocoder_loss
    from generation.training.vocoder_gan import AdversarialVocoder, VocoderFiles, adversarial_loss

    batches = vocoder_batches(features.SpeechCorpus.load(args.work), 48 if CUDA else 12, n_frames=24)
    folder = args.work / "vocoder"
    settings = FitSettings(minutes=minutes_of(args, 30), learning_rate=args.rate, ema=0.995)
    if args.discriminators:
        fit(AdversarialVocoder(), adversarial_loss, batches, settings, folder, files=VocoderFiles())
    else:
        fit(Vocoder(), vocoder_loss, batches, settings, folder)


def inventory(folder: Path, asked: bool = False) -> dict[str, int]:
    """Symbols and languages of a model: all where they are asked for or known in ``folder``, else those of English."""
    config = folder / "ema" / "config.json"
    several = asked or (config.is_file() and json.loads(config.read_text(encoding="utf-8")).get("n_languages", 1) > 1)
    return LANGUAGE_INVENTORY if several else {"n_symbols": UNKNOWN_SYMBOL, "n_languages": 1}


def load_joint_dataset(work: Path, folder: Path, sees_others: bool = False) -> joint_dataset.JointDataset:
    """Crops of the corpus with motion, where there are labels; on the scale that a model in ``folder`` has learnt.

    They show the others where that model sees them, and where it is asked for. Half of the recordings that are given
    have music or noise in them.
    """
    corpus = features.SpeechCorpus.load(work)
    path = work / "labels.npy"
    labels = np.load(path, mmap_mode="r") if path.exists() else None
    if (folder / "ema").is_dir():
        config = JointTransformer.load_config(folder / "ema", local_files_only=True)
        normalizer, voices = LatentNormalizer.of_config(config), list(config["voice_names"])
        sees_others = sees_others or config.get("sees_others", False)
    else:
        real = np.load(work / "grid_motion.npy").astype(np.float32)
        normalizer, voices = joint_dataset.measure_normalizer(corpus, real, labels), joint_dataset.corpus_voices(corpus)
    dataset = DialogueDataset if sees_others else joint_dataset.JointDataset
    return dataset(corpus, labels, normalizer, voices, worsened=NoisyRecordings(work / "sounds"))


def load_real_clips(shared: Path, drawn: joint_dataset.JointDataset) -> ClipDataset:
    """Crops of real tracked sentences, on the scale of the corpus's; their sound is always given."""
    clips = [grid_corpus.clip(sentence) for sentence in grid_corpus.training_sentences(shared)]
    return ClipDataset(clips, drawn.normalizer, len(drawn.voice_index), drawn.n_frames, speech=False)


def meet_new_voices(work: Path, folder: Path) -> None:
    """A cold start on a corpus with other voices: they get rows in the table."""
    if (folder / "ema").is_dir() and not (folder / "progress.json").exists():
        from generation.models.speaker_encoder import SpeakerEncoder
        from generation.training.speaker_encoder import add_rows

        own = work / "voice_encoder" / "ema"
        encoder = load_strict(SpeakerEncoder, own if own.is_dir() else ROOT / "assets" / "voice_encoder")
        add_rows(folder / "ema", features.SpeechCorpus.load(work), encoder)


def train_joint(args: argparse.Namespace) -> None:
    """Joint model; before labels exist it trains the audio stream alone and goes on with both when started again."""
    folder = args.work / ("separate" if args.separate else "joint")
    meet_new_voices(args.work, folder)
    drawn = load_joint_dataset(args.work, folder, args.sees_others)
    statistics = (np.asarray(part).round(5).tolist() for part in vars(drawn.normalizer).values())
    joint_every = 0 if args.separate else 2
    real = load_real_clips(args.shared, drawn)
    known = inventory(folder, args.languages) | {"sees_others": isinstance(drawn, DialogueDataset)}
    model = JointTransformer(*statistics, list(drawn.voice_index), joint_every=joint_every, **known)
    model.voice_table.requires_grad_(not args.keep_voices)
    if (folder / "ema").is_dir() and not (folder / "progress.json").exists():
        grow_depth(folder / "ema", model.config.num_layers)
        if known["sees_others"]:
            add_motion_context(folder / "ema")
        if args.languages:
            add_languages(folder / "ema", JointTransformer)
    eighth = 8 if CUDA else 2

    def draw(generator: torch.Generator) -> tuple[joint_dataset.Batch, bool]:
        # Half of the steps run the audio stream alone: cheaper, and words take longest to learn.
        alone = drawn.labels is None or bool(torch.rand((), generator=generator) < 0.5)
        if alone:
            return drawn.batch(8 * eighth, generator, recordings=0), alone
        return drawn.batch(7 * eighth, generator, recordings=0.4).joined(real.batch(eighth, generator)), alone

    def loss(model: JointTransformer, drawn: tuple[joint_dataset.Batch, bool]) -> tuple[torch.Tensor, dict[str, float]]:
        return joint_loss(model, drawn[0], motion=not drawn[1])

    settings = FitSettings(minutes_of(args, 90), args.rate, ema=0.998, muon=True, max_steps=args.steps)
    fit(model, loss, draw, settings, folder)


def train_distilled_sampler(args: argparse.Namespace) -> None:
    """Adapter that makes one call of the joint model's four guided ones."""
    from generation.training.distillation import AdapterFiles, distillation_loss, student

    model = student(load_strict(JointTransformer, args.work / "joint" / "ema"))
    drawn = load_joint_dataset(args.work, args.work / "joint")
    real, sixth = load_real_clips(args.shared, drawn), 8 if CUDA else 2
    settings = FitSettings(minutes=minutes_of(args, 30), learning_rate=args.rate, ema=0.99)

    def draw(generator: torch.Generator) -> joint_dataset.Batch:
        return drawn.batch(5 * sixth, generator).joined(real.batch(sixth, generator))

    fit(model, distillation_loss, draw, settings, args.work / "distilled_sampler", files=AdapterFiles())


def train_durations(args: argparse.Namespace) -> None:
    """Phoneme lengths, on whole sentences: what the teacher says of very many, or else those of the recordings."""
    from generation.data.duration_corpus import read_teacher_durations, recorded_durations
    from generation.models.duration_predictor import DurationPredictor
    from generation.training.duration_predictor import duration_batches, duration_loss

    names, table = export.voice_table(args.work)
    rhythms = [rhythm for corpus in args.more for rhythm in read_teacher_durations(corpus)]
    rhythms = rhythms or recorded_durations(features.SpeechCorpus.load(args.work))
    draw = duration_batches(rhythms, names, table, size=96 if CUDA else 24)
    settings = FitSettings(minutes=minutes_of(args, 15), learning_rate=1e-3, ema=0.995)
    folder = args.work / "durations"
    if args.languages and (folder / "ema").is_dir() and not (folder / "progress.json").exists():
        add_languages(folder / "ema", DurationPredictor)
    fit(DurationPredictor(**inventory(folder, args.languages)), duration_loss, draw, settings, folder)


def train_voices(args: argparse.Namespace) -> None:
    """Speaker embedding of a recording, on 3 s crops."""
    from generation.models.speaker_encoder import SpeakerEncoder
    from generation.training.speaker_encoder import encoder_batches, encoder_loss

    names, table = export.voice_table(args.work)
    draw = encoder_batches(features.SpeechCorpus.load(args.work), names, table, size=24)
    settings = FitSettings(minutes=minutes_of(args, 4), learning_rate=1e-3, ema=0.99)
    fit(SpeakerEncoder(), encoder_loss, draw, settings, args.work / "voice_encoder")


def train_mask(args: argparse.Namespace) -> None:
    """Share of speech in each mel band of mixtures with music and noise."""
    from generation.models.speech_mask import SpeechMask
    from generation.training.speech_mask import Mixtures, mask_loss

    folder = args.work / "speech_mask"
    mixtures = Mixtures(args.shared, folder / "sounds")
    settings = FitSettings(minutes=minutes_of(args, 42), learning_rate=3e-3, ema=0.998)
    fit(SpeechMask(), mask_loss, lambda generator: mixtures.batch(24, generator), settings, folder)


def publish_mask(args: argparse.Namespace) -> None:
    """The trained mask into the assets."""
    from generation.recordings.speech_mask import WEIGHTS
    from generation.training.speech_mask import publish_mask

    publish_mask(args.work / "speech_mask" / "ema", args.assets / WEIGHTS)


IMPROVE: tuple[tuple[str, float, dict[str, object]], ...] = (
    ("vocoder", 0.1, {}),
    ("vocoder", 0.2, {"discriminators": True, "rate": 2e-4}),
    ("joint", 0.46, {}),
    ("durations", 0.04, {}),
    ("voices", 0.04, {}),
    ("distilled_sampler", 0.16, {}),
    ("publish", 0.0, {}),
)
"""Stages of ``improve``, their shares of its minutes, and what is different in them."""
SHIPPED = {"vocoder": "model/vocoder", "joint": "model/transformer", "distilled_sampler": "model/distilled_sampler"}
SHIPPED |= {"durations": "durations", "voice_encoder": "voice_encoder"}
"""Folder of a stage and where its weights lie in the assets."""


def improve(args: argparse.Namespace) -> None:
    """Everything that is learnt, once more from the weights that ship; goes on in the stage in which it was stopped."""
    done = args.work / "improved.json"
    if done.is_file():
        first = json.loads(done.read_text(encoding="utf-8"))
    else:
        first = 0
        if there := [name for name in SHIPPED if (args.work / name).exists()]:
            raise SystemExit(f"{args.work} holds earlier runs ({', '.join(there)}): move them away first.")
        for name, folder in SHIPPED.items():
            shutil.copytree(args.assets / folder, args.work / name / "ema")
    for number, (stage, share, other) in enumerate(IMPROVE[first:], first):
        done.write_text(json.dumps(number), encoding="utf-8")
        minutes = share * minutes_of(args, 28)
        STAGES[stage](argparse.Namespace(**vars(args) | {"minutes": minutes, "steps": None} | other))
        progress = args.work / {"voices": "voice_encoder"}.get(stage, stage) / "progress.json"
        if share and json.loads(progress.read_text(encoding="utf-8"))["minutes"] < minutes:
            return  # stopped by a signal
        for state in ("state.safetensors", "progress.json"):  # what comes next starts from the weights alone
            progress.with_name(state).unlink(missing_ok=True)
    done.unlink()


STAGES: dict[str, Callable[[argparse.Namespace], None]] = {
    "features": lambda args: features.build_speech_corpus(corpora(args), args.work),
    "rig": fit_rig,
    "teacher": train_teacher,
    "labels": make_labels,
    "vocoder": train_vocoder,
    "joint": train_joint,
    "distilled_sampler": train_distilled_sampler,
    "durations": train_durations,
    "voices": train_voices,
    "mask": train_mask,
    "publish_mask": publish_mask,
    "publish": lambda args: export.publish(args.work, args.assets),
    "improve": improve,
}


def main(argv: list[str] | None = None) -> None:
    """Runs one stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with corpus/ and motion/")
    parser.add_argument("--work", type=Path, default=Path("work"), help="arrays and checkpoints")
    parser.add_argument("--assets", type=Path, default=ROOT / "assets", help="where publish puts the weights")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="folders of scripts/build_corpus.py")
    parser.add_argument("--minutes", type=float, help="length of the training run, all resumes together")
    parser.add_argument("--rate", type=float, default=8e-4, help="peak rate of vocoder, joint model, distilled sampler")
    parser.add_argument("--steps", type=int, help="end the joint model after so many steps, if the minutes last")
    parser.add_argument("--keep-voices", action="store_true", help="joint model leaves its voice table as it is")
    parser.add_argument("--languages", action="store_true", help="joint model and lengths of all languages")
    parser.add_argument("--discriminators", action="store_true", help="vocoder against discriminators, on a GPU")
    parser.add_argument("--sees-others", action="store_true", help="joint model whose faces react to each other")
    parser.add_argument("--separate", action="store_true", help="joint model without joint attention, to compare")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    STAGES[args.stage](args)


if __name__ == "__main__":
    main()
