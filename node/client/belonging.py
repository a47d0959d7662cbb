"""Belonging: community, chapters, members, contacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from node.client.connection import Connection
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

    def community(self, *, root: bool = False) -> Community:
        """The founding document."""
        return self.get("/community", root=root)

    def invite(self, chapter: str | None = None, *, code: bool = False) -> Invitation:
        """An invitation: `link` and `expires`."""
        return self.post("/community/invitations", {"chapter": chapter, "code": code})

    def join(self, link: str, words: str) -> Joining:
        """Join another community in place of an empty one of one's own; the node starts anew."""
        return self.post("/community/join", {"link": link, "words": words})

    def members(self, chapter: str | None = None, state: str | None = None) -> Iterator[Member]:
        """Members of a chapter."""
        return self.each("/members", chapter=chapter, state=state)

    def member(self, member: str, chapter: str | None = None) -> MemberDetail:
        """One member."""
        return self.get(f"/members/{member}", chapter=chapter)

    def apply(self, chapter: str, text: str = "", code: str | None = None) -> Made:
        """Ask a chapter to admit this member."""
        return self.post(f"{chapter_path(chapter)}/apply", {"text": text, "code": code})

    def requests(self, chapter: str) -> list[Application]:
        """Open applications."""
        return self.get(f"{chapter_path(chapter)}/requests")["items"]

    def renewals(self, chapter: str) -> list[Renewal]:
        """Accounts without a limit that wait for an officer."""
        return self.get(f"{chapter_path(chapter)}/renewals")["items"]

    def admit(self, chapter: str, member: str) -> Decision:
        """Admit a member."""
        return self.post(f"{chapter_path(chapter)}/admit", {"member": member})

    def suspend(self, chapter: str, member: str) -> Decision:
        """Suspend a member."""
        return self.post(f"{chapter_path(chapter)}/suspend", {"member": member})

    def grant(self, chapter: str, member: str, limit: int) -> Decision:
        """Grant a limit, minor units of credit."""
        return self.post(f"{chapter_path(chapter)}/grant", {"member": member, "limit": limit})

    def proposals(self, chapter: str) -> list[Proposal]:
        """What officers ask one another to agree to."""
        return self.get(f"{chapter_path(chapter)}/proposals")["items"]

    def agree(self, chapter: str, proposal: str) -> Decision:
        """Say yes to a proposal."""
        return self.post(f"{chapter_path(chapter)}/proposals/{proposal}/agree")

    def policy(self, chapter: str) -> Policy:
        """How members' programs act in a chapter."""
        return self.get(f"{chapter_path(chapter)}/policy")

    def set_policy(self, chapter: str, policy: Json) -> Decision:
        """Set a chapter's policy as a whole."""
        return self.put(f"{chapter_path(chapter)}/policy", policy)

    def contacts(self) -> list[Contact]:
        """Own names for members."""
        return self.get("/contacts")["items"]

    def put_contact(self, member: str, name: str, note: str = "") -> None:
        """Call a member by a name."""
        self.post("/contacts", {"member": member, "name": name, "note": note})

    def remove_contact(self, member: str) -> None:
        """Forget a contact."""
        self.delete(f"/contacts/{member}")
