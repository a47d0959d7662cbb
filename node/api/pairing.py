"""Letting a phone in: a code that is shown here once and exchanged there for a token of its own.

Rules: a code is good once and for a few minutes; it lives in memory alone, by its hash. Tries are
counted before the code is looked at, by machine and all together. What the code allows was allowed
to the one who asked for it.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from node.api.rates import PAIRING, PAIRING_ALL, Rates
from node.api.tokens import Access, TokenStore, Wished, hash_of
from node.protocol import limits
from node.protocol.errors import LocalFault
from node.protocol.ports import Clock
from node.storage.kept.access import Token

LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that another could be taken for
LIFE_MS: Final = limits.PAIRING_LIFE_MINUTES * 60_000


@dataclass(slots=True)
class Pairing:
    """A code that was given out; `token` is what it was exchanged for."""

    id: str
    wished: Wished
    expires: int
    token: bytes | None = None


class Pairings:
    """The codes that are open, and those just used."""

    def __init__(self, tokens: TokenStore, rates: Rates, clock: Clock) -> None:
        self._tokens = tokens
        self._rates = rates
        self._clock = clock
        self._by_hash: dict[bytes, Pairing] = {}

    def all(self) -> list[Pairing]:
        """Codes whose time is not over, oldest first."""
        now = self._clock()
        self._by_hash = {key: one for key, one in self._by_hash.items() if one.expires > now}
        return list(self._by_hash.values())

    def open(self, maker: Access, wished: Wished) -> tuple[str, Pairing]:
        """A new code. Raises LocalFault name-invalid, scope-missing, pairings-many."""
        allowed = self._tokens.allowed(maker, wished)
        if sum(one.token is None for one in self.all()) >= limits.PAIRINGS_MAX_COUNT:
            raise LocalFault("pairings-many", maximum=limits.PAIRINGS_MAX_COUNT)
        code = "".join(secrets.choice(LETTERS) for _ in range(limits.PAIRING_CODE_CHARACTERS))
        made = Pairing(secrets.token_hex(8), allowed, self._clock() + LIFE_MS)
        self._by_hash[hash_of(code.encode())] = made
        return code, made

    def close(self) -> None:
        """No code is good any more."""
        self._by_hash.clear()

    async def exchange(self, code: str, client: bytes) -> tuple[str, Token]:
        """A token for a code: its secret, told this once, and what is kept.

        `client`: the machine that asks. Raises LocalFault too-many-requests, pairing-wrong,
        tokens-many.
        """
        self._rates.take(PAIRING, client)
        self._rates.take(PAIRING_ALL, b"")
        plain = code.upper().replace("-", "").replace(" ", "")
        found = self._by_hash.get(hash_of(plain.encode()))
        if found is None or found.token is not None or found.expires <= self._clock():
            raise LocalFault("pairing-wrong")
        found.token = b""  # taken: a second one that comes meanwhile is too late
        try:
            secret, token = await self._tokens.make_allowed(found.wished)
        except BaseException:
            found.token = None
            raise
        found.token = token.hash
        return secret, token
