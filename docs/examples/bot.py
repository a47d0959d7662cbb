"""A bot that answers in a room: "!find WORDS" looks through the market, "!help" says how.

It needs a running node and a token that may look and talk:

    wetalk token new bot --scope read --scope talk > bot.token
    python docs/examples/bot.py 마당 --token-file bot.token

What it has seen stands in a file, so that it goes on where it was after a restart of itself or of
the node: no question is answered twice, none is missed.
"""

import argparse
import sys
import time
from pathlib import Path

from node.client import ApiProblem, Client, Event, NotRunning

AGAIN_S = 2.0
SHOWN_COUNT = 3
CALL = "!"
HELP = 'Ask me "!find" and a few words, and I look through the market.'
NOW_AND_THEN = (429, 503)  # the node has no time just now


class Bot:
    """Answers questions in one room."""

    def __init__(self, client: Client, room: str, seen: Path) -> None:
        self.client = client
        self.room = room
        self.seen = seen

    def run(self) -> None:
        """Answer for as long as the node answers. Raises NotRunning, ApiProblem."""
        last_id = self.seen.read_text().strip() if self.seen.exists() else None
        for event in self.client.events(last_id or None, come_back=False):
            self.take(event)
            if event.id is not None:
                self.remember(event.id)

    def take(self, event: Event) -> None:
        """One thing that has changed."""
        if event.name == "reset":  # away for too long: look at what stands in the room
            for post in reversed(self.client.posts(self.room, limit=50)["items"]):
                self.answer(post["id"])
        elif event.name == "post":
            self.answer(event.data["post"])

    def answer(self, post_id: str) -> None:
        """Answer a post if it asks something here, once."""
        try:
            post = self.client.post_shown(post_id)
        except ApiProblem as problem:
            if problem.status == 404:  # erased meanwhile
                return
            raise
        if post["room"] != self.room or not post["text"].startswith(CALL):
            return
        body = {"room": self.room, "text": self.reply(post["text"]), "reply_to": post_id}
        # The same key for the same question: if it was answered already, this does nothing.
        self.client.post("/posts", body, key=f"bot-{post_id}")
        print(f"{post['author']['name']}: {post['text']}", flush=True)

    def reply(self, text: str) -> str:
        """What to say to a question."""
        word, _, rest = text.removeprefix(CALL).partition(" ")
        if word != "find" or not rest.strip():
            return HELP
        hits = self.client.search(rest.strip(), limit=SHOWN_COUNT)["items"]
        titles = [hit["listing"]["title"] for hit in hits if hit["listing"] is not None]
        return "\n".join(f"· {title}" for title in titles) or "Nothing of that kind today."

    def remember(self, event_id: str) -> None:
        """Keep where we are; the old file stays until the new one is whole."""
        new = self.seen.with_name(self.seen.name + ".new")
        new.write_text(event_id + "\n")
        new.replace(self.seen)


def connect(given: argparse.Namespace) -> Client:
    """The node as it can be reached now: after a restart it may be somewhere else."""
    if given.token_file is None:
        return Client.of_home(given.home)
    token = given.token_file.read_text().strip()
    address = given.address or Client.of_home(given.home).address
    return Client(address, token)


def options() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("room", help="where to answer, such as 마당")
    home = Path("~/.local/share/wetalk").expanduser()
    parser.add_argument("--home", type=Path, default=home, help="the node's home")
    parser.add_argument("--token-file", type=Path, help="a file with a token of the bot's own")
    parser.add_argument("--address", help="such as http://127.0.0.1:8445; else as the home says")
    parser.add_argument(
        "--seen", type=Path, default=Path("bot.seen"), help="where we keep our place"
    )
    return parser


def main() -> int:
    """Run until Ctrl-C."""
    given = options().parse_args()
    waiting = False
    while True:
        try:
            Bot(connect(given), given.room, given.seen).run()
        except NotRunning:
            if not waiting:
                print("The node does not answer; I wait for it.", file=sys.stderr)
            waiting = True
        except ApiProblem as problem:
            if problem.status not in NOW_AND_THEN:
                print(f"The node says: {problem.detail}", file=sys.stderr)
                return 1
        except OSError as problem:
            print(f"{problem.filename}: {problem.strerror}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 0
        else:
            waiting = False
        try:
            time.sleep(AGAIN_S)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
