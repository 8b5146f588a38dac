"""`twinrig rules` against the reference DPS, with the packs that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.packs import main
from harness.errors import ScenarioError
from twins.products import catalog

PACKS = [path for product in catalog().values() for path in product.rule_packs.values()]
PACK = catalog()["pump"].rule_packs["standard"]


def named(path: Path) -> str:
    """Product and pack."""
    return f"{path.parents[1].name}-{path.stem}"


@pytest.mark.parametrize("pack", PACKS, ids=named)
def test_every_pack_that_ships_is_well_formed_and_passes_its_tests(
    pack: Path, capsys: pytest.CaptureFixture[str]
):
    code = main([pack], tests=None, with_tests=True, junit=None, sut=None)

    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert "tests pass" in said.out


def test_a_wrong_signal_and_a_wrong_key_are_both_told_with_their_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pack = tmp_path / "bad.yaml"
    text = PACK.read_text().replace("signal: vibration_mm_s", "signal: vibes", 1)
    pack.write_text(text.replace("keep_for:", "keep_fro:", 1))
    lines = pack.read_text().splitlines()
    signal_line = 1 + next(i for i, line in enumerate(lines) if "vibes" in line)
    key_line = 1 + next(i for i, line in enumerate(lines) if "keep_fro" in line)

    assert main([pack], tests=None, with_tests=False, junit=None, sut=None) == 2
    said = capsys.readouterr().err
    assert f"{pack}:{signal_line}:" in said
    assert f"{pack}:{key_line}:" in said
    assert "vibes" in said


def test_a_test_that_expects_an_unknown_rule_is_a_mistake_of_the_test_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    source = PACK.with_name(f"{PACK.stem}_test.yaml")
    tests = tmp_path / "t.yaml"
    tests.write_text(source.read_text().replace("firing: []", "firing: [nosuch-rule]", 1))
    code = main([PACK], tests=tests, with_tests=True, junit=tmp_path / "j.xml", sut=None)

    said = capsys.readouterr()
    assert code == 2  # the DPS knows that the pack has no such rule
    assert "nosuch-rule" in said.err
    assert "<failure" in (tmp_path / "j.xml").read_text()


def test_a_red_unit_test_is_exit_code_1_and_a_failure_in_junit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    source = PACK.with_name(f"{PACK.stem}_test.yaml")
    known = PACK.read_text().split("- id: ")[1].split()[0]
    tests = tmp_path / "t.yaml"
    tests.write_text(source.read_text().replace("firing: []", f"firing: [{known}]", 1))
    code = main([PACK], tests=tests, with_tests=True, junit=tmp_path / "j.xml", sut=None)

    assert code == 1
    assert f"{known}; seen: no rule firing" in capsys.readouterr().err
    assert "<failure" in (tmp_path / "j.xml").read_text()


def test_a_pack_for_a_model_that_no_product_has_names_those_that_exist(tmp_path: Path):
    pack = tmp_path / "x.yaml"
    pack.write_text("pack: x\nmodel: nosuch\nrules: []\n")

    with pytest.raises(
        ScenarioError, match=r"unknown model nosuch; the products here have: .*pump"
    ):
        main([pack], tests=None, with_tests=False, junit=None, sut=None)
