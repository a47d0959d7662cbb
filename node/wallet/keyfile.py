"""The keys of one installation at rest: the device key and the libp2p host key, a file each.

A key file is `MAGIC ‖ canonical msgpack array ‖ SHA-256 of all before`; the array is
`[purpose, community_id, member_id, public_key, cost, salt, secret]`. Sealed, `secret` is the
32-byte seed under ChaCha20-Poly1305 with a key from the passphrase (Argon2id; `cost` is
`[memory KiB, passes, lanes]`), and everything before it is authenticated. Open, for a node that
starts unattended, `cost` is nil, `salt` is empty and `secret` is the seed itself.

Rules:
- A device key is made here, on this installation, and is never copied nor restored (R11): no
  function exports one, and a backup does not hold one.
- A reserved key is a device key made before there is a community, which has to name it in its
  founding document as that of a relay. It belongs to nobody yet (its names are zeros), signs
  nothing, and becomes the device key of this very home or of none.
- Bytes that are not exactly what this module writes are refused; the checksum tells damage from a
  wrong passphrase. It is no protection against somebody who may write the file: nothing is, for a
  key that anybody could replace by another. In a sealed file the names are bound to the key.
- Every write seals under a fresh salt, hence a fresh key, hence the fixed nonce.
- An existing key file is never overwritten by a new key; only its passphrase changes.

Left to others: where the files lie, which process may use a home, using the keys (`signer`).
"""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl.bindings import crypto_sign_seed_keypair

from node.protocol import limits
from node.protocol.crypto import ID_SIZE_BYTES, KEY_SIZE_BYTES
from node.wallet import passphrase as passphrases
from node.wallet.errors import Problem, WalletError
from node.wallet.passphrase import DEFAULT_COST, SALT_SIZE_BYTES, WORD_KEY_FILE, Cost
from node.wallet.private_file import read_private, remove_leftovers, write_private
from node.wallet.secret import Secret, wipe

Purpose = Literal["device", "host", "reserved"]

FAMILY: Final = b"wetalk key file "
MAGIC: Final = FAMILY + b"1\n"
CHECKSUM_SIZE_BYTES: Final = 32
SEED_SIZE_BYTES: Final = 32
NOBODY: Final = bytes(32)  # the community and the member of a reserved key
TAG_SIZE_BYTES: Final = 16
NONCE: Final = bytes(12)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a key file says without its passphrase. Ids and the public key have 32 bytes each."""

    purpose: Purpose
    community_id: bytes
    member_id: bytes
    public_key: bytes
    sealed: bool


@dataclass(frozen=True, slots=True, repr=False)
class OpenedKey(Secret):
    """A key taken out of its file, for the length of a `with` block; then its seed is zeros."""

    info: KeyInfo
    seed: bytearray

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        wipe(self.seed)


class _Header(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    purpose: Purpose
    community_id: bytes
    member_id: bytes
    public_key: bytes
    cost: tuple[int, int, int] | None
    salt: bytes

    def associated(self) -> bytes:
        """What the seal authenticates beside the seed."""
        # Not an encoding of a subclass, whose secret would be in it.
        named = (self.purpose, self.community_id, self.member_id, self.public_key)
        return MAGIC + msgspec.msgpack.encode((*named, self.cost, self.salt))

    def info(self) -> KeyInfo:
        names = (self.community_id, self.member_id, self.public_key)
        return KeyInfo(self.purpose, *names, sealed=self.cost is not None)


class _Content(_Header, array_like=True, frozen=True, forbid_unknown_fields=True):
    secret: bytes


def create_key(
    path: Path,
    purpose: Purpose,
    *,
    community_id: bytes,
    member_id: bytes,
    passphrase: str | None = None,
    cost: Cost = DEFAULT_COST,
) -> bytes:
    """Make a new key of this installation and write its file; returns the public key (32 bytes).

    Without a passphrase the file is readable by whoever can read it as this user. Raises
    WalletError file-exists, password-…; WalletStorageError home-not-writable.
    """
    if len(community_id) != ID_SIZE_BYTES or len(member_id) != KEY_SIZE_BYTES:
        raise ValueError("community and member ids have 32 bytes")
    seed = secrets.token_bytes(SEED_SIZE_BYTES)
    public_key = crypto_sign_seed_keypair(seed)[0]
    info = KeyInfo(purpose, community_id, member_id, public_key, sealed=passphrase is not None)
    write_private(path, _file_bytes(info, seed, passphrase, cost))
    return public_key


def reserve_key(path: Path) -> bytes:
    """The public key (32 bytes) of the reserved key in `path`, which is made if there is none.

    Raises WalletError file-…, key-…; WalletStorageError home-not-writable.
    """
    if not path.exists():
        create_key(path, "reserved", community_id=NOBODY, member_id=NOBODY)
    with open_key(path, "reserved") as opened:
        return opened.info.public_key


def adopt_key(
    path: Path,
    reserved: Path,
    *,
    community_id: bytes,
    member_id: bytes,
    passphrase: str | None = None,
    cost: Cost = DEFAULT_COST,
) -> bytes:
    """Make the reserved key the device key in `path`; returns the public key (32 bytes).

    The reserved file stays: whoever calls removes it once the home is made, so that a killed start
    loses nothing. Raises like `open_key` and `create_key`.
    """
    with open_key(reserved, "reserved") as opened:
        public_key, sealed = opened.info.public_key, passphrase is not None
        info = KeyInfo("device", community_id, member_id, public_key, sealed=sealed)
        write_private(path, _file_bytes(info, bytes(opened.seed), passphrase, cost))
    return public_key


def read_info(path: Path) -> KeyInfo:
    """What the key file says without its passphrase. Raises WalletError file-…, key-…

    Unless sealed and opened, the names are only as trustworthy as the folder the file lies in.
    """
    return _read(path).info()


def open_key(path: Path, purpose: Purpose, passphrase: str | None = None) -> OpenedKey:
    """The key in `path`, for a `with` block. A passphrase is not looked at if the file is open.

    Raises WalletError file-…, key-…, password-needed, password-wrong.
    """
    remove_leftovers(path)
    content = _read(path)
    if content.purpose != purpose:
        raise WalletError(Problem.KEY_PURPOSE, path=str(path))
    opened = OpenedKey(content.info(), bytearray(_unseal(content, passphrase)))
    if crypto_sign_seed_keypair(bytes(opened.seed))[0] != content.public_key:
        raise WalletError(Problem.KEY_DAMAGED, path=str(path))
    return opened


def read_host_key(path: Path) -> bytes:
    """The 32-byte Ed25519 seed of the host key, to hand to libp2p. Raises like `open_key`."""
    with open_key(path, "host") as opened:
        return bytes(opened.seed)


def change_passphrase(
    path: Path,
    purpose: Purpose,
    *,
    old: str | None,
    new: str | None,
    cost: Cost = DEFAULT_COST,
) -> None:
    """Seal the same key under `new`, or lay it open with None. The file is replaced whole.

    A disk may keep blocks of the old file; after a leak of an open file make a new device instead.
    Raises like `open_key` and `create_key`; then the file is as it was.
    """
    with open_key(path, purpose, old) as opened:
        data = _file_bytes(opened.info, bytes(opened.seed), new, cost)
    write_private(path, data, replace=True)


def _file_bytes(info: KeyInfo, seed: bytes, passphrase: str | None, cost: Cost) -> bytes:
    names = (info.purpose, info.community_id, info.member_id, info.public_key)
    if passphrase is None:
        content = _Content(*names, cost=None, salt=b"", secret=seed)
    else:
        salt = secrets.token_bytes(SALT_SIZE_BYTES)
        key = passphrases.derive_key(WORD_KEY_FILE, passphrase, salt, cost)
        header = _Header(*names, cost=(cost.memory_kib, cost.passes, cost.lanes), salt=salt)
        secret = ChaCha20Poly1305(key).encrypt(NONCE, seed, header.associated())
        content = _Content(*names, cost=header.cost, salt=salt, secret=secret)
    data = MAGIC + msgspec.msgpack.encode(content)
    return data + hashlib.sha256(data).digest()


def _read(path: Path) -> _Content:
    data = read_private(path, limits.KEY_FILE_MAX_BYTES)
    if data.startswith(FAMILY) and not data.startswith(MAGIC[: len(data)]):
        raise WalletError(Problem.KEY_NEWER, path=str(path))
    content = _parse(data)
    if content is None:
        raise WalletError(Problem.KEY_DAMAGED, path=str(path))
    return content


def _parse(data: bytes) -> _Content | None:
    """The content of a whole key file; None unless `data` is what `_file_bytes` writes."""
    covered, checksum = data[:-CHECKSUM_SIZE_BYTES], data[-CHECKSUM_SIZE_BYTES:]
    if not covered.startswith(MAGIC) or hashlib.sha256(covered).digest() != checksum:
        return None
    packed = covered[len(MAGIC) :]
    try:
        content = msgspec.msgpack.decode(packed, type=_Content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    canonical = msgspec.msgpack.encode(content) == packed
    return content if canonical and _has_right_sizes(content) else None


def _has_right_sizes(content: _Content) -> bool:
    named = (content.community_id, content.member_id, content.public_key)
    if {len(name) for name in named} != {KEY_SIZE_BYTES}:
        return False
    sizes = (len(content.salt), len(content.secret))
    if content.cost is None:
        return sizes == (0, SEED_SIZE_BYTES)
    bearable = Cost(*content.cost).is_bearable()
    return bearable and sizes == (SALT_SIZE_BYTES, SEED_SIZE_BYTES + TAG_SIZE_BYTES)


def _unseal(content: _Content, passphrase: str | None) -> bytes:
    if content.cost is None:
        return content.secret
    if passphrase is None:
        raise WalletError(Problem.PASSWORD_NEEDED)
    cost = Cost(*content.cost)
    key = passphrases.derive_key(WORD_KEY_FILE, passphrase, content.salt, cost)
    try:
        return ChaCha20Poly1305(key).decrypt(NONCE, content.secret, content.associated())
    except InvalidTag:
        raise WalletError(Problem.PASSWORD_WRONG) from None
