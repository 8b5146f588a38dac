"""YAML says the same whichever parser takes it."""

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from twins.core.yaml_text import parsed


@pytest.mark.parametrize(
    "text",
    ["{at: 09:00}", "[1:2, a: b]", "a: 1\nb: [yes, 2026-01-05, 0o17, 1e3, ~]\n", "- |\n  x\n", ""],
)
def test_a_text_means_what_the_parser_in_python_says(text):
    assert parsed(text) == YAML(typ="safe", pure=True).load(text)


def test_the_parser_in_c_refuses_what_is_taken_nevertheless():
    """If it ever takes it, the second parser can go."""
    with pytest.raises(YAMLError):
        YAML(typ="safe").load("{at: 09:00}")
    assert parsed("{at: 09:00}") == {"at": "09:00"}


@pytest.mark.parametrize("text", ["a: [1", "a: 1\na: 2\n"])
def test_a_mistake_is_an_error_of_the_parser_that_knows_its_place(text):
    with pytest.raises(YAMLError) as refused:
        parsed(text)
    assert refused.value.problem_mark.line >= 0
