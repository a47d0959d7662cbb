"""A promise that does not hold, with a stable name by which a smaller history is recognised."""


class Broken(AssertionError):
    """A promise does not hold. `name` is stable."""

    def __init__(self, name: str, told: str) -> None:
        super().__init__(f"{name}: {told}")
        self.name = name


def expect(holds: bool, name: str, told: str = "") -> None:
    """Raise `Broken` unless it holds."""
    if not holds:
        raise Broken(name, told)
