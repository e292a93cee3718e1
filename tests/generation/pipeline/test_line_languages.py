"""The language of each line in the joint pipeline: told to the network frame by frame, else refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from random_networks import tiny_transformer

from generation.core.clock import samples_from_frames
from generation.core.performance import CastMember, Line, Performance
from generation.models.vocoder import Vocoder
from generation.pipeline.joint import JointPipeline
from generation.pipeline.line_inputs import line_languages
from generation.pipeline.sampling import Guidance, Sampling
from generation.training.depth_growth import LANGUAGE_INVENTORY

N_FRAMES = 34
QUICK, DEAF = Sampling(steps=2), Guidance(listen=0.0)
CAST = tuple(CastMember(name, np.full(4, 0.3 * i, np.float32)) for i, name in enumerate(("ANN", "BOB"), 1))


def line(name: str, character: int, start: int, language: str = "en-us") -> Line:
    return Line(name, character, start, 8, " həlˈoʊ ", (4,) * 8, language=language)


LINES = (line("first", 0, 2), line("second", 1, 6), line("third", 0, 18))


def pipeline_of(**known: int) -> JointPipeline:
    torch.manual_seed(0)
    made = JointPipeline.assemble(tiny_transformer(**known), Vocoder(dim=16, hidden=32, num_layers=1).eval())
    decode = made.vocoder.decode
    made.vocoder.decode = lambda mel: decode(mel, iterations=2)
    return made


def heard(performance: Performance, spoken: Line) -> np.ndarray:
    samples = slice(samples_from_frames(spoken.start), samples_from_frames(spoken.stop))
    return performance.characters[spoken.character].speech[samples]


def test_each_line_has_its_own_language_and_leaves_the_others_alone() -> None:
    pipeline = pipeline_of(**LANGUAGE_INVENTORY)
    in_spanish = (replace(LINES[0], language="es"), *LINES[1:])
    plain, mixed = (pipeline(lines, CAST, N_FRAMES, sampling=QUICK, guidance=DEAF) for lines in (LINES, in_spanish))
    changed = [float(np.abs(heard(plain, spoken) - heard(mixed, spoken)).max()) for spoken in LINES]
    assert changed[0] > 100 * max(changed[1:]), changed
    british = tuple(replace(spoken, language="en-gb") for spoken in LINES)
    again = pipeline(british, CAST, N_FRAMES, sampling=QUICK, guidance=DEAF)
    assert all(np.array_equal(a, b) for a, b in zip(plain.speech, again.speech, strict=True)), "accents share a row"


def test_a_language_lasts_until_the_voices_next_line() -> None:
    assert line_languages(LINES, 3, N_FRAMES).tolist() == [[0], [0], [0]]
    rows = line_languages((line("a", 0, 2, "es"), line("b", 1, 2, "it"), line("c", 0, 18, "pt-br")), 3, N_FRAMES)
    assert rows.shape == (3, N_FRAMES) and set(rows[1]) == {3} and not rows[2].any()
    assert rows[0].tolist() == [1] * 18 + [4] * (N_FRAMES - 18)


def test_weights_of_one_language_refuse_another() -> None:
    spoken = [replace(LINES[0], language="fr-fr")]
    with pytest.raises(ValueError, match="Line first: The weights do not speak French; they speak English"):
        pipeline_of()(spoken, CAST, N_FRAMES, sampling=QUICK)
