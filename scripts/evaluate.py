"""Measures what ships: words, sound, lips, timing, binding and cost; one table, and the same figures as JSON.

python scripts/evaluate.py --shared ../shared --json out/eval.json        everything
python scripts/evaluate.py --sentences 6 --metrics wer closure            a quick look

What the model makes is kept in work/eval by the hash of the weights, so that measuring again costs little.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.evaluation.hearing import hearing  # noqa: E402
from scripts.evaluation.lips import figures, other_motion, real_clips, rules_alone, spoken, teacher_lips  # noqa: E402
from scripts.evaluation.material import Corpus, held_out_clips  # noqa: E402
from scripts.evaluation.pixels import Portrait, binding  # noqa: E402
from scripts.evaluation.report import table  # noqa: E402
from scripts.evaluation.streams import streams  # noqa: E402
from scripts.evaluation.synthesis import Synthesis, Take  # noqa: E402

HEARD = {"wer", "dnsmos_ovrl", "p808", "sim"}
LIPS = {"closure", "mouth_loudness_r", "pause_closed"}
CLIPS = {"mtm_ms", "slcc_gap", "mouth_loudness_r", "closure"}
BINDING = {"leak", "outside"}
METRICS = (*sorted(HEARD), *sorted(LIPS), "mtm_ms", "slcc_gap", "streams", "leak", "outside", "rtf")
IN_PIXELS, IN_STREAMS = 15, 24
"""Sentences that are rendered, and sentences of the trials with given sound, at most."""
Systems = dict[str, dict[str, float]]

log = logging.getLogger("evaluate")


class Evaluation:
    """One run over the held-out sentences.

    Args:
        shared: folder with ``corpus/`` and ``motion/``.
        work: training's folder (the teacher, if it is there); what is synthesised is kept in its ``eval``.
        sentences: how many.
        wanted: names of :data:`METRICS`.
    """

    def __init__(self, shared: Path, work: Path, sentences: int, wanted: set[str]) -> None:
        self.shared, self.work, self.wanted = shared, work, wanted
        self.corpus = Corpus(shared)
        self.synthesis = Synthesis(work / "eval")
        recordings = self.corpus.held_out(sentences)
        names = self.synthesis.bank.names
        self.voices = [names[i % len(names)] for i in range(len(recordings))]
        self.takes: list[Take] = []
        if wanted - BINDING - CLIPS | wanted & LIPS:
            for seed, (recording, voice) in enumerate(zip(recordings, self.voices, strict=True)):
                self.takes.append(self.synthesis.speak(recording.text, voice, seed))
                log.info("speech and motion: %d of %d sentences", seed + 1, len(recordings))
        self.systems: Systems = {"ours": {}}

    def run(self) -> Systems:
        """Figures of all systems by metric: ``ours`` and its peers."""
        if self.wanted & HEARD:
            log.info("listening")
            self._add(hearing(self.wanted, self.synthesis, self.corpus, self.takes, self.voices))
        if self.wanted & LIPS:
            log.info("lips on the rig and in pixels")
            self._lips()
        if self.wanted & CLIPS:
            log.info("real clips")
            self._add(real_clips(self.wanted, self.synthesis, held_out_clips(self.shared, len(self.takes) or 40)))
        if "streams" in self.wanted:
            log.info("given sound")
            self._add({"ours": streams(self.synthesis, self.takes[:IN_STREAMS], self.voices)})
        if self.wanted & BINDING:
            log.info("casts of one to four")
            self._add({"ours": binding(self.work / "eval")})
        if "rtf" in self.wanted:
            self._cost()
        ours, real = self.systems["ours"], self.systems.get("real", {})
        if {"mouth_loudness_r"} <= ours.keys() & real.keys():
            ours["mouth_loudness_ratio"] = ours["mouth_loudness_r"] / real["mouth_loudness_r"]
        return self.systems

    def _add(self, found: Mapping[str, Mapping[str, float]]) -> None:
        for system, values in found.items():
            self.systems.setdefault(system, {}).update(values)

    def _lips(self) -> None:
        ways = {"ours": None, "rules": rules_alone, "teacher": teacher_lips(self.work)}
        portrait = Portrait()
        for system, lips in ways.items():
            if lips is None and system != "ours":
                continue
            motions = [take.motion if lips is None else other_motion(take, lips) for take in self.takes]
            found = figures(self.wanted, [spoken(t, m) for t, m in zip(self.takes, motions, strict=True)])
            if "closure" in found:
                in_pixels = portrait.figures(self.takes[:IN_PIXELS], motions[:IN_PIXELS])
                found |= {f"{key}_raw": found[key] for key in ("closure", "closure_chance")}
                found |= {key: in_pixels[key] for key in ("closure", "closure_chance")}
                found["mouth_loudness_r_pixels"] = in_pixels["mouth_loudness_r"]
            self._add({system: found})
        if "closure" in self.wanted:
            self._add({"ours": {"rtf_rendering": portrait.rtf}})

    def _cost(self) -> None:
        seconds = np.array([take.seconds for take in self.takes]).sum(0) / sum(take.length for take in self.takes)
        names = ("rtf_durations", "rtf_sampling", "rtf_vocoder")
        self._add({"ours": dict(zip(names, seconds.tolist(), strict=True))})
        if "rtf_rendering" not in self.systems["ours"]:
            portrait = Portrait()
            portrait.gap(self.takes[0].motion)
            self._add({"ours": {"rtf_rendering": portrait.rtf}})
        ours = self.systems["ours"]
        ours["rtf"] = sum(ours[name] for name in (*names, "rtf_rendering"))


def main(argv: list[str] | None = None) -> None:
    """Runs the evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder with corpus/ and motion/")
    parser.add_argument("--work", type=Path, default=ROOT / "work", help="where synthesised lines are kept")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--sentences", type=int, default=1000, help="how many held-out sentences; all by default")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=METRICS, help="which; all by default")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    evaluation = Evaluation(args.shared, args.work, args.sentences, set(args.metrics))
    systems = evaluation.run()
    about = {"sentences": len(evaluation.takes), "weights": evaluation.synthesis.weights}
    print(table(systems))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        ours = {name: value for name, value in systems.pop("ours").items()}
        args.json.write_text(json.dumps({"ours": ours, "peers": systems, "about": about}, indent=1) + "\n")


if __name__ == "__main__":
    main()
