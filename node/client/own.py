"""This node and its member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from node.client.connection import Connection
from node.client.wire import Json

if TYPE_CHECKING:
    from node.client.shapes import (
        Device,
        Identity,
        ImportReport,
        Lan,
        LanPaired,
        LanPairingMade,
        Made,
        Peers,
        Profile,
        Renewed,
        Restored,
        Status,
        Token,
        TokenMade,
    )


class OwnNode(Connection):
    """Status, identity, devices, tokens, neighbours."""

    def status(self) -> Status:
        """How the node is."""
        return self.get("/status")

    def identity(self) -> Identity:
        """Who this device speaks for."""
        return self.get("/identity")

    def confirm(self, words: str) -> None:
        """Check the 24 words, and remove the file that holds them."""
        self.post("/identity/confirm", {"words": words})

    def restore(self, words: str, since: str | None = None) -> Restored:
        """Speak for a member whose records have come back; the devices that were `shut_out`."""
        return self.post("/identity/restore", {"words": words, "since": since})

    def first_run(self) -> Json:
        """The home of a node that has no member yet. These four are refused by any other node."""
        return self.request("GET", "/setup")

    def look_at_invitation(self, invitation: str) -> Json:
        """Where an invitation leads."""
        return self.request("POST", "/setup/invitation", body={"invitation": invitation})

    def new_member(
        self,
        name: str,
        language: str,
        *,
        invitation: str | None = None,
        community: Json | None = None,
    ) -> Json:
        """Make a member; the 24 `words` are told this once. `community`: `name` and `unit`."""
        body = {"name": name, "language": language}
        body |= {"invitation": invitation, "community": community}
        return self.request("POST", "/setup/new", body=body)

    def come_back(
        self, words: str, language: str, invitation: str, *, beside: bool = False
    ) -> Json:
        """Make a home for a member who has been here before; the node fetches their records."""
        body = {"words": words, "language": language, "invitation": invitation, "beside": beside}
        return self.request("POST", "/setup/back", body=body)

    def profile(self) -> Profile:
        """The own profile."""
        return self.get("/profile")

    def set_profile(
        self, name: str, about: str = "", languages: tuple[str, ...] = (), region: str | None = None
    ) -> Profile:
        """Change the own profile."""
        body = {"name": name, "about": about, "languages": list(languages), "region": region}
        return self.put("/profile", body)

    def devices(self) -> list[Device]:
        """The devices of this member."""
        return self.get("/devices")["items"]

    def revoke_device(
        self, device: str, words: str, *, leave_open: bool = False, since: str | None = None
    ) -> Made:
        """Shut a device out; `since` names the first trade on it that was not ours."""
        body = {"device": device, "words": words, "open": leave_open, "since": since}
        return self.post("/devices/revoke", body)

    def renew_device(
        self, words: str, password: str | None = None, *, both: bool = False
    ) -> Renewed:
        """Make a new key on this computer."""
        return self.post("/devices/renew", {"words": words, "password": password, "both": both})

    def recognise_device(
        self, device: str, words: str, password: str | None = None, *, through: str | None = None
    ) -> Renewed:
        """What an old device did beyond its cut was ours."""
        body = {"device": device, "words": words, "password": password, "through": through}
        return self.post("/devices/recognise", body)

    def leave_device(self, device: str) -> None:
        """What an old device did beyond its cut was not ours."""
        self.post("/devices/leave", {"device": device})

    def tokens(self) -> list[Token]:
        """The tokens of clients."""
        return self.get("/tokens")["items"]

    def make_token(self, name: str, scopes: tuple[str, ...], days: int | None = None) -> TokenMade:
        """A new token; its secret stands under `token`, this once."""
        return self.post("/tokens", {"name": name, "scopes": list(scopes), "days": days})

    def remove_token(self, token_id: str) -> None:
        """Take a client's token back."""
        self.delete(f"/tokens/{token_id}")

    def lan(self) -> Lan:
        """Whether phones on the home network can come in, and how."""
        return self.get("/lan")

    def open_lan(self, address: str | None = None, port: int | None = None) -> Lan:
        """Open the home network, on the address the system uses and the port kept."""
        return self.put("/lan", {"on": True, "address": address, "port": port})

    def close_lan(self) -> Lan:
        """Close the home network."""
        return self.put("/lan", {"on": False})

    def open_pairing(self, name: str, scopes: tuple[str, ...], days: int) -> LanPairingMade:
        """A code that lets one phone in: `link`, `code`, and what to compare."""
        return self.post("/lan/pairings", {"name": name, "scopes": list(scopes), "days": days})

    def close_pairings(self) -> None:
        """Make every code that was not used yet worthless."""
        self.delete("/lan/pairings")

    def pair(self, code: str) -> LanPaired:
        """Exchange a code for a token; this needs no token."""
        return self.post("/lan/pair", {"code": code})

    def import_records(self, data: Any) -> ImportReport:
        """Admit the lines of an export: bytes, a file, or an iterable of bytes."""
        return self.post_lines("/records/import", data)

    def peers(self) -> Peers:
        """Neighbours connected now, and own addresses."""
        return self.get("/peers")

    def add_peer(self, address: str) -> None:
        """Dial a neighbour."""
        self.post("/peers", {"address": address})
