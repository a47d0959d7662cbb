"""Entry of the `wetalk` command; it imports a command's module only when that command runs."""

import sys


def main() -> None:
    """Say that this build holds no commands yet; exit code 2."""
    print("wetalk: no commands are installed yet", file=sys.stderr)
    raise SystemExit(2)
