"""The OpenAPI document is true: whoever calls whatever, no 5xx and no answer that it does not name.

schemathesis makes the calls, right and wrong ones, from the document itself. Path parameters are
often replaced by ids that exist, so that calls reach more than "there is no such thing".
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections import defaultdict
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


def closed(node):
    """A schema by which an answer may have no field that the document does not name."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: closed(one) for name, one in node.items()}
    if node.get("type") == "object" and isinstance(node.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


class Talk:
    """A DPS with a story behind it, called from a loop of our own."""

    def __init__(self, kit, folder):
        self.kit, self.folder = kit, folder
        self.loop = asyncio.new_event_loop()
        self._open = kit.open_rig()
        self.rig = self.do(self._open.__aenter__())
        self.ids = self.do(self._live())
        self.document = self.do(self.rig.get("/openapi.json"))
        self._components = closed(self.document["components"])
        self._validators = {}

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

    def validator(self, path, method, status):
        """Of an answer's body: schemathesis stumbles over tuples (prefixItems) of OpenAPI 3.1."""
        key = (path, method, str(status))
        if key not in self._validators:
            content = self.document["paths"][path][method]["responses"][str(status)].get("content")
            if content is None:
                self._validators[key] = None
            else:
                schema = closed(content["application/json"]["schema"])
                whole = {**schema, "components": self._components}
                self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]

    def check(self, case, answer):
        case.validate_response(answer, checks=CHECKS)
        validator = self.validator(case.operation.path, case.method.lower(), answer.status_code)
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


def fuzz(talk, calls):
    statuses = {}

    @settings(
        max_examples=calls,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies(talk.document, talk.ids, talk.folder, talk.kit))
    def calls_are_answered_as_documented(case):
        answer = talk.call(case)
        talk.check(case, answer)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1

    calls_are_answered_as_documented()
    return statuses


@pytest.fixture(scope="module")
def talk(kit, tmp_path_factory):
    """One DPS for the tests of the document: no call of theirs takes another's ground away."""
    with talking(kit, tmp_path_factory.mktemp("talk"), "operator") as talk:
        yield talk


@pytest.mark.feature("CC17")
def test_the_operator_gets_no_undocumented_answer(kit, tmp_path):
    with talking(kit, tmp_path, "operator") as talk:
        statuses = fuzz(talk, FAST)
    assert {200, 404, 422} <= set(statuses), statuses
    assert max(statuses) < 500


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.feature("CC17")
@pytest.mark.sampled(5)
@pytest.mark.parametrize("role", EVERYBODY)
def test_no_role_gets_an_undocumented_answer(kit, tmp_path, role):
    """All roles together (``--whole``): ten thousand calls."""
    with talking(kit, tmp_path, role) as talk:
        statuses = fuzz(talk, -(-ALL_CALLS // len(EVERYBODY)))
    assert max(statuses) < 500
    if role != "operator":
        assert statuses.get(403), "a role may not do everything"


@pytest.mark.feature("CC17")
def test_every_operation_has_an_id_of_its_own_a_tag_and_a_described_answer(talk):
    operations = [
        (path, verb, operation)
        for path, verbs in talk.document["paths"].items()
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


UNITS = ("_ms", "_eur", "_pct", "_h", "_s", "_days")


def fields(node):
    """Name and schema of every field in a schema, inner ones too."""
    if isinstance(node, list):
        for one in node:
            yield from fields(one)
    elif isinstance(node, dict):
        if node.get("type") == "object" and isinstance(node.get("properties"), dict):
            yield from node["properties"].items()
        for name, one in node.items():
            if name != "example":
                yield from fields(one)


@pytest.mark.feature("CC17")
def test_every_answer_names_its_fields_with_type_meaning_and_unit(talk):
    """A generated client knows what it gets; and a list says so of what it answers now."""
    document, filled = talk.document, 0
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            where = f"{verb.upper()} {path}"
            (status,) = (s for s in operation["responses"] if s.startswith("2"))
            content = operation["responses"][status].get("content")
            if content is None:
                assert status == "204", where
                continue
            schema = content["application/json"]["schema"]
            assert "$ref" in schema or "$ref" in schema["items"], where
            if verb == "get" and "{" not in path:
                answer = talk.do(talk.rig.client.get(path))
                if answer.status_code == 200:
                    filled += bool(answer.json().get("items"))
                    wrong = talk.validator(path, "get", 200).iter_errors(answer.json())
                    assert [e.message for e in wrong] == [], path
    assert filled >= 15
    found = list(fields(document["components"]["schemas"]))
    assert len(found) > 800
    for name, field in found:
        assert field["description"].strip(), name
        assert field.keys() & {"type", "$ref", "anyOf", "enum", "const", "allOf"}, name
        ends = next((end for end in UNITS if name.endswith(end)), None)
        words = {"_ms": "ms", "_eur": "euro", "_pct": "per", "_h": "hour", "_s": "second"}
        if ends in words:
            assert words[ends] in field["description"].lower(), name


IDS = {
    "thing": "mix-1", "model": "mixer-1", "customer": "acme", "rec_id": "rec-mix-1-shaft-1",
    "order_id": "ord-mix-1-shaft-1-1", "wo_id": "wo-mix-1-shaft-1", "line": "1",
    "alert_id": "alt-mix-1-hot-hot-1767229200000", "step": "take-over", "name": "mix-7",
}  # fmt: skip


MAKES = {"/v1/things/{thing}/tickets": "ticket", "/v1/subscriptions": "subscription"}
GROUND = {
    "/v1/customers/acme/consents/crm": {"granted": True},
    "/v1/models/mixer-1/features/boost": {"price_eur": 100.0},
    "/v1/plans/insight": {"title": "Insight", "price_eur": 10.0, "features": ["charts"]},
    "/v1/tariffs/by-the-minute": {"title": "Minutes", "start_eur": 1.0, "per_minute_eur": 0.2},
    "/v1/things/mix-7": {"model": "mixer-1", "serial": "SN-mix-7", "token": "printed-on-the-label"},
}
"""What examples speak of, beside what the story has."""


@pytest.mark.feature("CC17")
def test_each_post_has_an_example_that_is_taken_and_answered_as_documented(talk, tmp_path):
    taken, made = [], {}
    for path, body in GROUND.items():
        talk.do(talk.rig.put(path, body))
    paths = talk.document["paths"]
    for path, verbs in sorted(paths.items(), key=lambda one: one[0].endswith("/reset")):
        if "post" not in verbs or path == "/v1/logout":
            continue  # a logout takes nothing and answers nothing
        operation = verbs["post"]
        if "requestBody" not in operation:
            content = operation["responses"]["200"]["content"]["application/json"]
            validator = talk.validator(path, "post", 200)
            assert [e.message for e in validator.iter_errors(content["example"])] == [], path
            continue
        example = operation["requestBody"]["content"]["application/json"]["example"]
        if path == "/v1/snapshot":
            example = {"path": str(tmp_path / "copy.sqlite")}
        ids = {**IDS, **made, **({"step": "done-with-issue"} if "/actions/" in path else {})}
        named = path.format_map(defaultdict(lambda: "none", ids))
        answer = talk.do(talk.rig.client.post(named, json=example))
        assert answer.status_code in (200, 401, 404, 409), (path, answer.text)
        validator = talk.validator(path, "post", answer.status_code)
        wrong = [e.message for e in validator.iter_errors(answer.json())]
        assert wrong == [], (path, answer.text)
        taken += [path] * (answer.status_code == 200)
        if answer.status_code == 200 and path in MAKES:
            made[MAKES[path]] = answer.json()["id"]
    assert len(taken) >= 35, taken
