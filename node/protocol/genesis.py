"""The genesis document: who a community is. Its hash is the community id; it never changes.

Rules: canonical bytes; chapter names distinct; k officers of the list suffice for an act; witnesses
and q fit together (R17). A node holds one genesis document and accepts records bound to it alone.
"""

from typing import Annotated

from msgspec import Meta

from node.protocol import codec, crypto, limits
from node.protocol.errors import Reject, RemoteFault
from node.protocol.shapes import Body, CommunityId, Key, Name, Salt, Sum, Word


class CreditUnit(Body, frozen=True):
    """The community's mutual-credit unit."""

    code: Word
    decimals: Annotated[int, Meta(ge=0, le=limits.DECIMALS_MAX_COUNT)]


class Chapter(Body, frozen=True):
    """A regional co-op: officers, how many of them an act needs, witnesses, limits (minor units).

    `treasury` is the member whose lanes may be granted any limit: the chapter's own account.
    """

    default_limit: Sum
    k: Annotated[int, Meta(ge=1, le=limits.OFFICERS_MAX_COUNT)]
    limit_max: Sum
    name: Name
    officers: Annotated[list[Key], Meta(min_length=1, max_length=limits.OFFICERS_MAX_COUNT)]
    q: Annotated[int, Meta(ge=0, le=limits.WITNESSES_MAX_COUNT)]
    treasury: Key | None
    witnesses: Annotated[list[Key], Meta(max_length=limits.WITNESSES_MAX_COUNT)]


class Genesis(Body, frozen=True):
    """The document itself."""

    chapters: Annotated[list[Chapter], Meta(min_length=1, max_length=limits.CHAPTERS_MAX_COUNT)]
    languages: Annotated[list[Word], Meta(min_length=1, max_length=16)]
    name: Name
    rules: int
    salt: Salt
    unit: CreditUnit

    def chapter(self, name: str) -> Chapter | None:
        """The chapter of that name, or None."""
        return next((c for c in self.chapters if c.name == name), None)

    def chapter_number(self, name: str) -> int:
        """Its place in the document; the name must be one of the document's."""
        return next(n for n, c in enumerate(self.chapters) if c.name == name)


def encode(genesis: Genesis) -> bytes:
    """Canonical bytes of a genesis document that keeps the rules (ValueError otherwise)."""
    data = codec.encode(genesis)
    try:
        parse(data)
    except RemoteFault as fault:
        raise ValueError(str(fault)) from None
    return data


def parse(data: bytes) -> tuple[CommunityId, Genesis]:
    """Community id and document. Raises RemoteFault (`size`, `encoding`, `shape`, `version`)."""
    if len(data) > limits.GENESIS_SIZE_MAX_BYTES:
        raise RemoteFault(Reject.SIZE, "genesis")
    genesis = codec.decode(data, Genesis)
    if genesis.rules != limits.RULES_VERSION:
        raise RemoteFault(Reject.VERSION, "rules version")
    names = [chapter.name for chapter in genesis.chapters]
    if len(set(names)) != len(names):
        raise RemoteFault(Reject.SHAPE, "two chapters of one name")
    for chapter in genesis.chapters:
        if len(set(chapter.officers)) != len(chapter.officers) or chapter.k > len(chapter.officers):
            raise RemoteFault(Reject.SHAPE, "officers and k")
        if not quorum_fits(chapter.witnesses, chapter.q):
            raise RemoteFault(Reject.SHAPE, "witnesses and q")
        if chapter.default_limit > chapter.limit_max:
            raise RemoteFault(Reject.SHAPE, "limits")
    return CommunityId(crypto.community_id(data)), genesis


def quorum_fits(witnesses: list[bytes], q: int) -> bool:
    """R17: no witnesses and q = 0, or distinct witnesses with n/2 < q <= n."""
    n = len(set(witnesses))
    return n == len(witnesses) and (n == q == 0 or n < 2 * q <= 2 * n)
