"""A node in a process of its own, to be stopped, killed and started again by the tests.

usage: python -m tests.network.child SEED_HEX LISTEN
Prints its address and runs until its standard input ends.
"""

import sys

import trio

from tests.network.lab import Node


async def main(seed: bytes, listen: str) -> None:
    node = Node(seed)
    async with node.running((listen,)):
        print(node.host.listening()[0].text, flush=True)
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)


if __name__ == "__main__":
    trio.run(main, bytes.fromhex(sys.argv[1]), sys.argv[2])
