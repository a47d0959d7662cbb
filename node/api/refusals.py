"""Which errors an operation may answer with: for the document, and checked by the tests.

Rules: what follows from a route's form (a token, a body, pages, a write) is worked out; the rest is
listed here by method and path. The tests of the API fail where a route answers with an error that
is not named for it. Later versions may add codes: clients look at the status where they do not know
one.
"""

from collections.abc import Mapping
from typing import Final

from node.api.routing import OPEN

Codes = tuple[str, ...]

ANY: Final[Codes] = (
    *("host-refused", "origin-refused", "too-many-requests", "request-too-large"),
    *("request-invalid", "unexpected", "busy"),
)
WITH_TOKEN: Final[Codes] = ("unauthorised", "scope-missing")
WITH_BODY: Final[Codes] = ("media-type", "request-slow")
WITH_KEY: Final[Codes] = ("idempotency-conflict",)
WRITES: Final[Codes] = ("disk-full", "disk-error", "storage-busy", "storage-closed")
SIGNS: Final[Codes] = (*WRITES, "device-not-added", "device-revoked", "home-copied", "locked")
CHAPTER: Final[Codes] = ("unknown-chapter",)
MONTH: Final[Codes] = ("month-invalid",)
WORDS: Final[Codes] = (
    *("phrase-count", "phrase-word", "phrase-word-near", "phrase-checksum", "phrase-long"),
    "phrase-other",
)
ROOT: Final[Codes] = (
    *SIGNS,
    *WORDS,
    *("device-unknown", "trade-not-there", "restore-not-ready"),
)
KEY: Final[Codes] = (*ROOT, "password-needed", "password-wrong", "relay-key", "nothing-surfaced")

ALERTS: Final[Codes] = (
    *("forked", "partner-revoked", "beyond-carry", "double-carry", "suspended", "payer-no-grant"),
    *("payer-grant-changed", "payer-unclean"),
)
OFFICE: Final[Codes] = (
    *SIGNS,
    *CHAPTER,
    *("not-officer", "approved-already", "proposal-unknown", "approvals", "supersedes"),
    "missing",
    *("member-already", "member-suspended"),
)
GRANT: Final[Codes] = (
    *OFFICE,
    *ALERTS,
    *("grant-open", "grant-witnesses", "limit-max", "partner-unknown", "partner-no-account"),
)
ACCOUNT: Final[Codes] = (
    *SIGNS,
    *ALERTS,
    *("not-echoed", "no-account", "no-grant", "over-limit", "suspended-self", "content-invalid"),
    *("partner-unknown", "partner-no-account", "partner-self", "no-open", "parties", "grant"),
    *("grant-lane", "grant-stale", "trade-state", "propose-void", "refund-terms"),
    *("refund-exceeds", "amount-invalid", "amount-too-large"),
)
STEP: Final[Codes] = (*ACCOUNT, "trade-unknown", "trade-expired", "not-accepted", "not-committed")
NOTE: Final[Codes] = ("note-invalid", "note-mixed", "note-kind", "note-parts", "version")
POST: Final[Codes] = (
    *SIGNS,
    *("name-invalid", "text-empty", "text-too-long", "language-invalid", "content-invalid"),
    "not-found",
)
PICTURES: Final[Codes] = ("pictures-many", "picture-twice", "picture-text", "picture-unknown")
LISTING: Final[Codes] = (
    *SIGNS,
    *("title-invalid", "text-too-long", "amount-invalid", "unit-invalid", "unit-unknown"),
    *("region-invalid", "tags-invalid", "language-invalid", "until-past", "content-invalid"),
    *PICTURES,
)
OWN_LISTING: Final[Codes] = (*LISTING, "not-found", "not-yours", "listing-gone")
CASE: Final[Codes] = (
    *SIGNS,
    *("dispute-unknown", "dispute-over", "text-empty", "text-too-long", "content-invalid"),
)
FIRST_RUN: Final[Codes] = (
    *("home-exists", "home-not-writable", "invitation-invalid", "name-invalid", "unit-invalid"),
    *("plan-size", "unknown-chapter"),
)
RECEIPT: Final[Codes] = ("trade-unknown", "not-committed", "order-unknown", "receipt-too-large")
SEALED: Final[Codes] = ("locked", "device-not-added", "device-revoked", "statement-too-large")
TOKEN: Final[Codes] = ("name-invalid", "tokens-many")

OWN: Final[Mapping[tuple[str, str], Codes]] = {
    ("POST", "/identity/confirm"): (*WORDS, "file-missing"),
    ("POST", "/identity/restore"): (*ROOT, "nothing-to-restore"),
    ("POST", "/tokens"): TOKEN,
    ("DELETE", "/tokens/{token}"): ("token-unknown",),
    ("POST", "/peers"): ("peer-address", "network-off", "starting"),
    ("PUT", "/lan"): ("lan-address",),
    ("POST", "/lan/pairings"): ("lan-off", "pairings-many", "name-invalid"),
    ("POST", "/lan/pair"): (*WRITES, "pairing-wrong", "tokens-many"),
    ("PUT", "/profile"): (
        *SIGNS,
        *("name-invalid", "text-too-long", "language-invalid", "region-invalid"),
        "content-invalid",
    ),
    ("POST", "/devices/revoke"): ROOT,
    ("POST", "/devices/renew"): KEY,
    ("POST", "/devices/recognise"): KEY,
    ("POST", "/devices/leave"): ("device-unknown", "nothing-surfaced"),
    ("POST", "/community/invitations"): (*SIGNS, *CHAPTER, "not-officer"),
    ("POST", "/community/join"): (
        *WORDS,
        *("invitation-invalid", "community-same", "community-shared", "community-not-empty"),
    ),
    ("GET", "/members"): CHAPTER,
    ("GET", "/members/{member}"): (*CHAPTER, "not-found"),
    ("POST", "/chapters/{name}/apply"): (
        *ACCOUNT,
        *CHAPTER,
        *("text-too-long", "invitation-invalid", "member-already", "member-suspended"),
    ),
    ("GET", "/chapters/{name}/requests"): CHAPTER,
    ("GET", "/chapters/{name}/renewals"): CHAPTER,
    ("POST", "/chapters/{name}/admit"): GRANT,
    ("POST", "/chapters/{name}/suspend"): (*OFFICE, "only-officer"),
    ("POST", "/chapters/{name}/grant"): GRANT,
    ("GET", "/chapters/{name}/proposals"): CHAPTER,
    ("POST", "/chapters/{name}/proposals/{proposal}/agree"): GRANT,
    ("GET", "/chapters/{name}/policy"): CHAPTER,
    ("PUT", "/chapters/{name}/policy"): OFFICE,
    ("POST", "/contacts"): ("name-invalid", "text-too-long"),
    ("DELETE", "/contacts/{member}"): ("not-found",),
    ("POST", "/posts"): POST,
    ("GET", "/posts/{post}"): ("not-found",),
    ("PUT", "/posts/{post}"): (*POST, "not-yours"),
    ("DELETE", "/posts/{post}"): (*SIGNS, "not-found", "not-yours"),
    ("GET", "/listings"): ("region-invalid",),
    ("POST", "/listings"): LISTING,
    ("GET", "/listings/{listing}"): ("not-found", "listing-gone"),
    ("PUT", "/listings/{listing}"): OWN_LISTING,
    ("DELETE", "/listings/{listing}"): OWN_LISTING,
    ("GET", "/search"): ("region-invalid",),
    ("POST", "/pictures"): (
        *("picture-format", "picture-moving", "picture-too-large", "picture-failed"),
    ),
    ("GET", "/pictures/{picture}"): ("picture-unknown",),
    ("GET", "/trades/{trade}"): ("trade-unknown",),
    ("POST", "/trades"): (*ACCOUNT, "trade-unknown", "not-committed", "unit-invalid"),
    ("POST", "/trades/{trade}/accept"): STEP,
    ("POST", "/trades/{trade}/decline"): STEP,
    ("POST", "/trades/{trade}/settle"): STEP,
    ("POST", "/trades/{trade}/release"): STEP,
    ("POST", "/trades/{trade}/refund"): STEP,
    ("POST", "/trades/{trade}/rate"): (*STEP, "stars-invalid", "text-too-long", "rating"),
    ("POST", "/trades/{trade}/note"): ("trade-unknown", "note-too-large", "no-account"),
    ("POST", "/trades/greeting"): ("no-account", "note-too-large"),
    ("POST", "/trades/notes"): (*WRITES, *NOTE, "other-community", "note-too-large"),
    ("GET", "/disputes/{dispute}"): ("dispute-unknown",),
    ("POST", "/disputes"): (*CASE, "trade-unknown", "dispute-too-early", "dispute-open"),
    ("POST", "/disputes/{dispute}/evidence"): (*CASE, "dispute-not-yours"),
    ("POST", "/disputes/{dispute}/erase"): (*CASE, "not-found", "not-yours"),
    ("POST", "/disputes/{dispute}/take"): (*CASE, "dispute-not-asked"),
    ("POST", "/disputes/{dispute}/vote"): (*CASE, "dispute-not-panel", "dispute-amount"),
    ("POST", "/disputes/{dispute}/close"): (*CASE, "dispute-not-yours"),
    ("POST", "/disputes/{dispute}/pay"): (
        *ACCOUNT,
        *("dispute-unknown", "dispute-not-keeper", "dispute-not-due", "dispute-paid"),
    ),
    ("GET", "/balance"): (*CHAPTER, "member-unknown"),
    ("GET", "/units/{unit}"): ("unit-unknown",),
    ("GET", "/contributions"): CHAPTER,
    ("GET", "/statements"): (*CHAPTER, *MONTH, *SEALED),
    ("GET", "/receipts/{trade}"): RECEIPT,
    ("GET", "/ledger/root"): CHAPTER,
    ("GET", "/ledger/closes"): (*CHAPTER, *MONTH),
    ("POST", "/ledger/closes"): (*OFFICE, *MONTH, "month-running", "close-stands"),
    ("GET", "/ledger/proof"): (
        *CHAPTER,
        *MONTH,
        *("close-missing", "close-differs", "close-without"),
    ),
    ("GET", "/ledger/audit"): (*CHAPTER, *MONTH),
    ("GET", "/ledger/ties"): CHAPTER,
    ("POST", "/backup"): ("password-empty", "password-long", "password-unreadable"),
    ("POST", "/setup/invitation"): ("invitation-invalid",),
    ("POST", "/setup/new"): FIRST_RUN,
    ("POST", "/setup/back"): (*FIRST_RUN, *WORDS),
    ("POST", "/records/import"): ("file-format", "version", "other-community", "request-slow"),
}


def codes_of(method: str, path: str, *, scope: str, once: bool, paged: bool) -> Codes:
    """Every error that a route may answer with, each once; `paged`: it takes a cursor."""
    found = [*ANY]
    if scope != OPEN:
        found += WITH_TOKEN
    if paged:
        found.append("cursor-invalid")
    if method != "GET":
        found += [*WRITES, *WITH_BODY]
    if once:
        found += WITH_KEY
    found += OWN.get((method, path), ())
    return tuple(dict.fromkeys(found))
