"""Signature of an exported file, by C2PA 2 content credentials: what made it, of what, and that it is unchanged since.

It comes last, over everything that is in the file, the XMP mark with the scene included. Signed are MP4, QuickTime, WAV
and PNG; the standard names no place in Matroska and WebM. See docs/provenance.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Literal

from studio.core.problems import DocumentError, Problem
from studio.export.boxes import container
from studio.export.signing_key import SigningKey, load_signing_key, trusted_authorities

MEDIA = {".mp4": "video/mp4", ".mov": "video/quicktime", ".wav": "audio/wav", ".png": "image/png"}
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MOST_WAV_BYTES = 20_000_000
"""Of a sound that is signed, 4 minutes: the library holds it twice in memory. The film names its hash anyway."""
_UNKNOWN = "application/octet-stream"
RECORD = "parley.record"
"""Name of our own assertion."""

State = Literal["none", "unread", "changed", "expired", "unknown", "trusted"]


@dataclass(frozen=True)
class Signature:
    """What is known of a file's signature.

    Attributes:
        state: ``none``: not signed; ``unread``: c2pa-python, which reads it, is not installed; ``changed``: the file or
            the signature itself was changed; ``expired``: its certificate; ``unknown``: valid, but nobody whom we trust
            vouches for the signer; ``trusted``.
        signer: as the certificate names it; who that is only a trusted authority vouches for.
        record_sha256: of the record that was signed, see :func:`record_hash`.
        files: SHA-256 of the files that came with this one, by name.
    """

    state: State
    signer: str = ""
    record_sha256: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def can_sign() -> bool:
    """Whether c2pa-python is installed: files are then signed."""
    return find_spec("c2pa") is not None


def signing_problems() -> list[Problem]:
    """Why nothing could be signed here: tried on a short sound; empty also where c2pa-python is not installed."""
    if not can_sign():
        return []
    try:
        _try_key(load_signing_key())
    except DocumentError as error:
        return list(error.problems)
    return []


@cache
def _try_key(key: SigningKey) -> None:
    import c2pa

    silence = io.BytesIO()
    with contextlib.closing(wave.open(silence, "wb")) as file:
        file.setparams((1, 2, 8000, 1, "NONE", ""))
        file.writeframes(b"\0\0")
    silence.seek(0)
    try:
        made = {"action": "c2pa.created", "digitalSourceType": f"{SOURCE_TYPES}digitalCreation"}
        manifest = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [made]}}]}
        with c2pa.Builder(manifest, context=_context()) as builder:
            builder.sign(_signer(key), "audio/wav", silence, io.BytesIO())
    except c2pa.C2paError as error:
        what = f"the signing key's certificates do not fit C2PA ({' '.join(str(error).split())[:120]})"
        raise DocumentError([Problem("output", what, "see docs/provenance.md for what it needs")]) from None


def record_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 of a provenance record as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def sign(
    path: Path,
    record: Mapping[str, Any],
    *,
    picture: Path | None = None,
    made_of: Path | None = None,
    beside: Sequence[Path] = (),
) -> None:
    """Sign a file that carries its mark, if c2pa-python is installed and the format can be signed.

    Args:
        path: the file; replaced by the signed one.
        record: what the mark says.
        picture: what was animated; content credentials of its own go into the signature unchanged.
        made_of: a finished film of which this is an edited copy.
        beside: files that come with it, whose hashes are signed too.

    Raises:
        DocumentError: the key cannot be used.
    """
    if path.suffix.lower() not in MEDIA or not can_sign():
        return
    if path.suffix.lower() == ".wav" and path.stat().st_size > MOST_WAV_BYTES:
        return
    import c2pa

    signer = _signer(load_signing_key())
    signed = path.with_name(f".signed-{path.name}")
    with c2pa.Builder(_manifest(path, record, picture, made_of, beside), context=_context()) as builder:
        for source, how in ((picture, "componentOf"), (made_of, "parentOf")):
            if source is not None:
                _add_ingredient(builder, source, how)
        builder.sign_file(str(path), str(signed), signer)
    signed.replace(path)


def _add_ingredient(builder: Any, source: Path, how: str) -> None:  # noqa: ANN401 - of an optional package
    """Name a film or picture; one that the library cannot read, though we can, without looking into it."""
    import c2pa
    from PIL import Image

    about = {"title": source.name, "relationship": how, "label": how}
    try:
        kind = MEDIA.get(source.suffix.lower())
        if how == "componentOf" and kind not in ("video/mp4", "video/quicktime"):
            with Image.open(source) as image:
                kind = Image.MIME.get(image.format or "")
        with source.open("rb") as stream:
            builder.add_ingredient(about, kind or _UNKNOWN, stream)
    except (c2pa.C2paError, OSError, Image.DecompressionBombError):
        with source.open("rb") as stream:
            builder.add_ingredient(about, _UNKNOWN, stream)


def _manifest(
    path: Path, record: Mapping[str, Any], picture: Path | None, made_of: Path | None, beside: Sequence[Path]
) -> dict[str, Any]:
    name, _, version = record["generator"].partition(" ")
    agent = {"name": name, "version": version or "0"}
    created = {"action": "c2pa.created", "digitalSourceType": record["digital_source_type"], "softwareAgent": agent}
    actions: list[dict[str, Any]] = [created]
    if picture is not None:
        actions.append({"action": "c2pa.placed", "parameters": {"ingredientIds": ["componentOf"]}})
    if made_of is not None:
        opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parentOf"]}}
        actions = [opened, {"action": "c2pa.edited", "softwareAgent": agent}]
    own = {
        "scene_sha256": record_hash(record["scene"]),
        "record_sha256": record_hash(record),
        "consent_sha256": record.get("consent_sha256"),
        "files": {file.name: file_hash(file) for file in beside},
    }
    assertions = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}, {"label": RECORD, "data": own}]
    return {"claim_generator_info": [agent], "title": path.name, "assertions": assertions}


def _container_type(file: BinaryIO) -> str:
    return {"mp4": "video/mp4", "wav": "audio/wav", "png": "image/png"}[container(file)]


def file_hash(path: Path) -> str:
    """SHA-256 of a whole file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_signature(path: Path, trusted: bytes = b"") -> Signature:
    """Reads and checks the signature of a file, without any network.

    Args:
        path: a file that has one.
        trusted: certificates of further authorities that are trusted, PEM, beside those of the signing folder.
    """
    if not can_sign():
        return Signature("unread")
    import c2pa

    anchors = trusted_authorities() + trusted
    try:
        with path.open("rb") as file, c2pa.Reader(_container_type(file), file, context=_context(anchors)) as reader:
            return _signature(json.loads(reader.json()))
    except (c2pa.C2paError, ValueError, KeyError):
        return Signature("changed")


def _signature(found: Mapping[str, Any]) -> Signature:
    manifest = found.get("manifests", {}).get(found.get("active_manifest"), {})
    results = found.get("validation_results", {})
    own = results.get("activeManifest", {})
    failures = {item["code"] for item in own.get("failure", ())}
    # What an ingredient's own signature is worth is its own affair; that it is the one that was signed is not.
    for delta in results.get("ingredientDeltas", ()):
        codes = (item["code"] for item in delta.get("validationDeltas", {}).get("failure", ()))
        failures |= {code for code in codes if code.startswith("ingredient.")}
    state: State = "unknown"
    if failures - {"signingCredential.untrusted", "signingCredential.expired"} or "success" not in own:
        state = "changed"
    elif "signingCredential.expired" in failures:
        state = "expired"
    elif any(item["code"] == "signingCredential.trusted" for item in own["success"]):
        state = "trusted"
    said: dict[str, Any] = next((a["data"] for a in manifest.get("assertions", ()) if a["label"] == RECORD), {})
    about = manifest.get("signature_info", {})
    signer = ", ".join(filter(None, (about.get("issuer"), about.get("common_name"))))
    files = said.get("files", {})
    return Signature(state, signer if signer.isprintable() else "", str(said.get("record_sha256", "")), files)


def _signer(key: SigningKey) -> Any:  # noqa: ANN401 - of an optional package
    import c2pa

    info = c2pa.C2paSignerInfo(key.algorithm.encode(), key.certificates, key.key, None)
    return c2pa.Signer.from_info(info)


def _context(anchors: bytes = b"") -> Any:  # noqa: ANN401 - of an optional package
    """Settings of the library: no network, no thumbnails, whom to trust, and films of any length in 8 MB of memory."""
    import c2pa

    settings: dict[str, Any] = {
        "verify": {"verify_trust": bool(anchors), "remote_manifest_fetch": False, "ocsp_fetch": False},
        "builder": {"thumbnail": {"enabled": False}},
        "core": {"backing_store_memory_threshold_in_mb": 8, "merkle_tree_chunk_size_in_kb": 1024},
    }
    if anchors:
        settings["trust"] = {"trust_anchors": anchors.decode("ascii", "replace")}
    return c2pa.Context(c2pa.Settings.from_dict(settings))


def changed_beside(path: Path, signature: Signature) -> Iterator[str]:
    """Names of the files that came with a signed file and are not what they were; those that are gone are left out."""
    for name, digest in signature.files.items():
        other = path.parent / Path(name).name
        if other.is_file() and file_hash(other) != digest:
            yield other.name
