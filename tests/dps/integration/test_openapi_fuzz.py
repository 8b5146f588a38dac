"""The OpenAPI document is true: whoever calls whatever, no 5xx and no answer that it does not name.

schemathesis makes the calls, right and wrong ones, from the document itself. Path parameters are
often replaced by ids that exist, so that calls reach more than "there is no such thing".
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    status_code_conformance,
)

from reference_impl.kernel import access
from reference_impl.kernel.http import answers
from reference_impl.registry.roles import ROLES

_spec = importlib.util.spec_from_file_location(
    "crash_walk", Path(__file__).with_name("test_crash_walk.py")
)
_walk = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_walk)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
FAST, ALL_CALLS = 120, 10_000
EVERYBODY = ("operator", *sorted(ROLES))
PARTY = {
    access.Group.CUSTOMER: "acme",
    access.Group.PARTNER: "partner",
    access.Group.ORGANISATION: "organisation",
    access.Group.RECIPIENT: "recipient",
}


def caller(role):
    """Somebody with this role who sees one customer."""
    if role == "operator":
        return access.OPERATOR
    known = ROLES[role]
    return replace(
        access.OPERATOR,
        user=f"one {role}",
        role=role,
        group=known.group,
        party=PARTY[known.group],
        permissions=known.permissions,
        customers=frozenset({"acme"}),
        parties=frozenset({PARTY[known.group]}),
        things={"mix-1": 0},
    )


class Talk:
    """A DPS with a story behind it, called from a loop of our own."""

    def __init__(self, kit, folder):
        self.kit, self.folder = kit, folder
        self.loop = asyncio.new_event_loop()
        self._open = kit.open_rig()
        self.rig = self.do(self._open.__aenter__())
        self.ids = self.do(self._live())
        self.document = self.do(self.rig.get("/openapi.json"))

    def do(self, what):
        return self.loop.run_until_complete(what)

    async def _live(self):
        async def call(method, path, body=None, key=None):
            answer = await self.rig.client.request(method, path, json=body)
            assert answer.status_code == 200, answer.text

        receiver = type("Nobody", (), {"url": "http://127.0.0.1:1/"})
        await _walk.install(call, self.kit, receiver)
        for step, temp_c in enumerate((20.0, 90.0, 91.0)):
            now_ms = self.kit.START_MS + step * self.kit.HOUR_MS
            message = self.kit.reading("mix-1", step, now_ms, temp_c=temp_c)
            await self.rig.send("site-01", message if step else self.kit.birth("mix-1"))
            await self.rig.clock(now_ms)
        lists = ("alerts", "orders", "recommendations", "webhooks", "webhook-deliveries", "things")
        found = {"acme", "mixer-1", "seal", "hot"}
        for name in lists:
            found |= {row["id"] for row in (await self.rig.get(f"/v1/{name}"))["items"]}
        return sorted(found)

    @cache  # noqa: B019 - a test's
    def _validator(self, path, method, status):
        """Of an answer's body: schemathesis stumbles over tuples (prefixItems) of OpenAPI 3.1."""
        operation = self.document["paths"][path][method]
        content = operation["responses"][str(status)].get("content")
        if content is None:
            return None
        schema = content["application/json"]["schema"]
        whole = {**schema, "components": self.document["components"]}
        return jsonschema_rs.Draft202012Validator(whole)

    def check(self, case, answer):
        case.validate_response(answer, checks=CHECKS)
        validator = self._validator(case.operation.path, case.method.lower(), answer.status_code)
        if validator is None:
            assert answer.content == b"", case.operation.label
            return
        wrong = [f"{e.instance_path}: {e.message}" for e in validator.iter_errors(answer.json())]
        assert wrong == [], (case.operation.label, answer.status_code, answer.text)

    def as_caller(self, who):
        self.rig.dps.callers.who = lambda *_: who

    def call(self, case):
        """Send a case; gives the answer."""
        keywords = case.as_transport_kwargs("http://dps")
        keywords.pop("cookies", None)
        if "data" in keywords:
            keywords["content"] = keywords.pop("data")
        return self.do(self.rig.client.request(**keywords))

    def close(self):
        self.do(self._open.__aexit__(None, None, None))
        self.loop.close()


@contextmanager
def talking(kit, folder, role):
    talk = Talk(kit, folder)
    try:
        talk.as_caller(caller(role))
        yield talk
    finally:
        talk.close()


def strategies(document, ids, folder, kit):
    """Calls of every operation, most of them with ids that exist."""
    schema = schemathesis.openapi.from_dict(document)
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    each = [
        st.one_of([found.ok().as_strategy(generation_mode=mode) for mode in modes])
        for found in schema.get_all_operations()
    ]

    @st.composite
    def made(draw):
        case = draw(st.one_of(each))
        path = case.operation.path
        for name in case.path_parameters or {}:
            if draw(st.integers(0, 3)):
                case.path_parameters[name] = draw(st.sampled_from(_likely(path, ids)))
        if isinstance(case.body, dict):
            _tamed(path, case.body, folder, kit)
        return case

    return made()


@cache
def _likely_prefix(path):
    kinds = {"orders": "ord-", "recommendations": "rec-", "things": "mix-", "sites": "site-",
             "webhooks": "wh-", "webhook-deliveries": "msg-", "parts": "seal", "models": "mixer",
             "customers": "acme", "policies": "acme"}  # fmt: skip
    family = path.removeprefix("/v1/").partition("/")[0]
    return kinds.get(family, "")


def _likely(path, ids):
    prefix = _likely_prefix(path)
    return [one for one in ids if one.startswith(prefix)] or ids


def _tamed(path, body, folder, kit):
    """Nothing waits for minutes, writes elsewhere, or moves time by centuries."""
    if path == "/v1/clock":
        body["wait_s"] = 0.0
        if isinstance(body.get("now_ms"), int):
            body["now_ms"] = kit.START_MS + 3 * kit.HOUR_MS + body["now_ms"] % kit.HOUR_MS
    if path == "/v1/snapshot" and isinstance(body.get("path"), str):
        body["path"] = str(folder / re.sub(r"\W", "", body["path"])[:20]) + ".copy"


def fuzz(kit, folder, role, calls):
    statuses = {}
    with talking(kit, folder, role) as talk:

        @settings(
            max_examples=calls,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategies(talk.document, talk.ids, folder, kit))
        def calls_are_answered_as_documented(case):
            answer = talk.call(case)
            talk.check(case, answer)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1

        calls_are_answered_as_documented()
    return statuses


@pytest.mark.feature("CC17")
def test_the_operator_gets_no_undocumented_answer(kit, tmp_path):
    statuses = fuzz(kit, tmp_path, "operator", FAST)
    assert {200, 404, 422} <= set(statuses), statuses
    assert max(statuses) < 500


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.feature("CC17")
@pytest.mark.sampled(3)
@pytest.mark.parametrize("role", EVERYBODY)
def test_no_role_gets_an_undocumented_answer(kit, tmp_path, role):
    """All roles together (``--whole``): ten thousand calls."""
    statuses = fuzz(kit, tmp_path, role, -(-ALL_CALLS // len(EVERYBODY)))
    assert max(statuses) < 500
    if role != "operator":
        assert statuses.get(403), "a role may not do everything"


@pytest.mark.feature("CC17")
def test_every_operation_has_an_id_of_its_own_a_tag_and_a_described_answer(kit):
    async def read():
        async with kit.open_rig() as rig:
            return await rig.get("/openapi.json")

    document = asyncio.run(read())
    operations = [
        (path, verb, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    ]
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(set(ids)) == len(ids) > 50
    for path, verb, operation in operations:
        where = f"{verb.upper()} {path}"
        assert re.fullmatch(r"[a-z][a-z0-9_]*", operation["operationId"]), where
        assert len(operation["operationId"]) <= 60, where
        assert operation["tags"], where
        assert operation.get("description"), where
        for status in ("400", "401", "403", "404", "409", "422", "429"):
            content = operation["responses"][status]["content"]["application/json"]
            assert "$ref" in content["schema"], (where, status)


@pytest.mark.feature("CC17")
def test_lists_are_documented_with_the_columns_of_their_rows_and_answer_so(kit, tmp_path):
    with talking(kit, tmp_path, "operator") as talk:
        filled = 0
        for path in answers.LISTS:
            operation = talk.document["paths"][path]["get"]
            content = operation["responses"]["200"]["content"]["application/json"]
            assert "$ref" in content["schema"], path
            answer = talk.do(talk.rig.client.get(path))
            if answer.status_code == 200:
                filled += bool(answer.json()["items"])
                validator = talk._validator(path, "get", 200)
                wrong = [e.message for e in validator.iter_errors(answer.json())]
                assert wrong == [], path
        assert filled >= 7
