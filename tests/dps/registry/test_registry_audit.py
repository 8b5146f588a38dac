"""API keys that end and are rotated, and the log of who wrote what when."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from reference_impl.kernel import audit

DAY_MS = 86_400_000
OLD, NEW = "the-secret-of-yesterday-0123456789", "the-secret-of-tomorrow-0123456789"


async def tomorrow(desk):
    """Move to the day behind all that other tests told this DPS; gives when it begins."""
    at_ms = (max(desk.dps.now_ms(), 0) // DAY_MS + 1) * DAY_MS
    await desk.clock(at_ms)
    return at_ms


async def entries(desk, key=None, query=""):
    path = f"/v1/audit?limit=1000{query}"
    if key is None:
        return (await desk.operator("GET", path))["items"]
    status, answer = await desk.call(key, "GET", path)
    assert status == 200, answer
    return answer["items"]


def test_a_key_ends_at_its_time_and_is_rotated_while_both_secrets_are_valid(office):
    async def story(desk):
        await desk.estate()
        start_ms = await tomorrow(desk)
        body = {"role": "site-manager", "party": "acme", "secret": OLD}
        late = {**body, "expires_at_ms": start_ms}
        refused = await desk.operator("PUT", "/v1/api-keys/erp", late, status=422)
        assert [p["where"] for p in refused["error"]["problems"]] == ["expires_at_ms"]
        ends_ms = start_ms + 10 * DAY_MS
        shown = await desk.operator("PUT", "/v1/api-keys/erp", {**body, "expires_at_ms": ends_ms})
        assert (shown["expires_at_ms"], shown["last_used_ms"]) == (ends_ms, None)
        assert (await desk.call(OLD, "GET", "/v1/me"))[0] == 200
        (shown,) = (await desk.operator("GET", "/v1/api-keys"))["items"]
        assert shown["last_used_ms"] == start_ms

        rotate = {"secret": NEW, "old_until_ms": start_ms + 2 * DAY_MS}
        twice = {**rotate, "secret": OLD}
        assert (await desk.call(OLD, "POST", "/v1/api-keys/erp/rotate", twice))[0] == 422
        status, answer = await desk.call(OLD, "POST", "/v1/api-keys/erp/rotate", rotate)
        assert status == 200, answer
        assert not {OLD, NEW} & set(map(str, answer.values()))

        async def valid():
            return [(await desk.call(one, "GET", "/v1/me"))[0] == 200 for one in (OLD, NEW)]

        assert await valid() == [True, True]
        await desk.clock(start_ms + 2 * DAY_MS - 1)
        assert await valid() == [True, True]
        await desk.clock(start_ms + 2 * DAY_MS)
        assert await valid() == [False, True]
        with desk.dps.store.read() as conn:
            kept = desk.dps.directory.get(conn, "api_key", "erp")
        assert kept["last_used_ms"] == start_ms + 2 * DAY_MS - 1, "written down once a day"
        await desk.clock(ends_ms)
        assert await valid() == [False, False]
        with desk.dps.store.read() as conn:
            assert desk.dps.callers.principal(conn, "key:erp") is None, "its webhooks end, too"

    office(story)


def test_every_write_that_is_answered_stands_in_the_log_with_who_and_when_and_no_secret(office):
    async def story(desk):
        await desk.estate()
        secret = await desk.key("erp", "site-manager", "acme")
        other = await desk.key("bell", "site-manager", "bell")
        clerk = await desk.key("clerk", "purchaser", "acme")
        start_ms = await tomorrow(desk)
        seen = len(await entries(desk))
        policy = {"mode": "approval"}
        assert (await desk.call(secret, "PUT", "/v1/policies/acme", policy))[0] == 200
        assert (await desk.call(secret, "PUT", "/v1/policies/bell", policy))[0] == 404
        assert (await desk.call(secret, "GET", "/v1/policies"))[0] == 200
        keyed = {"idempotency_key": "once"}
        for _ in range(2):
            answer = await desk.call(secret, "PUT", "/v1/policies/acme", policy, **keyed)
            assert answer[0] == 200
        user = {"name": "Ann", "role": "machine-user", "party": "acme", "password": "horse battery"}
        assert (await desk.call(secret, "PUT", "/v1/users/ann", user))[0] == 200
        said = {"user": "ann", "password": "horse battery"}
        assert (await desk.call(None, "POST", "/v1/login", said))[0] == 200

        whole = await entries(desk)
        told = [(r["user"], r["method"], r["path"], r["at_ms"]) for r in whole[seen:]]
        assert told == [
            ("key:erp", "PUT", "/v1/policies/acme", start_ms),
            ("key:erp", "PUT", "/v1/policies/acme", start_ms),
            ("key:erp", "PUT", "/v1/users/ann", start_ms),
            ("ann", "POST", "/v1/login", start_ms),
        ]
        assert "battery" not in str(whole)
        assert secret not in str(whole)
        mine = await entries(desk, secret)
        assert [r["number"] for r in mine] == [r["number"] for r in whole[seen:]]
        assert await entries(desk, other) == [], "what another customer's users write"
        assert (await desk.call(clerk, "GET", "/v1/audit"))[0] == 403
        assert len(await entries(desk, secret, "&user=ann")) == 1
        assert await entries(desk, secret, f"&to_ms={start_ms}") == []
        status, first = await desk.call(secret, "GET", "/v1/audit?limit=3")
        assert (status, len(first["items"])) == (200, 3)
        _, rest = await desk.call(secret, "GET", f"/v1/audit?limit=3&after={first['next']}")
        assert (rest["items"], rest["next"]) == (mine[3:], None)

    office(story)


def test_a_write_and_its_entry_happen_together_or_not_at_all_and_old_entries_are_deleted(
    office, monkeypatch
):
    async def story(desk):
        start_ms = await tomorrow(desk)
        await desk.estate()
        before = len(await entries(desk))

        def fails(*_, **__):
            raise sa.exc.OperationalError("disk full", None, Exception())

        with monkeypatch.context() as patched:
            patched.setattr(audit, "note", fails)
            with pytest.raises(Exception, match="OperationalError"):
                await desk.operator("PUT", "/v1/customers/x", {"name": "X"})
        listed = (await desk.operator("GET", "/v1/customers"))["items"]
        assert "x" not in {row["id"] for row in listed}
        assert len(await entries(desk)) == before
        await desk.clock(start_ms + audit.KEPT_MS)
        assert len(await entries(desk)) == before
        await desk.clock(start_ms + audit.KEPT_MS + DAY_MS)
        assert await entries(desk) == [], "all of it was of the first day"

    office(story)
