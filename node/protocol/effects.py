"""What a session wants done: the driver performs these in the order given."""

from collections.abc import Sequence

import msgspec

from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import RawRecord


class Send(msgspec.Struct, frozen=True):
    """Send this frame to the neighbour."""

    frame: bytes


class Deliver(msgspec.Struct, frozen=True):
    """Take these records in, then call `Session.delivered` with the token, in any order."""

    token: int
    records: Sequence[RawRecord]


class Proofs(msgspec.Struct, frozen=True):
    """Fork proofs told by the neighbour; well-formed, their signatures not yet verified."""

    proofs: Sequence[ForkProof]


class Addresses(msgspec.Struct, frozen=True):
    """Addresses told by the neighbour, unchecked."""

    addresses: Sequence[str]


class Blame(msgspec.Struct, frozen=True):
    """The neighbour broke a rule: a `Parting` or `Reject` code."""

    code: str


class Close(msgspec.Struct, frozen=True):
    """The session is over: send what was to be sent and close. `by_remote`: it said good-bye."""

    code: str
    by_remote: bool = False


class InSync(msgspec.Struct, frozen=True):
    """Both sides had the same heads when this source's generation was `generation`."""

    generation: int


class Echo(msgspec.Struct, frozen=True):
    """The neighbour holds exactly these heads of the own lanes (R11)."""

    heads: Sequence[HeadItem]


class Wake(msgspec.Struct, frozen=True):
    """Call `Session.tick` at this time (ms); replaces what an earlier Wake said."""

    at_ms: int


Effect = Send | Deliver | Proofs | Addresses | Blame | Close | InSync | Echo | Wake
