"""The certificate under which this node answers on the home network: its own word, nobody else's.

Rules: key and certificate lie in one file of the home, for the owner alone; the key is ECDSA on
P-256, which every browser knows. A certificate names the addresses it was made for, and is made
anew when one is missing or its time is nearly over; the key stays, its fingerprint does not. A file
that others could read, or that is damaged, is replaced: phones then see another fingerprint, and
ask.
"""

import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from node.protocol import limits
from node.protocol.errors import LocalFault
from node.storage.home import Home
from node.wallet.errors import WalletError
from node.wallet.private_file import read_private, write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate as Signed

NAME: Final = "WeTalk at home"
FILE_MAX_BYTES: Final = 16_384
NAMES_MAX_COUNT: Final = 8
DIGITS: Final = 20  # 66 bits: more than anybody can search for among keys of their own
DIGITS_IN_GROUP: Final = 5


@dataclass(frozen=True, slots=True)
class Certificate:
    """`fingerprint`: SHA-256 of the certificate as browsers show it, `AB:CD:…`."""

    fingerprint: str
    digits: str
    until: datetime

    @classmethod
    def of(cls, der: bytes, until: datetime) -> "Certificate":
        """What people compare of a certificate."""
        digest = sha256(der).digest()
        number = str(int.from_bytes(digest) % 10**DIGITS).zfill(DIGITS)
        groups = [number[at : at + DIGITS_IN_GROUP] for at in range(0, DIGITS, DIGITS_IN_GROUP)]
        return cls(digest.hex(":").upper(), " ".join(groups), until)


def ready(home: Home, address: str, now: datetime) -> Certificate:
    """The home's certificate for an address, made or renewed where needed.

    Raises WalletError, WalletStorageError where the file cannot be written.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    kept = _kept(home)
    if kept is None or not _serves(kept[1], address, now):
        others = [one for one in _addresses(kept[1]) if one != address] if kept else []
        names = [address, *others][:NAMES_MAX_COUNT]
        kept = _made(home, kept[0] if kept else None, names, now)
    signed = kept[1]
    return Certificate.of(signed.public_bytes(Encoding.DER), signed.not_valid_after_utc)


def context(home: Home) -> ssl.SSLContext:
    """TLS 1.2 or later with the home's certificate. Raises LocalFault lan-certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        made.load_cert_chain(home.certificate)
    except (OSError, ssl.SSLError) as problem:
        path = str(home.certificate)
        raise LocalFault("lan-certificate", str(problem), path=path) from None
    return made


def _kept(home: Home) -> "tuple[EllipticCurvePrivateKey, Signed] | None":
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        data = read_private(home.certificate, FILE_MAX_BYTES)
        key, signed = load_pem_private_key(data, None), x509.load_pem_x509_certificate(data)
    except (WalletError, ValueError):
        return None
    if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != signed.public_key():
        return None
    return key, signed


def _addresses(signed: "Signed") -> list[str]:
    from cryptography import x509

    names = signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def _serves(signed: "Signed", address: str, now: datetime) -> bool:
    soon = now + timedelta(days=limits.CERTIFICATE_RENEW_DAYS)
    in_time = signed.not_valid_before_utc <= now and soon < signed.not_valid_after_utc
    return in_time and address in _addresses(signed)


def _made(
    home: Home, key: "EllipticCurvePrivateKey | None", addresses: Iterable[str], now: datetime
) -> "tuple[EllipticCurvePrivateKey, Signed]":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    own = [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a phone's clock may be behind
        .not_valid_after(now + timedelta(days=limits.CERTIFICATE_LIFE_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName(own), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(home.certificate, secret + signed.public_bytes(Encoding.PEM), replace=True)
    return key, signed


def utc_now() -> datetime:
    """The time by which certificates are judged."""
    return datetime.now(UTC)
