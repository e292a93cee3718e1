"""Burns subtitles into a copy of a video."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from generation.core.ffmpeg import local_input, run_ffmpeg
from studio.core.output import whole_or_nothing
from studio.editor.results import facts, lines_of_subtitles
from studio.export.frame_encoder import codec_options
from studio.export.provenance import mark, verify
from studio.export.signature import sign

ROWS = 16
"""Letters are a share of 1 / 16 of the picture's height, and less where a line would be too wide."""
MARGIN = 0.05
WIDEST = 0.9
"""A line takes at most this share of the picture's width."""


def burned_name(video: Path) -> Path:
    """Where the copy with subtitles lies."""
    return video.with_name(f"{video.stem}.subtitled.mp4")


def burn_command(video: Path, subtitles: Path) -> list[str]:
    """The command line that draws them in."""
    return [sys.executable, "-m", "studio.editor.subtitle_burner", str(video), str(subtitles)]


def burn(video: Path, subtitles: Path) -> Path:
    """Draw WebVTT subtitles into a copy of a video; sound is copied, mark and signature made anew.

    Raises:
        ValueError: the video is not one of ours, or was changed.
        RuntimeError: the encoder failed.
    """
    report = verify(video)
    if not report.ok or report.record is None:
        raise ValueError(report.sentence)
    _, size = facts(video)
    target = burned_name(video)
    lines = lines_of_subtitles(subtitles.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch, whole_or_nothing(target) as folder:
        inputs, chain, last = [], [], "0:v"
        for number, line in enumerate(lines, 1):
            path = Path(scratch) / f"{number}.png"
            plate(f"{line.who}: {line.text}", size).save(path)
            inputs += ["-i", str(path)]
            shown = f"between(t,{line.start:.3f},{line.end:.3f})"
            chain.append(f"[{last}][{number}:v]overlay=0:0:enable='{shown}'[v{number}]")
            last = f"v{number}"
        drawn = ["-filter_complex", ";".join(chain), "-map", f"[{last}]"] if lines else ["-map", "0:v"]
        made = folder / target.name
        options = [*local_input(video), *inputs, *drawn, "-map", "0:a", *codec_options(), "-pix_fmt", "yuv420p"]
        options += ["-c:a", "copy", "-map_metadata", "0", "-movflags", "+faststart", f"file:{made}"]
        run_ffmpeg(options, "The subtitles could not be drawn in")
        mark(made, report.record)
        sign(made, report.record, made_of=video)
    return target


def plate(text: str, size: tuple[int, int]) -> Image.Image:
    """A see-through picture of (width, height) pixels with a caption at its foot that always fits.

    Args:
        text: what is said, with the speaker's name.
        size: of the video.
    """
    width, height = size
    picture = Image.new("RGBA", size)
    draw = ImageDraw.Draw(picture)
    letters = height // ROWS
    while True:
        font = ImageFont.load_default(letters)
        lines = wrapped(text, font, WIDEST * width)
        tall = len(lines) * letters * 1.25
        if letters <= 6 or (tall <= height / 3 and all(font.getlength(line) <= WIDEST * width for line in lines)):
            break
        letters -= 1
    top = height * (1 - MARGIN) - tall
    box = max(font.getlength(line) for line in lines) / 2 + letters / 2
    corners = (width / 2 - box, top - letters * 0.3, width / 2 + box, top + tall + letters * 0.1)
    draw.rounded_rectangle(corners, letters * 0.3, (0, 0, 0, 150))
    for number, line in enumerate(lines):
        draw.text((width / 2, top + number * letters * 1.25), line, (255, 255, 255, 255), font, anchor="ma")
    return picture


def wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, widest: float) -> list[str]:
    """Lines no wider than ``widest`` pixels; a word that is too long by itself is cut."""
    lines = [""]
    for word in text.split():
        while font.getlength(word) > widest and len(word) > 1:
            part = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or font.getlength(word[:n]) <= widest)
            lines.append(word[:part])
            word = word[part:]
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= widest:
            lines[-1] = joined
        else:
            lines.append(word)
    return [line for line in lines if line]


def main(arguments: Sequence[str]) -> int:
    """``VIDEO SUBTITLES``: draw them in; what went wrong is on stderr."""
    try:
        burn(Path(arguments[0]), Path(arguments[1]))
    except (ValueError, OSError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
