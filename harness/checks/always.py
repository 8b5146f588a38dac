"""Something holds all the time: in every step (state), or of every event."""

from __future__ import annotations

from harness.checks.asking import Answer, AskingCheck, Spanned
from harness.checks.expressions import ExpressionText


class AlwaysArgs(Spanned):
    """``always``: the expression; ``from`` and ``to``: only then."""

    always: ExpressionText


class Always(AskingCheck):
    """Violated by the first answer that is no."""

    name = "always"
    title = "Always"
    Arguments = AlwaysArgs

    def hear(self, answer: Answer) -> None:
        """See AskingCheck."""
        if not answer.holds:
            self.violate(answer.at_ms, f"always {self.source()}", answer.seen, answer.event)
