"""The greeting: what two nodes must agree on before they compare anything.

Rules: the community and the rules version must be the same, so that nobody spends an hour fetching
records that mean nothing here; the version of sync too. Of lane kinds, those are compared that both
keep, and identity lanes are always among them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.protocol import limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.identity import Lane
from node.protocol.messages import Hello


def _no_lanes() -> Sequence[bytes]:
    return ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node says of itself, the same to all neighbours."""

    agent: str = ""
    kinds: frozenset[int] = frozenset(Lane)  # lane kinds kept; identity must be among them
    addresses: tuple[str, ...] = ()
    own_lanes: Callable[[], Sequence[bytes]] = _no_lanes  # lane keys whose echo matters (R11)


def greet(community: bytes, settings: Settings, nonce: bytes, proofs: bytes) -> Hello:
    """The own greeting. `nonce`: 16 random bytes; `proofs`: digest of the known fork proofs."""
    assert len(nonce) == limits.NONCE_SIZE_BYTES
    assert Lane.IDENTITY in settings.kinds
    return Hello(
        limits.SYNC_VERSION,
        community,
        limits.RULES_VERSION,
        settings.agent[: limits.AGENT_MAX_CHARACTERS],
        sorted(int(kind) for kind in settings.kinds),
        limits.FRAMES_IN_FLIGHT_MAX_COUNT,
        limits.WINDOW_BYTES,
        nonce,
        proofs,
        list(settings.addresses[: limits.ADDRESSES_TOLD_MAX_COUNT]),
        [],
    )


def common_kinds(hello: Hello, community: bytes, settings: Settings) -> frozenset[int]:
    """The lane kinds to compare with this neighbour.

    Raises RemoteFault `other-protocol`, `other-community`, `other-rules` or `frame`.
    """
    if hello.version != limits.SYNC_VERSION:
        raise RemoteFault(Parting.OTHER_PROTOCOL)
    if hello.community != community:
        raise RemoteFault(Parting.OTHER_COMMUNITY)
    if hello.rules != limits.RULES_VERSION:
        raise RemoteFault(Parting.OTHER_RULES)
    kinds = frozenset(hello.kinds)
    if sorted(kinds) != hello.kinds or Lane.IDENTITY not in kinds:
        raise RemoteFault(Parting.FRAME, "lane kinds")
    return kinds & settings.kinds
