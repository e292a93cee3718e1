"""Routing score: three faces that speak at once, with the voices routed to them in several ways.

For each face the partial correlation of its lip gap with the loudness of each voice, the loudness of the other voices
regressed out: with the voice that is routed to it, and with every other. Loudness opens lips (correlation .5 in real
clips), and voices that speak at once are as good as independent once each other's share is taken out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from generation.audio.voice_activity import frame_loudness
from generation.core.clock import FPS, MELS_PER_FRAME
from generation.core.motion import MotionTrack
from generation.core.performance import CastMember, Line, Performance
from generation.core.result_key import made_by, result_key
from generation.metrics.binding import partial_correlation
from generation.metrics.lip_sync import contact_frames
from generation.motion.tracking import lip_gap
from generation.motion.video_tracking import largest_face
from generation.rendering.face import RenderFace
from generation.rendering.renderer import SceneRenderer
from generation.text.phonemizer import phonemize
from masks.landmarks import FaceLandmarker
from masks.person_segmentation import segment_person
from masks.regions import motion_region
from masks.tracking.people import PeopleTracker
from scripts.compose_portraits import DIVIDER, SIDE, compose
from scripts.evaluation.bootstrap import mean
from scripts.evaluation.cache import keep
from scripts.evaluation.inputs import Prompt
from scripts.evaluation.measures.lip_sync import Spoken, closure, rig_gap
from scripts.evaluation.synthesis import Synthesis
from studio.cast.geometry import ALLOWED_MOTION
from studio.performance.models import single_threaded
from studio.timeline.segments import FADE

log = logging.getLogger(__name__)

N_FACES = 3
SCENES = 12
SENTENCES = 4
"""Held-out sentences a voice says in a scene: some 16 s."""
SENTENCES_ROTATED = 10
"""The same where the voices are rotated, some 47 s: the spread of a partial correlation by chance falls with the root
of the length, and a single pair of curves of 16 s agrees by up to .25 though nothing binds them."""
ROTATIONS = (1, 2)
IN_PIXELS = "rotated1"
"""The rotation that is rendered and tracked again, too; a minute of three faces takes one core a minute or two."""


@dataclass(frozen=True)
class RoutedScene:
    """Three voices with a line each, all at once.

    Attributes:
        lines: one a voice, from the same frame on.
        cast: three people.
        n_frames: T.
        spoken: frames in which all three speak.
    """

    lines: tuple[Line, ...]
    cast: tuple[CastMember, ...]
    n_frames: int
    spoken: slice


def routed_scenes(synthesis: Synthesis, prompts: Sequence[Prompt], count: int, sentences: int) -> Iterator[RoutedScene]:
    """Scenes of three presets, each with some held-out sentences as one line."""
    durations = synthesis.models.durations
    names = synthesis.bank.names
    for number in range(count):
        lines, cast = [], []
        for k in range(N_FACES):
            at = sentences * (N_FACES * number + k)
            text = " ".join(prompts[(at + i) % len(prompts)].text for i in range(sentences))
            preset = synthesis.bank[names[(N_FACES * number + k) % len(names)]]
            phonemes = f" {phonemize(text, preset.language)} "
            lengths = durations.predict(phonemes, preset.embedding, seed=number)
            lines.append(Line(f"line {k}", k, FADE, sum(lengths) // MELS_PER_FRAME, phonemes, lengths))
            cast.append(CastMember(f"face {k}", preset.embedding, side=(-0.6, 0.0, 0.6)[k]))
        shortest = min(line.stop for line in lines)
        yield RoutedScene(tuple(lines), tuple(cast), max(line.stop for line in lines) + FADE, slice(FADE, shortest))


def routings(n_frames: int, spoken: slice) -> dict[str, np.ndarray]:
    """(3, 3, T) routing weights by name: identity, rotations, a change half-way, soft shares and unison."""
    own = np.repeat(np.eye(N_FACES, dtype=np.float32)[:, :, None], n_frames, 2)
    turned = {f"rotated{by}": np.roll(own, by, axis=1) for by in ROTATIONS}
    half = own.copy()
    middle = (spoken.start + spoken.stop) // 2
    half[:, :, middle:] = turned["rotated1"][:, :, middle:]
    soft = own.copy()
    soft[0, 1], soft[1, 1] = 0.5, 0.5
    unison = np.zeros_like(own)
    unison[0] = 1
    return {"identity": own, **turned, "half": half, "soft": soft, "unison": unison}


class ThreePortraits:
    """Three photographs side by side, rendered together and watched again by the tracker, face by face."""

    def __init__(self, kept: Path) -> None:
        two = compose()
        left, right = two[:, :SIDE], two[:, SIDE + DIVIDER :]
        self._picture = np.ascontiguousarray(np.concatenate([left, right, left[:, ::-1]], axis=1))
        faces = sorted(FaceLandmarker().detect(self._picture), key=lambda face: face.eyes[:, 0].mean())
        masks = [segment_person(self._picture, face, None, [f for f in faces if f is not face]) for face in faces]
        located = []
        for face, mask in zip(faces, masks, strict=True):
            neighbours = [other for other in masks if other is not mask]
            located.append(RenderFace(face, motion_region(face, mask, neighbours, ALLOWED_MOTION), mask=mask))
        self._renderer, self._tracker = SceneRenderer(self._picture, located), PeopleTracker()
        self._still = [largest_face([self._crop(self._picture, k)] * 3, self._tracker)[-1] for k in range(N_FACES)]
        self._kept = kept / made_by(__name__)[:16]

    def gaps(self, tracks: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Lip gap (T,) of each face as the tracker sees it, 0 as in the picture; motions (T, 57)."""
        path = self._kept / f"{result_key(*tracks)}.npz"
        if not path.is_file():
            frames = list(self._renderer.frames([MotionTrack(track) for track in tracks]))
            seen = {}
            for k in range(N_FACES):
                points = largest_face([self._crop(frame, k) for frame in frames], self._tracker)
                seen[f"gap{k}"] = lip_gap(points) - lip_gap(self._still[k])
            keep(path, seen)
        with np.load(path) as kept:
            return [kept[f"gap{k}"] for k in range(N_FACES)]

    @staticmethod
    def _crop(frame: np.ndarray, k: int) -> np.ndarray:
        return np.ascontiguousarray(frame[:, k * SIDE : (k + 1) * SIDE])


def opening_of(waveform: np.ndarray) -> np.ndarray:
    """How far the loudness of a voice (960 T,) opens lips, (T,) 0..1: the square of its level within 30 dB."""
    level = 20 / np.log(10) * frame_loudness(waveform)
    return np.clip((level - np.quantile(level, 0.95)) / 30 + 1, 0, 1) ** 2


def partials(gaps: Sequence[np.ndarray], loudness: np.ndarray, where: slice) -> np.ndarray:
    """(faces, voices) partial correlation of each face's lip gap with each voice, the other voices regressed out."""
    table = np.zeros((len(gaps), len(loudness)))
    for k, gap in enumerate(gaps):
        for voice in range(len(loudness)):
            others = [loudness[v][where] for v in range(len(loudness)) if v != voice]
            table[k, voice] = partial_correlation(gap[where], loudness[voice][where], others)
    return table


def voice_routing(synthesis: Synthesis, prompts: Sequence[Prompt], kept: Path) -> dict[str, float]:
    """The binding score in finished motion and in rendered, re-tracked pixels.

    Returns:
        ``binding_routed`` and ``binding_other``: mean over faces of the rotated scenes, with intervals over scenes and
        the worst pair of a face and a voice (``_worst``: least routed, greatest other without its sign); the same with
        ``_pixels``; ``binding_identity``, ``binding_unison``; ``binding_half_before`` and ``_after`` the change;
        ``binding_soft_first`` and ``_second`` voice of a face that has half of each; ``binding_silent``: lip motion of
        a face without a voice over that of the speaker; ``binding_unison_closure``: of all three faces.
    """
    count = min(SCENES, max(1, len(prompts) // 2))
    figures = _Figures()
    _rotated(figures, synthesis, routed_scenes(synthesis, prompts, count, SENTENCES_ROTATED), kept)
    for number, scene in enumerate(routed_scenes(synthesis, prompts, count, SENTENCES)):
        for name, routing in routings(scene.n_frames, scene.spoken).items():
            if not name.startswith("rotated"):
                _judge(figures, name, number, routing, scene, _performed(synthesis, scene, routing, number))
        figures.note("silent", number, [_silent_share(synthesis, scene, number)])
    return figures.means() | closure_in_unison(figures.unison)


class _Figures:
    """Values by figure and scene, and the lips of the scenes in unison."""

    def __init__(self) -> None:
        self._values: dict[str, list[tuple[int, float]]] = {}
        self.unison: list[Spoken] = []

    def note(self, name: str, scene: int, values: Sequence[float]) -> None:
        self._values.setdefault(f"binding_{name}", []).extend((scene, float(value)) for value in values)

    def means(self) -> dict[str, float]:
        result: dict[str, float] = {}
        for name, values in self._values.items():
            scenes, numbers = zip(*values, strict=True)
            result |= mean(name, scenes, numbers)
            if name.startswith(("binding_routed", "binding_other")):
                result[f"{name}_worst"] = min(numbers) if "routed" in name else max(np.abs(numbers))
        return result


def _rotated(figures: _Figures, synthesis: Synthesis, scenes: Iterable[RoutedScene], kept: Path) -> None:
    """Rotated voices in finished motion and in pixels."""
    portraits = ThreePortraits(kept / "watched")
    for number, scene in enumerate(scenes):
        for name, routing in routings(scene.n_frames, scene.spoken).items():
            if not name.startswith("rotated"):
                continue
            parts = _performed(synthesis, scene, routing, number).characters
            loudness = np.stack([opening_of(part.speech) for part in parts])
            drivers = _drivers(routing, scene)
            gaps_of = {"": [rig_gap(part.motion.values) for part in parts]}
            if name == IN_PIXELS:
                gaps_of["_pixels"] = portraits.gaps([part.motion.values for part in parts])
            for suffix, gaps in gaps_of.items():
                table = partials(gaps, loudness, scene.spoken)
                figures.note(f"routed{suffix}", number, [table[k, v] for k, v in enumerate(drivers)])
                figures.note(f"other{suffix}", number, [table[k, v] for k, v in _others(drivers)])
        log.info("voices rotated: scene %d, %.0f s", number + 1, scene.n_frames / FPS)


def _judge(
    figures: _Figures, name: str, number: int, routing: np.ndarray, scene: RoutedScene, made: Performance
) -> None:
    """The other ways of routing, in finished motion."""
    loudness = np.stack([opening_of(part.speech) for part in made.characters])
    gaps = [rig_gap(part.motion.values) for part in made.characters]
    table = partials(gaps, loudness, scene.spoken)
    drivers = _drivers(routing, scene)
    if name == "half":
        middle = (scene.spoken.start + scene.spoken.stop) // 2
        after = [(k - 1) % N_FACES for k in range(N_FACES)]
        for side, where, voices in (
            ("before", slice(scene.spoken.start, middle), drivers),
            ("after", slice(middle, scene.spoken.stop), after),
        ):
            found = partials(gaps, loudness, where)
            figures.note(f"half_{side}", number, [found[k, v] for k, v in enumerate(voices)])
    elif name == "soft":
        figures.note("soft_first", number, [table[1, 0]])
        figures.note("soft_second", number, [table[1, 1]])
    else:
        figures.note(name, number, [table[k, v] for k, v in enumerate(drivers)])
    if name == "unison":
        line = scene.lines[0]
        contacts = contact_frames(line.phonemes, line.durations, line.start)
        figures.unison += [Spoken(gap, made.characters[0].speech, contacts, number) for gap in gaps]


def closure_in_unison(lips: Sequence[Spoken]) -> dict[str, float]:
    """Share of the one voice's p, b and m at which each of the faces that say it closes its lips."""
    return {
        name.replace("closure", "binding_unison_closure"): value
        for name, value in closure(lips).items()
        if name in ("closure", "closure_low", "closure_high")
    }


def _drivers(routing: np.ndarray, scene: RoutedScene) -> list[int]:
    return [int(routing[:, k, scene.spoken.start].argmax()) for k in range(N_FACES)]


def _others(drivers: Sequence[int]) -> list[tuple[int, int]]:
    return [(k, v) for k in range(N_FACES) for v in range(N_FACES) if v != drivers[k]]


def _performed(synthesis: Synthesis, scene: RoutedScene, routing: np.ndarray, seed: int) -> Performance:
    with single_threaded():
        return synthesis.pipeline(
            scene.lines, scene.cast, scene.n_frames, routing=routing, seed=seed, sampling=synthesis.sampling
        )


def _silent_share(synthesis: Synthesis, scene: RoutedScene, seed: int) -> float:
    """Lip motion of face 1 while voice 1, its former one, speaks from face 0, over that of face 0."""
    alone = replace(scene, lines=(scene.lines[1],))
    routing = np.zeros((N_FACES, N_FACES, scene.n_frames), np.float32)
    routing[1, 0] = 1
    performance = _performed(synthesis, alone, routing, seed)
    moved = [np.abs(np.diff(rig_gap(part.motion.values)[scene.spoken])).mean() for part in performance.characters]
    return float(moved[1] / moved[0])
