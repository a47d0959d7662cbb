"""Key files: round trips, and every damaged, foreign, open or wrongly unlocked file refused."""

import hashlib
import pickle
import unicodedata
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from node.protocol import limits
from node.wallet import keyfile
from node.wallet.errors import Problem, WalletError
from node.wallet.keyfile import (
    KeyInfo,
    change_passphrase,
    create_key,
    open_key,
    read_host_key,
    read_info,
)
from node.wallet.passphrase import Cost
from node.wallet.private_file import write_private
from tests.wallet.conftest import CHEAP

COMMUNITY = bytes(range(32))
MEMBER = bytes(range(32, 64))
PASSPHRASES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def make(path: Path, passphrase: str | None, purpose: keyfile.Purpose = "device") -> bytes:
    return create_key(
        path,
        purpose,
        community_id=COMMUNITY,
        member_id=MEMBER,
        passphrase=passphrase,
        cost=CHEAP,
    )


def code_of_opening(path: Path, passphrase: str | None = None) -> str:
    with pytest.raises(WalletError) as caught:
        open_key(path, "device", passphrase)
    return caught.value.code


def rewrite(path: Path, data: bytes) -> None:
    write_private(path, data, replace=True)


def with_checksum(covered: bytes) -> bytes:
    return covered + hashlib.sha256(covered).digest()


@pytest.mark.parametrize("passphrase", [None, "열려라 참깨"])
def test_a_key_comes_back_with_its_names(home: Path, passphrase: str | None) -> None:
    public = make(home / "device.key", passphrase)
    expected = KeyInfo("device", COMMUNITY, MEMBER, public, sealed=passphrase is not None)
    assert read_info(home / "device.key") == expected
    with open_key(home / "device.key", "device", passphrase) as opened:
        assert opened.info == expected
        assert bytes(SigningKey(bytes(opened.seed)).verify_key) == public
    assert bytes(opened.seed) == bytes(32)


@settings(max_examples=30)
@given(PASSPHRASES, PASSPHRASES)
def test_a_sealed_key_opens_with_its_passphrase_only(
    tmp_path_factory: pytest.TempPathFactory, passphrase: str, other: str
) -> None:
    path = tmp_path_factory.mktemp("home") / "device.key"
    public = make(path, passphrase)
    with open_key(path, "device", passphrase) as opened:
        assert opened.info.public_key == public
    if unicodedata.normalize("NFC", other) != unicodedata.normalize("NFC", passphrase):
        assert code_of_opening(path, other) == Problem.PASSWORD_WRONG


def test_keys_of_one_home_differ_and_do_not_stand_in_for_each_other(home: Path) -> None:
    device, host = make(home / "device.key", None), make(home / "host.key", None, "host")
    assert device != host
    assert bytes(SigningKey(read_host_key(home / "host.key")).verify_key) == host
    assert code_of_opening(home / "host.key") == Problem.KEY_PURPOSE
    with pytest.raises(WalletError) as caught:
        read_host_key(home / "device.key")
    assert caught.value.code == Problem.KEY_PURPOSE


def test_a_key_is_never_overwritten_by_a_new_one(home: Path) -> None:
    public = make(home / "device.key", None)
    with pytest.raises(WalletError) as caught:
        make(home / "device.key", "x")
    assert caught.value.code == Problem.FILE_EXISTS
    assert read_info(home / "device.key").public_key == public


@pytest.mark.parametrize(("community", "member"), [(b"x", MEMBER), (COMMUNITY, bytes(33))])
def test_ids_of_another_size_are_a_mistake_of_ours(
    home: Path, community: bytes, member: bytes
) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        create_key(home / "k", "device", community_id=community, member_id=member)
    assert list(home.iterdir()) == []


def test_a_sealed_file_shows_no_seed_and_never_the_same_bytes_twice(home: Path) -> None:
    make(home / "device.key", None)
    with open_key(home / "device.key", "device") as opened:
        seed = bytes(opened.seed)
    change_passphrase(home / "device.key", "device", old=None, new="a", cost=CHEAP)
    first = (home / "device.key").read_bytes()
    change_passphrase(home / "device.key", "device", old="a", new="a", cost=CHEAP)
    second = (home / "device.key").read_bytes()
    assert seed not in first + second
    assert first != second
    with open_key(home / "device.key", "device", "a") as opened:
        assert bytes(opened.seed) == seed


def test_the_passphrase_can_be_changed_and_taken_away(home: Path) -> None:
    path = home / "device.key"
    public = make(path, "old")
    change_passphrase(path, "device", old="old", new="new", cost=CHEAP)
    assert code_of_opening(path, "old") == Problem.PASSWORD_WRONG
    change_passphrase(path, "device", old="new", new=None)
    assert read_info(path) == KeyInfo("device", COMMUNITY, MEMBER, public, sealed=False)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("wrong", "new", Problem.PASSWORD_WRONG),
        (None, "new", Problem.PASSWORD_NEEDED),
        ("old", "", Problem.PASSWORD_EMPTY),
        ("old", "x" * (limits.PASSPHRASE_MAX_BYTES + 1), Problem.PASSWORD_LONG),
        ("old", "\udc80", Problem.PASSWORD_UNREADABLE),
    ],
)
def test_a_refused_change_leaves_the_file_as_it_was(
    home: Path, old: str | None, new: str, code: str
) -> None:
    make(home / "device.key", "old")
    before = (home / "device.key").read_bytes()
    with pytest.raises(WalletError) as caught:
        change_passphrase(home / "device.key", "device", old=old, new=new, cost=CHEAP)
    assert caught.value.code == code
    assert (home / "device.key").read_bytes() == before


def test_opening_removes_what_a_killed_write_left(home: Path) -> None:
    make(home / "device.key", None)
    (home / ".device.key.0011.tmp").write_bytes(b"left")
    assert open_key(home / "device.key", "device").info.member_id == MEMBER
    assert [path.name for path in home.iterdir()] == ["device.key"]


def test_the_longest_passphrase_is_accepted(home: Path) -> None:
    longest = "x" * limits.PASSPHRASE_MAX_BYTES
    make(home / "device.key", longest)
    assert open_key(home / "device.key", "device", longest).info.sealed


def test_two_keyboards_give_one_passphrase(home: Path) -> None:
    make(home / "device.key", "\uac00\u00e9")
    with open_key(home / "device.key", "device", "\u1100\u1161e\u0301") as opened:
        assert opened.info.sealed


@pytest.mark.parametrize("passphrase", [None, "x"])
def test_every_flipped_bit_is_refused(home: Path, passphrase: str | None) -> None:
    path = home / "device.key"
    make(path, passphrase)
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            code = code_of_opening(path, passphrase)
            in_version = len(keyfile.FAMILY) <= position < len(keyfile.MAGIC)
            assert code == (Problem.KEY_NEWER if in_version else Problem.KEY_DAMAGED)


@pytest.mark.parametrize("passphrase", [None, "x"])
def test_every_cut_or_lengthened_file_is_refused(home: Path, passphrase: str | None) -> None:
    path = home / "device.key"
    make(path, passphrase)
    whole = path.read_bytes()
    broken = [whole[:size] for size in range(len(whole))]
    broken += [whole + b"\0", whole + whole, whole + bytes(2 * limits.KEY_FILE_MAX_BYTES)]
    for data in broken:
        path.write_bytes(data)
        assert code_of_opening(path, passphrase) == Problem.KEY_DAMAGED


def test_a_sealed_file_changed_by_somebody_who_mends_the_checksum_is_refused(home: Path) -> None:
    path = home / "device.key"
    make(path, "x")
    covered = path.read_bytes()[: -keyfile.CHECKSUM_SIZE_BYTES]
    for position in range(len(keyfile.MAGIC), len(covered)):
        changed = bytearray(covered)
        changed[position] ^= 1
        path.write_bytes(with_checksum(bytes(changed)))
        assert code_of_opening(path, "x") in {
            Problem.KEY_DAMAGED,
            Problem.KEY_PURPOSE,
            Problem.PASSWORD_WRONG,
        }


def test_an_open_file_whose_key_is_not_the_named_one_is_refused(home: Path) -> None:
    path = home / "device.key"
    public = make(path, None)
    covered = path.read_bytes()[: -keyfile.CHECKSUM_SIZE_BYTES]
    path.write_bytes(with_checksum(covered.replace(public, bytes(32))))
    assert code_of_opening(path) == Problem.KEY_DAMAGED


def crafted(**changed: object) -> bytes:
    """A file with a right checksum whose array differs from a good open one."""
    seed = bytes(range(32))
    fields: dict[str, object] = {
        "purpose": "device",
        "community": COMMUNITY,
        "member": MEMBER,
        "public": bytes(SigningKey(seed).verify_key),
        "cost": None,
        "salt": b"",
        "secret": seed,
    }
    fields |= changed
    return with_checksum(keyfile.MAGIC + msgspec.msgpack.encode(list(fields.values())))


def test_the_crafted_file_opens_when_nothing_is_changed(home: Path) -> None:
    rewrite(home / "device.key", crafted())
    assert open_key(home / "device.key", "device").info.member_id == MEMBER


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": "root"},
        {"community": COMMUNITY[:31]},
        {"member": b""},
        {"public": bytes(33)},
        {"salt": bytes(16)},
        {"secret": bytes(48)},
        {"secret": "text"},
        {"cost": [8, 1, 1]},
        {"cost": [8, 1, 1], "salt": bytes(16)},
        {"cost": [8, 1], "salt": bytes(16), "secret": bytes(48)},
        {"cost": [2**30, 1, 1], "salt": bytes(16), "secret": bytes(48)},
        {"cost": [8, 10**9, 1], "salt": bytes(16), "secret": bytes(48)},
        {"cost": [8, 0, 1], "salt": bytes(16), "secret": bytes(48)},
        {"cost": [8, 1, 0], "salt": bytes(16), "secret": bytes(48)},
        {"cost": [8, 1, 2], "salt": bytes(16), "secret": bytes(48)},
        {"cost": [2**17, 1, 10**4], "salt": bytes(16), "secret": bytes(48)},
        {"more": 1},
    ],
)
def test_content_of_another_shape_is_refused_before_any_work(
    home: Path, changed: dict[str, object]
) -> None:
    rewrite(home / "device.key", crafted(**changed))
    assert code_of_opening(home / "device.key", "x") == Problem.KEY_DAMAGED


def test_another_encoding_of_the_same_content_is_refused(home: Path) -> None:
    covered = crafted()[: -keyfile.CHECKSUM_SIZE_BYTES]
    longer = covered[:-34] + b"\xc5\x00\x20" + covered[-32:]
    assert msgspec.msgpack.decode(longer[len(keyfile.MAGIC) :]) == msgspec.msgpack.decode(
        covered[len(keyfile.MAGIC) :]
    )
    rewrite(home / "device.key", with_checksum(longer))
    assert code_of_opening(home / "device.key") == Problem.KEY_DAMAGED


def test_a_file_of_a_later_version_says_so(home: Path) -> None:
    rewrite(home / "device.key", b"wetalk key file 2\n" + bytes(100))
    assert code_of_opening(home / "device.key") == Problem.KEY_NEWER


def test_a_key_that_others_may_read_is_refused(home: Path) -> None:
    make(home / "device.key", "x")
    (home / "device.key").chmod(0o640)
    assert code_of_opening(home / "device.key", "x") == Problem.HOME_PERMISSIONS


def test_the_default_cost_is_the_one_promised(home: Path) -> None:
    public = create_key(
        home / "k", "device", community_id=COMMUNITY, member_id=MEMBER, passphrase="x"
    )
    packed = (home / "k").read_bytes()[len(keyfile.MAGIC) : -keyfile.CHECKSUM_SIZE_BYTES]
    assert msgspec.msgpack.decode(packed)[4] == [65_536, 3, 4]
    with open_key(home / "k", "device", "x") as opened:
        assert opened.info.public_key == public


def test_an_unbearable_cost_is_a_mistake_of_ours(home: Path) -> None:
    with pytest.raises(ValueError, match="cost"):
        create_key(
            home / "k",
            "device",
            community_id=COMMUNITY,
            member_id=MEMBER,
            passphrase="x",
            cost=Cost(memory_kib=1),
        )


def test_an_opened_key_is_neither_shown_nor_pickled(home: Path) -> None:
    make(home / "device.key", None)
    with open_key(home / "device.key", "device") as opened:
        assert repr(opened) == "<OpenedKey, hidden>"
        with pytest.raises(TypeError, match="secret"):
            pickle.dumps(opened)


def test_a_reserved_key_is_made_once_and_becomes_the_device_key(home: Path) -> None:
    waiting, device = home / "reserved.key", home / "device.key"
    key = keyfile.reserve_key(waiting)
    assert keyfile.reserve_key(waiting) == key
    assert waiting.stat().st_mode & 0o777 == 0o600
    assert read_info(waiting) == KeyInfo("reserved", bytes(32), bytes(32), key, sealed=False)
    assert code_of_opening(waiting) == Problem.KEY_PURPOSE  # it signs for nobody yet
    names = {"community_id": COMMUNITY, "member_id": MEMBER}
    assert keyfile.adopt_key(device, waiting, passphrase="비밀", cost=CHEAP, **names) == key
    with open_key(device, "device", "비밀") as opened, open_key(waiting, "reserved") as old:
        assert opened.seed == old.seed
        assert opened.info == KeyInfo("device", COMMUNITY, MEMBER, key, sealed=True)
    with pytest.raises(WalletError) as caught:
        keyfile.adopt_key(device, waiting, **names)
    assert caught.value.code == Problem.FILE_EXISTS


def test_only_a_reserved_key_is_adopted(home: Path) -> None:
    make(home / "host.key", None, "host")
    names = {"community_id": COMMUNITY, "member_id": MEMBER}
    with pytest.raises(WalletError) as caught:
        keyfile.adopt_key(home / "device.key", home / "host.key", **names)
    assert caught.value.code == Problem.KEY_PURPOSE
    assert not (home / "device.key").exists()
