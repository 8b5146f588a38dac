"""A set of numbers kept as intervals: small as long as the numbers are mostly consecutive."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First and last number, both included."""


class SeqSet:
    """A set of integers, negative ones too. Adding the next number is the fast case."""

    __slots__ = ("_ends", "_size", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._size = 0

    @classmethod
    def from_ranges(cls, ranges: Iterable[tuple[int, int] | list[int]]) -> SeqSet:
        """Build from ``(first, last)`` pairs, in any order, overlapping or not."""
        made = cls()
        for first, last in ranges:
            made.add_range(first, last)
        return made

    def add(self, number: int) -> bool:
        """Add a number; true if it is new."""
        if self.add_next(number):
            return True
        if self._ends and self._starts[-1] <= number <= self._ends[-1]:
            return False
        return self.add_range(number, number) == 1

    def add_next(self, number: int) -> bool:
        """Add a number if it is the one behind the highest; false, and nothing done, otherwise."""
        ends = self._ends
        if ends and ends[-1] == number - 1:
            ends[-1] = number
            self._size += 1
            return True
        return False

    def add_range(self, first: int, last: int) -> int:
        """Add ``first`` to ``last``, both included; returns how many of them are new.

        Raises:
            ValueError: If ``last`` is below ``first``.
        """
        if last < first:
            raise ValueError(
                f"range {first} to {last} is empty; the last must not be below the first"
            )
        starts, ends = self._starts, self._ends
        if ends and ends[-1] == first - 1:  # the usual case, made cheap
            ends[-1] = last
            self._size += last - first + 1
            return last - first + 1
        low = bisect_right(ends, first - 2)  # the first interval that touches ours, or lies behind
        high = bisect_right(starts, last + 1)  # behind the last interval that touches ours
        had = sum(ends[i] - starts[i] + 1 for i in range(low, high))
        if low < high:
            first, last = min(first, starts[low]), max(last, ends[high - 1])
        starts[low:high], ends[low:high] = [first], [last]
        new = last - first + 1 - had
        self._size += new
        return new

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ends[at]

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[int]:
        for first, last in zip(self._starts, self._ends, strict=True):
            yield from range(first, last + 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SeqSet) and self.to_ranges() == other.to_ranges()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SeqSet.from_ranges({self.to_ranges()!r})"

    @property
    def highest(self) -> int | None:
        """The greatest number, ``None`` of an empty set."""
        return self._ends[-1] if self._ends else None

    def gaps(self, first: int, last: int) -> list[Range]:
        """What is missing of ``first`` to ``last``, both included, as intervals."""
        missing: list[Range] = []
        at = bisect_right(self._ends, first - 1)
        while first <= last and at < len(self._starts) and self._starts[at] <= last:
            if first < self._starts[at]:
                missing.append((first, self._starts[at] - 1))
            first = self._ends[at] + 1
            at += 1
        if first <= last:
            missing.append((first, last))
        return missing

    def minus(self, other: SeqSet) -> SeqSet:
        """The numbers that are here and not there."""
        left = SeqSet()
        for first, last in zip(self._starts, self._ends, strict=True):
            for gap in other.gaps(first, last):
                left.add_range(*gap)
        return left

    def to_ranges(self) -> list[Range]:
        """The intervals in ascending order: as short as the set can be written."""
        return list(zip(self._starts, self._ends, strict=True))
