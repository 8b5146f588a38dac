"""What goes wrong between an author and the twins, in words that an author can act on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class TwinError(Exception):
    """Root of everything this package raises on purpose."""


class _Problems(TwinError):  # noqa: N818
    """Several mistakes of one author, told at once."""

    title = "problems"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"{self.title}: " + "; ".join(problems))
        self.problems: tuple[str, ...] = tuple(problems)


class InvalidWorld(_Problems):
    """A world's description names something that does not exist, or a value out of range."""

    title = "this world cannot be built"


class InvalidFault(_Problems):
    """A fault, its device or one of its parameters does not exist or is out of range."""

    title = "this fault cannot be injected"


class InvalidProduct(_Problems):
    """A product's folder is not what a product must be (its author's mistake)."""

    title = "this product is incomplete"


class InvalidSnapshot(TwinError):  # noqa: N818
    """A snapshot is not of this world, or not readable."""


def named(names: Iterable[str]) -> str:
    """Write down what exists, for the end of a message: ``a, b, c`` or ``none``."""
    return ", ".join(sorted(names)) or "none"
