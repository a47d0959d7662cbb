"""Errors by whose fault they are, and the stable codes of every refusal.

Rules: a code, once released, keeps its meaning. A remote fault never raises past admission; a local
fault is told to the user with what to do; a storage fault stops writing and keeps reading.
Programmer errors are assertions, not members of this family.
"""

from enum import StrEnum


class WetalkError(Exception):
    """Base of all expected errors. `code` is stable; `values` fill the catalogue's sentence."""

    def __init__(self, code: str, detail: str = "", **values: object) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.values = values


class RemoteFault(WetalkError):
    """Bytes that came from somebody else break a rule; the sender is blamed, nothing is stored."""


class LocalFault(WetalkError):
    """The user, or a client on this machine, asked for something that cannot be done."""


class StorageFault(WetalkError):
    """Disk full, damaged file, newer schema: this machine cannot keep its promise now."""


class Reject(StrEnum):
    """Refused bytes: never stored, the sender is blamed."""

    SIZE = "size"  # larger than the format allows
    ENCODING = "encoding"  # not canonical msgpack, or not of the header's shape
    VERSION = "version"  # a record version this program does not know
    KIND = "kind"  # the kind does not belong on this lane
    UNSUPPORTED_KIND = "unsupported-kind"  # a closed lane's kind of a later rules version
    CHAIN = "chain"  # seq and prev do not fit together
    BODY = "body"  # body does not match body_hash or body_size, or may not be missing
    SHAPE = "shape"  # body is not of its kind's shape
    SIGNATURE = "signature"  # does not verify under the strict rule
    NOT_AUTHORISED = "not-authorised"  # record 0 names no device.add for this author, key and scope
    REVOKED = "revoked"  # social or market record beyond the cut of a revoked device
    COMMUNITY = "community"  # a genesis or file of another community
    OTHER_SET = "other-set"  # a part of other bytes than the parts before it


class Parting(StrEnum):
    """Why a conversation with a neighbour ended. The first four blame nobody."""

    DONE = "done"  # one side stops
    OTHER_COMMUNITY = "other-community"
    OTHER_RULES = "other-rules"  # another rules version: one of the two needs an update
    OTHER_PROTOCOL = "other-protocol"  # another version of sync: one of the two needs an update
    NO_HELLO = "no-hello"  # nothing was said in time
    STALLED = "stalled"  # something was owed and nothing moved
    SILENT = "silent"  # not even a sign of life
    FRAME_SIZE = "frame-size"  # larger than a frame may be, packed or unpacked
    FRAME = "frame"  # bytes that are no message
    UNEXPECTED = "unexpected-message"  # a message that this moment does not allow
    WINDOW = "window"  # more sent than was allowed, or more acknowledged than was sent
    ENDLESS = "endless-round"  # comparing without getting anywhere
    EMPTY = "empty-promise"  # tells of heads and has no records
    FLOOD = "flood"  # more questions than anybody needs


class Void(StrEnum):
    """Stored and relayed, without effect. The reason is part of the verdict."""

    NO_OPEN = "no-open"  # account record on a path whose open is void
    QUORUM = "quorum"  # witnesses and q of an open do not fit together (R17)
    CARRY = "carry"  # carried head is not an account record of this author with an open
    UNKNOWN_CHAPTER = "unknown-chapter"
    KEY_REUSED = "key-reused"  # device.add of a key already added on this path
    NOT_OFFICER = "not-officer"
    APPROVALS = "approvals"  # fewer than k distinct officers (R13)
    SUPERSEDES = "supersedes"  # names something that is no ok act on the same subject (R16)
    GRANT_OPEN = "grant-open"  # grants something that is no ok open of this chapter (R15)
    GRANT_WITNESSES = "grant-witnesses"  # the open's witnesses are not the chapter's (R15)
    LIMIT_MAX = "limit-max"  # above the chapter's highest limit (R15)
    PARTIES = "parties"  # terms do not name two opens of one chapter, one of them this lane (R21)
    GRANT = "grant"  # a debit without an ok grant (R22)
    GRANT_LANE = "grant-lane"  # the grant is for another open
    GRANT_STALE = "grant-stale"  # an older grant than one used before on this path
    OVER_LIMIT = "over-limit"
    TRADE_STATE = "trade-state"  # the step does not follow from the trade's state on this path
    PROPOSE_VOID = "propose-void"
    REFUND_TERMS = "refund-terms"  # refunds no commit between these two (R25)
    REFUND_EXCEEDS = "refund-exceeds"
    CLAIM_BAD = "claim-bad"  # not a commit to this lane, or claimed already (R27)
    CLAIM_UNSECURED = "claim-unsecured"  # too few stamps
    RATING = "rating"  # not a party of an ok commit, or rated before on this path
    STAMP = "stamp"  # stamps something that is no account head


OK = "ok"  # the verdict of a record with effect
