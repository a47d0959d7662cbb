"""The market: `sell`, `want`, `search`, `listing`.

Rules: prices are typed as decimals of the credit unit, or `ask`, or `free`; a region is a coarse
one, never an address.
"""

from pathlib import Path
from typing import Any, Final

import click

from node.commands import photos as taken
from node.commands.base import App, amount_of, argument, clean, command, group, option
from node.commands.screen import emphasised
from node.i18n import amount_text, clean_for_display

KINDS: Final = ("goods", "service", "loan", "share", "gift")
PRICE: Final = option("--price", metavar="AMOUNT|ask|free", about="price")
TEXT: Final = option("--text", "written", default="", metavar="TEXT", about="listing_text")
REGION: Final = option("--region", metavar="REGION", about="region")
TAGS: Final = option("--tag", "tags", multiple=True, metavar="TAG", about="tag")


def price_of(app: App, typed: str | None) -> Any:
    """A price as the API takes it: an amount of credit, `ask`, or `free`."""
    if typed is None or typed == "ask":
        return {"form": "ask"}
    if typed == "free":
        return {"form": "free"}
    decimals = app.client.decimals
    return {"form": "amount", "amount": amount_of(typed, decimals), "unit": "credit"}


def _put(app: App, kind: str, title: str, price: str | None, **rest: Any) -> None:
    body = {
        "kind": kind,
        "title": title,
        "text": rest["written"],
        "language": rest["spoken"] or app.language,
        "price": price_of(app, price),
        "region": rest["region"],
        "tags": list(rest["tags"]),
        "pictures": taken.sent(app, rest["photos"], rest["photo_texts"]),
    }
    made = app.client.post("/listings", body)
    app.result(made)
    app.say("market.listed", title=title, id=made["id"][:12])


@command(
    "sell",
    'wetalk sell "김치 한 포기" --price 12.50 --region KR-11 --photo 김치.jpg',
    argument("title"),
    PRICE,
    option("--kind", type=click.Choice(KINDS), default="goods", about="kind"),
    TEXT,
    REGION,
    TAGS,
    taken.PHOTOS,
    taken.PHOTO_TEXTS,
    option("--in", "spoken", metavar="LANGUAGE", about="text_language"),
)
def sell(app: App, title: str, price: str | None, kind: str, **rest: Any) -> None:
    _put(app, kind, title, price, **rest)


@command(
    "want",
    'wetalk want "중국어 과외" --region KR-11',
    argument("title"),
    PRICE,
    TEXT,
    REGION,
    TAGS,
    taken.PHOTOS,
    taken.PHOTO_TEXTS,
    option("--in", "spoken", metavar="LANGUAGE", about="text_language"),
)
def want(app: App, title: str, price: str | None, **rest: Any) -> None:
    _put(app, "want", title, price, **rest)


@command(
    "search",
    "wetalk search 김치 --region KR-11 --max 20.00",
    argument("words", nargs=-1, required=True),
    REGION,
    option("--max", "most", metavar="PRICE", about="max_price"),
    option("--kind", metavar="KIND", about="kind"),
    option("--newest", is_flag=True, about="newest"),
)
def search(
    app: App,
    words: tuple[str, ...],
    region: str | None,
    most: str | None,
    kind: str | None,
    newest: bool,
) -> None:
    units = None if most is None else amount_of(most, app.client.decimals)
    page = app.client.get(
        "/search",
        words=" ".join(words),
        region=region,
        max_price=units,
        kind=kind,
        newest="true" if newest else None,
        limit=50,
    )
    app.result(page)
    if not page["items"]:
        app.say("market.nothing")
    rows: list[list[object]] = []
    for one in page["items"]:
        found = one["listing"] or one["post"]
        title = found.get("title") or found.get("text", "")
        rows.append([found["id"][:8], title[:60], found["author"]["name"], price_text(app, found)])
    app.table(("id", "title", "name", "price"), rows)


def price_text(app: App, found: dict[str, Any]) -> str:
    """A listing's price in words."""
    price = found.get("price")
    if price is None:
        return ""
    if price["form"] != "amount":
        return app.text(f"listing.{price['form']}")
    shown = amount_text(price["amount"], price["decimals"])
    return shown if price["unit"] == "credit" else f"{shown} {clean(price['unit'])}"


LISTING: Final = argument("listing_id", metavar="LISTING")


@group("listing", "wetalk listing show 0ab93c11")
def listing(app: App) -> None:
    from node.commands.base import show_help

    show_help(click.get_current_context())


@listing.sub(
    "show",
    "wetalk listing show 0ab93c11 --photos ~/Pictures",
    LISTING,
    option("--photos", "folder", type=taken.PATH, metavar="DIR", about="photos"),
)
def listing_show(app: App, listing_id: str, folder: Path | None) -> None:
    found = app.client.get(f"/listings/{app.client.listing(listing_id)}")
    paths = [] if folder is None else taken.saved(app, found, folder.expanduser())
    app.result(found if folder is None else {**found, "saved": paths})
    app.line(emphasised(clean(found["title"]), bold=True))
    state = app.text(f"listing.{found['state']}")
    kind = app.text(f"listing.{found['kind']}")
    app.line(f"{kind} · {price_text(app, found)} · {clean(found['region'] or '')} · {state}")
    app.line(clean(found["author"]["name"]))
    for line in clean_for_display(found["text"]).split("\n"):
        app.line(line)
    taken.tell(app, found, paths)


@listing.sub(
    "edit",
    "wetalk listing edit 0ab93c11 --price 10.00",
    LISTING,
    option("--title", metavar="TEXT", about="title"),
    PRICE,
    option("--text", "written", metavar="TEXT", about="listing_text"),
    REGION,
    option("--state", type=click.Choice(("active", "paused")), about="listing_state"),
    taken.PHOTOS,
    taken.PHOTO_TEXTS,
    option("--no-photos", "bare", is_flag=True, about="no_photos"),
)
def listing_edit(
    app: App,
    listing_id: str,
    title: str | None,
    price: str | None,
    written: str | None,
    region: str | None,
    state: str | None,
    photos: tuple[Path, ...],
    photo_texts: tuple[str, ...],
    bare: bool,
) -> None:
    pictures = taken.sent(app, photos, photo_texts)
    full = app.client.listing(listing_id)
    changes = {
        "title": title,
        "price": None if price is None else price_of(app, price),
        "text": written,
        "region": region,
        "state": state,
        "pictures": pictures if pictures or bare else None,
    }
    wanted = {name: value for name, value in changes.items() if value is not None}
    app.result(app.client.put(f"/listings/{full}", wanted))
    app.say("market.changed")


@listing.sub(
    "close",
    "wetalk listing close 0ab93c11",
    LISTING,
    option("--erase", is_flag=True, about="erase"),
)
def listing_close(app: App, listing_id: str, erase: bool) -> None:
    full = app.client.listing(listing_id)
    app.result(app.client.delete(f"/listings/{full}", erase="true" if erase else None))
    app.say("market.closed")


COMMANDS: Final = {"sell": sell, "want": want, "search": search, "listing": listing}
