"""Signatures: whoever changes a bit is told of, who is trusted is told apart, and a key of no use is named first."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from refusals import refused

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from studio.cli import main
from studio.export import signature, signing_key
from studio.export.boxes import boxes, signature_edits
from studio.export.provenance import make_record, mark, verify
from studio.export.signature import can_sign, sign, signing_problems
from studio.export.signing_key import AUTHORITY, CERTIFICATES, KEY, signing_folder
from studio.export.writers import write_sound, write_video
from studio.scene.voices import voice_names

c2pa = pytest.importorskip("c2pa")


def write_picture(path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)).save(path)
    return path


def record_of(folder: Path) -> dict:
    scene = {"picture": "a.png", "title": "One", "consent": "agreed", "statement": "Ada", "cast": [], "script": []}
    return make_record(scene, folder, {"seed": 3}, photograph=True)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed film with subtitles beside it and a picture that has a signature of its own."""
    folder = tmp_path_factory.mktemp("signed")
    picture, record = write_picture(folder / "a.png"), record_of(folder)
    mark(picture, record)
    sign(picture, record)
    still = np.full((32, 48, 3), 120, np.uint8)
    sound = Audio(np.sin(np.arange(5 * 960) / 9) / 3, SAMPLE_RATE)
    film = write_video([still] * 5, sound, folder / "film.mp4", picture=still, record=record)
    (folder / "film.srt").write_text("1\n00:00:00,000 --> 00:00:00,200\nNora: Yes.\n")
    sign(film, record, picture=picture, beside=[folder / "film.srt"])
    return film


@pytest.fixture
def film(signed: Path, tmp_path: Path) -> Path:
    shutil.copytree(signed.parent, tmp_path / "film")
    return tmp_path / "film" / signed.name


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signing folder of another user, which does not exist yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    return signing_folder()


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_the_librarys_reader_and_our_anchor_validate_it(film: Path) -> None:
    anchors = {"trust": {"trust_anchors": (signing_folder() / AUTHORITY).read_text()}}
    settings = c2pa.Settings.from_dict({"verify": {"verify_trust": True}, **anchors})
    with c2pa.Reader(str(film), context=c2pa.Context(settings)) as reader:
        found = json.loads(reader.json())
        assert reader.get_validation_state() == "Trusted"
    manifest = found["manifests"][found["active_manifest"]]
    said = {item["label"]: item["data"] for item in manifest["assertions"]}
    created, placed = said["c2pa.actions.v2"]["actions"]
    assert created["action"] == "c2pa.created" and placed["action"] == "c2pa.placed"
    assert created["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    record = verify(film).record
    assert said[signature.RECORD]["scene_sha256"] == signature.record_hash(record["scene"])
    assert said[signature.RECORD]["consent_sha256"] == record["consent_sha256"] is not None
    assert "Ada" not in json.dumps(found), "who agreed stays at home"
    (ingredient,) = manifest["ingredients"]
    assert ingredient["title"] == "a.png" and ingredient["active_manifest"] in found["manifests"], "its claims are kept"


def test_any_flipped_bit_is_told_with_what_it_is_in(film: Path) -> None:
    whole = film.read_bytes()
    assert verify(film).ok and verify(film).signature.state == "trusted"
    with film.open("rb") as file:
        places = {name: (start, end) for name, start, end in boxes(file)}
        (begin, end, _), *_ = signature_edits(file)
    media, record = places[b"mdat"], whole.index(b'"title": "One"')
    inside = [(at, "its picture or sound") for at in np.linspace(media[0], media[1] - 1, 12).astype(int)]
    inside += [(whole.index(name), "its picture or sound") for name in (b"isom", b"stts", b"stco", b"mp4a")]
    inside += [(record + 11, "its scene record")]
    for at, told in inside:
        flip(film, at)
        report = verify(film)
        assert not report.ok and report.signature.state == "changed" or at < begin, at
        assert report.record is None or report.changed == told, at
        film.write_bytes(whole)
    for name in (b"c2pa.created", b"scene_sha256", b"record_sha256"):
        flip(film, whole.rindex(name, begin, end) + 2)
        assert verify(film).changed == "its signature"
        film.write_bytes(whole)
    flip(film, whole.index(b"c2pa.created"))  # the picture's
    assert not verify(film).ok
    film.write_bytes(whole)
    flip(film.with_suffix(".srt"), 40)
    assert verify(film).ok and verify(film).changed == "film.srt" and "film.srt beside it" in verify(film).sentence
    film.with_suffix(".srt").unlink()
    assert verify(film).changed == ""


def test_trusted_valid_changed_and_no_mark_are_told_apart(film: Path, capsys, elsewhere: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.pem"
    assert main(["verify", "--json", str(film)]) == 0
    assert json.loads(capsys.readouterr().out)["signature"] == "unknown", "another user has another authority"
    signing_key.load_signing_key()
    assert verify(film).signature.state == "unknown" and "not known here" in verify(film).sentence
    assert "does not prove who made the file" in verify(film).sentence
    issuer = re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", own_certificates(), re.DOTALL)[-1]
    anchor.write_text(issuer)
    assert main(["verify", "--trust", str(anchor), str(film)]) == 0
    assert "whom you trust" in capsys.readouterr().out
    refused(["verify", film, "--trust", film], capsys, "film.mp4 holds no certificates")
    refused(["verify", film, "--trust", tmp_path / "gone.pem"], capsys, "does not exist")
    flip(film.with_suffix(".srt"), 40)
    refused(["verify", film], capsys, "film.srt beside it was changed")
    flip(film, film.read_bytes().rindex(b"mdat") + 9)
    refused(["verify", film], capsys, "its picture or sound was changed since")


def own_certificates() -> str:
    """Those of the key that signed the film."""
    folder = Path(OWN["XDG_CONFIG_HOME"]) / "parley" / "signing"
    return (folder / CERTIFICATES).read_text()


OWN: dict[str, str] = {}


@pytest.fixture(scope="module", autouse=True)
def note_own_folder() -> None:
    OWN.update(os.environ)


@pytest.mark.parametrize("contents", [b"no picture", None], ids=["of no known kind", "cut off"])
def test_a_picture_that_the_library_cannot_read_is_named_all_the_same(contents: bytes | None, tmp_path: Path) -> None:
    picture, record = write_picture(tmp_path / "a.png"), record_of(tmp_path)
    picture.write_bytes(contents or picture.read_bytes()[:2000])
    path = write_sound(Audio(np.ones(240) / 3, SAMPLE_RATE), tmp_path / "a.wav", record)
    sign(path, record, picture=picture)
    assert verify(path).signature.state == "trusted"
    with c2pa.Reader(str(path)) as reader:
        assert [item["title"] for item in reader.get_active_manifest()["ingredients"]] == ["a.png"]


def test_without_its_signature_a_file_is_what_it_was(film: Path, tmp_path: Path) -> None:
    record = record_of(tmp_path)
    sound = write_sound(Audio(np.ones(2401) / 3, SAMPLE_RATE), tmp_path / "a.wav", record)
    picture = write_picture(tmp_path / "b.png")
    mark(picture, record)
    for path in (sound, picture):
        before = path.read_bytes()
        sign(path, record)
        assert verify(path).signature.state == "trusted"
        assert without_signature(path) == before
    film.write_bytes(without_signature(film))
    assert verify(film).ok and verify(film).signature.state == "none" and "no signature" in verify(film).sentence


def test_a_film_of_several_megabytes_is_what_its_mark_says(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (5, 480, 640, 3), np.uint8)
    film, record = tmp_path / "film.mp4", record_of(tmp_path)
    write_video(noise, Audio(np.zeros(5 * 960, np.float32), SAMPLE_RATE), film, picture=noise[0], record=record)
    before = film.read_bytes()
    sign(film, record)
    assert film.read_bytes().count(bytes.fromhex("d8fec3d61b0e483c92975828877ec481")) > 1, "hashes of parts, too"
    assert without_signature(film) == before
    assert verify(film).ok and verify(film).signature.state == "trusted"


def without_signature(path: Path) -> bytes:
    data = path.read_bytes()
    with path.open("rb") as file:
        edits = signature_edits(file)
    for begin, end, contents in reversed(edits):
        data = data[:begin] + contents + data[end:]
    return data


def test_an_edited_copy_names_the_film_that_it_is_of(film: Path) -> None:
    copy = film.with_name("copy.mp4")
    record = verify(film).record
    copy.write_bytes(without_signature(film))
    sign(copy, record, made_of=film)
    assert verify(copy).signature.state == "trusted"
    with c2pa.Reader(str(copy)) as reader:
        manifest = reader.get_active_manifest()
    (actions,) = (a["data"]["actions"] for a in manifest["assertions"] if a["label"] == "c2pa.actions.v2")
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]
    assert [i["relationship"] for i in manifest["ingredients"]] == ["parentOf"]


def test_where_the_library_is_missing_nothing_is_signed_and_verify_says_so(film: Path, monkeypatch) -> None:
    monkeypatch.setattr(signature, "find_spec", lambda name: None)
    assert not can_sign() and signing_problems() == []
    report = verify(film)
    assert report.ok and report.signature.state == "unread" and "c2pa-python" in report.sentence
    before = film.read_bytes()
    sign(film, report.record)
    assert film.read_bytes() == before


def test_a_key_is_made_once_and_is_its_owners_alone(elsewhere: Path) -> None:
    first = signing_key.load_signing_key()
    assert signing_key.load_signing_key() == first and signing_problems() == []
    if os.name == "posix":
        assert stat.S_IMODE((elsewhere / KEY).stat().st_mode) == 0o600
    assert sorted(path.name for path in elsewhere.iterdir()) == [AUTHORITY, CERTIFICATES, KEY]
    assert list(elsewhere.parent.iterdir()) == [elsewhere]


def sign_itself(folder: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    private = load_pem_private_key((folder / KEY).read_bytes(), None)
    made = signing_key._certificate(private, private, authority=True)
    (folder / CERTIFICATES).write_bytes(made.public_bytes(Encoding.PEM))


def of_another(folder: Path) -> None:
    shutil.copy(Path(OWN["XDG_CONFIG_HOME"]) / "parley" / "signing" / KEY, folder / KEY)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a foreign key": (of_another, "does not belong to the first certificate"),
    "a key that is no key": (lambda folder: (folder / KEY).write_text("secret"), "key.pem cannot be read"),
    "a key without certificates": (lambda folder: (folder / CERTIFICATES).unlink(), "lacks its file certificates.pem"),
    "certificates without a key": (lambda folder: (folder / KEY).unlink(), "lacks its file key.pem"),
    "certificates that are none": (lambda folder: (folder / CERTIFICATES).write_text("x"), "cannot be read"),
    "a key that is a folder": (lambda folder: ((folder / KEY).unlink(), (folder / KEY).mkdir()), "lacks its file"),
    "a certificate by itself": (sign_itself, "do not fit C2PA"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_key_of_no_use_is_told_in_one_sentence(case: str, elsewhere: Path) -> None:
    spoil, told = BAD[case]
    signing_key.load_signing_key()
    spoil(elsewhere)
    (problem,) = signing_problems()
    assert told in str(problem) and problem.repair and "BEGIN" not in str(problem) and str(problem).isprintable()


def test_it_is_told_before_any_work(elsewhere: Path, tmp_path: Path, capsys) -> None:
    signing_key.load_signing_key()
    (elsewhere / KEY).unlink()
    refused(["say", "Hello.", "--voice", voice_names()[0], "-o", tmp_path / "a.wav"], capsys, "lacks its file key.pem")
    (tmp_path / "scene.yaml").write_text("picture: gone.png")
    assert main(["render", str(tmp_path / "scene.yaml"), "-o", str(tmp_path / "a.mp4")]) == 1
    assert "lacks its file key.pem" in capsys.readouterr().err


def test_an_expired_certificate_is_told(elsewhere: Path, monkeypatch) -> None:
    class Past(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2001, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(signing_key, "datetime", Past)
    signing_key.load_signing_key()
    monkeypatch.setattr(signing_key, "datetime", datetime)
    (problem,) = signing_problems()
    assert "valid from 2000-12-31 to 2010-12-30 only" in str(problem)


def test_a_signature_whose_certificate_has_expired_is_not_called_changed() -> None:
    failed = [{"code": "signingCredential.expired"}]
    found = {"validation_results": {"activeManifest": {"success": [{"code": "x"}], "failure": failed}}}
    assert signature._signature(found).state == "expired"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    (problem,) = signing_problems()
    assert "cannot be used" in str(problem) and "Errno" not in str(problem)
