"""What a scenario tells the DPS at 0h is decided at the start of the run, over every link."""

from harness.events import FeedSeen

START_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
STORY = """schema: 1
title: A part is bought before anything else happens
run: {start: 2026-01-05T00:00:00Z, until: 6h, sync: 6h}
fleets: [{product: pump, sites: 1, devices_per_site: 1, report_every: 1h}]
service: {rules: [standard]}
timeline:
  - at: 0h
    service:
      calls:
        - method: POST
          path: /v1/carts/lines
          body: {by: buyer, thing: pump-01-1, part: seal-kit}
        - {method: POST, path: /v1/carts/customer-01/checkout, body: {by: buyer}}
"""


def test_an_order_of_hour_zero_has_the_time_of_the_start(read, play) -> None:
    result, notes = play(read(STORY))
    assert result.verdict == "passed"
    told = [e for e in notes.events if isinstance(e, FeedSeen)]
    placed = [e.at_ms for e in told if e.kind == "order.placed"]
    assert placed == [START_MS]
