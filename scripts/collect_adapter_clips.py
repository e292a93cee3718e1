"""Collects the training clips of the shipped adapters `joe` and `reader` into folders for fine-tuning.

python -m scripts.collect_adapter_clips joe FOLDER       two minutes of Piper's en_US joe, sentences of the speech
corpus
python -m scripts.collect_adapter_clips reader FOLDER    two minutes of a GRID talker: sound, and the tracked motion
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from generation.core.clock import SAMPLE_RATE
from generation.core.motion import WEIGHTS
from generation.data.corpus import SpeechCorpus
from generation.data.grid_corpus import mean_symbol_seconds, read_sentences
from generation.motion.arkit import write_motion_json
from scripts.evaluation.peers import Peers

ROOT = Path(__file__).resolve().parent.parent

SECONDS = 125
LETTERS, EVERY = (40, 90), 17
"""Which sentences of the corpus joe says: of this length, and of those so many apart."""
READER = ("grid_s1_05", "grid_s1_06")
"""Recordings of the talker; none of them is held out for the evaluation."""
READER_SENTENCES = 44


def joe(args: argparse.Namespace) -> None:
    """``joe00.wav`` and its words in ``joe00.txt``, and so on."""
    peers, seconds = Peers(args.work / "eval" / "peers"), 0.0
    texts = [u.text for u in SpeechCorpus.load(args.work).split("train") if LETTERS[0] < len(u.text) < LETTERS[1]][
        ::EVERY
    ]
    for number, text in enumerate(texts):
        if seconds > SECONDS:
            break
        waveform = peers.piper(text).waveform
        soundfile.write(args.folder / f"joe{number:02d}.wav", waveform, SAMPLE_RATE)
        (args.folder / f"joe{number:02d}.txt").write_text(text, encoding="utf-8")
        seconds += len(waveform) / SAMPLE_RATE


def reader(args: argparse.Namespace) -> None:
    """``reader00.wav`` and its motion in ``reader00.json``, and so on."""
    symbol_seconds = mean_symbol_seconds(args.shared / "corpus" / "manifest.jsonl")
    sentences = read_sentences(args.shared / "motion", READER, symbol_seconds)
    for number, sentence in zip(range(READER_SENTENCES), sentences, strict=False):
        motion = sentence.motion.astype(np.float32)
        motion[:, WEIGHTS] = motion[:, WEIGHTS].clip(0, 1)
        soundfile.write(args.folder / f"reader{number:02d}.wav", sentence.waveform, SAMPLE_RATE)
        write_motion_json(args.folder / f"reader{number:02d}.json", motion)


WHO: dict[str, Callable[[argparse.Namespace], None]] = {"joe": joe, "reader": reader}


def main() -> None:
    """Writes one folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("who", choices=WHO)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with corpus/ and motion/")
    parser.add_argument("--work", type=Path, default=Path("work"), help="arrays of the corpus, and fetched peers")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    WHO[args.who](args)


if __name__ == "__main__":
    main()
