"""Evaluates the shipped weights beside other systems: words, sound, voices, lips, faces, binding and cost.

python -m scripts.evaluate --sentences 6 --metrics wer closure     a quick look
python -m scripts.evaluate --sentences 200 --seeds 3 --json out/eval.json --markdown docs/quality.md     make eval

What was made and heard is kept in work/eval by the hash of weights and code, so that measuring again costs little.
Figures in the JSON file that this run was not asked for stay, if weights, sampler, sentences and seeds are the same.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from generation.data.grid_corpus import held_out_sentences
from scripts.evaluation import languages, whisper_base
from scripts.evaluation.bootstrap import renamed
from scripts.evaluation.conversation.turns import interruption_figures, listener_figures
from scripts.evaluation.directions import direction_figures
from scripts.evaluation.faces.emotions import emotion_figures
from scripts.evaluation.faces.networks import fetch_networks
from scripts.evaluation.faces.portraits import portraits
from scripts.evaluation.faces.turns import turn_figures
from scripts.evaluation.inputs import Corpus
from scripts.evaluation.judges import Judges
from scripts.evaluation.measures.binding import binding
from scripts.evaluation.measures.cost import cost
from scripts.evaluation.measures.cross_modal import recordings_played, streams
from scripts.evaluation.measures.dialogues import blinks, dialogue_scenes, dialogues
from scripts.evaluation.measures.lip_sync import (
    figures,
    other_motion,
    real_clips,
    rig_gap,
    rules_alone,
    spoken,
    teacher_lips,
    viseme_curves,
)
from scripts.evaluation.measures.long_takes import long_takes
from scripts.evaluation.measures.noisy_recordings import noisy_recordings
from scripts.evaluation.measures.rendered_face import Portrait
from scripts.evaluation.measures.said_together import said_together
from scripts.evaluation.measures.speakers import presets, same_voice, unseen
from scripts.evaluation.measures.speech import speech_quality
from scripts.evaluation.measures.voice_routing import voice_routing
from scripts.evaluation.peers import Peers
from scripts.evaluation.scene_runs import write_drawn
from scripts.evaluation.synthesis import Synthesis, Take
from scripts.evaluation.table import table, write_table
from scripts.evaluation.videos.dubbing import dubbing

ROOT = Path(__file__).resolve().parent.parent

HEARD = {"wer", "dnsmos_ovrl", "p808", "changed"}
LIPS = {"closure", "mouth_loudness_r", "pause_closed"}
CLIPS = {"mtm_ms", "slcc_gap"}
FACES = {"head0", "sharpness"}
SCENES = {"dialogues", "blinks", "leak_idle", "reactions"}
BINDING = {"leak", "outside"}
OTHERS = (
    "binding", "directions", "dub", "emotion", "languages", "long_takes", "noisy", "recordings", "rtf", "sim",
    "streams", "together", "turns",
)  # fmt: skip
METRICS = (*sorted(HEARD | LIPS | CLIPS | FACES | SCENES | BINDING), *OTHERS)
IN_PIXELS, IN_STREAMS, IN_VOICES, CLIPS_AT_MOST = 24, 24, 8, 80
"""Sentences that are rendered, that are used in the trials with given sound, that unseen voices say; real clips."""
DIRECTED_VOICE = "Claire"
LONG_SCRIPT = [(n % 2, "This line is one of many, and none of them has anything new to tell.", 0.5) for n in range(58)]
Systems = dict[str, dict[str, float]]

log = logging.getLogger("evaluate")


class Evaluation:
    """One run over the held-out sentences.

    Args:
        shared: folder with ``corpus/`` and ``motion/``.
        work: training's folder (the teacher, if it is there); what is made and heard is kept in its ``eval``.
        sentences: how many.
        seeds: how many takes of each.
        wanted: names of :data:`METRICS`, or ``long``.
        steps: of the full sampler; None = what ships.
    """

    def __init__(
        self, shared: Path, work: Path, sentences: int, seeds: int, wanted: set[str], steps: int | None = None
    ) -> None:
        self.shared, self.work, self.wanted = shared, work, wanted
        self.kept = work / "eval"
        self.corpus = Corpus(shared)
        self.synthesis = Synthesis(self.kept, steps)
        self.judges, self.peers = Judges(self.kept / "judged"), Peers(self.kept / "peers")
        self.prompts = self.corpus.prompts(sentences)
        self.sentences, self.seeds = sentences, seeds
        self.systems: Systems = {"ours": {}}
        self.languages: Systems = {}

    def run(self, save: Callable[[Systems], None] = lambda systems: None) -> Systems:
        """Figures of all systems by metric: ``ours`` and its peers; ``save`` gets what there is after each part."""
        parts = (self._heard, self._voices, self._lips, self._clips, self._faces, self._rest, self._foreign, self._cost)
        for part in parts:
            part()
            self._compare()
            save(self.systems)
        return self.systems

    def _heard(self) -> None:
        if self.wanted & HEARD:
            log.info("listening")
            things = (self.judges, self.synthesis, self.corpus, self.prompts, self.takes, self.peers)
            self._add(speech_quality(self.wanted, *things))

    def _clips(self) -> None:
        if self.wanted & CLIPS:
            log.info("real clips")
            clips = held_out_sentences(self.shared, min(2 * len(self.prompts), CLIPS_AT_MOST))
            peers = {"rules": rules_alone, "openfacefx": viseme_curves}
            self._add(real_clips(self.wanted | {"mouth_loudness_r"}, self.synthesis, clips, self.seeds, peers))

    def _rest(self) -> None:
        if "streams" in self.wanted:
            log.info("given sound")
            first = self._first(IN_STREAMS)
            self._ours(
                streams(self.synthesis, first, [prompt.voice for prompt in self.prompts[: len(first)]], self._portrait)
            )
        if self.wanted & BINDING:
            log.info("casts of one to four")
            self._ours(binding(self.synthesis, self.kept))
        if "binding" in self.wanted:
            log.info("voices routed to other faces")
            self._ours(voice_routing(self.synthesis, self.prompts, self.kept))
        if "dub" in self.wanted:
            log.info("clips with other mouths")
            self._ours(dubbing(self.shared / "video"))
        if "together" in self.wanted:
            log.info("lines said together")
            self._ours(said_together(self.synthesis, self.judges, self.corpus, self.prompts, self.kept))
        if "directions" in self.wanted:
            log.info("directions")
            self._ours(direction_figures(self.synthesis.models, DIRECTED_VOICE, self.synthesis.steps))
        if "emotion" in self.wanted:
            self._emotions()
        if "turns" in self.wanted:
            log.info("turns of a conversation")
            self._ours(interruption_figures(self.synthesis.models))
            (self.kept / "turns").mkdir(parents=True, exist_ok=True)
            self._ours(listener_figures(self.synthesis.models, self.kept / "turns"))
        if "long_takes" in self.wanted:
            log.info("a minute in one pass")
            self._ours(long_takes(self.synthesis, self.judges, self._portrait, self.prompts))
        if self.wanted & SCENES:
            log.info("dialogues")
            self._ours(dialogues(self.wanted, self.synthesis, self.judges, self.kept, self.seeds))
        if "blinks" in self.wanted:
            alone = blinks([take.motion for takes in self.takes for take in takes])
            self._ours({"blinks_per_minute_sentences": alone["blinks_per_minute"]})

    def _emotions(self) -> None:
        networks = self.kept / "faces"
        try:
            fetch_networks(networks)
        except RuntimeError as error:
            log.warning("emotions are left out: %s", error)
            return
        log.info("emotions on faces")
        speech = self.takes[0][0].motion
        chosen = portraits(self.shared)
        self._ours(emotion_figures(chosen, speech, networks))
        self._ours(turn_figures(chosen))

    @cached_property
    def takes(self) -> list[list[Take]]:
        """Ours: for each sentence one take a seed."""
        found = []
        for number, prompt in enumerate(self.prompts):
            seeds = range(number, number + 1000 * self.seeds, 1000)
            found.append([self.synthesis.speak(prompt.text, prompt.voice, seed) for seed in seeds])
            if number % 10 == 9:
                log.info("speech and motion: %d of %d sentences", number + 1, len(self.prompts))
        return found

    def _first(self, count: int) -> list[Take]:
        """The first take of the first sentences."""
        return [takes[0] for takes in self.takes[:count]]

    @cached_property
    def _portrait(self) -> Portrait:
        return Portrait(self.kept / "watched")

    def _add(self, found: Mapping[str, Mapping[str, float]]) -> None:
        for system, values in found.items():
            self.systems.setdefault(system, {}).update(values)

    def _ours(self, found: Mapping[str, float]) -> None:
        self._add({"ours": found})

    def _voices(self) -> None:
        if "sim" not in self.wanted:
            return
        log.info("voices")
        self._ours(presets(self.judges, self.corpus, self.prompts, self.takes))
        self._add({"recordings": same_voice(self.judges, self.corpus, sorted({p.voice for p in self.prompts}))})
        chosen = self.prompts[:IN_VOICES]
        self._add(unseen(self.judges, self.synthesis, self.corpus, self.peers, chosen))

    def _lips(self) -> None:
        if not self.wanted & LIPS:
            return
        log.info("lips on the rig and in pixels")
        ways = {"ours": None, "rules": rules_alone, "openfacefx": viseme_curves, "teacher": teacher_lips(self.work)}
        chosen = self._first(IN_PIXELS)
        for system, lips in ways.items():
            if lips is None and system != "ours":
                continue
            sets = self.takes if lips is None else [takes[:1] for takes in self.takes]
            motions = [[take.motion if lips is None else other_motion(take, lips) for take in takes] for takes in sets]
            pairs = [(t, m, i) for i, (ts, ms) in enumerate(zip(sets, motions, strict=True)) for t, m in zip(ts, ms)]
            found = figures(self.wanted, [spoken(take, rig_gap(motion), i) for take, motion, i in pairs])
            if "closure" in found:
                found |= renamed({key: found.pop(key) for key in [*found] if key.startswith("closure")}, after="_raw")
                found |= self._portrait.figures(chosen, [ms[0] for ms in motions[: len(chosen)]])
            self._add({system: found})
        if "closure" in self.wanted:
            self._ours({"rtf_face": self._portrait.cost})

    def _faces(self) -> None:
        if not self.wanted & {*FACES, "recordings", "noisy"}:
            return
        log.info("faces watched again")
        if "sharpness" in self.wanted:
            self._ours(self._portrait.sharpness(self._first(IN_PIXELS)))
        if "head0" in self.wanted:
            self._ours(self._portrait.head_off(self._first(max(1, IN_PIXELS // 4))))
        names = [prompt.recording for prompt in self.prompts if prompt.recording is not None][:IN_PIXELS]
        if "recordings" in self.wanted:
            self._ours(recordings_played(self.synthesis, [self.corpus.recording(n) for n in names], self._portrait))
        if "noisy" in self.wanted:
            self._ours(noisy_recordings(self.synthesis, [self.corpus.recording(name) for name in names]))

    def _foreign(self) -> None:
        if "languages" not in self.wanted:
            return
        if not whisper_base.is_here():
            log.warning("languages are left out: %s are not installed", " and ".join(whisper_base.PACKAGES))
            return
        log.info("other languages")
        listener = whisper_base.MultilingualListener(self.kept / "whisper_base")
        those = (self.synthesis, self.judges, listener, self.corpus, self.peers, self.sentences)
        self.languages = languages.languages(*those)

    def _cost(self) -> None:
        if "rtf" in self.wanted:
            log.info("cost")
            takes = [take for takes in self.takes for take in takes]
            seconds = np.array([take.seconds for take in takes]).sum(0) / sum(take.length for take in takes)
            names = ("rtf_durations", "rtf_sampling", "rtf_vocoder")
            self._ours(dict(zip(names, seconds.tolist(), strict=True)))
            self._ours({"rtf_speech": float(seconds.sum())})
            self._ours(cost(dialogue_scenes(self.kept / "dialogues")["portraits"], runs=3))
        if "long" in self.wanted:
            scene = write_drawn(self.kept / "dialogues" / "long", ("Claire", "Felix"), LONG_SCRIPT, reverse=False)
            self._ours(cost(scene, "long_"))

    def _compare(self) -> None:
        ours, real = self.systems["ours"], self.systems.get("real", {})
        if {"mouth_loudness_r"} <= ours.keys() & real.keys():
            ours["mouth_loudness_ratio"] = ours["mouth_loudness_r"] / real["mouth_loudness_r"]
        kokoro = self.systems.get("kokoro", {})
        if {"wer"} <= ours.keys() & kokoro.keys():
            ours["wer_over_teacher"] = ours["wer"] - kokoro["wer"]


def merged(path: Path, systems: Systems, about: dict[str, object]) -> Systems:
    """The figures that the file has of the same weights and settings, overwritten by new ones."""
    if not path.is_file():
        return systems
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["about"] != about:
        return systems
    before: Systems = {"ours": kept["ours"], **kept["peers"]}
    return {name: before.get(name, {}) | systems.get(name, {}) for name in [*before, *(systems.keys() - before.keys())]}


def write_json(
    path: Path, systems: Systems, about: dict[str, object], foreign: Systems | None = None
) -> tuple[Systems, Systems]:
    """Writes the figures, by system and by language, and returns them, those included that the file already had."""
    systems = merged(path, systems, about)
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    foreign = foreign or (before.get("languages", {}) if before.get("about") == about else {})
    path.parent.mkdir(parents=True, exist_ok=True)
    peers = {name: values for name, values in systems.items() if name != "ours"}
    told = {"ours": systems["ours"], "peers": peers, "languages": foreign, "about": about}
    path.write_text(json.dumps(told, indent=1) + "\n")
    return systems, foreign


def main(argv: list[str] | None = None) -> None:
    """Runs the evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--shared", type=Path, default=ROOT.parent / "shared", help="folder with corpus/, motion/ and video/"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "work", help="where what was made and heard is kept")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--markdown", type=Path, help="put the table into this file, between its two marks")
    parser.add_argument("--sentences", type=int, default=12, help="how many held-out sentences")
    parser.add_argument("--seeds", type=int, default=1, help="takes of each")
    parser.add_argument("--steps", type=int, help="of the full sampler; what ships by default")
    choices = (*METRICS, "long")
    help_ = "which; by default all but the cost of a scene of five minutes (long)"
    parser.add_argument("--metrics", nargs="+", choices=choices, default=METRICS, help=help_)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    evaluation = Evaluation(args.shared, args.work, args.sentences, args.seeds, set(args.metrics), args.steps)
    about = {
        "sentences": args.sentences, "seeds": args.seeds, "weights": evaluation.synthesis.weights,
        "steps": "distilled" if evaluation.synthesis.steps is None else evaluation.synthesis.steps,
    }  # fmt: skip

    def save(found: Systems) -> None:
        if args.json:
            write_json(args.json, found, about, evaluation.languages)

    systems = evaluation.run(save)
    foreign = evaluation.languages
    if args.json:
        systems, foreign = write_json(args.json, systems, about, foreign)
    print(table(systems))
    print(languages.markdown(foreign))
    if args.markdown:
        write_table(args.markdown, systems, about, languages.markdown(foreign))


if __name__ == "__main__":
    main()
