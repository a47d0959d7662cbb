"""Bodies of the identity lane (R8-R10): signed by the root key, closed per rules version.

An identity's state is a set over all branches: device keys added, device keys revoked with cuts.
Two installations holding one phrase may fork this lane honestly; that is only an alert.
"""

from enum import IntEnum
from typing import Annotated, Literal

from msgspec import Meta

from node.protocol.limits import CUTS_MAX_COUNT, SCOPES_MAX_COUNT
from node.protocol.shapes import Body, Id, Key, Row, Sequence, Signature, ascending


class Lane(IntEnum):
    """Lane kinds, as numbers in headers and as names in bodies."""

    IDENTITY = 0
    ACCOUNT = 1
    SOCIAL = 2
    MARKET = 3
    OFFICE = 4
    WITNESS = 5


LaneName = Literal["account", "market", "office", "social", "witness"]
DEVICE_SCOPES: tuple[LaneName, ...] = ("account", "market", "office", "social", "witness")


class Cut(Row, frozen=True):
    """The last record of a lane that a revocation leaves standing: its seq and its id."""

    seq: Sequence
    id: Id


class IdentityCreate(Body, frozen=True):
    """`identity.create`, seq 0. `next` commits to a successor root key (for later key rotation)."""

    next: Id | None


class DeviceAdd(Body, frozen=True):
    """`device.add`: `proof` is the device's signature over community and author (`proof_text`)."""

    key: Key
    proof: Signature
    scopes: Annotated[list[LaneName], Meta(min_length=1, max_length=SCOPES_MAX_COUNT)]

    def well_formed(self) -> bool:
        return ascending(self.scopes)


class DeviceRevoke(Body, frozen=True):
    """`device.revoke`: shuts a device out; lanes not named in `cuts` are cut before their start."""

    cuts: Annotated[dict[LaneName, Cut | Literal["open"]], Meta(max_length=CUTS_MAX_COUNT)]
    key: Key


def proof_text(community: bytes, author: bytes) -> bytes:
    """What a device key signs, after the word `wetalk/1 device proof`, to be added to `author`."""
    return community + author


KINDS: dict[str, type[Body]] = {
    "identity.create": IdentityCreate,
    "device.add": DeviceAdd,
    "device.revoke": DeviceRevoke,
}
