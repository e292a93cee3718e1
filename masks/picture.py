"""Reading pictures: what a camera, scanner or paint program wrote becomes upright 8-bit RGB, or one clear sentence."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

log = logging.getLogger(__name__)

SMALLEST_SIDE = 64
LARGEST_SIDE = 4096
MOST_PIXELS = 200_000_000
ORIENTATION = 0x0112
FORMATS = "PNG, JPEG, WebP, TIFF, BMP or GIF"


def picture_size(path: str | Path) -> tuple[int, int]:
    """Width and height in pixels of the file's upright picture, before any reduction; reads only the header.

    Raises:
        ValueError: as :func:`load_picture`, as far as the header shows it.
    """
    with _opened(Path(path)) as picture:
        return _upright_size(picture)


def load_picture(path: str | Path) -> np.ndarray:
    """The picture as uint8 (H, W, 3), sRGB, turned upright by its EXIF tag, transparency over white.

    16-bit, grey, palette and CMYK pictures are converted, with their colour profile where there is one. Sides longer
    than 4096 pixels are reduced to that by averaging; nothing is ever enlarged.

    Raises:
        ValueError: no such file, not a picture, broken, cut off, under 64 pixels a side or over 200 million pixels.
    """
    path = Path(path)
    with _opened(path) as picture:
        width, height = _upright_size(picture)
        profile = picture.info.get("icc_profile")
        try:
            longest = max(width, height)
            if longest > 2 * LARGEST_SIDE:  # JPEG can be decoded at half size and less; other formats ignore this
                picture.draft(None, (picture.width * LARGEST_SIDE // longest, picture.height * LARGEST_SIDE // longest))
            upright = ImageOps.exif_transpose(picture)
            rgb = _over_white(_to_srgb(_to_8_bit(upright, path), profile))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            if isinstance(error, ValueError) and str(error).startswith(str(path)):
                raise
            raise ValueError(f"{path.name} is broken or cut off ({error}); save or copy it again.") from error
    if max(rgb.size) > LARGEST_SIDE:
        log.info("%s is reduced from %d x %d pixels to a longer side of %d.", path, width, height, LARGEST_SIDE)
        rgb.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
    return np.array(rgb, dtype=np.uint8)


def _opened(path: Path) -> Image.Image:
    if not path.exists():
        raise ValueError(f"There is no picture {path.name}; check its name and folder.")
    if not path.is_file():
        raise ValueError(f"{path.name} is a folder, not a picture; name a file in it.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path.name} is an empty file; save or copy the picture again.")
    try:
        picture = Image.open(path)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path.name} is not a picture that can be read; save it as {FORMATS}.") from error
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"{path.name} is too large; reduce it to at most {MOST_PIXELS // 10**6} million pixels."
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be opened as a picture ({error}); save it as {FORMATS}.") from error
    width, height = picture.size
    problem = ""
    if width * height > MOST_PIXELS:
        problem = f"has {width} x {height} pixels; reduce it to at most {MOST_PIXELS // 10**6} million pixels"
    elif min(width, height) < SMALLEST_SIDE:
        problem = f"has only {width} x {height} pixels; use one of at least {SMALLEST_SIDE} pixels a side"
    if problem:
        picture.close()
        raise ValueError(f"{path.name} {problem}.")
    return picture


def _upright_size(picture: Image.Image) -> tuple[int, int]:
    exif = Image.Exif()
    if picture.format == "PNG":  # Pillow's getexif would decode the whole picture
        exif.load(picture.info.get("exif", b""))
    else:
        exif = picture.getexif()
    turned = exif.get(ORIENTATION, 1) in (5, 6, 7, 8)
    return (picture.height, picture.width) if turned else picture.size


def _to_8_bit(picture: Image.Image, path: Path) -> Image.Image:
    """Grey of 16 bits to 8 (Pillow would clip it); palettes to RGB with their transparency."""
    if picture.mode == "F":
        raise ValueError(
            f"{path.name} holds floating-point values of unknown range; save it as 8- or 16-bit {FORMATS}."
        )
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
