"""How words of a scene sound: corrections for the whole scene, in its model and in its file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from generation.text.languages import LANGUAGE_NAMES, is_english, language_code
from generation.text.phonemizer import ipa_of_sound
from studio.core.problems import DocumentError, Problem
from studio.core.storage import write_whole
from studio.scene.document import load_scene, read_document
from studio.scene.schema import Scene

LONGEST = 60
"""Letters of a word, or of several, that are corrected together."""
_CODES = {language_code(language) for language in LANGUAGE_NAMES}


def language_and_word(key: str) -> tuple[str | None, str]:
    """A key of a lexicon: ``es:come`` is a word of Spanish lines alone, ``come`` one of every language (None)."""
    code, colon, word = key.partition(":")
    return (code.strip(), word.strip()) if colon and code.strip() in _CODES else (None, key)


def lexicon_in(lexicon: Mapping[str, str], language: str) -> dict[str, str]:
    """How words sound in a language, by its name in eSpeak NG: what is said of it alone goes before all else."""
    read = [(*language_and_word(key), ipa) for key, ipa in lexicon.items()]
    everywhere = {word: ipa for code, word, ipa in read if code is None}
    own = {word: ipa for code, word, ipa in read if code == language_code(language)}
    kept = {word.casefold() for word in own}
    return {word: ipa for word, ipa in everywhere.items() if word.casefold() not in kept} | own


def _key(word: str, language: str) -> str:
    """The key of a word that is corrected in a line of a language."""
    word = " ".join(word.split())
    return word if is_english(language) else f"{language_code(language)}:{word}"


def with_sound(scene: Scene, word: str, sound: str, language: str = "en-us") -> Scene:
    """The scene in which a word sounds otherwise; no sound takes a former correction away.

    What is corrected in another language than English holds in lines of that language alone.

    Args:
        scene: as it is.
        word: a word or several; capitals and small letters are alike.
        sound: IPA, or a spelling that sounds like it.
        language: of the line, in which the spelling is read.

    Raises:
        ValueError: no word, or a sound with unknown symbols.
    """
    word = " ".join(word.split())
    if not any(c.isalnum() for c in word) or len(word) > LONGEST or set(word) & set("{}|"):
        raise ValueError(f"{word[:LONGEST]!r} is no word; name a word of the script, of at most {LONGEST} letters.")
    name = _key(word, language)
    lexicon = {key: ipa for key, ipa in scene.lexicon.items() if key.casefold() != name.casefold()}
    if sound.strip():
        lexicon[name] = ipa_of_sound(sound, word, language)
    return scene.model_copy(update={"lexicon": lexicon})


def correct_file(path: Path, word: str, sound: str, language: str = "en-us") -> str:
    """Write how a word sounds into a scene file; all else in it stays as it is written, comments too.

    Returns:
        The word's IPA.

    Raises:
        DocumentError: the file is no scene, or its lexicon is not written as one line for each word.
        ValueError: as of :func:`with_sound`.
    """
    scene = load_scene(path)
    wanted = with_sound(scene, word, sound, language).lexicon
    name = _key(word, language)
    ((word, ipa),) = [item for item in wanted.items() if item[0].casefold() == name.casefold()]
    before = path.read_bytes()
    text = _in_json if path.suffix.lower() == ".json" else _in_yaml
    write_whole({path: text(path, before.decode("utf-8-sig"), word, ipa).encode()})
    try:
        done = load_scene(path).lexicon == wanted
    except DocumentError:
        done = False
    if not done:
        write_whole({path: before})
        what = "the lexicon is not written as one line for each word"
        raise DocumentError([Problem("script", what, f"add {word}: {ipa} by hand", ("lexicon",), path.name)])
    return ipa


def lexicon_of(path: Path | None, corrections: Sequence[str] = (), language: str = "en-us") -> dict[str, str]:
    """The corrected words of a scene file in a language, after ``WORD=SOUND`` was written into it for each correction.

    Raises:
        DocumentError: corrections that are none or have no file, and as of :func:`correct_file`.
        ValueError: as of :func:`with_sound`.
    """
    if path is None:
        if corrections:
            raise DocumentError([Problem("file", "--correct needs --scene", "name the scene file")])
        return {}
    for correction in corrections:
        word, _, sound = correction.partition("=")
        if not (word.strip() and sound.strip()):
            what = f"the correction {correction[:LONGEST]!r} should be WORD=SOUND"
            raise DocumentError([Problem("script", what, "such as Siobhan=shi-vawn")])
        correct_file(path, word, sound, language)
    return lexicon_in(load_scene(path).lexicon, language)


def _in_json(path: Path, text: str, word: str, ipa: str) -> str:
    data = json.loads(text)
    lexicon = {key: value for key, value in data.get("lexicon", {}).items() if key.casefold() != word.casefold()}
    return json.dumps(data | {"lexicon": lexicon | {word: ipa}}, ensure_ascii=False, indent=2) + "\n"


def _in_yaml(path: Path, text: str, word: str, ipa: str) -> str:
    document = read_document(path)
    rows = text.splitlines()
    entry = f"{json.dumps(word, ensure_ascii=False)}: {json.dumps(ipa, ensure_ascii=False)}"
    known: dict[str, str] = document.data.get("lexicon") or {}
    former = next((key for key in known if key.casefold() == word.casefold()), None)
    at = document.line_of(("lexicon",))
    if not known or at is None:
        rows = [row for number, row in enumerate(rows, 1) if number != at]
        return "\n".join([*rows, "lexicon:", f"  {entry}"]) + "\n"
    line = document.line_of(("lexicon", former or next(iter(known)))) or at
    indent = re.match(r"\s*", rows[line - 1])
    made = (indent[0] if indent else "") + entry
    rows[line - 1 : line] = [made] if former else [made, rows[line - 1]]
    return "\n".join(rows) + "\n"
