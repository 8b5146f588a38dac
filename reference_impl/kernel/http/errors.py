"""Refusals as the contract writes them: ``{"error": {"code", "title", "problems"}}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from reference_impl.kernel.errors import (
    DpsError,
    Forbidden,
    Invalid,
    Problem,
    TooMany,
    Unauthenticated,
    Unknown,
)
from reference_impl.kernel.timekeeping import Short


class ProblemBody(BaseModel):
    """One thing that is wrong."""

    where: str
    what: str
    allowed: str = ""


class Refusal(BaseModel):
    """Why a request was refused; ``code`` is stable."""

    code: str
    title: str
    problems: list[ProblemBody]


class ErrorBody(BaseModel):
    """The body of every 4xx answer."""

    error: Refusal


_MEANINGS = {
    "400": "Malformed: not JSON, or not HTTP as expected",
    "401": "Nobody knows who is calling",
    "403": "The caller lacks a permission",
    "404": "Unknown: the thing named does not exist",
    "409": "Conflict: the state forbids it",
    "422": "Refused, with all problems at once",
    "429": "Too many: ``Retry-After`` says when again",
}
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")


def document(schema: dict[str, Any]) -> None:
    """Write the refusals into an OpenAPI document, to every operation.

    Here and not as ``responses`` of each route: FastAPI would make a validator for each of those,
    which nothing ever uses.
    """
    body = ErrorBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    schemas.update(body.pop("$defs"))
    schemas["ErrorBody"] = body
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    for operations in schema["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422", "")):
                del responses["422"]
            for status, meaning in _MEANINGS.items():
                responses.setdefault(status, {"description": meaning, "content": content})


_STATUSES: dict[type[DpsError], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    Unknown: 404,
    Invalid: 422,
    TooMany: 429,
}
_CODES = {404: "unknown", 405: "method_not_allowed"}


def body_of(code: str, title: str, problems: Sequence[Problem]) -> dict[str, Any]:
    """The error body as plain data."""
    listed = [{"where": p.where, "what": p.what, "allowed": p.allowed} for p in problems]
    return {"error": {"code": code, "title": title, "problems": listed}}


def refusal(error: DpsError) -> JSONResponse:
    """The answer for an error of ours, by what it is; 409 for everything that has no own status."""
    status = next((code for kind, code in _STATUSES.items() if isinstance(error, kind)), 409)
    body = body_of(error.code, error.title, error.problems)
    if isinstance(error, Short):
        body["short"] = error.short
    headers = {}
    if isinstance(error, TooMany) and error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse(body, status, headers=headers)


def path_of(location: Sequence[int | str]) -> str:
    """Where in a body: ``conditions[0].params.limit``."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def problem_of(error: dict[str, Any]) -> Problem:
    """Pydantic's finding as a problem of ours."""
    location = tuple(error["loc"])
    if location and location[0] in {"body", "path", "query", "header"}:
        location = location[1:] or location
    context = error.get("ctx", {})
    allowed = context.get("allowed") or context.get("expected") or ""
    if not allowed and error["type"] == "extra_forbidden":
        allowed = "only the keys that the API document names"
    return Problem(where=path_of(location), what=error["msg"], allowed=str(allowed))


def install(app: FastAPI) -> None:
    """Answer every refusal of ``app`` in the one shape."""

    @app.exception_handler(DpsError)
    async def _ours(_request: Request, error: DpsError) -> JSONResponse:
        return refusal(error)

    @app.exception_handler(RequestValidationError)
    async def _body(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        problems = [problem_of(dict(one)) for one in found]
        if any(one["type"] == "json_invalid" for one in found):
            return JSONResponse(body_of("malformed", "the body is not JSON", problems), 400)
        return JSONResponse(body_of("invalid", "the request is refused", problems), 422)

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "malformed")
        return JSONResponse(
            body_of(code, str(error.detail), []), error.status_code, headers=error.headers
        )
