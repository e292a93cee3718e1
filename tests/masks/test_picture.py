"""Pictures of every kind become upright RGB; bad ones are refused in one sentence that names the file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from masks.picture import LARGEST_SIDE, load_picture, picture_size


@pytest.fixture
def scene() -> np.ndarray:
    """80 high, 120 wide: red left, green right, blue band on top."""
    picture = np.zeros((80, 120, 3), np.uint8)
    picture[:, :60, 0] = picture[:, 60:, 1] = 200
    picture[:16] = (0, 0, 220)
    return picture


def test_plain_png_is_unchanged(tmp_path: Path, scene: np.ndarray) -> None:
    Image.fromarray(scene).save(tmp_path / "a.png")
    loaded = load_picture(tmp_path / "a.png")
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded, scene)
    loaded[0, 0] = 1  # writable, and its own memory
    assert picture_size(tmp_path / "a.png") == (120, 80)


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [(3, lambda a: a[::-1, ::-1]), (6, lambda a: np.rot90(a, 1)), (8, lambda a: np.rot90(a, -1)), (2, np.fliplr)],
)
def test_exif_orientation(tmp_path: Path, scene: np.ndarray, orientation: int, stored) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored(scene))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(load_picture(tmp_path / "a.png"), scene)
    assert picture_size(tmp_path / "a.png") == (120, 80)


def test_transparency_goes_over_white(tmp_path: Path, scene: np.ndarray) -> None:
    alpha = np.full((80, 120, 1), 255, np.uint8)
    alpha[40:] = 0
    alpha[:16] = 128
    Image.fromarray(np.concatenate([scene, alpha], -1)).save(tmp_path / "a.png")
    loaded = load_picture(tmp_path / "a.png")
    assert (loaded[40:] == 255).all()
    np.testing.assert_array_equal(loaded[16:40], scene[16:40])
    np.testing.assert_allclose(loaded[:16].reshape(-1, 3).mean(0), (127, 127, 237), atol=2)


def test_palette_with_transparent_colour(tmp_path: Path, scene: np.ndarray) -> None:
    indexed = Image.fromarray(scene).quantize(4)
    hidden = indexed.getpixel((0, 79))
    indexed.save(tmp_path / "a.gif", transparency=hidden)
    loaded = load_picture(tmp_path / "a.gif").astype(int)
    assert (loaded[20:, :60] == 255).all()
    assert np.abs(loaded[20:, 60:] - scene[20:, 60:]).max() < 8


def test_sixteen_bit_grey_keeps_its_range(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (64, 1))
    Image.fromarray(ramp).save(tmp_path / "a.png")
    loaded = load_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(loaded[0, :, 0], np.arange(256))
    assert (loaded[..., 0] == loaded[..., 2]).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK"])
def test_other_modes(tmp_path: Path, scene: np.ndarray, mode: str) -> None:
    suffix = "png" if mode in ("1", "L", "LA") else "tif"
    converted = Image.fromarray(scene).convert(mode)
    converted.save(tmp_path / f"a.{suffix}")
    loaded = load_picture(tmp_path / f"a.{suffix}")
    assert loaded.shape == (80, 120, 3)
    expected = np.asarray(converted.convert("RGB")).astype(int)
    assert np.abs(loaded.astype(int) - expected).max() <= 3


def test_cmyk_jpeg(tmp_path: Path, scene: np.ndarray) -> None:
    Image.fromarray(scene).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    loaded = load_picture(tmp_path / "a.jpg").astype(int)
    assert np.abs(loaded[40:70, 10:50] - (200, 0, 0)).max() < 12


def test_colour_profile_is_applied(tmp_path: Path, scene: np.ndarray) -> None:
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    in_lab = ImageCms.profileToProfile(Image.fromarray(scene), srgb, lab, outputMode="LAB")
    in_lab.save(tmp_path / "a.tif", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())
    loaded = load_picture(tmp_path / "a.tif").astype(int)
    assert np.abs(loaded - scene).max() <= 25  # 8-bit CIELAB is coarse
    Image.fromarray(scene).save(tmp_path / "b.png", icc_profile=b"not a profile")
    np.testing.assert_array_equal(load_picture(tmp_path / "b.png"), scene)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_large_pictures_are_reduced(tmp_path: Path, suffix: str) -> None:
    large = np.zeros((200, 10_000, 3), np.uint8)
    large[:, 5000:] = 250
    Image.fromarray(large).save(tmp_path / f"a.{suffix}")
    loaded = load_picture(tmp_path / f"a.{suffix}")
    assert loaded.shape == (82, LARGEST_SIDE, 3)
    assert loaded[:, :2000].max() < 8
    assert loaded[:, 2100:].min() > 242
    assert picture_size(tmp_path / f"a.{suffix}") == (10_000, 200)


def save_cut_off(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:20_000])


def save_bomb(path: Path) -> None:
    Image.new("1", (64, 64)).save(path)
    data = path.read_bytes()
    header = b"IHDR" + struct.pack(">II", 30_000, 20_000) + data[24:29]
    path.write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])


BAD = {
    "there is no picture": ("absent.png", lambda p: None),
    "is a folder": ("folder.png", Path.mkdir),
    "is an empty file": ("empty.png", Path.touch),
    "not a picture that can be read; save it as PNG": ("text.png", lambda p: p.write_text("hello")),
    "not a picture that can be read; save it as": ("drawing.svg", lambda p: p.write_text("<svg/>")),
    "is broken or cut off": ("cut.png", save_cut_off),
    "cut off (": ("cut.jpg", save_cut_off),
    "has only 40 x 90 pixels; use one of at least 64": ("tiny.png", lambda p: Image.new("RGB", (40, 90)).save(p)),
    "too large; reduce it to at most 40 million": ("bomb.png", save_bomb),
    "floating-point": ("float.tif", lambda p: Image.new("F", (80, 80)).save(p)),
}


@pytest.mark.parametrize("part", BAD)
def test_bad_pictures_are_refused(tmp_path: Path, part: str) -> None:
    name, make = BAD[part]
    make(tmp_path / name)
    with pytest.raises(ValueError) as caught:
        load_picture(tmp_path / name)
    sentence = str(caught.value)
    assert part in sentence.replace("There", "there")
    assert name in sentence
    assert "\n" not in sentence
