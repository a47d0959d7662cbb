"""What the running node tells the API, and what the API may ask of it.

The runtime implements `Live`; the API knows nothing of networks and processes.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from node.api.certificate import Certificate
from node.protocol.errors import WetalkError
from node.protocol.portable import Invitation
from node.wallet.phrase import Phrase

NetworkState = Literal["starting", "running", "off", "failed"]
PictureWaiting = Literal["coming", "nobody", "alone"]
LanStage = Literal["off", "starting", "on", "failed"]


@dataclass(frozen=True, slots=True)
class LanState:
    """Whether the home network is open. `on` is what the owner wants; url and certificate stand
    while it is, `problem` where it failed."""

    on: bool = False
    state: LanStage = "off"
    url: str | None = None
    certificate: Certificate | None = None
    problem: WetalkError | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A connected neighbour. Times in seconds; `rtt_s` None until measured."""

    peer: str
    host: str
    dialled: bool
    since_s: float
    in_sync: bool
    rtt_s: float | None
    bytes_in: int
    bytes_out: int
    records_in: int
    records_left: int  # it still has to send


class Live(Protocol):
    """The node behind the API."""

    @property
    def started_ms(self) -> int:
        """When this process began, milliseconds since 1970."""
        ...

    @property
    def network_state(self) -> NetworkState:
        """`off` where the user wants none; `failed` when it could not start."""
        ...

    def addresses(self) -> list[str]:
        """Where neighbours can dial this node; empty until the network runs."""
        ...

    def neighbours(self) -> list[Neighbour]:
        """Who is connected now."""
        ...

    def dial(self, address: str) -> None:
        """Dial a neighbour, now and whenever it is lost. Raises LocalFault."""
        ...

    def restart(self) -> None:
        """Start again with what the home holds by now."""
        ...

    def lan(self) -> LanState:
        """Whether the home network is open."""
        ...

    async def set_lan(self, on: bool, address: str | None, port: int | None) -> LanState:
        """Open it or close it, for good; None: the address the system uses, the port kept."""
        ...

    def want_picture(self, key: bytes) -> PictureWaiting:
        """Fetch a file of a picture from neighbours, soon: it is `coming`, `nobody` that was asked
        has it, or there is nobody to ask (`alone`)."""
        ...

    def rejoin(self, invitation: Invitation, phrase: Phrase) -> None:
        """Stop, set this home's community aside, and start as a member of another."""
        ...
