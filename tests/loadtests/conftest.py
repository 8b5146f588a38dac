from collections.abc import Iterator

import pytest

from broker.servers import Broker, open_broker


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with open_broker("embedded") as running:
        yield running
