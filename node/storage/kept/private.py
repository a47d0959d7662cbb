"""The member's own things: orders, contacts, what partners hold, settings.

Rules: an order is kept by its salted hash, the only thing of it that others ever see, but for the
partner to whom a note is handed. Contacts are names this member gave; they are never sent.
"""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """A private order: its hash is public, salt and body are not."""

    hash: bytes
    salt: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Contact:
    """A member as this member calls them."""

    member: bytes
    name: str
    note: str
    added: int


@dataclass(frozen=True, slots=True)
class Partner:
    """What a member who handed over a note is known to hold: records, each with all that it rests
    on; and when they last were in step with the network, by their own clock."""

    member: bytes
    seen: int | None
    tips: tuple[bytes, ...]


class Orders:
    """Orders by their salted hash."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def put(self, order: Order) -> None:
        """Keep an order; the same one again changes nothing."""
        self._execute(
            "INSERT INTO orders VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (order.hash, order.salt, order.body),
        )

    def get(self, order_hash: bytes) -> Order | None:
        """The order with this hash, or None."""
        row = self._execute("SELECT * FROM orders WHERE hash = ?", (order_hash,)).fetchone()
        return None if row is None else Order(*row)

    def all(self) -> list[Order]:
        """Every order, by hash: for backups."""
        return [Order(*row) for row in self._execute("SELECT * FROM orders ORDER BY hash")]


class Contacts:
    """Contacts by member id."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def put(self, contact: Contact) -> None:
        """Add a contact, or change its name and note."""
        self._execute(
            "INSERT INTO contacts VALUES (?, ?, ?, ?) ON CONFLICT (member)"
            " DO UPDATE SET name = excluded.name, note = excluded.note",
            (contact.member, contact.name, contact.note, contact.added),
        )

    def get(self, member: bytes) -> Contact | None:
        """The contact, or None."""
        row = self._execute("SELECT * FROM contacts WHERE member = ?", (member,)).fetchone()
        return None if row is None else Contact(*row)

    def all(self) -> list[Contact]:
        """Every contact, by name."""
        rows = self._execute("SELECT * FROM contacts ORDER BY name, member")
        return [Contact(*row) for row in rows]

    def remove(self, member: bytes) -> bool:
        """Forget a contact. True if there was one."""
        return self._execute("DELETE FROM contacts WHERE member = ?", (member,)).rowcount > 0


class Partners:
    """Partners by member id. Losing one costs a larger note."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def put(self, partner: Partner) -> None:
        """Add or replace one."""
        row = (partner.member, partner.seen, b"".join(partner.tips))
        self._execute("INSERT OR REPLACE INTO partners VALUES (?, ?, ?)", row)

    def get(self, member: bytes) -> Partner | None:
        """What is known of a member, or None."""
        query = "SELECT seen, tips FROM partners WHERE member = ?"
        row = self._execute(query, (member,)).fetchone()
        if row is None:
            return None
        seen, tips = row
        return Partner(member, seen, tuple(tips[n : n + 32] for n in range(0, len(tips), 32)))


class Settings:
    """Short texts by key."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def put(self, key: str, value: str) -> None:
        """Set one."""
        self._execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))

    def get(self, key: str) -> str | None:
        """One, or None."""
        row = self._execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def all(self) -> dict[str, str]:
        """All of them."""
        return dict(self._execute("SELECT key, value FROM settings ORDER BY key"))

    def remove(self, key: str) -> None:
        """Unset one (absent is fine)."""
        self._execute("DELETE FROM settings WHERE key = ?", (key,))
