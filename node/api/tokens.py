"""Who may do what: the owner's token in its private file, and the tokens of clients by their hash.

Rules: a token is 32 random bytes; only its SHA-256 is stored and compared, in constant time. The
owner's token lies in a file for the owner alone, made at the first start; one that others could
read is taken for stolen and replaced. No token gives another more than it has itself. A token that
was taken back, or has expired, is none from that moment on, for open event streams too.
"""

import hmac
import math
import re
import secrets
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, get_args

from node.api.models.base import Scope
from node.protocol import limits
from node.protocol.errors import LocalFault
from node.services.core import Core
from node.services.members.setup import checked_name
from node.storage.home import Home
from node.storage.kept.access import Token
from node.storage.state import WriterState
from node.wallet.errors import Problem, WalletError
from node.wallet.private_file import read_private, write_private

SCOPES: Final[frozenset[str]] = frozenset(get_args(Scope))
OWNER: Final = "owner"
DAY_MS: Final = 86_400_000
_TOKEN: Final = re.compile(rb"[A-Za-z0-9_-]{40,128}")


@dataclass(frozen=True, slots=True)
class Access:
    """What a request's token allows. `hash` is the token's; `expires` in ms, None: never."""

    hash: bytes
    name: str
    scopes: frozenset[str]
    expires: int | None = None
    is_owner: bool = False  # it is the token in the home

    def require(self, scope: str) -> None:
        """Raises LocalFault `scope-missing`."""
        if scope not in self.scopes:
            raise LocalFault("scope-missing", scope=scope)


@dataclass(frozen=True, slots=True)
class Wished:
    """What a new token shall be called and allow, and for how many days; None: for good."""

    name: str
    scopes: frozenset[str]
    days: int | None


def hash_of(token: bytes) -> bytes:
    """What is stored and compared instead of a token."""
    return sha256(token).digest()


class OwnerStore:
    """The owner's token, the only one that a home without a member accepts."""

    def __init__(self, home: Home) -> None:
        """Reads the owner's token, or makes it. Raises WalletError, WalletStorageError."""
        self._owner = hash_of(_owner_token(home))

    def access(self, authorization: bytes | None) -> Access:
        """What the header of a request allows. Raises LocalFault `unauthorised`."""
        kind, _, token = (authorization or b"").partition(b" ")
        if kind.lower() != b"bearer" or not _TOKEN.fullmatch(token):
            raise LocalFault("unauthorised")
        given = hash_of(token)
        if hmac.compare_digest(given, self._owner):
            return Access(given, OWNER, SCOPES, is_owner=True)
        return self._access_of_client(given)

    def _access_of_client(self, given: bytes) -> Access:
        raise LocalFault("unauthorised")


def _owner_token(home: Home) -> bytes:
    path = home.token
    try:
        found = read_private(path, limits.TOKEN_MAX_CHARACTERS).strip()
        if _TOKEN.fullmatch(found):
            return found
    except WalletError as problem:
        if problem.code not in (Problem.FILE_MISSING, Problem.HOME_PERMISSIONS):
            raise
    made = secrets.token_urlsafe(limits.TOKEN_SECRET_BYTES).encode()
    write_private(path, made + b"\n", replace=True)
    return made


class TokenStore(OwnerStore):
    """The tokens that this node accepts."""

    def __init__(self, core: Core) -> None:
        """Reads the owner's token, or makes it. Raises WalletError, WalletStorageError."""
        super().__init__(core.home)
        self._core = core

    def _access_of_client(self, given: bytes) -> Access:
        # Found by its hash: what a clock could tell is the hash of something nobody can guess.
        kept = self._core.reader.tokens.get(given, self._core.clock())
        if kept is None:
            raise LocalFault("unauthorised")
        return Access(given, kept.name, kept.scopes & SCOPES, kept.expires)

    def left_s(self, access: Access) -> float:
        """For how long a request's token is still good; 0 once it was taken back or has expired."""
        if access.is_owner:
            return math.inf
        now = self._core.clock()
        if self._core.reader.tokens.get(access.hash, now) is None:
            return 0.0
        return math.inf if access.expires is None else (access.expires - now) / 1_000

    async def make(self, maker: Access, wished: Wished) -> tuple[str, Token]:
        """A new token: its secret, told this once, and what is kept.

        Raises LocalFault name-invalid, scope-missing (the maker has less), tokens-many.
        """
        return await self.make_allowed(self.allowed(maker, wished))

    def allowed(self, maker: Access, wished: Wished) -> Wished:
        """A wish that the maker's own token covers, its name put right.

        Raises LocalFault name-invalid, scope-missing.
        """
        for scope in sorted(wished.scopes):
            maker.require(scope)
        return replace(wished, name=checked_name(wished.name))

    async def make_allowed(self, wished: Wished) -> tuple[str, Token]:
        """A new token, as `make`, of a wish that was allowed. Raises LocalFault tokens-many."""
        secret = secrets.token_urlsafe(limits.TOKEN_SECRET_BYTES)
        now = self._core.clock()
        expires = None if wished.days is None else now + wished.days * DAY_MS
        token = Token(hash_of(secret.encode()), wished.name, wished.scopes, now, expires)

        def job(state: WriterState) -> None:
            if len(state.tokens.all()) >= limits.TOKENS_MAX_COUNT:
                state.tokens.trim(now)
            if len(state.tokens.all()) >= limits.TOKENS_MAX_COUNT:
                raise LocalFault("tokens-many", maximum=limits.TOKENS_MAX_COUNT)
            state.tokens.put(token)

        await self._core.writer.run(job)
        return secret, token

    def all(self) -> list[Token]:
        """Every token of clients, oldest first."""
        return self._core.reader.tokens.all()

    async def remove(self, token_hash: bytes) -> None:
        """Take a client's token back. Raises LocalFault `token-unknown`."""
        if not await self._core.writer.run(lambda state: state.tokens.remove(token_hash)):
            raise LocalFault("token-unknown")
