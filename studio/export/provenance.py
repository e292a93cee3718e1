"""Provenance mark: what a file is, which scene made it, and a hash that tells whether it was changed since.

The mark is an XMP packet (ISO 16684-1) at the end of the file, where each container keeps one: a ``uuid`` box of MP4
and QuickTime, a ``_PMX`` chunk of WAV; Matroska and WebM name no place for it, so that it is a tag ``XMP`` there. It
names the IPTC digital source type, and holds the scene and the SHA-256 of the whole file with the hash's own 64 digits
taken as zeros. It shows change; it is no signature and proves no author. A signature (``signature.py``) comes after it:
it covers the mark, and the mark's hash is that of the file without it.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO
from xml.sax.saxutils import escape, unescape

from studio.core.messages import existing_file
from studio.export.boxes import TAGS, append_tag, boxes, container, put_last_chunk, signature_edits
from studio.export.signature import SOURCE_TYPES, Signature, changed_beside, file_hash, read_signature, record_hash

SENTENCE = "AI-generated: speech and facial motion in this file were synthesised."
ALTERED = "Altered video, AI-generated in part: speech and mouths in this file were synthesised."
"""In its place where a video stood in place of the picture."""
SENTENCES = (SENTENCE, ALTERED)
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_HOLDERS = (b"uuid", b"_PMX", TAGS, b"iTXt")
"""Boxes that may hold the mark."""
MOST_BYTES = 50_000_000
"""Of a box that is read: that of an hour's film has a tenth."""
_PNG_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
_NO_DIGEST = "0" * 64
_FILE_KEYS = {"picture", "mask", "rig", "recording", "clip", "motion", "midi"}
_NO_FILE = ("motion", "voice")
"""What stands in place of a motion file."""
_PRIVATE_KEYS = {"consent", "statement"}
_SPOKEN_KEYS = {"text", "note", "who", "name", "title", "lexicon"}
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:parley="urn:parley:provenance:1#">
<xmp:CreatorTool>{tool}</xmp:CreatorTool>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{sentence}</rdf:li></rdf:Alt></dc:description>
<Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>
<parley:record>{record}</parley:record>
<parley:sha256>{digest}</parley:sha256>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


UNSIGNED = Signature("none")


@dataclass(frozen=True)
class Verification:
    """Result of :func:`verify`.

    Attributes:
        name: the file's name.
        marked: it says that it is AI-generated.
        intact: it matches the hash in its record. Whoever changes a file can write another hash into it, so that this
            shows damage and proves no origin.
        record: what it says of itself: ``generator``, ``digital_source_type``, ``label``, ``scene``, ``files``,
            ``settings``; None if that is lost.
        signature: whether it is signed, by whom, and whether that holds.
        changed_beside: names of files that came with it and are not what they were.
    """

    name: str
    marked: bool
    intact: bool
    record: dict[str, Any] | None
    signature: Signature = UNSIGNED
    changed_beside: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Marked, and as its record and its signature say."""
        return self.marked and self.intact and self.signature.state != "changed"

    @property
    def changed(self) -> str:
        """What was changed since, in words; empty where nothing was."""
        if self.ok or self.record is None:
            return " and ".join(self.changed_beside)
        signed = self.signature.record_sha256
        if signed and signed != record_hash(self.record):
            return "its scene record"
        return "its picture or sound" if not self.intact else "its signature"

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        if not self.marked:
            return f"{self.name} carries no mark of this program."
        if self.record is None:
            return f"{self.name} is marked as AI-generated, but its record is lost or damaged; export it anew."
        what = "an altered video" if self.record["mark"] == ALTERED else "AI-generated"
        marked = f"{self.name} is marked as {what} by {self.record['generator']}"
        if not self.ok:
            return f"{marked}, but does not match its record; {self.changed} was changed since."
        beside = f" But {self.changed} beside it was changed since." if self.changed else ""
        return f"{marked} and matches its record. {self._signed}{beside}"

    @property
    def _signed(self) -> str:
        signer = f"The signature is valid and names {self.signature.signer or 'nobody'}"
        return {
            "none": "This is no signature: it does not prove who made the file.",
            "unread": "It is signed, which only c2pa-python can check (the extra c2pa); without, it does not prove who "
            "made the file.",
            "expired": f"{signer}, but its certificate has expired.",
            "unknown": f"{signer}, who is not known here: it does not prove who made the file.",
            "trusted": f"{signer}, whom you trust.",
        }[self.signature.state]


def public_scene(scene: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], list[dict[str, str | None]]]:
    """A scene document that may leave the machine, and the files it names.

    Args:
        scene: the document as plain data.
        folder: where its relative file names start.

    Returns:
        The document with file names in place of paths and without records of consent, and for each file where the
        document names it, its name, and its SHA-256 (None if it is missing).
    """
    files: list[dict[str, str | None]] = []

    def walk(value: Any, where: str, key: str) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, Mapping):
            # A key can be a path as well, such as the file of an adapter.
            keys = {k: _name(k) if key == "styles" else k for k in value if k not in _PRIVATE_KEYS}
            inner = {k: key if key in ("lexicon", "motion") else k for k in keys}
            return {name: walk(value[k], f"{where}.{name}".lstrip("."), inner[k]) for k, name in keys.items()}
        if isinstance(value, list | tuple):
            return [walk(item, f"{where}[{i}]", key) for i, item in enumerate(value)]
        if not isinstance(value, str) or key in _SPOKEN_KEYS:
            return value
        if key in _FILE_KEYS and (key, value) != _NO_FILE:
            path = folder / value
            digest = file_hash(path) if path.is_file() else None
            files.append({"where": where, "name": _name(value), "sha256": digest})
            return _name(value)
        return _name(value) if _is_path(value) else value

    return walk(scene, "", ""), files


def _is_path(text: str) -> bool:
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or text.startswith(("~", "file:"))


def _name(path: str) -> str:
    return PureWindowsPath(path).name  # knows both kinds of slashes


def make_record(
    scene: Mapping[str, Any] | None,
    folder: Path,
    settings: Mapping[str, Any],
    *,
    photograph: bool,
    label: bool = True,
    video: bool = False,
) -> dict[str, Any]:
    """Provenance record of a file.

    Args:
        scene: the scene document as plain data, or None (a line spoken from the command line).
        folder: where the scene's relative file names start.
        settings: what else made the result: seed, steps, sizes; plain data without paths.
        photograph: a picture that no program drew was animated: the IPTC source type is then, and of a video,
            compositeWithTrainedAlgorithmicMedia, else trainedAlgorithmicMedia.
        label: the visible label is drawn; turning it off is recorded here.
        video: a video was altered.

    Of who agreed to what it holds the hash alone, ``consent_sha256``, so that a statement can be shown later.
    """
    try:
        version = metadata.version("parley")
    except metadata.PackageNotFoundError:
        version = "from source"
    kind = "compositeWithTrainedAlgorithmicMedia" if photograph or video else "trainedAlgorithmicMedia"
    document, files = public_scene(scene or {}, folder)
    consent = {key: value for key, value in (scene or {}).items() if key in _PRIVATE_KEYS and value}
    return {
        "mark": ALTERED if video else SENTENCE,
        "generator": f"parley {version}",
        "digital_source_type": SOURCE_TYPES + kind,
        "label": label,
        "scene": document,
        "files": files,
        "settings": dict(settings),
        "consent_sha256": record_hash(consent) if consent else None,
    }


def mark(path: Path, record: Mapping[str, Any]) -> None:
    """Appends the mark to a finished file of any kind that we write.

    Raises:
        ValueError: another kind of file, or one that is marked already.
    """
    if _find(path) is not None:
        raise ValueError(f"{path.name} carries a mark already; write the file anew.")
    packet = _PACKET.format(
        tool=escape(record["generator"]),
        sentence=ALTERED if record["mark"] == ALTERED else SENTENCE,
        source=record["digital_source_type"],
        record=escape(json.dumps(record, ensure_ascii=True, sort_keys=True)),
        digest=_NO_DIGEST,
    ).encode()
    with path.open("r+b") as file:
        kind = container(file)
        if kind == "matroska":
            append_tag(file, "XMP", packet)
        elif kind == "png":
            at = file.seek(-12, 2)
            put_last_chunk(file, at, b"iTXt", _PNG_KEYWORD + packet)
        elif kind == "wav":
            packet += b" " * (len(packet) % 2)
            file.seek(0, 2)
            file.write(b"_PMX" + struct.pack("<I", len(packet)) + packet)
            size = file.tell() - 8
            file.seek(4)
            file.write(struct.pack("<I", size))
        else:
            file.seek(0, 2)
            file.write(struct.pack(">I", len(packet) + 24) + b"uuid" + _XMP_UUID + packet)
    found = _find(path)
    if found is None:
        raise RuntimeError(f"The mark of {path.name} cannot be read back.")
    offset, _, stop = found
    digest = _marked_hash(path, offset, stop)
    with path.open("r+b") as file:
        if kind == "png":  # whose chunks have check sums
            put_last_chunk(file, at, b"iTXt", _PNG_KEYWORD + packet.replace(_NO_DIGEST.encode(), digest.encode()))
            return
        file.seek(offset)
        file.write(digest.encode())


def _field(packet: bytes, name: bytes) -> str:
    match = re.search(rb"<parley:%b>(.*?)</parley:%b>" % (name, name), packet, re.S)
    if match is None:
        raise ValueError(f"the mark has no {name.decode()}")
    return match[1].decode()


def verify(path: Path | str, trusted: bytes = b"") -> Verification:
    """Reads the mark of a file back and checks that no byte has changed since, and its signature.

    Args:
        path: the file.
        trusted: certificates of authorities that are trusted beside our own, PEM.

    Raises:
        ValueError: no such file.
    """
    path = Path(path)
    if reason := existing_file(path, "the file", "check its name and folder."):
        raise ValueError(reason[0].upper() + reason[1:])
    try:
        found = _find(path)
        if found is None:
            return Verification(path.name, _has_sentence(path), False, None)
        offset, packet, stop = found
        digest = _field(packet, b"sha256")
        record = _checked_record(json.loads(unescape(_field(packet, b"record"))))
        with path.open("rb") as file:
            signed = bool(signature_edits(file))
        intact = digest == _marked_hash(path, offset, stop)
    except (ValueError, struct.error, RecursionError):
        return Verification(path.name, _has_sentence(path), False, None)
    signature = read_signature(path, trusted) if signed else UNSIGNED
    beside = () if signature.state == "changed" else tuple(changed_beside(path, signature))
    return Verification(path.name, True, intact, record, signature, beside)


def _checked_record(record: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """A record of the form that :func:`make_record` gives it, whoever wrote it.

    Raises:
        ValueError: another form.
    """
    if not isinstance(record, dict) or record.get("mark") not in SENTENCES:
        raise ValueError("the record has no mark")
    generator, files = record.get("generator"), record.get("files")
    sound = isinstance(generator, str) and generator.isprintable() and len(generator) <= 100
    sound = sound and isinstance(record.get("scene"), dict)
    if not sound or not isinstance(files, list) or not all(map(_is_file_entry, files)):
        raise ValueError("the record has another form")
    return record


def _is_file_entry(item: Any) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(item, dict) or not isinstance(item.get("sha256", 0), str | None):
        return False
    return all(isinstance(item.get(key), str) for key in ("where", "name"))


def _find(path: Path) -> tuple[int, bytes, int] | None:
    """Place of the digest in the file, the packet that holds it, and the end of what it covers; None without one.

    It covers the whole file, but for the end of a PNG, where only the packet's own check sum and an empty chunk follow.
    """
    with path.open("rb") as file:
        for kind, start, end in boxes(file):
            if kind not in _HOLDERS or end - start > MOST_BYTES:
                continue
            file.seek(start)
            body = file.read(end - start)
            if kind == b"uuid" and not body.startswith(_XMP_UUID):
                continue
            match = re.search(rb"<parley:sha256>[0-9a-f]{64}</parley:sha256>", body)
            if match:
                return start + match.start() + len("<parley:sha256>"), body, end if kind == b"iTXt" else _size(file)
    return None


def _has_sentence(path: Path) -> bool:
    """The container's own comment says AI-generated: it outlives programs that copy the streams into a new file."""
    with path.open("rb") as file:
        try:
            for kind, start, end in boxes(file):
                file.seek(start)
                if kind not in (b"moov", *_HOLDERS) or end - start > MOST_BYTES:
                    continue
                held = file.read(end - start)
                if any(sentence.encode() in held for sentence in SENTENCES):
                    return True
        except (ValueError, struct.error):
            return False
    return False


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _marked_hash(path: Path, digest_at: int, stop: int) -> str:
    """SHA-256 in hex of what the mark covers: the file before it was signed up to ``stop``, its digits as zeros."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        edits = [*signature_edits(file), (digest_at, digest_at + len(_NO_DIGEST), _NO_DIGEST.encode())]
        at = 0
        for begin, end, contents in [*sorted(edits), (stop, stop, b"")]:
            file.seek(at)
            while block := file.read(min(begin - at, 1 << 20)):
                total.update(block)
                at += len(block)
            total.update(contents)
            at = end
    return total.hexdigest()
