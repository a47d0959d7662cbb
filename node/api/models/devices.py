"""Shapes about a member's devices: keys, shutting out, what became known later of old ones; and
new accounts that wait for an officer."""

from typing import Annotated

from pydantic import Field

from node.api.models.base import Amount, Cursor, Decimals, Id, Model, Sentence, Unit, Who, Words
from node.protocol import limits

Password = Annotated[
    str | None,
    Field(
        max_length=limits.PASSPHRASE_MAX_BYTES,
        description="of this computer's key, if it has one",
        examples=[None],
    ),
]


class LatePayment(Model):
    """A payment of an old device that became known after it was shut out."""

    trade: Id
    partner: Who
    amount: Amount
    unit: Unit
    decimals: Decimals


class Late(Model):
    """What an old device did beyond its cut. `left`: its owner has said that it was not theirs."""

    payments: list[LatePayment]
    left: bool
    text: Sentence


class Device(Model):
    """A device of this member."""

    device: Id
    scopes: Annotated[list[str], Field(examples=[["account", "market", "social"]])]
    revoked: bool
    this: Annotated[bool, Field(description="the device this node runs on")]
    late: Late | None


class Devices(Model):
    """All devices of this member."""

    items: list[Device]
    next: Cursor = None


class RevokeIn(Model):
    """Shuts a device out. `open` lets what it signed stand: it was merely put away."""

    device: Id
    words: Words
    open: bool = False
    since: Annotated[
        Id | None, Field(description="the first trade on it that was not this member's")
    ] = None


class RenewIn(Model):
    """Makes a new key on this computer. `both`: what another copy of it signed was ours too."""

    words: Words
    password: Password = None
    both: bool = False


class RecogniseIn(Model):
    """What an old device did was this member's, all of it or `through` a trade."""

    device: Id
    words: Words
    password: Password = None
    through: Id | None = None


class LeaveIn(Model):
    """What an old device did was not this member's: it stays in doubt."""

    device: Id


class Renewed(Model):
    """The new key, the devices that it takes the place of, and why its limit has to wait."""

    device: Id
    shut_out: list[Id]
    opened: Annotated[Id | None, Field(description="the new account")]


class Renewal(Model):
    """A member's account that has no limit, and gets none without an officer's yes."""

    member: Who
    open: Annotated[Id, Field(description="the account")]
    reason: Annotated[str, Field(examples=["contested"])]
    reason_text: Sentence
    may_be_granted: Annotated[bool, Field(description="else the member has something to do first")]
    limit: Annotated[int, Field(description="of the account it goes on from", examples=[10000])]
    unit: Unit
    decimals: Decimals
    proof: Annotated[Id | None, Field(description="the fork that a grant would name")]
    contested: Annotated[list[Id], Field(description="the member's payments in doubt")]


class Renewals(Model):
    """Accounts that wait for an officer, in order of member."""

    items: list[Renewal]
    next: Cursor = None
