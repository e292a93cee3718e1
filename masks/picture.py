"""Reads picture files of any usual kind as upright 8-bit RGB, with one sentence for each fault."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

log = logging.getLogger(__name__)

SMALLEST_SIDE = 64
LARGEST_SIDE = 4096
MOST_PIXELS = 40_000_000
"""Pixels that are decoded at once."""
MOST_JPEG_PIXELS = 150_000_000
"""Pixels of a JPEG file, which can be decoded at half its size and less."""
ORIENTATION = 0x0112
FORMATS = "PNG, JPEG, WebP, TIFF, BMP or GIF"
_READ = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""Pillow's names of what is read; some of the others start a program to be read."""
_STRIP_PIXELS = 4_000_000


def picture_size(path: str | Path, smallest: int = SMALLEST_SIDE) -> tuple[int, int]:
    """Width and height in pixels of the file's upright picture, before any reduction; reads only the header.

    Raises:
        ValueError: as :func:`load_picture`, as far as the header shows it.
    """
    with open_picture(Path(path), smallest) as picture:
        return (picture.height, picture.width) if _orientation(picture) in (5, 6, 7, 8) else picture.size


def load_picture(path: str | Path) -> np.ndarray:
    """The picture as uint8 (H, W, 3), sRGB, turned upright by its EXIF tag, transparency over white.

    16-bit, grey, palette and CMYK pictures are converted, with their colour profile where there is one. Sides longer
    than 4096 pixels are reduced to that by averaging; nothing is ever enlarged.

    Raises:
        ValueError: no such file, not a picture, broken, cut off, under 64 pixels a side or over 40 million pixels (150
            as JPEG).
    """
    path = Path(path)
    with open_picture(path) as picture:
        width, height = picture.size
        profile = picture.info.get("icc_profile")
        if (factor := _jpeg_factor(picture)) > 1:
            picture.draft(None, (-(-width // factor), -(-height // factor)))
        if picture.mode == "F":
            raise ValueError(
                f"{path.name} holds floating-point values of unknown range; save it as 8- or 16-bit {FORMATS}."
            )
        pixels = np.empty((0, 0, 3), np.uint8)
        for rows, strip in _strips(picture, path):
            if not pixels.size:
                pixels = np.empty((picture.height, picture.width, 3), np.uint8)
            pixels[rows] = np.asarray(_over_white(_to_srgb(_to_8_bit(strip), profile)))
        orientation = _orientation(picture)
    del picture, strip
    if max(pixels.shape) > LARGEST_SIDE or factor > 1:
        log.info("%s is reduced from %d x %d pixels to a longer side of %d.", path, width, height, LARGEST_SIDE)
        reduced = Image.fromarray(pixels)
        del pixels
        reduced.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
        pixels = np.asarray(reduced)
    return np.array(_turned(pixels, orientation), dtype=np.uint8)


def load_levels(path: str | Path) -> np.ndarray:
    """How white each pixel is, or how opaque where anything is see-through: float32 (H, W) in [0, 1], turned upright.

    Raises:
        ValueError: as :func:`load_picture`.
    """
    path = Path(path)
    with open_picture(path, smallest=1) as picture:
        with_alpha = "A" in picture.getbands() or "transparency" in picture.info
        levels = np.empty((0, 0), np.float32)
        opacity = None
        for rows, strip in _strips(picture, path):
            if not levels.size:
                levels = np.empty((picture.height, picture.width), np.float32)
                opacity = np.empty(levels.shape, np.uint8) if with_alpha else None
            bands = np.asarray(strip.convert("RGBA" if with_alpha else "RGB"))
            levels[rows] = (np.float32(bands[..., :3]) / np.float32(255)).mean(-1)
            if opacity is not None:
                opacity[rows] = bands[..., 3]
        orientation = _orientation(picture)
    del picture, strip
    if opacity is not None and opacity.min() < 255:
        levels = np.float32(opacity) / np.float32(255)
    return np.ascontiguousarray(_turned(levels, orientation))


def open_picture(path: Path, smallest: int = SMALLEST_SIDE) -> Image.Image:
    """A file's picture with its header read and nothing decoded, of a size that can be.

    Raises:
        ValueError: as :func:`load_picture`, as far as the header shows it.
    """
    if not path.exists():
        raise ValueError(f"There is no picture {path.name}; check its name and folder.")
    if not path.is_file():
        raise ValueError(f"{path.name} is a folder, not a picture; name a file in it.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path.name} is an empty file; save or copy the picture again.")
    too_large = f"{path.name} is too large; reduce it to at most {MOST_PIXELS // 10**6} million pixels."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that are refused below, and of damaged tags
            picture = Image.open(path, formats=_READ)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path.name} is not a picture that can be read; save it as {FORMATS}.") from error
    except Image.DecompressionBombError as error:
        raise ValueError(too_large) from error
    except Exception as error:  # Pillow's parsers raise many kinds
        raise ValueError(
            f"{path.name} cannot be opened as a picture ({_words(error)}); save it as {FORMATS}."
        ) from error
    width, height = picture.size
    problem = ""
    if width * height > (MOST_JPEG_PIXELS if _jpeg_factor(picture) > 1 else MOST_PIXELS):
        most = f"at most {MOST_PIXELS // 10**6} million pixels"
        problem = f"has {width} x {height} pixels; reduce it to {most}, or save it as an ordinary JPEG"
    elif min(width, height) < smallest:
        problem = f"has only {width} x {height} pixels; use one of at least {SMALLEST_SIDE} pixels a side"
    if problem:
        picture.close()
        raise ValueError(f"{path.name} {problem}.")
    return picture


def _jpeg_factor(picture: Image.Image) -> int:
    """By how much a JPEG's sides can be divided while it is decoded, so that the longer one stays over the limit."""
    if picture.format not in ("JPEG", "MPO") or picture.info.get("progressive") or picture.info.get("progression"):
        return 1
    return next((factor for factor in (8, 4, 2) if max(picture.size) > factor * LARGEST_SIDE), 1)


def _strips(picture: Image.Image, path: Path) -> Iterator[tuple[slice, Image.Image]]:
    """The decoded picture in strips of rows: what is converted takes several times the memory of what is kept."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.load()
        height = max(1, _STRIP_PIXELS // picture.width)
        for top in range(0, picture.height, height):
            bottom = min(top + height, picture.height)
            strip = picture if bottom - top == picture.height else picture.crop((0, top, picture.width, bottom))
            yield slice(top, bottom), strip
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds
        raise ValueError(f"{path.name} is broken or cut off ({_words(error)}); save or copy it again.") from error


def _words(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where the tags are missing or damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = Image.Exif()
            if picture.format == "PNG":  # Pillow's getexif would decode the whole picture
                exif.load(picture.info.get("exif", b""))
            else:
                exif = picture.getexif()
            return int(exif.get(ORIENTATION, 1))
    except Exception:  # any bytes may stand there, and Pillow raises many kinds
        return 1


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, ...) as the EXIF orientation means it."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def _to_8_bit(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits to 8 (Pillow would clip it); palettes to RGB with their transparency."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture, dtype=np.int64)
        return Image.fromarray(np.clip((values + 128) // 257, 0, 255).astype(np.uint8))
    if picture.mode == "P":
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    return picture


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB or RGBA by the file's own colour profile; without a usable one by the plain formulas."""
    plain = "RGBA" if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info else "RGB"
    if profile and picture.mode in ("RGB", "RGBA", "CMYK", "LAB"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = "RGBA" if picture.mode == "RGBA" else "RGB"
            shown = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode=mode)
            assert shown is not None  # None only in place
            return shown
        except (ImageCms.PyCMSError, OSError):
            log.warning("The colour profile of the picture is unusable; its colours are taken as sRGB.")
    return picture.convert(plain)


def _over_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, picture).convert("RGB")
