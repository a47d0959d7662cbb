"""Bodies of the social lane: profile, applications, posts. Erasable, salted, open to later kinds.

Ids named here (a reply, an edited post) are mentions: the record does not wait for them. An edit or
a deletion takes effect when its target is known and has the same author, in whatever order they
came.
"""

from typing import Annotated

from msgspec import Meta

from node.protocol.shapes import Body, Id, Name, Salt, Text, Word


class LaneOpen(Body, frozen=True):
    """Record 0 of the social, market, office and witness lanes: names the `device.add` (R9)."""

    auth: Id

    def names(self) -> tuple[bytes, ...]:
        return (self.auth,)


class ProfileSet(Body, frozen=True):
    """`profile.set`: how a member is shown. The last one on the lane counts."""

    about: Text
    languages: Annotated[list[Word], Meta(max_length=8)]
    name: Name
    region: Word | None
    salt: Salt


class MemberApply(Body, frozen=True):
    """`member.apply`: asks a chapter to admit the author; `invite` proves a one-time code."""

    chapter: Name
    invite: Id | None
    salt: Salt
    text: Text


class PostPut(Body, frozen=True):
    """`post.put`: a post in a room."""

    language: Word | None
    reply_to: Id | None
    room: Name
    salt: Salt
    text: Text


class PostEdit(Body, frozen=True):
    """`post.edit`: new text for a post of the same author."""

    post: Id
    salt: Salt
    text: Text


class PostDelete(Body, frozen=True):
    """`post.delete`: erases the bodies of a post of the same author and of its edits."""

    post: Id
    salt: Salt


KINDS: dict[str, type[Body]] = {
    "social.open": LaneOpen,
    "profile.set": ProfileSet,
    "member.apply": MemberApply,
    "post.put": PostPut,
    "post.edit": PostEdit,
    "post.delete": PostDelete,
}
