"""Something never holds: in no step (state), or of no event."""

from __future__ import annotations

from harness.checks.asking import Answer, AskingCheck, Spanned
from harness.checks.expressions import ExpressionText


class NeverArgs(Spanned):
    """``never``: the expression; ``from`` and ``to``: only then."""

    never: ExpressionText


class Never(AskingCheck):
    """Violated by the first answer that is yes."""

    name = "never"
    title = "Never"
    Arguments = NeverArgs

    def hear(self, answer: Answer) -> None:
        """See AskingCheck."""
        if answer.holds:
            self.violate(answer.at_ms, f"never {self.source()}", answer.seen, answer.event)
