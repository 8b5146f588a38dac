"""Bodies that report all their problems at once: those of one field and those between fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError
from pydantic import model_validator as validates
from pydantic_core import InitErrorDetails, PydanticCustomError

Finding = tuple[tuple[str | int, ...], str, str]
"""Location inside the body, what is wrong, what is allowed."""


def finding(location: Sequence[str | int], what: str, allowed: str) -> InitErrorDetails:
    """A finding in the form that pydantic collects."""
    # PydanticCustomError wants literals, so that messages are templates; ours is one
    kind = PydanticCustomError("refused", "{what}", {"what": what, "allowed": allowed})
    return InitErrorDetails(type=kind, loc=tuple(location), input=None)


class Body(BaseModel):
    """A request body: unknown keys are refused, ``cross`` adds what only a whole body shows."""

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True)

    @classmethod
    def cross(cls, data: Mapping[str, Any]) -> Sequence[Finding]:  # noqa: ARG003
        """Problems between the fields of raw ``data``; must bear fields that are missing or odd."""
        return ()

    @validates(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        found: list[InitErrorDetails] = []
        made: Self | None = None
        try:
            made = handler(data)
        except ValidationError as error:
            found = [_again(dict(one)) for one in error.errors(include_url=False)]
        if isinstance(data, Mapping):
            found += [finding(*one) for one in cls.cross(data)]
        if found or made is None:
            raise ValidationError.from_exception_data(cls.__name__, found)
        return made


def _again(error: dict[str, Any]) -> InitErrorDetails:
    context = error.get("ctx", {})
    allowed = context.get("allowed") or context.get("expected") or ""
    if error["type"] == "extra_forbidden":
        allowed = "only the keys that the API document names"
    return finding(error["loc"], error["msg"], str(allowed))
