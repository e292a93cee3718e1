"""The commands of `parley workbench`: their options, and what they say."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from studio.core.option_values import whole

Say = Callable[..., None]
"""``say(event, sentence, **facts)``: one message on stdout."""
SAMPLE = "The yellow ferry leaves the harbour at noon, and nobody has seen the captain since breakfast."
"""What a voice says to be heard."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the tools of ``parley workbench``."""
    tools = command.add_subparsers(metavar="TOOL", required=True)

    def add(name: str, run: Callable[[argparse.Namespace, Say], int], text: str) -> argparse.ArgumentParser:
        tool = tools.add_parser(name, help=text, description=text)
        tool.set_defaults(tool=run)
        quiet = argparse.SUPPRESS  # given before the tool's name it holds, too
        tool.add_argument("--json", action="store_true", default=quiet, help="one line of JSON for each message")
        return tool

    clean = add("clean", _clean, "Part a recording into speech without noise and reverberation, and the rest.")
    clean.add_argument("recording", type=Path, help="a sound or film file of at most half an hour")
    clean.add_argument("-o", "--output", type=Path, required=True, help="the speech (.wav)")
    clean.add_argument("--rest", type=Path, help="everything else (.wav): both sum to the recording")
    describe = add("describe", _describe, "Say how a voice sounds, in words that design takes.")
    describe.add_argument("recording", type=Path, help="a sound or film file of at most half an hour")
    translate = add("translate", _translate, "Say in English what a recording says in another language.")
    translate.add_argument("recording", type=Path, help="a sound or film file of at most half an hour")
    translate.add_argument("--language", help="its language, two letters such as es; heard if not given")
    translate.add_argument("--voice", help="who says it, as parley voices lists them, for --output")
    translate.add_argument("-o", "--output", type=Path, help="the English line (.wav), with --voice")
    blend = add("blend", _blend, "Say a sentence in a blend of two voices.")
    blend.add_argument("one", help="name of a voice, as parley voices lists them")
    blend.add_argument("other", help="another")
    blend.add_argument("--share", type=float, default=0.5, help="of the other, 0 to 1; a half if not given")
    blend.add_argument("--text", default=SAMPLE, help="what is said")
    blend.add_argument("-o", "--output", type=Path, required=True, help="the sound (.wav)")
    convert = add("convert", _convert, "Say what a recording says in another voice, with its timing and melody.")
    convert.add_argument("recording", type=Path, help="a sound or film file of at most 30 s, spoken or whispered")
    convert.add_argument("--text", required=True, help="what is said in it")
    convert.add_argument("--voice", required=True, help="name of a voice, as parley voices lists them, or a blend")
    convert.add_argument("-o", "--output", type=Path, required=True, help="the sound (.wav)")
    sing = add("sing", _sing, "Sing words on notes.")
    sing.add_argument("text", help="the words")
    sing.add_argument("--voice", required=True, help="name of a voice, as parley voices lists them, or a blend")
    source = sing.add_mutually_exclusive_group(required=True)
    source.add_argument("--notes", help="such as 'C4 E4:2 r G4:0.5~A4:0.5': a note a syllable, beats after the colon")
    source.add_argument("--midi", help="a MIDI file of one voice")
    source.add_argument("--recording", help="a sound file in which somebody sings or hums the melody")
    sing.add_argument("--tempo", type=float, default=90.0, help="beats a minute of --notes; 90 if not given")
    sing.add_argument("--transpose", type=int, default=0, metavar="SEMITONES", help="all notes so much higher")
    sing.add_argument("-o", "--output", type=Path, required=True, help="the sound (.wav)")
    design = add("design", _design, "Find voices for a description, such as 'slow, low, sad woman'.")
    design.add_argument("description", help="gender, pitch, pace and mood in plain English")
    design.add_argument("--text", default=SAMPLE, help="what they say")
    design.add_argument("--count", type=whole(1, 6), default=3, help="how many candidates; 3 if not given")
    design.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for 1.wav, 2.wav ...")


def run(arguments: argparse.Namespace, say: Say) -> int:
    """Run a tool; 0 = done.

    Raises:
        ValueError: what cannot be used, a sentence.
    """
    tool: Callable[[argparse.Namespace, Say], int] = arguments.tool
    return tool(arguments, say)


def _clean(arguments: argparse.Namespace, say: Say) -> int:
    from studio.workbench.recordings import clean_file

    made = clean_file(arguments.recording, arguments.output, arguments.rest)
    files = [str(path) for path in (arguments.output, arguments.rest) if path is not None]
    say("done", f"{arguments.output} is ready: {made.sentence}", files=files, removed_db=round(made.removed_db, 1))
    return 0


def _describe(arguments: argparse.Namespace, say: Say) -> int:
    from studio.workbench.recordings import describe_file

    described = describe_file(arguments.recording)
    hertz = "" if described.hertz is None else f" ({described.hertz:.0f} Hz)"
    say("voice", f"{described.words}{hertz}.", **described.as_data())
    return 0


def _translate(arguments: argparse.Namespace, say: Say) -> int:
    from studio.performance.speak_line import speak_line
    from studio.workbench.recordings import translate_file

    if (arguments.voice is None) != (arguments.output is None):
        raise ValueError("A voice and a file for what it says belong together; give both --voice and -o, or neither.")
    found = translate_file(arguments.recording, arguments.language)
    facts = {"language": found.language, "heard": found.heard}
    if arguments.output is not None:
        speak_line(found.text, arguments.voice, arguments.output)
        facts["file"] = str(arguments.output)
    say("translation", found.text, **facts)
    return 0


def _convert(arguments: argparse.Namespace, say: Say) -> int:
    from studio.workbench.melodies import convert_file

    convert_file(arguments.recording, arguments.text, arguments.voice, arguments.output)
    say("done", f"{arguments.output} is ready.", file=str(arguments.output), voice=arguments.voice)
    return 0


def _sing(arguments: argparse.Namespace, say: Say) -> int:
    from studio.workbench.melodies import sing_text

    song = {name: getattr(arguments, name) for name in ("notes", "midi", "recording", "tempo", "transpose")}
    sing_text(arguments.text, song, arguments.voice, arguments.output)
    say("done", f"{arguments.output} is ready.", file=str(arguments.output), voice=arguments.voice)
    return 0


def _blend(arguments: argparse.Namespace, say: Say) -> int:
    from studio.performance.speak_line import speak_line
    from studio.workbench.voices import blend_of

    voice = blend_of(arguments.one, arguments.other, arguments.share)
    speak_line(arguments.text, voice, arguments.output)
    done = f"{arguments.output} is ready; in a scene it is voice: {voice}"
    say("done", done, voice=voice, file=str(arguments.output))
    return 0


def _design(arguments: argparse.Namespace, say: Say) -> int:
    from studio.workbench.voices import design_voices

    for made in design_voices(arguments.description, arguments.text, arguments.count, arguments.output):
        say("candidate", made.sentence, **made.as_data())
    return 0
