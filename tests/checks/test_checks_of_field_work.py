"""Invariants and checks of who is sent where, by hand."""

from __future__ import annotations


def test_who_is_sent_knows_the_work_and_planned_downtime_was_agreed_on(make, judged) -> None:
    first, (*_, there, agreed, done) = make.sent()["W6"][0][2], make.sent()["W10"][1]
    first.data["skills"] = ["electric", "height"]

    assert "lacks height" in judged("invariants", {"only": "W6"}, [first]).seen
    assert "no window was agreed on" in judged("invariants", {"only": "W10"}, [there, done]).seen
    late = make.feed(6, "work_order.arrived", "w", thing="dev-01-1")
    seen = judged("invariants", {"only": "W10"}, [agreed, late, done]).seen
    assert "while nobody was there" in seen
