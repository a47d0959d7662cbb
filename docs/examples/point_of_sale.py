"""A till for a market stall: makes an invoice, shows it as QR codes, and waits until it is paid.

It needs a running node and a token that may look and trade:

    wetalk token new till --scope read --scope trade --days 365 > till.token
    python docs/examples/point_of_sale.py 민수 12.50 --for 김치 --token-file till.token

The buyer's program shows the invoice by itself where there is a network; without one it takes the
codes in (`wetalk stall take --qr`). Goods may go when this says so. The same --number means the
same invoice for a day: who is not sure whether it was made asks again, and nobody is billed twice.
"""

import argparse
import re
import sys
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from node.client import ApiProblem, Client, NotRunning

AGAIN_S = 1.0
CODE_CHARACTERS = 1_249  # a QR code of this many letters is read by any phone
PAID = ("settled", "secured")
NEVER = "declined"
NOW_AND_THEN = (429, 503)  # the node has no time just now


class Refused(Exception):
    """What stands in the way, in words."""


def member_of(client: Client, typed: str) -> str:
    """The id of a member: a contact's or a member's name, or the first digits of an id."""
    named = {one["member"] for one in client.contacts() if one["name"] == typed}
    if not named:
        prefix = typed if re.fullmatch("[0-9a-f]{6,64}", typed) else None
        named = {
            one["id"]
            for one in client.members()
            if one["name"] == typed or (prefix and one["id"].startswith(prefix))
        }
    if len(named) != 1:
        raise Refused(f"{'Nobody' if not named else 'More than one member'} is called {typed}.")
    return named.pop()


def minor_units(typed: str, decimals: int) -> int:
    """An amount as typed (12.50) in minor units (1250)."""
    try:
        units = Decimal(typed).scaleb(decimals)
    except InvalidOperation:
        units = Decimal(0)
    if units <= 0 or units != units.to_integral_value():
        raise Refused(f"{typed} is no amount with at most {decimals} decimals.")
    return int(units)


def invoice(client: Client, given: argparse.Namespace) -> str:
    """Make the invoice, or find the one with this number again; its id."""
    decimals = client.community()["decimals"]
    body = {
        "direction": "invoice",
        "partner": member_of(client, given.buyer),
        "amount": minor_units(given.amount, decimals),
        "for": given.what,
    }
    number = given.number or time.strftime("%Y%m%d-%H%M%S")
    return client.post("/trades", body, key=f"till-{number}")["id"]


def show_codes(client: Client, trade: str) -> None:
    """The invoice as QR codes on the terminal, for a buyer without a network."""
    import segno

    note = client.note(trade, part_characters=CODE_CHARACTERS)
    for number, part in enumerate(note["parts"], 1):
        if len(note["parts"]) > 1:
            print(f"{number} of {len(note['parts'])}")
        segno.make(part, error="l", micro=False).terminal(sys.stdout, border=2, compact=True)
    sys.stdout.flush()


def look(client: Client, trade: str) -> bool:
    """True once it is paid. Raises Refused when it never will be."""
    found: Any = client.trade(trade)
    if found["state"] == NEVER:
        raise Refused("The buyer has said no.")
    if found["state"] not in PAID:
        return False
    print(f"{found['partner']['name']}: {found['amount_text']}. {found['goods_text']}")
    return True


def watch(client: Client, trade: str, until: float) -> bool:
    """Wait for the payment; False when the time is over. Raises NotRunning when the node goes."""
    for event in client.events(come_back=False, pulse=True):
        # `ready` comes first, also after a break: what happened meanwhile is looked up.
        asked = event.name in ("ready", "reset") or event.data.get("trade") == trade
        if asked and look(client, trade):
            return True
        if time.monotonic() > until:
            return False
    raise NotRunning(client.address)


def connect(given: argparse.Namespace) -> Client:
    """The node as it can be reached now: after a restart it may be somewhere else."""
    if given.token_file is None:
        return Client.of_home(given.home)
    token = given.token_file.read_text().strip()
    address = given.address or Client.of_home(given.home).address
    return Client(address, token)


def sell(given: argparse.Namespace) -> int:
    """From the invoice to its payment; 0 if it was paid."""
    client = connect(given)
    trade = invoice(client, given)
    print(f"Invoice {trade[:12]} for {given.buyer}: {given.amount}", flush=True)
    if given.qr:
        show_codes(client, trade)
    until, waiting = time.monotonic() + given.minutes * 60, False
    while time.monotonic() < until:
        try:
            if watch(connect(given), trade, until):
                return 0
        except NotRunning:
            if not waiting:
                print("The node does not answer; I wait for it.", file=sys.stderr)
            waiting = True
        except ApiProblem as problem:
            if problem.status not in NOW_AND_THEN:
                raise
        time.sleep(AGAIN_S)
    print(
        f"Not paid yet; it still can be. Look with: wetalk trade show {trade[:12]}", file=sys.stderr
    )
    return 1


def options() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("buyer", help="a contact's or member's name, or the start of an id")
    parser.add_argument("amount", help="such as 12.50")
    parser.add_argument("--for", dest="what", default="", help="what was sold")
    parser.add_argument("--number", help="the number of this sale, of your own; once a day each")
    parser.add_argument("--minutes", type=float, default=15, help="how long to wait (15)")
    parser.add_argument("--qr", action="store_true", help="show the invoice as QR codes, too")
    home = Path("~/.local/share/wetalk").expanduser()
    parser.add_argument("--home", type=Path, default=home, help="the node's home")
    parser.add_argument("--token-file", type=Path, help="a file with a token of the till's own")
    parser.add_argument("--address", help="such as http://127.0.0.1:8445; else as the home says")
    return parser


def main() -> int:
    """0 when it was paid, 1 when not, with a sentence."""
    given = options().parse_args()
    try:
        return sell(given)
    except Refused as problem:
        print(problem, file=sys.stderr)
    except NotRunning:
        print("The node does not answer. Start it with: wetalk up", file=sys.stderr)
    except ApiProblem as problem:
        print(f"The node says: {problem.detail}", file=sys.stderr)
    except OSError as problem:
        print(f"{problem.filename}: {problem.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print("", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
