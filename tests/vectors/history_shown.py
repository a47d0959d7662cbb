"""Histories of what is shown: newest edits and revisions, bodies missing or erased, cuts."""

from node.protocol.identity import Cut
from node.protocol.market import ListingClose
from node.protocol.social import PostDelete, PostEdit
from tests.vectors.history import History
from tests.vectors.history_lanes import revoke
from tests.vectors.history_members import listing_of, post_of
from tests.vectors.history_trades import setting
from tests.vectors.world import Made, Pen, salt


def histories() -> list[History]:
    """All of them."""
    return [edits(), edits_of_the_erased(), revisions(), bare_listings(), talk_cut_elsewhere()]


def edit_of(pen: Pen, post: Made, text: str) -> Made:
    """`post.edit`."""
    return pen.write("post.edit", PostEdit(post=post.id, salt=salt(text), text=text))


def edits() -> History:
    """The newest edit is that of the highest claimed time, then of the highest id."""
    history, _, bora, chen = setting("edits")
    history.add("bora: social.open", bora.start("social"))
    history.add("chen: social.open", chen.start("social"))
    pen, other = bora.pen("social"), chen.pen("social")
    ticks = history.community.ticks
    first = history.add("a post", post_of(pen, "first"))
    history.community.ticks = ticks + 50
    history.add("an edit that claims to be late", edit_of(pen, first, "late"))
    history.community.ticks = ticks + 10
    history.add("a later one that claims to be early", edit_of(pen, first, "early"))
    history.community.ticks = ticks + 90
    history.add("chen edits it: nothing", edit_of(other, first, "chen's"))
    second = history.add("another post", post_of(pen, "second"))
    for number in range(5):
        history.community.ticks = ticks + 100
        history.add(f"edit {number} of one time", edit_of(pen, second, f"edit {number}"))
    history.community.ticks = ticks
    third = history.add("a third post", post_of(pen, "third"))
    history.add("an edit that claims to be older", edit_of(pen, third, "older"))
    history.community.ticks = ticks + 200
    bare = edit_of(pen, third, "newest")
    history.add("a newer one without its body", bare, bodyless=True)
    chained = edit_of(pen, bare, "an edit of an edit")
    history.add("an edit of an edit: nothing", chained)
    fourth = post_of(pen, "fourth")
    history.add("a fourth post without its body", fourth, bodyless=True)
    history.add("and an edit of it: nothing to show", edit_of(pen, fourth, "fourth, edited"))
    return history


def edits_of_the_erased() -> History:
    """A deletion erases the edits that come after it too; what they were is known only then."""
    history, _, bora, _ = setting("edits of the erased")
    history.add("social.open", bora.start("social"))
    pen = bora.pen("social")
    post = history.add("a post", post_of(pen, "post"))
    bare = edit_of(pen, post, "bare")
    history.add("an edit without its body", bare, bodyless=True)
    history.add("the deletion", pen.write("post.delete", PostDelete(post=post.id, salt=salt("d"))))
    history.add("the post's body is not wanted", post, "known")
    history.add("the edit's body shows what it was", bare, "fills")
    history.add("and is erased: not wanted again", bare, "known")
    late = history.add("an edit after the deletion", edit_of(pen, post, "late"))
    history.add("once more", late, "known")
    again = PostDelete(post=post.id, salt=salt("again"))
    history.add("deleted again", pen.write("post.delete", again))
    history.add("market.open", bora.start("market"))
    shop = bora.pen("market")
    bread = history.add("a listing", listing_of(shop, "Bread"))
    bare = listing_of(shop, "Rye", bread.id)
    history.add("a revision without its body", bare, bodyless=True)
    closing = ListingClose(erase=True, listing=bread.id, salt=salt("c"))
    history.add("closed and erased", shop.write("listing.close", closing))
    history.add("the listing's body is not wanted", bread, "known")
    history.add("the revision's body shows what it was", bare, "fills")
    history.add("and is erased", bare, "known")
    return history


def revisions() -> History:
    """The newest revision by claimed time, then id, of its author's alone; the first counts too."""
    history, _, bora, chen = setting("revisions")
    history.add("bora: market.open", bora.start("market"))
    history.add("chen: market.open", chen.start("market"))
    pen, other = bora.pen("market"), chen.pen("market")
    ticks = history.community.ticks
    history.community.ticks = ticks + 30
    bread = history.add("bread", listing_of(pen, "Bread"))
    history.community.ticks = ticks + 10
    history.add("a revision that claims to be older", listing_of(pen, "Rye", bread.id))
    history.community.ticks = ticks + 90
    history.add("chen's revision, the newest of all: nothing", listing_of(other, "X", bread.id))
    cake = history.add("cake", listing_of(pen, "Cake"))
    for number in range(5):
        history.community.ticks = ticks + 100
        name = f"revision {number} of one time"
        made = history.add(name, listing_of(pen, f"Cake {number}", cake.id))
    history.community.ticks = ticks + 200
    history.add("a revision of a revision: nothing", listing_of(pen, "Pie", made.id))
    soap = history.add("soap", listing_of(pen, "Soap"))
    closing = ListingClose(erase=False, listing=soap.id, salt=salt("soap"))
    history.add("closed, not erased", pen.write("listing.close", closing))
    history.add("revised after that: closed for ever", listing_of(pen, "More soap", soap.id))
    tea = history.add("tea", listing_of(pen, "Tea"))
    green = history.add("green tea", listing_of(pen, "Green tea", tea.id))
    closing = ListingClose(erase=True, listing=green.id, salt=salt("tea"))
    history.add("a closing that names a revision", pen.write("listing.close", closing))
    return history


def bare_listings() -> History:
    """A revision without its body counts for nothing; without the first body nothing is shown."""
    history, _, bora, _ = setting("bare listings")
    history.add("market.open", bora.start("market"))
    pen = bora.pen("market")
    bread = history.add("bread", listing_of(pen, "Bread"))
    history.add("a revision without its body", listing_of(pen, "Rye", bread.id), bodyless=True)
    cake = listing_of(pen, "Cake")
    history.add("cake without its body", cake, bodyless=True)
    history.add("a revision of it with its own", listing_of(pen, "Better cake", cake.id))
    soap = listing_of(pen, "Soap")
    history.add("soap without its body", soap, bodyless=True)
    history.add("better soap", listing_of(pen, "Better soap", soap.id))
    history.add("the body of soap", soap, "fills")
    return history


def talk_cut_elsewhere() -> History:
    """A social cut with the right record and a wrong seq is not placed: all up to its seq is held,
    on every branch, and nothing above."""
    history, _, bora, chen = setting("talk cut elsewhere")
    history.add("social.open", bora.start("social"))
    pen = bora.pen("social")
    first = history.add("first", post_of(pen, "first"))
    side = pen.copy()
    second = history.add("second", post_of(pen, "second"))
    third = post_of(pen, "third")
    cut = Cut(seq=2, id=first.id)
    history.add("bora revokes up to first, but says seq 2", revoke(bora, bora.key, social=cut))
    history.add("a branch at seq 2", post_of(side, "side"))
    history.add("seq 3", third, "reject revoked")
    history.add("seq 2 is held already", second, "known")
    history.add("chen: market.open", chen.start("market"))
    shop = chen.pen("market")
    bread = history.add("bread", listing_of(shop, "Bread"))
    cake = history.add("cake", listing_of(shop, "Cake"))
    history.add("pie, beyond", listing_of(shop, "Pie"))
    cut = Cut(seq=1, id=cake.id)
    history.add("chen revokes up to cake, but says seq 1", revoke(chen, chen.key, market=cut))
    history.add("bread is held", bread, "known")
    history.add("cake is not", cake, "reject revoked")
    return history
