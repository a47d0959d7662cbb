"""Entry of the `wetalk` command; it imports a command's module only when that command runs."""


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 refused, 2 usage, 3 node not running."""
    from node.commands.root import run
    from node.interpreter import settle

    settle()
    raise SystemExit(run())


if __name__ == "__main__":
    main()
