"""What a session wants done: the driver performs these in the order given."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.protocol.ports import ForkProof, HeadItem
from node.protocol.record import RawRecord


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame to the neighbour."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """Take these records in, then call `Session.delivered` with the token, in any order."""

    token: int
    records: Sequence[RawRecord]


@dataclass(frozen=True, slots=True)
class Proofs:
    """Fork proofs told by the neighbour; well-formed, their signatures not yet verified."""

    proofs: Sequence[ForkProof]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses told by the neighbour, unchecked."""

    addresses: Sequence[str]


@dataclass(frozen=True, slots=True)
class Blame:
    """The neighbour broke a rule: a `Parting` or `Reject` code."""

    code: str


@dataclass(frozen=True, slots=True)
class Close:
    """The session is over: send what was to be sent and close. `by_remote`: it said good-bye."""

    code: str
    by_remote: bool = False


@dataclass(frozen=True, slots=True)
class InSync:
    """Both sides had the same heads when this source's generation was `generation`."""

    generation: int


@dataclass(frozen=True, slots=True)
class Echo:
    """The neighbour holds exactly these heads of the own lanes (R11)."""

    heads: Sequence[HeadItem]


@dataclass(frozen=True, slots=True)
class Wake:
    """Call `Session.tick` at this time (ms); replaces what an earlier Wake said."""

    at_ms: int


Effect = Send | Deliver | Proofs | Addresses | Blame | Close | InSync | Echo | Wake
