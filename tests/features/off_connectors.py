"""How the rows of linked systems are switched off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_impl.integration import service
from reference_impl.integration.connectors import Connectors
from reference_impl.integration.domain import step_after_failure


def _gives_up_and_believes_anything(mp: pytest.MonkeyPatch) -> None:
    """An outage is a refusal, and a report that comes again is news."""

    def soon(tried, **_):
        return step_after_failure(tried)

    mp.setattr(service, "step_after_failure", soon)
    original = Connectors._apply

    def apply(self, uow, hook, said, now_ms):
        self._jobs.delete(uow, said.connector, said.kind, said.subject)
        return original(self, uow, hook, said, now_ms)

    mp.setattr(Connectors, "_apply", apply)


OFF: dict[str, Callable[[pytest.MonkeyPatch], None]] = {"FS11": _gives_up_and_believes_anything}
