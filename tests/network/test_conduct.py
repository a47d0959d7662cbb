"""When patience with a peer ends, and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from node.network.conduct import Ban, Conduct, Offence
from node.protocol import limits


def test_one_bad_signature_is_forgiven_three_in_a_row_are_not() -> None:
    conduct = Conduct()
    assert not conduct.blame("p", Offence.SIGNATURE, 0.0).cut
    assert not conduct.blame("p", Offence.SIGNATURE, 0.1).cut
    sentence = conduct.blame("p", Offence.SIGNATURE, 0.2)
    assert sentence.cut
    assert sentence.ban is not None
    assert conduct.banned("p", 0.3)
    assert conduct.counts("p") == {Offence.SIGNATURE: 3}


def test_offences_fade() -> None:
    conduct = Conduct()
    for minute in range(50):
        assert not conduct.blame("p", Offence.SIGNATURE, minute * 100.0).cut


def test_garbage_is_enough_at_once() -> None:
    assert Conduct().blame("p", Offence.GARBAGE, 0.0).ban is not None


def test_silence_ends_the_connection_without_a_ban() -> None:
    conduct = Conduct()
    for second in range(20):
        sentence = conduct.blame("p", Offence.SILENT, float(second))
        assert sentence.cut
        assert sentence.ban is None
    assert not conduct.banned("p", 20.0)


def test_bans_grow_and_end() -> None:
    conduct, now, lengths = Conduct(), 0.0, []
    for _ in range(9):
        ban = conduct.blame("p", Offence.GARBAGE, now).ban
        assert ban is not None
        lengths.append(ban.until_s - now)
        assert conduct.banned("p", ban.until_s - 0.001)
        now = ban.until_s
        assert not conduct.banned("p", now)
    assert lengths[:4] == [60, 240, 960, 3840]
    assert lengths[-1] == limits.BAN_MAX_S


def test_bans_outlive_a_restart_and_go_on_growing() -> None:
    first = Conduct()
    ban = first.blame("p", Offence.FLOOD, 0.0).ban
    assert ban is not None
    second = Conduct([ban])
    assert second.banned("p", 1.0)
    again = second.blame("p", Offence.FLOOD, ban.until_s).ban
    assert again is not None
    assert again.times == 2


def test_a_ban_survives_a_table() -> None:
    ban = Ban("p", 1_790_000_000.25, 3, "garbage")
    assert ban.row() == ("p", 1_790_000_000_250, "garbage 3")
    assert Ban.of_row(*ban.row()) == ban
    assert Ban.of_row("p", 5_000, "by hand") == Ban("p", 5.0, 1, "by hand")


def test_a_peer_the_user_names_starts_afresh() -> None:
    conduct = Conduct()
    conduct.blame("p", Offence.GARBAGE, 0.0)
    conduct.pardon("p")
    assert not conduct.banned("p", 1.0)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from(list(Offence))), max_size=200))
def test_what_is_remembered_is_bounded(steps: list[tuple[int, Offence]]) -> None:
    conduct = Conduct()
    for number in range(limits.CONDUCT_PEERS_MAX_COUNT):
        conduct.blame(f"filler{number}", Offence.SLOW, 0.0)
    for number, offence in steps:
        conduct.blame(str(number), offence, 1.0)
    assert len(conduct._peers) <= limits.CONDUCT_PEERS_MAX_COUNT
    assert len(conduct.bans(1.0)) <= limits.CONDUCT_PEERS_MAX_COUNT
