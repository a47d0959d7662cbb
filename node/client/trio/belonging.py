"""Belonging: community, chapters, members, contacts.

Written by tests/clients/generate.py from the client for threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from node.client.trio.connection import Connection
from node.client.wire import Json, chapter_path

if TYPE_CHECKING:
    from node.client.shapes import (
        Application,
        Community,
        Contact,
        Decision,
        Invitation,
        Joining,
        Made,
        Member,
        MemberDetail,
        Policy,
        Proposal,
        Renewal,
    )


class Belonging(Connection):
    """Community, chapters, officers' acts, contacts."""

    async def community(self, *, root: bool = False) -> Community:
        """The founding document."""
        return await self.get("/community", root=root)

    async def invite(self, chapter: str | None = None, *, code: bool = False) -> Invitation:
        """An invitation: `link` and `expires`."""
        return await self.post("/community/invitations", {"chapter": chapter, "code": code})

    async def join(self, link: str, words: str) -> Joining:
        """Join another community in place of an empty one of one's own; the node starts anew."""
        return await self.post("/community/join", {"link": link, "words": words})

    def members(
        self, chapter: str | None = None, state: str | None = None
    ) -> AsyncIterator[Member]:
        """Members of a chapter."""
        return self.each("/members", chapter=chapter, state=state)

    async def member(self, member: str, chapter: str | None = None) -> MemberDetail:
        """One member."""
        return await self.get(f"/members/{member}", chapter=chapter)

    async def apply(self, chapter: str, text: str = "", code: str | None = None) -> Made:
        """Ask a chapter to admit this member."""
        return await self.post(f"{chapter_path(chapter)}/apply", {"text": text, "code": code})

    async def requests(self, chapter: str) -> list[Application]:
        """Open applications."""
        return (await self.get(f"{chapter_path(chapter)}/requests"))["items"]

    async def renewals(self, chapter: str) -> list[Renewal]:
        """Accounts without a limit that wait for an officer."""
        return (await self.get(f"{chapter_path(chapter)}/renewals"))["items"]

    async def admit(self, chapter: str, member: str) -> Decision:
        """Admit a member."""
        return await self.post(f"{chapter_path(chapter)}/admit", {"member": member})

    async def suspend(self, chapter: str, member: str) -> Decision:
        """Suspend a member."""
        return await self.post(f"{chapter_path(chapter)}/suspend", {"member": member})

    async def grant(self, chapter: str, member: str, limit: int) -> Decision:
        """Grant a limit, minor units of credit."""
        return await self.post(f"{chapter_path(chapter)}/grant", {"member": member, "limit": limit})

    async def proposals(self, chapter: str) -> list[Proposal]:
        """What officers ask one another to agree to."""
        return (await self.get(f"{chapter_path(chapter)}/proposals"))["items"]

    async def agree(self, chapter: str, proposal: str) -> Decision:
        """Say yes to a proposal."""
        return await self.post(f"{chapter_path(chapter)}/proposals/{proposal}/agree")

    async def policy(self, chapter: str) -> Policy:
        """How members' programs act in a chapter."""
        return await self.get(f"{chapter_path(chapter)}/policy")

    async def set_policy(self, chapter: str, policy: Json) -> Decision:
        """Set a chapter's policy as a whole."""
        return await self.put(f"{chapter_path(chapter)}/policy", policy)

    async def contacts(self) -> list[Contact]:
        """Own names for members."""
        return (await self.get("/contacts"))["items"]

    async def put_contact(self, member: str, name: str, note: str = "") -> None:
        """Call a member by a name."""
        await self.post("/contacts", {"member": member, "name": name, "note": note})

    async def remove_contact(self, member: str) -> None:
        """Forget a contact."""
        await self.delete(f"/contacts/{member}")
