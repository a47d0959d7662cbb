"""What the local API keeps: tokens by their hash, and answers to writes by idempotency key.

Rules: a token itself is never stored. An idempotency key stands in the same transaction as what it
did, so a write repeated after a crash is answered, not done twice.
"""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """An API token: SHA-256 of it, its name, its scopes; `expires` None means never."""

    hash: bytes
    name: str
    scopes: frozenset[str]
    created: int
    expires: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer once given to a write: hash of the request, HTTP status, body."""

    request: bytes
    status: int
    response: bytes
    created: int


class Tokens:
    """Tokens by their hash."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def put(self, token: Token) -> None:
        """Add or replace one."""
        scopes = " ".join(sorted(token.scopes))
        self._execute(
            "INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?, ?)",
            (token.hash, token.name, scopes, token.created, token.expires),
        )

    def get(self, token_hash: bytes, now_ms: int) -> Token | None:
        """The token with this hash unless it has expired, or None."""
        row = self._execute(
            "SELECT * FROM tokens WHERE hash = ? AND (expires IS NULL OR expires > ?)",
            (token_hash, now_ms),
        ).fetchone()
        return None if row is None else _token(row)

    def all(self) -> list[Token]:
        """Every token, oldest first, expired ones too."""
        rows = self._execute("SELECT * FROM tokens ORDER BY created, hash")
        return [_token(row) for row in rows]

    def trim(self, now_ms: int) -> int:
        """Forget those that have expired; returns how many."""
        return self._execute("DELETE FROM tokens WHERE expires <= ?", (now_ms,)).rowcount

    def remove(self, token_hash: bytes) -> bool:
        """Revoke one. True if there was one."""
        return self._execute("DELETE FROM tokens WHERE hash = ?", (token_hash,)).rowcount > 0


def _token(row: tuple[bytes, str, str, int, int | None]) -> Token:
    token_hash, name, scopes, created, expires = row
    return Token(token_hash, name, frozenset(scopes.split()), created, expires)


class Idempotency:
    """Answers by key. The caller puts the token into the key, so that clients do not share them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def get(self, key: str) -> Answer | None:
        """The answer given under this key, or None."""
        row = self._execute(
            "SELECT request, status, response, created FROM idempotency WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else Answer(*row)

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; the first one under a key stays."""
        self._execute(
            "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (key, answer.request, answer.status, answer.response, answer.created),
        )

    def amend(self, key: str, answer: Answer) -> None:
        """Keep an answer in place of the one noted when its work was done."""
        self._execute(
            "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)",
            (key, answer.request, answer.status, answer.response, answer.created),
        )

    def trim(self, before_ms: int) -> int:
        """Forget answers older than this; returns how many."""
        return self._execute("DELETE FROM idempotency WHERE created < ?", (before_ms,)).rowcount
