"""One valid body of every kind, as plain values."""

from typing import Any

from node.protocol import codec

ONE, TWO, THREE = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
SALT = b"\x0a" * 16
_ACT: dict[str, Any] = {
    "approvals": [ONE],
    "chapter": "Seoul",
    "list": TWO,
    "supersedes": [],
}

_CONTENT = {
    **{key: value for key, value in _ACT.items() if key != "approvals"},
    "application": None,
    "member": THREE,
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "identity.create": {"next": None},
    "device.add": {"key": ONE, "proof": b"\x04" * 64, "scopes": ["account", "social"]},
    "device.revoke": {"cuts": {"account": [7, TWO], "social": "open"}, "key": ONE},
    "account.open": {"auth": ONE, "carry": [], "chapter": "Seoul", "q": 0, "witnesses": []},
    "trade.propose": {
        "amount": 1250,
        "grant": None,
        "order_hash": ONE,
        "payee_lane": TWO,
        "payer_lane": THREE,
        "refunds": None,
        "unit": "credit",
        "valid_until": None,
    },
    "trade.accept": {"grant": None, "propose": ONE},
    "trade.decline": {"propose": ONE},
    "trade.settle": {"accept": ONE},
    "trade.release": {"trade": ONE},
    "account.claim": {"items": [[ONE, []], [TWO, [ONE, THREE]]]},
    "rating.give": {"commit": ONE, "review": None, "stars": 5},
    "social.open": {"auth": ONE},
    "profile.set": {
        "about": "빵을 굽습니다",
        "languages": ["ko", "en"],
        "name": "안나",
        "region": "KR-11",
        "salt": SALT,
    },
    "member.apply": {"chapter": "Seoul", "invite": None, "salt": SALT, "text": ""},
    "post.put": {
        "language": "ko",
        "reply_to": None,
        "room": "마당",
        "salt": SALT,
        "text": "안녕하세요",
    },
    "post.edit": {"post": ONE, "salt": SALT, "text": "안녕히 가세요"},
    "post.delete": {"post": ONE, "salt": SALT},
    "dispute.open": {"salt": SALT, "trade": ONE},
    "dispute.evidence": {
        "box": b"\x05" * 296,
        "dispute": ONE,
        "keys": [[ONE, b"\x06" * 80], [TWO, b"\x07" * 80]],
        "salt": SALT,
    },
    "dispute.share": {
        "dispute": ONE,
        "evidence": TWO,
        "keys": [[THREE, b"\x06" * 80]],
        "salt": SALT,
    },
    "dispute.take": {"dispute": ONE, "salt": SALT, "takes": True},
    "dispute.vote": {"amount": 700, "dispute": ONE, "salt": SALT, "to": "payee"},
    "dispute.paid": {"dispute": ONE, "salt": SALT, "trade": TWO},
    "dispute.close": {"dispute": ONE, "salt": SALT},
    "dispute.erase": {"dispute": ONE, "evidence": TWO, "salt": SALT},
    "market.open": {"auth": ONE},
    "listing.put": {
        "kind": "goods",
        "language": None,
        "listing": None,
        "paused": False,
        "price": [500, "credit", 2],
        "region": None,
        "salt": SALT,
        "stock": "few",
        "tags": ["food"],
        "text": "",
        "title": "Bread",
        "until": None,
    },
    "listing.close": {"erase": True, "listing": ONE, "salt": SALT},
    "listing.pictures": {
        "listing": ONE,
        "pictures": [
            [
                "하얀 접시에 담긴 김치",
                [TWO, "image/webp", 180_000, 1280, 960],
                [THREE, "image/jpeg", 9_000, 320, 240],
            ]
        ],
        "salt": SALT,
    },
    "review.put": {"commit": ONE, "salt": SALT, "text": "good"},
    "office.open": {"auth": ONE},
    "office.approve": {"act": ONE},
    "office.propose": {"content": codec.encode(["member.admit", _CONTENT])},
    "member.admit": {**_ACT, "application": None, "member": THREE},
    "member.suspend": {**_ACT, "application": ONE, "member": THREE},
    "credit.grant": {**_ACT, "limit": 5000, "open": THREE, "proof": None},
    "chapter.policy": {
        **_ACT,
        "counts": ["hours"],
        "faith_days": 30,
        "mediators": [ONE, TWO],
        "secured_from": 5000,
    },
    "chapter.close": {
        **_ACT,
        "count": 2,
        "negative": 1250,
        "period": 202610,
        "positive": 1250,
        "root": ONE,
        "state": TWO,
    },
    "witness.open": {"auth": ONE},
    "witness.stamp": {"head": ONE, "open": TWO},
}
