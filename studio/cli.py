"""The command line: ``parley studio``, ``render``, ``batch``, ``say``, ``import``, ``check``, ``read`` and so on."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from generation.text.languages import ESPEAK_NAMES
from studio import storage_commands
from studio.batch import command as batch_command
from studio.core.messages import existing_file
from studio.core.option_values import style_strength, whole
from studio.core.problems import DocumentError, Problem, told
from studio.core.process import BROKEN_PIPE, close_output, prepare_process
from studio.core.progress import Cancelled
from studio.core.storage import utf8_text
from studio.formats import command as import_command
from studio.motion import command as motion_command
from studio.production.film_options import (
    add_beginning_option,
    add_film_options,
    add_sampling_options,
    read_film_options,
    with_beginning,
)
from studio.progress_display import ProgressDisplay
from studio.service import command as service_command
from studio.splitting import command as split_command
from studio.workbench import command as workbench_command

OK, PROBLEMS, CANCELLED = 0, 1, 130
MOST_TEXT = 1_000_000
"""Bytes of a file that is read aloud."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 = done, 1 = problems (each a sentence on stderr), 2 = wrong usage, 130 = stopped by Ctrl-C.

    Args:
        argv: the arguments; None = those of this process, which is set up as a program first.
    """
    if argv is None:
        prepare_process()
    arguments = _parser().parse_args(argv)
    try:
        status = _run(arguments)
        sys.stdout.flush()  # what could not be written is still buffered, and would fail again when Python ends
        return status
    except OSError as error:  # the output itself cannot be written: a full disk, a closed terminal or pipe
        close_output()
        return BROKEN_PIPE if isinstance(error, BrokenPipeError) else PROBLEMS


def _run(arguments: argparse.Namespace) -> int:
    """Run the command; whatever goes wrong in it becomes sentences."""
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        status = command(arguments)
        sys.stdout.flush()  # so that a full disk is named
        return status
    except (KeyboardInterrupt, Cancelled):
        return _stopped(arguments)
    except BrokenPipeError:
        raise
    except Exception as error:
        return _refuse(arguments, told(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="parley", description="A script and a picture with several people become a video in which they speak."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(command=run)
        command.add_argument("--json", action="store_true", help="one line of JSON for each message")
        return command

    render = add("render", _render, "Make the video of a scene.")
    render.add_argument("scene", type=Path, help="scene file (.yaml or .json), or a take file (.parley)")
    output_help = "the video (.mp4), faces as meshes (.glb), or what a video is drawn of elsewhere (.parley)"
    render.add_argument("-o", "--output", type=Path, required=True, help=output_help)
    add_beginning_option(render)
    add_film_options(render)
    batch = add("batch", _batch, "Make the videos of many scenes, on one machine or several.")
    batch_command.add_arguments(batch)
    add_film_options(batch)
    say = add("say", _say, "Speak one line into a sound file.")
    say.add_argument("text", help="what to say; {name|IPA} gives a pronunciation")
    voice_help = "name of a voice, as parley voices lists them, or a blend: 'Alice 70%% + Henry, 2 lower'"
    say.add_argument("--voice", required=True, help=voice_help)
    say.add_argument("--language", default="en", help="en (the voice's accent), en-us, en-gb, es, fr, it or pt")
    say.add_argument("--speed", type=float, default=1.0, help="0.5 to 2, 1 = the voice's own")
    style_help = "as parley styles lists them, or an adapter's file; may be given again to mix them"
    say.add_argument(
        "--style", type=style_strength, action="append", default=[], metavar="NAME[:STRENGTH]", help=style_help
    )
    say.add_argument("-o", "--output", type=Path, required=True, help="the sound (.wav)")
    add_sampling_options(say)
    bring = add("import", _import, "Make a scene file of a script: screenplay, subtitles, table or NAME: text.")
    import_command.add_arguments(bring)
    split = add("split", _split, "Cut a long recording into lines, at pauses or by subtitles that name who speaks.")
    split_command.add_arguments(split)
    bench = add("workbench", _workbench, "Clean, translate or describe recordings; blend voices, or find one in words.")
    workbench_command.add_arguments(bench)
    motion = add("motion", _motion, "Track a person in a video: their motion as a file that scenes take.")
    motion_command.add_arguments(motion)
    check = add("check", _check, "Say all that is wrong with a scene, without rendering it.")
    check.add_argument("scene", type=Path, help="scene file (.yaml or .json)")
    read = add("read", _read, "Say how a text will be read, in words or in IPA.")
    source = read.add_mutually_exclusive_group(required=True)
    source.add_argument("text", nargs="?", help="a line; {name|IPA} gives a pronunciation")
    source.add_argument("--file", type=Path, help="a text file; a line in, a line out")
    read.add_argument("--ipa", action="store_true", help="the symbols that the voices speak, in place of words")
    read.add_argument("--language", choices=tuple(ESPEAK_NAMES), default="en-us", help="en-us if not given")
    read.add_argument("--scene", type=Path, help="a scene file, whose corrected words are read as there")
    correct_help = "write into the scene how a word sounds: IPA, or like what, such as Siobhan=shi-vawn"
    read.add_argument("--correct", action="append", default=[], metavar="WORD=SOUND", help=correct_help)
    add("voices", _voices, "List the voices that scenes can name.")
    add("styles", _styles, "List the styles that scenes can give to each character, and what each does.")
    _add_servers(add)
    add("schema", _schema, "Print the JSON schema of scene files.")
    add("doctor", _doctor, "Say what is installed, what is missing and how to repair it.")
    pack = add("archive", _archive, "Pack a project or scene with all its files and their hashes, or unpack one.")
    storage_commands.add_archive_arguments(pack)
    stored = add("storage", _storage, "Show what projects take on the disk, by kind, and delete what can go.")
    storage_commands.add_storage_arguments(stored)
    fetch = add("setup", _setup, "Fetch what is not part of the installation (once, with network).")
    fetch.add_argument("--extra", choices=["translate"], help="what else: translate = recordings to English, 290 MB")
    verify = add("verify", _verify, "Say whether a file is marked as AI-generated and unchanged, and who signed it.")
    verify.add_argument("file", type=Path, help="video or sound file")
    verify.add_argument("--deep", action="store_true", help="look for the mark in the sound itself, too")
    trust_help = "certificates (PEM) of others whose signatures are trusted"
    verify.add_argument("--trust", type=Path, metavar="FILE", help=trust_help)
    return parser


def _add_servers(add: Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]) -> None:
    """Add the commands that serve until they are ended."""
    port = whole(1, 65_535)
    editor = add("studio", _studio, "Open the editor, which this computer alone can reach.")
    service_command.add_projects(editor)
    editor.add_argument("--port", type=port, default=8501, help="where it listens on 127.0.0.1")
    service = add("serve", _serve, "Let other programs ask for films, by HTTP.")
    service_command.add_serve_arguments(service, port)
    assistants = add("mcp", _mcp, "Let an assistant ask for films, by the Model Context Protocol on stdin and stdout.")
    service_command.add_projects(assistants)


def _render(arguments: argparse.Namespace) -> int:
    from studio.production.beginning import BeginningObserver
    from studio.production.render import render_scene

    settings, backbone = read_film_options(arguments, partial(_tell, arguments))
    settings = with_beginning(arguments, settings)
    observer = BeginningObserver(partial(_tell, arguments, "beginning"), arguments.beginning)
    how = (arguments.scene, arguments.output, settings)
    with ProgressDisplay(arguments.json) as display:
        warnings = None if backbone else motion_command.without_film(*how, display.show)
        if warnings is None:
            warnings = render_scene(*how, display.show, observer=observer, backbone=backbone).warnings
    return _ready(arguments, warnings)


def _batch(arguments: argparse.Namespace) -> int:
    return batch_command.run(arguments, partial(_tell, arguments))


def _say(arguments: argparse.Namespace) -> int:
    from studio.performance.speak_line import speak_line

    with ProgressDisplay(arguments.json) as display:
        warnings = speak_line(
            arguments.text, arguments.voice, arguments.output, language=arguments.language, speed=arguments.speed,
            styles=dict(arguments.style), seed=arguments.seed or 0, steps=arguments.steps, device=arguments.device,
            listener=display.show,
        )  # fmt: skip
    return _ready(arguments, warnings)


def _ready(arguments: argparse.Namespace, warnings: Sequence[Problem]) -> int:
    """Say that the output is there, after what may be wrong with it."""
    _warn(arguments, warnings)
    _tell(arguments, "done", f"{arguments.output} is ready.", file=str(arguments.output))
    return OK


def _check(arguments: argparse.Namespace) -> int:
    from generation.audio.sound_file import clock
    from studio.production.settings import expected_cost
    from studio.validation.scene_check import check_scene

    report = check_scene(arguments.scene)
    _warn(arguments, report.warnings)
    if report.problems or report.scene is None:
        return _refuse(arguments, report.problems)
    counts = f"{len(report.scene.cast)} in the cast, {len(report.scene.script)} lines, about {report.seconds:.0f} s"
    needed, work = expected_cost(report)
    cost = f"{needed / 1e6:,.0f} MB on the disk and {clock(work)} on two idle cores"
    text = f"{arguments.scene.name} is ready to render: {counts}; it takes about {cost}."
    _tell(arguments, "ok", text, seconds=report.seconds, disk_bytes=needed, work_seconds=round(work))
    return OK


def _import(arguments: argparse.Namespace) -> int:
    return import_command.run(arguments, partial(_tell, arguments))


def _split(arguments: argparse.Namespace) -> int:
    return split_command.run(arguments, partial(_tell, arguments))


def _workbench(arguments: argparse.Namespace) -> int:
    return workbench_command.run(arguments, partial(_tell, arguments))


def _motion(arguments: argparse.Namespace) -> int:
    with ProgressDisplay(arguments.json) as display:
        return motion_command.run(arguments, partial(_tell, arguments), display.show)


def _read(arguments: argparse.Namespace) -> int:
    from generation.text.phonemizer import phonemize, read_text
    from studio.scene.lexicon import lexicon_of
    from studio.scene.voices import foreign_text

    lines = [arguments.text]
    language = ESPEAK_NAMES[arguments.language]
    lexicon = lexicon_of(arguments.scene, arguments.correct, language)
    if arguments.file:
        if reason := existing_file(arguments.file, "the text", "check its name and folder."):
            raise DocumentError([Problem("file", reason)])
        if arguments.file.stat().st_size > MOST_TEXT:
            raise DocumentError([Problem("file", f"{arguments.file.name} is larger than 1 MB", "split it")])
        lines = utf8_text(arguments.file.read_bytes(), arguments.file.name).splitlines()
    outcome = OK
    for line in lines:
        facts: dict[str, Any] = {"directions": [], "language": None}
        try:
            reading = read_text(line, language, lexicon)
            facts = {"directions": reading.directions, "language": reading.other_language}
            said = phonemize(line, language, lexicon) if arguments.ipa and reading.words else reading.words
        except ValueError as error:
            said, outcome = "", _refuse(arguments, [str(error)])
        _tell(arguments, "read", said, **facts)
        if not arguments.json:
            for direction in facts["directions"]:
                sys.stderr.write(f"Warning: {direction!r} is a direction and is not spoken.\n")
            if seems := facts["language"]:
                what, _ = foreign_text("this", seems, language, "")
                sys.stderr.write(f"Warning: {what}.\n")
    return outcome


def _voices(arguments: argparse.Namespace) -> int:
    from studio.scene.voices import shipped_voices

    for voice in shipped_voices():
        _tell(arguments, "voice", f"{voice.voice:8} {voice.description}.", **voice.model_dump())
    return OK


def _styles(arguments: argparse.Namespace) -> int:
    from studio.scene.styles import shipped_styles

    styles = shipped_styles()
    for facts in styles:
        if facts.problem:
            _tell(arguments, "warning", facts.problem, style=facts.style)
        else:
            sentence = f"{facts.style:12} {facts.does} ({facts.changes})"
            _tell(arguments, "style", sentence, **facts.model_dump(exclude={"problem"}))
    if not styles:
        _tell(arguments, "ok", "No style ships with these weights yet; scripts/finetune_lora.py trains one.")
    return OK


def _studio(arguments: argparse.Namespace) -> int:
    from studio.launch import launch

    return launch(arguments.projects, arguments.port)


def _serve(arguments: argparse.Namespace) -> int:
    return service_command.serve(arguments)


def _mcp(arguments: argparse.Namespace) -> int:
    return service_command.serve_assistants(arguments)


def _schema(arguments: argparse.Namespace) -> int:
    from studio.scene.json_schema import scene_schema

    schema = scene_schema()
    _tell(arguments, "schema", "" if arguments.json else json.dumps(schema, indent=2), schema=schema)
    return OK


def _doctor(arguments: argparse.Namespace) -> int:
    from studio.doctor import diagnose, report

    findings = diagnose()
    if arguments.json:
        for finding in findings:
            state = {"part": finding.part.name, "found": finding.found, "problem": finding.problem}
            _tell(arguments, "part", "", **state, blocks=finding.blocks)
    else:
        sys.stdout.write(report(findings) + "\n")
    return PROBLEMS if any(finding.blocks for finding in findings) else OK


def _archive(arguments: argparse.Namespace) -> int:
    return storage_commands.archive(arguments, partial(_tell, arguments))


def _storage(arguments: argparse.Namespace) -> int:
    return storage_commands.storage(arguments, partial(_tell, arguments))


def _setup(arguments: argparse.Namespace) -> int:
    from masks.networks import install_models

    _tell(arguments, "ok", f"The face networks are in place: {install_models()}")
    if arguments.extra is not None:
        from generation.recordings.multilingual_whisper import install_whisper

        _tell(arguments, "ok", f"Recordings can be translated: {install_whisper()}")
    return OK


def _verify(arguments: argparse.Namespace) -> int:
    from studio.export.provenance import verify
    from studio.export.signing_key import read_authorities

    report = verify(arguments.file, read_authorities(arguments.trust) if arguments.trust else b"")
    facts: dict[str, Any] = {"signature": report.signature.state, "signer": report.signature.signer}
    sentences = [report.sentence]
    if arguments.deep:
        from generation.audio.sound_file import stream_mono
        from generation.audio.sound_mark import find_sound_mark

        finding = find_sound_mark(stream_mono(arguments.file, 60, most_seconds=1e6))
        sentences.append(finding.sentence)
        facts |= {"sound_mark": finding.found, "marked_seconds": finding.marked_seconds}
    if not report.ok or report.changed_beside:
        if arguments.json:
            _tell(arguments, "problem", " ".join(sentences), **facts)
            return PROBLEMS
        return _refuse(arguments, sentences)
    _tell(arguments, "ok", " ".join(sentences), record=report.record, **facts)
    return OK


def _tell(arguments: argparse.Namespace, event: str, sentence: str, /, **more: Any) -> None:  # noqa: ANN401
    """One message on stdout: a sentence, or a line of JSON with ``event`` and ``message``."""
    if arguments.json:
        sys.stdout.write(json.dumps({"event": event, "message": sentence, **more}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"Warning: {sentence}\n" if event == "warning" else f"{sentence}\n")
    sys.stdout.flush()


def _warn(arguments: argparse.Namespace, warnings: Sequence[Problem]) -> None:
    for warning in warnings:
        _tell(arguments, "warning", str(warning), **warning.as_data())


def _refuse(arguments: argparse.Namespace, problems: Sequence[Problem | str]) -> int:
    for problem in problems:
        if arguments.json:
            _tell(arguments, "problem", str(problem), **(problem.as_data() if isinstance(problem, Problem) else {}))
        else:
            sys.stderr.write(f"{problem}\n")
    return PROBLEMS


def _stopped(arguments: argparse.Namespace) -> int:
    sentence = "Stopped; nothing half-finished was left behind, and finished lines are kept for the next time."
    if arguments.json:
        _tell(arguments, "stopped", sentence)
    else:
        sys.stderr.write(f"{sentence}\n")
    return CANCELLED


if __name__ == "__main__":
    sys.exit(main())
