"""Writing into homes that no node holds, and looking into them."""

from collections.abc import Iterable
from pathlib import Path

from node.protocol import crypto
from node.protocol.social import PostPut
from node.services.core import open_core
from node.services.publish import Appender, Draft, Publisher
from node.storage.home import Home
from node.storage.state import WriterState
from node.wallet.signer import Signer


def write_posts(home: Path, texts: Iterable[str]) -> None:
    """Sign posts straight into a home."""
    core = open_core(Home(home), signer=Signer.device(Home(home).device_key))
    try:

        def work(appender: Appender, _: WriterState) -> None:
            for number, text in enumerate(texts):
                body = PostPut(
                    language="en",
                    reply_to=None,
                    room="plaza",
                    salt=number.to_bytes(16, "big"),
                    text=text,
                )
                appender.append(Draft("post.put", body))

        Publisher(core).transact_sync(work)
    finally:
        core.close()


def record_ids(home: Path) -> list[bytes]:
    """Ids of all stored records, as often as each is stored."""
    core = open_core(Home(home))
    try:
        raws = [raw for _, raw in core.reader.records_after(-1, 1_000_000)]
        return [crypto.record_id(core.community, raw.header) for raw in raws]
    finally:
        core.close()
