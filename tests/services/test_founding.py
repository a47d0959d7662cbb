"""Founding by plan: what a plan may say, and how founders, officers and relays come together."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import i18n
from node.i18n import LANGUAGES, placeholders
from node.protocol import genesis as documents
from node.protocol.errors import LocalFault
from node.protocol.portable import Invitation
from node.services.chapters.founding import ME, Plan, read_plan, tolerance
from node.services.core import open_core
from node.services.members import setup
from node.services.members.setup import Made, Person
from node.services.trading import accounts
from node.storage.home import Home, HomeLock
from node.views import identities, members
from node.wallet import keyfile
from node.wallet.phrase import new_phrase
from node.wallet.signer import Signer

FOUNDER = bytes(range(32))
HERE = bytes(range(64, 96))
A, B, C, D = (bytes([n]) * 32 for n in range(1, 5))


def planned(
    officers: list[str] | None = None,
    witnesses: list[bytes | str] | None = None,
    more: str = "",
) -> str:
    keys = [one if isinstance(one, str) else one.hex() for one in witnesses or []]
    return f"""
        name = "산들마을"
        languages = ["ko", "en"]
        unit = "나눔"
        [[chapter]]
        name = "서울"
        officers = {officers or [ME]}
        witnesses = {keys}
        {more}
    """


def code_of(text: str) -> str:
    with pytest.raises(LocalFault) as caught:
        read_plan(text).document(FOUNDER, HERE)
    code, values = caught.value.code, caught.value.values
    for language in LANGUAGES:  # every fault has its sentence, and what that sentence needs
        sentence = i18n.catalogue(language)[f"problem.{code}"]
        assert placeholders(sentence) <= values.keys()
    return code


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_is_a_plan_that_can_be_founded(language: str) -> None:
    text = i18n.text("plan.example", language)
    plan = read_plan(text)
    _, genesis = documents.parse(plan.document(FOUNDER, None))
    (chapter,) = genesis.chapters
    assert chapter.officers == [FOUNDER]
    assert (chapter.k, chapter.q, chapter.witnesses) == (1, 0, [])
    assert (chapter.default_limit, chapter.limit_max) == (10_000, 100_000)
    told = {line.partition("=")[0].strip("# ") for line in text.splitlines() if "=" in line}
    assert {"q", "treasury", "witnesses", "k"} <= told  # what is off is shown all the same


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name = ", 1),
        ('name = "x"\n\nk =\n', 3),
        ('name = "x"\nname = "y"\n', 2),
        ("a = [1,\n2", 2),
        ("x = 1\n" + "a" + ".a" * 600 + " = 1\n", 2),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, line: int) -> None:
    with pytest.raises(LocalFault) as caught:
        read_plan(text)
    assert (caught.value.code, caught.value.values) == ("plan-line", {"line": line})


def test_a_plan_becomes_the_founding_document() -> None:
    text = planned([ME, A.hex().upper()], [D, B, "me", C], 'k = 2\ntreasury = "me"\n')
    plan = read_plan(text + 'default_limit = 50\nlimit_max = "99.5"')
    community, genesis = documents.parse(plan.document(FOUNDER, HERE))
    (chapter,) = genesis.chapters
    assert (genesis.name, genesis.unit.code, genesis.unit.decimals) == ("산들마을", "나눔", 2)
    assert chapter.officers == [FOUNDER, A]
    assert chapter.witnesses == sorted([B, C, D, HERE])
    assert (chapter.k, chapter.q, chapter.treasury) == (2, 3, FOUNDER)
    assert (chapter.default_limit, chapter.limit_max) == (5_000, 9_950)
    assert plan.names_this_computer
    assert plan.chapter_of(FOUNDER) == "서울"
    assert documents.parse(plan.document(FOUNDER, HERE))[0] != community  # two of one name differ


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name = ", "plan-line"),
        ("", "plan-missing"),
        ("chapter = 3", "plan-field"),
        ("chapter = [3]", "plan-field"),
        ('chapters = "x"', "plan-unknown"),
        (planned(more="quorum = 2"), "plan-unknown"),
        (planned().replace('"산들마을"', '""'), "plan-field"),
        (planned().replace('"산들마을"', '"' + "가" * 33 + '"'), "plan-field"),
        (planned().replace('"나눔"', "7"), "plan-field"),
        (planned().replace('["ko", "en"]', "[]"), "plan-field"),
        (planned().replace('["ko", "en"]', '["ko", "ko"]'), "plan-twice"),
        (planned().replace('["ko", "en"]', '["한국말"]'), "language-invalid"),
        ("decimals = 7\n" + planned(), "plan-range"),
        ("decimals = true\n" + planned(), "plan-field"),
        (planned() + planned().partition("[[")[1] + planned().partition("[[")[2], "plan-twice"),
        (planned(["nobody"]), "plan-key"),
        (planned([A.hex()[:63]]), "plan-key"),
        (planned([A.hex()]), "plan-founder"),
        (planned([ME, FOUNDER.hex()]), "plan-twice"),
        (planned([ME, A.hex(), A.hex().upper()]), "plan-twice"),
        (planned().replace("['me']", "[]"), "plan-officers"),
        (planned().replace("['me']", "[1]"), "plan-key"),
        (planned([bytes([n] * 32).hex() for n in range(17)]), "plan-many"),
        (planned(more="k = 2"), "plan-approvals"),
        (planned(more="k = 0"), "plan-range"),
        (planned(witnesses=[A, A]), "plan-twice"),
        (planned(witnesses=[HERE, "me"]), "plan-twice"),
        (planned([ME, A.hex()], [A]), "plan-relay-member"),
        (planned(more="q = 1"), "plan-no-relays"),
        (planned(witnesses=[A, B, C], more="q = 1"), "plan-quorum"),
        (planned(witnesses=[A, B, C, D], more="q = 2"), "plan-quorum"),
        (planned(witnesses=[A, B, C], more="q = 4"), "plan-quorum"),
        (planned(witnesses=[A, B, C], more="q = 0"), "plan-quorum"),
        (planned(more="default_limit = 10.5"), "plan-amount"),
        (planned(more='default_limit = "1.005"'), "plan-amount"),
        (planned(more='default_limit = "-1"'), "plan-amount"),
        (planned(more="default_limit = true"), "plan-amount"),
        (planned(more="default_limit = 999999999999999"), "plan-amount"),
        (planned(more="default_limit = 1001"), "plan-limits"),
        (planned(more='treasury = "bank"'), "plan-key"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_made(text: str, code: str) -> None:
    assert code_of(text) == code


def fault_of(text: str) -> str | None:
    try:
        read_plan(text).document(FOUNDER, HERE)
    except LocalFault as fault:
        return fault.code
    return None


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading_of_plans(text: str) -> None:
    assert fault_of(text) is None or f"problem.{fault_of(text)}" in i18n.catalogue("en")


VALUES = st.recursive(
    st.none().map(lambda _: 0) | st.booleans() | st.integers(-9, 99) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([*sorted(tomllib.loads(planned())["chapter"][0]), "q", "k"]), VALUES)
def test_no_value_breaks_the_reading_of_a_chapter(field: str, value: object) -> None:
    chapter = {"name": "서울", "officers": [ME], field: value}
    lines = "\n".join(f"{name} = {json.dumps(one)}" for name, one in chapter.items())
    head = 'name = "x"\nlanguages = ["ko"]\nunit = "u"\n[[chapter]]\n'
    assert (fault_of(head + lines) or "plan-").startswith("plan-")


@given(st.integers(1, 16), st.integers(1, 16))
def test_a_quorum_fits_iff_the_founding_document_takes_it(relays: int, q: int) -> None:
    keys: list[bytes | str] = [bytes([n + 1]) * 32 for n in range(relays)]
    text = planned(witnesses=keys, more=f"q = {q}")
    if documents.quorum_fits([bytes.fromhex(str(k)) if isinstance(k, str) else k for k in keys], q):
        documents.parse(read_plan(text).document(FOUNDER, HERE))
        bears = tolerance(relays, q)
        assert bears.down == relays - q
        # Two groups of q have q + q - n in common: so many must lie before both say yes.
        assert bears.lie == 2 * q - relays - 1
    else:
        assert code_of(text) == "plan-quorum"


# --- in homes -------------------------------------------------------------------------------------
def make(home: Home, name: str, **how: object) -> Made:
    with HomeLock(home):
        return setup.create_home(home, Person(name, "ko"), **how)  # type: ignore[arg-type]


def reserve(home: Home) -> bytes:
    home.prepare()
    return keyfile.reserve_key(home.reserved_key)


def plan_for(officers: list[str], *relays: bytes | str) -> Plan:
    return read_plan(planned(officers, list(relays)))


@pytest.fixture
def homes(tmp_path: Path) -> list[Home]:
    return [Home(tmp_path / name) for name in ("founder", "second", "third")]


def test_a_relay_joins_with_the_key_that_the_founders_named(homes: list[Home]) -> None:
    founder, relay, _ = homes
    key = reserve(relay)
    assert relay.reserved_key.stat().st_mode & 0o077 == 0
    assert reserve(relay) == key  # asked again, it is the same
    made = make(founder, "순희", plan=plan_for([ME], key, "me"))
    assert not founder.reserved_key.exists()
    invitation = Invitation([], "서울", None, founder.genesis.read_bytes())
    joined = make(relay, "중계", invitation=invitation)
    assert joined.device == key
    assert joined.community == made.community
    assert not relay.reserved_key.exists()
    _, genesis = documents.parse(founder.genesis.read_bytes())
    assert genesis.chapters[0].witnesses == sorted([key, made.device])
    for home, member in ((founder, made), (relay, joined)):
        core = open_core(home, signer=Signer.device(home.device_key))
        scopes = {key: names for key, names, _ in identities.devices_of(core.reader, member.member)}
        assert "witness" in scopes[member.device]
        assert core.is_witness
        core.close()


def test_a_key_that_is_not_named_goes_on_waiting(homes: list[Home]) -> None:
    founder, other, _ = homes
    key = reserve(other)
    make(founder, "순희", plan=plan_for([ME]))
    invitation = Invitation([], "서울", None, founder.genesis.read_bytes())
    assert make(other, "민수", invitation=invitation).device != key
    assert reserve(other) == key


def test_a_killed_start_loses_no_reserved_key(
    homes: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    founder, relay, _ = homes
    key = reserve(relay)
    make(founder, "순희", plan=plan_for([ME], key))
    invitation = Invitation([], "서울", None, founder.genesis.read_bytes())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(setup, "_commit", killed)
        with pytest.raises(KeyboardInterrupt):
            make(relay, "중계", invitation=invitation)
    assert relay.device_key.exists()
    with monkeypatch.context() as patch:
        patch.setattr(setup, "forget_reserved", killed)
        with pytest.raises(KeyboardInterrupt):  # now the home is made
            make(relay, "중계", invitation=invitation)
    assert relay.reserved_key.exists()
    assert keyfile.read_info(relay.device_key).public_key == key
    setup.forget_reserved(relay)  # as the next start does
    assert not relay.reserved_key.exists()


def test_a_reserved_key_goes_under_the_password_of_the_home(homes: list[Home]) -> None:
    founder, relay, _ = homes
    key = reserve(relay)
    make(founder, "순희", plan=plan_for([ME], key))
    invitation = Invitation([], "서울", None, founder.genesis.read_bytes())
    assert make(relay, "중계", invitation=invitation, passphrase="비밀").device == key
    assert keyfile.read_info(relay.device_key).sealed
    assert Signer.device(relay.device_key, "비밀").public_key == key


def test_an_officer_of_the_plan_joins_without_applying(homes: list[Home]) -> None:
    founder, second, third = homes
    phrase = new_phrase("ko")
    own = make(second, "영호", phrase=phrase)  # a community of their own, as a first start makes
    made = make(founder, "순희", plan=plan_for([ME, own.member.hex()]))
    assert made.member != own.member
    invitation = Invitation([], "서울", bytes(16), founder.genesis.read_bytes())
    with HomeLock(second):
        setup.set_home_aside(second)
    make(second, "영호", phrase=phrase, invitation=invitation)
    stranger = make(third, "민수", invitation=invitation)
    for home, member, expected in (
        (second, own.member, ("officer", True)),
        (third, stranger.member, ("applicant", False)),
    ):
        core = open_core(home, signer=Signer.device(home.device_key))
        known = members.membership(core.reader, 0, member, core.rules)
        account = accounts.own_account(core, core.reader)
        assert account is not None
        granted = members.current_act(core.reader, account.open, core.rules) is not None
        assert (known, granted) == expected
        applied = list(members.APPLICATION.under(core.reader, bytes(2)))
        assert len(applied) == (known == "applicant")
        core.close()


def test_a_community_of_several_founders_is_not_left_by_mistake(homes: list[Home]) -> None:
    founder, second, third = homes
    for home, plan in (
        (founder, plan_for([ME, A.hex()])),
        (second, plan_for([ME], B)),
        (third, plan_for([ME], "me")),
    ):
        make(home, "순희", plan=plan)
        core = open_core(home, signer=Signer.device(home.device_key))
        if home is third:  # nobody else is in it
            assert setup.leave_own(core) == "순희"
        else:
            with pytest.raises(LocalFault) as caught:
                setup.leave_own(core)
            assert caught.value.code == "community-shared"
        core.close()


def test_an_officer_of_two_chapters_opens_the_account_where_they_were_invited(
    homes: list[Home],
) -> None:
    founder, second, _ = homes
    phrase = new_phrase("ko")
    own = make(second, "영호", phrase=phrase)
    officers = [ME, own.member.hex()]
    text = planned(officers) + f'[[chapter]]\nname = "부산"\nofficers = {officers}'
    make(founder, "순희", plan=read_plan(text))
    with HomeLock(second):
        setup.set_home_aside(second)
    document = founder.genesis.read_bytes()
    make(second, "영호", phrase=phrase, invitation=Invitation([], "부산", None, document))
    core = open_core(second, signer=Signer.device(second.device_key))
    account = accounts.own_account(core, core.reader)
    assert account is not None
    assert account.chapter == 1
    core.close()


def test_a_relay_beside_another_device_of_its_member_confirms_and_does_not_pay(
    homes: list[Home],
) -> None:
    from node.services.incoming.intake import FILE, Intake
    from node.services.publish import Publisher

    founder, beside, _ = homes
    key = reserve(beside)
    phrase = new_phrase("ko")
    made = make(founder, "순희", plan=plan_for([ME], key), phrase=phrase)
    core = open_core(founder)
    raws = [raw for _, raw in core.reader.records_after(-1, 100)]
    core.close()
    with HomeLock(beside):
        setup.prepare_restore(beside, phrase, "ko", founder.genesis.read_bytes(), beside=True)
    core = open_core(beside, signer=Signer.device(beside.device_key))
    Intake(core).take_sync(raws, FILE)
    assert setup.finish_restore(core, Publisher(core), phrase, whole=True) == ()
    scopes = {key: names for key, names, _ in identities.devices_of(core.reader, made.member)}
    assert scopes[key] == ["market", "social", "witness"]
    core.close()
