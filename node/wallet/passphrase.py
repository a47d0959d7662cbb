"""From a passphrase to a key that seals one thing: Argon2id, with its cost stated beside the seal.

Rules: a passphrase is composed (NFC) first, so that two keyboards give one key; the cost is read
from the file but never beyond the limits, so that a file of somebody else cannot stall us; each
purpose has its own domain word. A derived key seals under one fresh salt only, so nonces inside one
sealed thing need only differ from each other.

Left to others: asking twice, judging strength, running this in a thread (0.24 s, 64 MiB).
Source: RFC 9106 (second recommended option, 64 MiB).
"""

import unicodedata
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from node.protocol import limits
from node.wallet.errors import Problem, WalletError

WORD_KEY_FILE: Final = b"wetalk/1 key file\0"
WORD_BACKUP: Final = b"wetalk/1 backup\0"
SALT_SIZE_BYTES: Final = 16
KEY_SIZE_BYTES: Final = 32
KIB: Final = 1_024
LANE_MIN_KIB: Final = 8  # Argon2 needs eight blocks of 1 KiB a lane


@dataclass(frozen=True, slots=True)
class Cost:
    """What guessing one passphrase costs: memory in KiB, passes over it, parallel lanes."""

    memory_kib: int = limits.PASSPHRASE_MEMORY_BYTES // KIB
    passes: int = limits.PASSPHRASE_PASSES_COUNT
    lanes: int = limits.PASSPHRASE_LANES_COUNT

    def is_bearable(self) -> bool:
        """True iff Argon2 allows it and it is within this program's limits."""
        return (
            1 <= self.lanes <= limits.PASSPHRASE_LANES_MAX_COUNT
            and 1 <= self.passes <= limits.PASSPHRASE_PASSES_MAX_COUNT
            and LANE_MIN_KIB * self.lanes <= self.memory_kib
            and self.memory_kib <= limits.PASSPHRASE_MEMORY_MAX_BYTES // KIB
        )


DEFAULT_COST: Final = Cost()


def derive_key(word: bytes, passphrase: str, salt: bytes, cost: Cost) -> bytes:
    """32 bytes from a passphrase for the purpose `word`. Blocks for about a quarter of a second.

    Raises WalletError password-empty, -long, -unreadable; ValueError for an unbearable cost.
    """
    if not cost.is_bearable():
        raise ValueError("cost of a passphrase outside the limits")
    kdf = Argon2id(
        salt=salt,
        length=KEY_SIZE_BYTES,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
        ad=word,
    )
    return kdf.derive(_passphrase_bytes(passphrase))


def _passphrase_bytes(passphrase: str) -> bytes:
    if not passphrase:
        raise WalletError(Problem.PASSWORD_EMPTY)
    try:
        data = unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError:
        raise WalletError(Problem.PASSWORD_UNREADABLE) from None
    if len(data) > limits.PASSPHRASE_MAX_BYTES:
        raise WalletError(Problem.PASSWORD_LONG, maximum=limits.PASSPHRASE_MAX_BYTES)
    return data
