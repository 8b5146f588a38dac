"""Topic filters of MQTT 3.1.1, section 4.7."""

from __future__ import annotations

from itertools import zip_longest


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic (without wildcards) is one of the filter's."""
    return overlap(topic_filter, topic)


def overlap(one: str, other: str) -> bool:
    """Whether some topic would match both filters."""
    for a, b in zip_longest(one.split("/"), other.split("/")):
        if "#" in (a, b):
            return True
        if a is None or b is None or (a != b and "+" not in (a, b)):
            # "a/#" matches "a" too: the loop ends above when only "#" is left.
            return False
    return True
