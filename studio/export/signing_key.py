"""The key that signs what is exported, with its certificates: made on first use, or the user's own in its place."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from studio.core.messages import existing_file
from studio.core.problems import DocumentError, Problem
from studio.core.storage import storage_sentence

KEY, CERTIFICATES, AUTHORITY = "key.pem", "certificates.pem", "authority.pem"
_YEARS = 10
_EARLIER = timedelta(days=1)
"""A certificate of ours is valid this long before it is made: clocks differ."""


@dataclass(frozen=True)
class SigningKey:
    """A private key and the certificates that say whose it is.

    Attributes:
        key: the private key, PEM.
        certificates: PEM, the key's own first, then those that issued it.
        algorithm: as C2PA names it: es256, es384, es512, ps256 or ed25519.
    """

    key: bytes
    certificates: bytes
    algorithm: str


def signing_folder() -> Path:
    """Folder of the key: ``parley/signing`` in the user's configuration folder."""
    usual = os.environ.get("APPDATA") if sys.platform == "win32" else None
    return Path(os.environ.get("XDG_CONFIG_HOME") or usual or Path.home() / ".config") / "parley" / "signing"


def trusted_authorities() -> bytes:
    """Certificates of the authorities in the signing folder, PEM; empty where there are none."""
    path = signing_folder() / AUTHORITY
    return path.read_bytes() if path.is_file() else b""


def read_authorities(path: Path) -> bytes:
    """Certificates that somebody named as trusted, PEM.

    Raises:
        DocumentError: no such file, or one that holds no certificates.
    """
    from cryptography.x509 import load_pem_x509_certificates

    if reason := existing_file(path, "the file of certificates", "check its name and folder."):
        raise DocumentError([Problem("file", reason)])
    data = path.read_bytes()
    try:
        load_pem_x509_certificates(data)
    except ValueError:
        problem = Problem("file", f"the file {path.name} holds no certificates", "it should be PEM")
        raise DocumentError([problem]) from None
    return data


def load_signing_key() -> SigningKey:
    """The key in the signing folder; where that does not exist, a key and an authority of its own are made first.

    The authority's own key is thrown away: it has issued the one certificate, and nobody can take it.

    Raises:
        DocumentError: a key without certificates or the other way round, one that cannot be read or belongs to other
            certificates, certificates out of their time, or a folder that cannot be written.
    """
    folder = signing_folder()
    try:
        if not folder.exists():
            _make(folder)
        missing = [name for name in (KEY, CERTIFICATES) if not (folder / name).is_file()]
        if missing:
            repair = f"put it there, or delete the folder {str(folder)!r}, and a new key is made"
            raise _refused(f"the signing key lacks its file {missing[0]}", repair)
        return _checked((folder / KEY).read_bytes(), (folder / CERTIFICATES).read_bytes())
    except OSError as error:
        told = storage_sentence(error).rstrip(".")
        raise _refused(f"the signing key in {str(folder)!r} cannot be used ({told})", "set XDG_CONFIG_HOME") from None


def _refused(what: str, repair: str) -> DocumentError:
    return DocumentError([Problem("output", what, repair)])


def _checked(key: bytes, certificates: bytes) -> SigningKey:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _refused(f"the signing key {KEY} cannot be read", "it should be PEM without a password") from None
    try:
        leaf = x509.load_pem_x509_certificates(certificates)[0]
    except ValueError:
        raise _refused(f"the signing key's {CERTIFICATES} cannot be read", "it should be PEM") from None
    if leaf.public_key() != private.public_key():
        what = f"the signing key {KEY} does not belong to the first certificate in {CERTIFICATES}"
        raise _refused(what, "put the key's own certificate first")
    now = datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        valid = f"{leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        raise _refused(f"the signing key's certificate is valid from {valid} only", "put a valid one there")
    return SigningKey(key, certificates, _algorithm(private))


def _algorithm(private: object) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.key_size in (256, 384, 521):
        return {256: "es256", 384: "es384", 521: "es512"}[private.curve.key_size]
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        return "ps256"
    raise _refused("the signing key is of a kind that C2PA does not know", "use one of P-256, Ed25519 or RSA")


def _make(folder: Path) -> None:
    """Write key, certificates and authority; whoever is second keeps what the first has made."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    authority, private = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _certificate(authority, authority, authority=True).public_bytes(Encoding.PEM)
    own = _certificate(private, authority, authority=False).public_bytes(Encoding.PEM)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".signing-", dir=folder.parent))  # for its owner alone
    try:
        secret = os.open(made / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(secret, "wb") as file:
            file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (made / CERTIFICATES).write_bytes(own + issuer)
        (made / AUTHORITY).write_bytes(issuer)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _certificate(owner: Any, issuer: Any, *, authority: bool) -> Any:  # noqa: ANN401 - of an optional package
    """Certificate of a signer's key, or of the authority's own, P-256 both, in the profile that C2PA asks for."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def called(common: str) -> x509.Name:
        names = ((NameOID.ORGANIZATION_NAME, "Parley"), (NameOID.COMMON_NAME, common))
        return x509.Name([x509.NameAttribute(kind, text) for kind, text in names])

    # By the authority's own key, so that two of them are two names.
    identifier = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())
    common = f"Parley on one computer, {identifier.digest.hex()[:8]}"
    now = datetime.now(UTC)
    usages = {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
              "decipher_only")  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(called(f"{common}, authority" if authority else common))
        .issuer_name(called(f"{common}, authority"))
        .public_key(owner.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(authority, 0 if authority else None), critical=True)
        .add_extension(x509.KeyUsage(**usages, **dict.fromkeys(others, False)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(owner.public_key()), critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
        builder = builder.add_extension(known, critical=False)
    return builder.sign(issuer, SHA256())
