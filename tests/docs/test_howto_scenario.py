"""The how-to of scenarios, done in order by somebody who knows nothing else."""

from __future__ import annotations

import pytest


@pytest.mark.timeout(300)
def test_whoever_does_what_the_page_says_sees_what_the_page_shows(walk) -> None:
    typed = walk("scenario.md")
    assert [command.split()[1] for command in typed] == [
        "run", "run", "run", "explain", "run", "compare", "fork", "run", "my_seal.py",
    ]  # fmt: skip


def test_what_is_shown_has_to_come_line_by_line(shown_is_like) -> None:
    like = shown_is_like("one\n...\nthree ... end\n")
    assert like.match("one\ntwo\nthree times, end  \n")
    assert like.match("one\nthree times, end\n")
    assert not like.match("one\nthree times, end\nfour\n")
    assert not like.match("zero\none\nthree times, end\n")
