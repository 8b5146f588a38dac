"""`twinrig rules`: what the DPS says of a pack, at the place where its author wrote it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from harness.cli.packs import PackVerdict, judge, path_of, read_pack, suite_of
from harness.errors import ScenarioError

PACK = """\
pack: x-standard
version: "1.0.0"
model: x-1
rules:
  - id: first
    when: a > 1.0
  - id: second
    when: nosuch > 1.0
    speed: 3
"""
TESTS = """\
tests:
  - name: a quiet hour fires nothing
    every: 10m
"""


class FakeDps:
    """Answers as it is told and remembers what it was asked."""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        self.status, self.answer, self.asked = status, answer, []

    async def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path, body))
        return self.status, self.answer


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "standard.yaml"
    path.write_text(PACK)
    (tmp_path / "standard_test.yaml").write_text(TESTS)
    return path


def judged(path: Path, dps: FakeDps, *, with_tests: bool = False) -> PackVerdict:
    return asyncio.run(judge(read_pack(path, tests=None, with_tests=with_tests), dps))


def refusal(*problems: dict[str, str]) -> dict[str, Any]:
    return {"error": {"code": "refused", "title": "bad pack", "problems": list(problems)}}


def test_every_problem_stands_at_its_line_and_column_with_the_rule_named(pack: Path):
    dps = FakeDps(
        422,
        refusal(
            {"where": "rules[1].speed", "what": "unknown key 'speed'", "allowed": "id, when"},
            {"where": "rules[1].when", "what": "no signal nosuch", "allowed": "a"},
        ),
    )

    texts = [str(problem) for problem in judged(pack, dps).problems]

    assert texts == [
        f"{pack}:8:11: rule second, when: no signal nosuch; allowed: a",
        f"{pack}:9:5: rule second, speed: unknown key 'speed'; allowed: id, when",
    ]


def test_a_problem_in_the_tests_points_into_the_test_file(pack: Path):
    problem = {"where": "tests[0].every", "what": "not a duration", "allowed": "10m"}
    verdict = judged(pack, FakeDps(422, refusal(problem)), with_tests=True)

    test_file = pack.with_name("standard_test.yaml")
    assert str(verdict.problems[0]) == (
        f"{test_file}:3:12: test a quiet hour fires nothing, every: not a duration; allowed: 10m"
    )


def test_the_pack_and_its_tests_are_sent_in_one_dry_run(pack: Path):
    dps = FakeDps(200, {"ok": True, "problems": [], "tests": [{"name": "t", "passed": True}]})

    verdict = judged(pack, dps, with_tests=True)

    assert verdict.ok
    assert verdict.rules == 2
    method, path, body = dps.asked[0]
    assert (method, path) == ("POST", "/v1/rule-packs?dry_run=true")
    assert body["tests"][0]["name"] == "a quiet hour fires nothing"


def test_a_failed_unit_test_says_when_what_was_expected_and_what_fired(pack: Path):
    answer = {
        "name": "t", "passed": False, "at": "3h", "expected": ["first"], "seen": [],
    }  # fmt: skip
    verdict = judged(pack, FakeDps(200, {"ok": False, "tests": [answer]}), with_tests=True)

    assert not verdict.ok
    assert verdict.tests[0].text == "expected at 3h: first; seen: no rule firing"
    assert suite_of(verdict).cases[1].failure == verdict.tests[0].text


def test_a_mistake_of_syntax_is_shown_without_asking_the_dps(tmp_path: Path):
    path = tmp_path / "broken.yaml"
    path.write_text("pack: [\n")
    dps = FakeDps(200, {})

    verdict = judged(path, dps)

    assert "this is not YAML" in str(verdict.problems[0])
    assert dps.asked == []


def test_a_key_given_twice_is_a_problem_of_the_pack(tmp_path: Path):
    path = tmp_path / "twice.yaml"
    path.write_text("pack: a\npack: b\n")

    assert "twice.yaml:2:1: key 'pack' stands twice" in str(
        judged(path, FakeDps(200, {})).problems[0]
    )


def test_missing_tests_are_named_with_the_file_to_write(tmp_path: Path):
    path = tmp_path / "alone.yaml"
    path.write_text(PACK)

    with pytest.raises(ScenarioError, match=r"alone_test\.yaml"):
        read_pack(path, tests=None, with_tests=True)


def test_a_missing_pack_is_an_error_of_the_caller(tmp_path: Path):
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        read_pack(tmp_path / "no.yaml", tests=None, with_tests=False)


@pytest.mark.parametrize(
    ("where", "path"),
    [("", ()), ("rules[2].when", ("rules", 2, "when")), ("$.pack", ("pack",))],
)
def test_a_json_path_becomes_steps(where: str, path: tuple[str | int, ...]):
    assert path_of(where) == path
