"""The node's own tables: what is put in comes out, bounded where it must be, restarts included."""

from dataclasses import replace

import pytest

from node.protocol import limits
from node.protocol.ports import ForkProof
from node.protocol.record import RawRecord
from node.protocol.state import Changes
from node.storage.database import Database
from node.storage.home import Home
from node.storage.kept.access import Answer, Token
from node.storage.kept.closes import Compared, KeptLeaf
from node.storage.kept.deferred import Waiting
from node.storage.kept.events import Event
from node.storage.kept.neighbours import Address, Ban
from node.storage.kept.private import Contact, Order, Partner
from node.storage.state import WriterState
from tests.storage.samples import NOW_MS, open_database, raw

A, B, C, D = (bytes((n,)) * 32 for n in range(4))


def test_orders_are_found_by_their_hash_only(database: Database) -> None:
    order = Order(A, b"salt", b"three loaves")
    database.writer.run_sync(lambda state: state.orders.put(order))
    database.writer.run_sync(lambda state: state.orders.put(replace(order, body=b"other")))
    assert database.reader().orders.get(A) == order
    assert database.reader().orders.get(B) is None
    assert database.reader().orders.all() == [order]


def test_contacts_can_be_renamed_and_forgotten(database: Database) -> None:
    def job(state: WriterState) -> None:
        state.contacts.put(Contact(A, "Zed", "", 1))
        state.contacts.put(Contact(B, "Amina", "baker", 2))
        state.contacts.put(Contact(A, "Baraka", "was Zed", 3))

    database.writer.run_sync(job)
    contacts = database.reader().contacts
    assert [one.name for one in contacts.all()] == ["Amina", "Baraka"]
    assert contacts.get(A) == Contact(A, "Baraka", "was Zed", 1)
    assert database.writer.run_sync(lambda state: state.contacts.remove(A))
    assert not database.writer.run_sync(lambda state: state.contacts.remove(A))
    assert contacts.get(A) is None


def test_what_partners_hold_is_replaced_as_a_whole(database: Database) -> None:
    for partner in (Partner(A, None, ()), Partner(B, 7, (C,)), Partner(A, 2**53 - 1, (C, D))):
        database.writer.run_sync(lambda state, partner=partner: state.partners.put(partner))
    partners = database.reader().partners
    assert partners.get(A) == Partner(A, 2**53 - 1, (C, D))
    assert partners.get(B) == Partner(B, 7, (C,))
    assert partners.get(C) is None


def test_settings(database: Database) -> None:
    database.writer.run_sync(lambda state: state.settings.put("language", "ko"))
    database.writer.run_sync(lambda state: state.settings.put("language", "zh"))
    assert database.reader().settings.all() == {"language": "zh"}
    database.writer.run_sync(lambda state: state.settings.remove("language"))
    assert database.reader().settings.get("language") is None


def test_an_expired_token_opens_nothing(database: Database) -> None:
    lasting = Token(A, "web", frozenset({"read", "talk"}), 1, None)
    short = Token(B, "kiosk", frozenset({"trade"}), 2, 100)
    for token in (lasting, short):
        database.writer.run_sync(lambda state, token=token: state.tokens.put(token))
    tokens = database.reader().tokens
    assert tokens.get(A, 10**15) == lasting
    assert tokens.get(B, 99) == short
    assert tokens.get(B, 100) is None
    assert tokens.all() == [lasting, short]
    assert database.writer.run_sync(lambda state: state.tokens.trim(99)) == 0
    assert database.writer.run_sync(lambda state: state.tokens.trim(100)) == 1
    assert tokens.all() == [lasting]
    assert database.writer.run_sync(lambda state: state.tokens.remove(A))
    assert tokens.get(A, 0) is None


def test_the_first_answer_to_a_write_stays(database: Database) -> None:
    first, second = Answer(A, 201, b"{}", 5), Answer(B, 409, b"no", 6)
    database.writer.run_sync(lambda state: state.idempotency.put("key", first))
    database.writer.run_sync(lambda state: state.idempotency.put("key", second))
    assert database.reader().idempotency.get("key") == first
    assert database.writer.run_sync(lambda state: state.idempotency.trim(5)) == 0
    assert database.writer.run_sync(lambda state: state.idempotency.trim(6)) == 1
    assert database.reader().idempotency.get("key") is None


def test_addresses_that_answered_come_first(database: Database) -> None:
    never, old, recent = (
        Address("/never", "p", None, 0, "invite"),
        Address("/old", "p", 10, 0, "peer"),
        Address("/recent", "q", 20, 3, "peer"),
    )
    for one in (never, old, recent):
        database.writer.run_sync(lambda state, one=one: state.addresses.put(one))
    addresses = database.reader().addresses
    assert addresses.all() == [recent, old, never]
    assert addresses.all(1) == [recent]
    assert addresses.of("p") == [old, never]
    assert database.writer.run_sync(lambda state: state.addresses.trim(2)) == 1
    database.writer.run_sync(lambda state: state.addresses.remove("/old"))
    assert addresses.all() == [recent]
    twin = replace(recent, address="/a twin", failures=4)
    database.writer.run_sync(lambda state: state.addresses.put(twin))
    assert addresses.of("q") == addresses.all() == [recent, twin]
    database.writer.run_sync(lambda state: state.addresses.put(replace(twin, failures=0)))
    assert [one.address for one in addresses.of("q")] == ["/a twin", "/recent"]


def test_a_ban_ends_and_is_never_shortened(database: Database) -> None:
    database.writer.run_sync(lambda state: state.bans.put(Ban("p", 100, "flood")))
    database.writer.run_sync(lambda state: state.bans.put(Ban("p", 50, "less")))
    bans = database.reader().bans
    assert bans.get("p", 99) == Ban("p", 100, "flood")
    assert bans.get("p", 100) is None
    assert bans.all(99) == [Ban("p", 100, "flood")]
    assert bans.all(100) == []
    database.writer.run_sync(lambda state: state.bans.put(Ban("q", 300, "other")))
    assert database.writer.run_sync(lambda state: state.bans.trim(99)) == 0
    assert database.writer.run_sync(lambda state: state.bans.trim(100)) == 1
    assert bans.all(0) == [Ban("q", 300, "other")]
    database.writer.run_sync(lambda state: state.bans.remove("q"))
    assert bans.all(0) == []


def test_the_outbox_survives_a_restart_and_empties_in_order(home: Home) -> None:
    database = open_database(home)
    for number in (7, 8, 9):
        database.writer.run_sync(lambda state, number=number: state.outbox_add(number))
    database.close()
    again = open_database(home)
    first = again.reader().outbox.first(2)
    assert [number for _, number in first] == [7, 8]
    again.writer.run_sync(lambda state: state.outbox.remove_through(first[-1][0]))
    assert [number for _, number in again.reader().outbox.first(9)] == [9]
    assert again.reader().outbox.count() == 1
    again.close()


def test_one_fork_proof_a_lane(database: Database) -> None:
    proof, other = ForkProof(b"a", b"s", b"b", b"t"), ForkProof(b"c", b"s", b"d", b"t")
    assert database.writer.run_sync(lambda state: state.fork_proofs.add(A, proof))
    assert not database.writer.run_sync(lambda state: state.fork_proofs.add(A, other))
    assert database.reader().fork_proofs.get(A) == proof
    assert database.reader().fork_proofs.all_by_lane() == {A: proof}


def tell(state: WriterState, count: int) -> None:
    state.apply(None, Changes(events=[("post", A)] * count))


def test_events_stand_with_what_they_tell_of(database: Database) -> None:
    def failing(state: WriterState) -> None:
        tell(state, 3)
        raise KeyError

    with pytest.raises(KeyError):
        database.writer.run_sync(failing)
    assert database.reader().events.last() == 0
    database.writer.run_sync(lambda state: tell(state, 2))
    expected = [Event(1, "post", A, NOW_MS), Event(2, "post", A, NOW_MS)]
    assert database.reader().events.after(0, 9) == expected
    assert database.reader().events.after(1, 9) == expected[1:]


def test_all_that_a_job_tells_is_told_in_its_order(database: Database) -> None:
    def job(state: WriterState) -> None:
        tell(state, 1)
        state.tell("fork", B)
        state.tell("sync", C)
        tell(state, 1)

    database.writer.run_sync(job)
    told = [(event.name, event.subject) for event in database.reader().events.after(0, 9)]
    assert told == [("post", A), ("fork", B), ("sync", C), ("post", A)]
    assert [event.subject for event in database.reader().events.after(1, 2)] == [B, C]


@pytest.mark.parametrize("limit", range(1, 7))
def test_what_was_told_is_read_page_by_page_over_the_bounds_of_jobs(
    database: Database, limit: int
) -> None:
    """Rows hold what one job told: a page may begin and end within one."""
    for first, count in ((0, 3), (3, 1), (4, 2)):
        ids = [bytes((n,)) * 32 for n in range(first, first + count)]
        changes = Changes(events=[("post", one) for one in ids], touched=list(ids))
        database.writer.run_sync(lambda state, changes=changes: state.apply(None, changes))
    reader = database.reader()
    events = [(event.seq, event.subject) for event in reader.events.after(0, 9)]
    touched = reader.touched.after(0, 9)
    assert events == touched == [(n + 1, bytes((n,)) * 32) for n in range(6)]
    for seq in range(7):
        page = reader.events.after(seq, limit)
        assert [(event.seq, event.subject) for event in page] == events[seq : seq + limit]
        assert reader.touched.after(seq, limit) == touched[seq : seq + limit]


def test_the_log_of_events_is_bounded_and_says_what_it_lost(database: Database) -> None:
    kept, every = limits.EVENTS_KEPT_MAX_COUNT, limits.EVENTS_TRIM_EVERY_COUNT
    total = kept + 3 * every
    database.writer.run_sync(lambda state: tell(state, total))
    events = database.reader().events
    assert events.last() == total
    assert len(events.after(0, total)) == kept
    assert events.is_complete_after(total)
    assert events.is_complete_after(total - kept)
    assert not events.is_complete_after(total - kept - 1)
    assert not events.is_complete_after(0)
    assert not events.is_complete_after(total + 1)  # of another home, or of a lost future


def test_event_numbers_are_never_used_again(home: Home) -> None:
    database = open_database(home)
    database.writer.run_sync(lambda state: tell(state, 5))
    database.writer.run_sync(lambda state: state.connection.execute("DELETE FROM events").close())
    database.close()
    again = open_database(home)
    again.writer.run_sync(lambda state: tell(state, 1))
    assert [event.seq for event in again.reader().events.after(0, 9)] == [6]
    again.close()


def test_a_deferred_record_comes_back_when_all_is_there(database: Database) -> None:
    item = Waiting(A, RawRecord(b"header", None, b"signature"), "file")
    writer = database.writer
    assert writer.run_sync(lambda state: state.deferred.add(item, [B, C]))
    assert not writer.run_sync(lambda state: state.deferred.add(item, [D]))
    assert database.reader().deferred.missing(9) == [B, C]
    assert writer.run_sync(lambda state: state.deferred.release(B)) == []
    assert database.reader().deferred.missing(9) == [C]
    assert writer.run_sync(lambda state: state.deferred.release(C)) == [item]
    assert writer.run_sync(lambda state: state.deferred.release(C)) == []
    assert database.reader().deferred.count() == 0


def test_what_waited_for_one_record_comes_back_in_order_of_id(database: Database) -> None:
    def job(state: WriterState) -> list[bytes]:
        for one in (D, B, C):
            state.deferred.add(Waiting(one, raw(1), "file"), [A])
        return [item.id for item in state.deferred.release(A)]

    assert database.writer.run_sync(job) == [B, C, D]
    assert not database.reader().deferred.any()


def test_deferred_records_that_wait_for_each_other_ask_only_for_the_first(
    database: Database,
) -> None:
    def job(state: WriterState) -> None:
        state.deferred.add(Waiting(B, raw(1), "file"), [A])
        state.deferred.add(Waiting(C, raw(2), "file"), [B])
        state.deferred.add(Waiting(D, raw(3), "other file"), [B])

    database.writer.run_sync(job)
    assert database.reader().deferred.missing(9) == [A]
    assert database.writer.run_sync(lambda state: state.deferred.clear("file")) == 2
    assert database.reader().deferred.missing(9) == [B]
    released = database.writer.run_sync(lambda state: state.deferred.release(B))
    assert [item.id for item in released] == [D]


def test_a_close_that_was_compared_keeps_its_balances_apart_and_while_it_agrees(
    database: Database,
) -> None:
    leaves = [KeptLeaf(A, -30, 30), KeptLeaf(B, 30, 30)]
    first = Compared(C, True, 5, NOW_MS, 2, 30, 30, bytes(32))
    second = replace(first, act=D, below=9)
    writer, closes = database.writer, database.reader().closes
    writer.run_sync(lambda state: state.closes.put(first, leaves))
    writer.run_sync(lambda state: state.closes.put(second, [KeptLeaf(A, 0, 60)]))
    assert (closes.get(C), closes.get(D), closes.get(A)) == (first, second, None)
    assert closes.leaves(C) == leaves
    assert closes.leaves(D) == [KeptLeaf(A, 0, 60)]
    assert (closes.leaf(C, A), closes.leaf(D, A)) == (leaves[0], KeptLeaf(A, 0, 60))
    assert closes.leaf(D, B) is None
    writer.run_sync(lambda state: state.closes.put(first, leaves[:1]))
    assert closes.leaves(C) == leaves[:1]
    later = replace(first, agrees=False)
    writer.run_sync(lambda state: state.closes.put(later, leaves))
    assert (closes.get(C), closes.leaves(C)) == (later, [])
    assert closes.leaves(D) == [KeptLeaf(A, 0, 60)]
