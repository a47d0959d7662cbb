"""Signing, and opening what is sealed for a device: the only place where a private key is used.

Rules:
- A key signs nothing but `word ‖ payload`, with the word from a closed list, so that no signature
  can be taken for another's (R3). The root key signs records only: its lane is the identity lane.
- Keys are never shown, copied or pickled. After `close`, or at the end of a `with` block, a signer
  signs no more.
- A device opens sealed keys of exactly 32 bytes, and hands out nothing else (`open_sealed`).
- Signing is deterministic (RFC 8032), so signing one thing twice reveals nothing new.

Left to others: what may be signed and when (R11, R45 belong to the services); records and their
ids (`protocol`); verifying (`protocol.crypto`).
"""

from pathlib import Path
from typing import ClassVar, Final, Self

from nacl.exceptions import CryptoError
from nacl.public import SealedBox
from nacl.signing import SigningKey

from node.protocol.crypto import (
    ID_SIZE_BYTES,
    KEY_SIZE_BYTES,
    WORD_DEVICE_PROOF,
    WORD_HELLO,
    WORD_SIGNATURE,
    WORD_STATEMENT,
)
from node.wallet.errors import Problem, WalletError
from node.wallet.keyfile import open_key
from node.wallet.phrase import Phrase, root_key
from node.wallet.secret import Secret

DEVICE_WORDS: Final = frozenset({WORD_SIGNATURE, WORD_DEVICE_PROOF, WORD_HELLO, WORD_STATEMENT})
ROOT_WORDS: Final = frozenset({WORD_SIGNATURE})


class _KeySigner(Secret):
    """One Ed25519 key and the words it may sign."""

    __slots__ = ("_key", "member_id", "public_key")
    words: ClassVar[frozenset[bytes]]

    def __init__(self, seed: bytes, member_id: bytes | None = None) -> None:
        self._key: SigningKey | None = SigningKey(seed)
        self.public_key = bytes(self._key.verify_key)
        self.member_id = self.public_key if member_id is None else member_id

    def sign_record(self, record_id: bytes) -> bytes:
        """Signature (64 bytes) of a record by its id (32 bytes); see R2 and R3."""
        return self.sign(WORD_SIGNATURE, record_id)

    def sign(self, word: bytes, payload: bytes) -> bytes:
        """Signature (64 bytes) of `word ‖ payload`.

        Raises ValueError for a word this key may not sign or a record id that is none, and
        RuntimeError when closed: all three are mistakes of the caller.
        """
        if word not in self.words:
            raise ValueError("this key does not sign that word")
        if word == WORD_SIGNATURE and len(payload) != ID_SIZE_BYTES:
            raise ValueError("a record id has 32 bytes")
        if self._key is None:
            raise RuntimeError("the signer is closed")
        return self._key.sign(word + payload).signature

    def close(self) -> None:
        """Forget the key. The library's copy of it is freed, not cleared."""
        self._key = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Signer(_KeySigner):
    """Signs as one device: `public_key`, `member_id` and `community_id` have 32 bytes each."""

    __slots__ = ("community_id",)
    words = DEVICE_WORDS

    def __init__(self, seed: bytes, *, member_id: bytes, community_id: bytes) -> None:
        """From a seed of 32 bytes: for generated members, whose keys lie in no file."""
        if len(member_id) != KEY_SIZE_BYTES or len(community_id) != ID_SIZE_BYTES:
            raise ValueError("community and member ids have 32 bytes")
        super().__init__(seed, member_id)
        self.community_id = community_id

    def open_sealed(self, sealed: bytes) -> bytes | None:
        """The key (32 bytes) that somebody sealed for this device, or None where it is not for
        this one, or no such key. Raises RuntimeError when closed."""
        if self._key is None:
            raise RuntimeError("the signer is closed")
        try:
            found = SealedBox(self._key.to_curve25519_private_key()).decrypt(sealed)
        except (CryptoError, ValueError, TypeError):
            return None
        return found if len(found) == KEY_SIZE_BYTES else None

    @classmethod
    def device(
        cls, path: Path, passphrase: str | None = None, *, community_id: bytes | None = None
    ) -> Self:
        """The signer of this installation's device key; with a passphrase it takes 0.25 s.

        Raises WalletError as `keyfile.open_key` does, and other-community if the key belongs
        to another community than `community_id`.
        """
        with open_key(path, "device", passphrase) as opened:
            names = opened.info
            if community_id not in (None, names.community_id):
                raise WalletError(Problem.OTHER_COMMUNITY, path=str(path))
            member, community = names.member_id, names.community_id
            return cls(bytes(opened.seed), member_id=member, community_id=community)


class RootSigner(_KeySigner):
    """Signs as the member's root key, for one `with` block: adding and revoking devices.

    `member_id` is this key's public key unless the member has rotated it: then give the first one.
    """

    __slots__ = ()
    words = ROOT_WORDS

    @classmethod
    def from_phrase(cls, phrase: Phrase, member_id: bytes | None = None) -> Self:
        """The signer of the root key that `phrase` stands for."""
        with root_key(phrase) as key:
            return cls(bytes(key.seed), member_id)
