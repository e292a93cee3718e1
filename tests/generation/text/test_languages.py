"""Spanish, French, Italian and Portuguese: how they are read, their symbols, and what English keeps."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from generation.motion.articulation import FEATURES, lip_targets, phonetic_features
from generation.text.ipa import NASAL, NEAREST_SYMBOLS, SYMBOL_INDEX, UNKNOWN_SYMBOL, unknown_symbols
from generation.text.languages import LANGUAGES
from generation.text.phoneme_sequence import timed_symbols
from generation.text.phonemizer import phonemize
from generation.text.reading import read_text
from generation.text.timed_phonemes import TimedPhonemes

TABLES = Path(__file__).parent / "tables"


@pytest.mark.parametrize("language", [name for name in LANGUAGES if not name.startswith("en")])
def test_figures_and_signs_are_read_as_the_table_has_them(language: str) -> None:
    with (TABLES / f"spoken_{language[:2]}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    wrong = {r["written"]: words for r in rows if (words := read_text(r["written"], language).words) != r["spoken"]}
    assert len(rows) == 40 and not wrong


@pytest.mark.parametrize(
    ("language", "text", "ipa"),
    [
        ("es", "¿Dónde está el niño?", "dˈonde estˈa el nˈiɲo?"),
        ("fr-fr", "Un bon vin blanc.", "œ̃ bˈɔ̃ vˈɛ̃ blˈɑ̃."),
        ("it", "Gli gnocchi.", "ʎɪ ɲˈokːɪ."),
        ("pt-br", "Põe na mão.", "pˈõj na mˈɐ̃ʊ̃."),
        ("pt-br", "De noite, sempre.", "dʒi nˈoɪtʃi, sˈeɪmpri."),
        ("fr-fr", "Le {Bob|bˈɔb} dort.", "lə bˈɔb dˈɔʁ."),
        ("es", "{Ana|ˈana} y la {Iñaki|iɲˈaki} de Bob.", "ˈana i la iɲˈaki ðe βˈob."),
    ],
)
def test_each_language_has_its_sounds(language: str, text: str, ipa: str) -> None:
    assert phonemize(text, language).replace("õ", f"o{NASAL}") == ipa.replace("õ", f"o{NASAL}")


def test_symbols_of_english_keep_their_rows_and_only_weights_with_more_say_others() -> None:
    assert list(SYMBOL_INDEX.values()) == [*range(UNKNOWN_SYMBOL), *range(UNKNOWN_SYMBOL + 1, len(SYMBOL_INDEX) + 1)]
    assert UNKNOWN_SYMBOL == 54 and set(NEAREST_SYMBOLS.values()) <= set(list(SYMBOL_INDEX)[:UNKNOWN_SYMBOL])
    assert unknown_symbols(" bˈɔn ", 54) is None and unknown_symbols(" bˈɔ̃ ɲ", len(SYMBOL_INDEX)) is None
    with pytest.raises(ValueError, match="do not know the sounds ◌̃ ɲ"):
        timed_symbols(" bˈɔ̃ ɲ", (1,) * 7, 54)


def test_english_has_no_other_symbols() -> None:
    assert set(phonemize("Señor Müller's déjà vu, piñata and garçon.")) <= set(list(SYMBOL_INDEX)[:UNKNOWN_SYMBOL])


def test_lips_round_for_front_vowels_and_hardly_touch_for_the_soft_b() -> None:
    def peak(symbol: str, target: str) -> float:
        timed = TimedPhonemes(f" a{symbol}a ", np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.8]))
        return float(getattr(lip_targets(timed, np.zeros(80, bool), np.ones(20, np.float32)), target)[7:12].max())

    assert peak("y", "rounded") > 0.6 > peak("i", "rounded") and peak("y", "spread") < 0.3 < peak("i", "spread")
    assert peak("b", "closed") == 1 and 0.5 < peak("β", "closed") < 0.7 and peak("ɲ", "closed") == 0


def test_the_tilde_lasts_as_the_vowel_before_it() -> None:
    timed = TimedPhonemes(f" ɔ{NASAL} ", np.array([0.0, 0.1, 0.2, 0.3, 0.4]))
    assert phonetic_features(timed, 40)[:, FEATURES.index("vowel")].tolist() == [0] * 10 + [1] * 20 + [0] * 10
