"""What the registry answers, for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.access import Group
from reference_impl.kernel.http.shapes import (
    FLAG,
    NUMBER,
    PLAIN,
    TEXT,
    WHOLE,
    Answers,
    Schema,
    by_name,
    free,
    many,
    maybe,
    one_of,
    paged,
    record,
    ref,
    row,
    said,
)
from reference_impl.registry.areas import Initiative
from reference_impl.registry.roles import LETTERS

_PROPERTIES = {"properties": by_name(PLAIN, "Custom properties (CC22), by name")}
_PERMISSIONS = said(many(TEXT), f"`<what>:` {', '.join(sorted(LETTERS.values()))}")
_GROUP = one_of(Group)
_INITIATIVES = many(one_of(Initiative))
_BORN = record(
    "How a thing last announced itself.",
    {
        "thing": TEXT,
        "boot": WHOLE,
        "at_ms": WHOLE,
        "product": TEXT,
        "model": TEXT,
        "serial": TEXT,
        "firmware": TEXT,
        "lost_ms": said(maybe(WHOLE), "When its connection was lost, ms since 1970 UTC"),
    },
)
_LATEST = record(
    "The newest readings, each in its signal's unit.",
    {"at_ms": WHOLE, "signals": by_name(NUMBER, "Readings by signal")},
)
_THING = record(
    "A thing with what is known of it.",
    {
        **dict.fromkeys(("id", "model", "site", "serial", "title", "parent", "status"), TEXT),
        "customer": TEXT,
        **_PROPERTIES,
        "born": maybe(_BORN),
        "latest": maybe(_LATEST),
        "conditions": many(ref("ConditionState")),
    },
)
_MODEL_MORE: Mapping[str, Schema] = {
    "signals": by_name(ref("SignalBody"), "What it measures, by name"),
    "constants": by_name(NUMBER, "Figures of the model, by name; units are the model's own"),
    "parts": many(ref("ModelPartBody")),
    "conditions": many(ref("ConditionDeclared")),
    "metrics": many(free("A computed signal (docs/reference/dps-contract.md)")),
    "sessions": many(free("A kind of work session (docs/reference/dps-contract.md)")),
    "diagnosis": many(free("A cause with its signs (docs/reference/dps-contract.md)")),
    "quality": many(free("A check of readings (docs/reference/dps-contract.md)")),
    "kits": many(ref("KitBody")),
    "obeys": ref("ObeysBody"),
}
_ROLE = record(
    "A role: what its users may do.",
    {
        "id": TEXT,
        "title": TEXT,
        "group": _GROUP,
        "view": TEXT,
        "permissions": _PERMISSIONS,
    },
)
_KEY = row(
    "api_keys",
    "An API key; its secrets are never answered.",
    {"permissions": maybe(_PERMISSIONS), "purposes": many(TEXT), "group": _GROUP},
    drop="secret old_secret",
)
_LIMITS = record(
    "How much a tenant may have; absent or null: not limited.",
    {
        name: said(maybe(WHOLE), what)
        for name, what in (
            ("things", "Things"),
            ("customers", "Customers"),
            ("users", "Users"),
            ("api_calls_per_minute", "Calls per minute and caller"),
        )
    },
    may_lack="things customers users api_calls_per_minute",
)
_METADATA = row(
    "metric_metadata",
    "What is said of a signal.",
    {"purposes": many(TEXT), "sets": many(TEXT)},
)
_METADATA_SHOWN = record(
    "What is said of a signal, and its unit.", {**_METADATA["properties"], "unit": TEXT}
)
_TERMS = record(
    "What an initiative is (table 2.0).",
    {
        "data_used_to": TEXT,
        "goal": TEXT,
        "customer_pays_for": TEXT,
        "contracts": many(TEXT),
        "led_by": TEXT,
        "field_teams": many(TEXT),
    },
)
_ME = record(
    "Who calls, and what he may do.",
    {
        **dict.fromkeys(("user", "party", "role", "tenant"), TEXT),
        "group": _GROUP,
        "permissions": _PERMISSIONS,
        "off": by_name(TEXT, "Permissions that are switched off, and why"),
        "step": said(WHOLE, "Step of the staircase, 1 to 8"),
        "initiatives": by_name(_TERMS, "What is offered, by name"),
        "pages": said(many(TEXT), "`<face>/<page>`"),
        "flags": said(many(TEXT), "Features that are on for him"),
    },
)
_EXPORTED = record(
    "A signal: what is said of it, and its readings in its unit.",
    {
        **{n: s for n, s in _METADATA_SHOWN["properties"].items() if n != "model"},
        "at_ms": many(WHOLE),
        "values": many(NUMBER),
    },
)
_KINDS: Mapping[str, Schema] = {
    "Customer": row("customers", "A customer.", {"partners": many(TEXT), **_PROPERTIES}),
    "Site": row("sites", "A place with devices.", _PROPERTIES),
    "Model": row("models", "A model as installed, with what it inherits.", _MODEL_MORE, drop="own"),
    "Organisation": row("organisations", "A manufacturer or a branch.", _PROPERTIES),
    "Partner": row("partners", "A partner.", _PROPERTIES),
    "Supplier": row("suppliers", "A supplier."),
    "Invoicing": row("invoicing_profiles", "How an organisation writes invoices."),
    "Role": _ROLE,
    "User": row("users", "A user.", {**_PROPERTIES, "group": _GROUP}, drop="password"),
    "ApiKey": _KEY,
    "Agreement": row(
        "agreements", "Terms, in their newest version.", {"groups": many(_GROUP)}
    ),
    "Consent": row("consents", "What a customer consented to, or withdrew."),
    "Lead": row("leads", "What sales should know."),
    "Recipient": row("data_recipients", "A Data Recipient."),
    "Grant": row("data_grants", "Raw data that a customer opened.", {"things": many(TEXT)}),
    "MetricMetadata": _METADATA_SHOWN,
    "Tenant": row(
        "tenants", "What a tenant is offered.", {"initiatives": _INITIATIVES, "limits": _LIMITS}
    ),
    "Entitlement": row(
        "entitlements", "What a contract offers its customer.", {"initiatives": _INITIATIVES}
    ),
    "FeatureFlag": row(
        "feature_flags",
        "Who is in the cohort of a feature.",
        {"customers": many(TEXT), "organisations": many(TEXT),
         "on": said(FLAG, "Whether it is on for the caller")},
    ),
    "Thing": _THING,
}  # fmt: skip
_SHAPES: Mapping[str, Schema] = {
    **_KINDS,
    **{f"{name}Page": paged(ref(name)) for name in _KINDS},
    "ThingReset": record("A thing that left its owner.", {"id": TEXT, "status": TEXT}),
    "MetricMetadataSaid": _METADATA,
    "FeatureFlagSet": row(
        "feature_flags", "A cohort.", {"customers": many(TEXT), "organisations": many(TEXT)}
    ),
    "Session": record(
        "A session that was opened.",
        {"token": said(TEXT, "Sent as `Authorization: Bearer <token>`"), "user": TEXT,
         "role": TEXT, "tenant": TEXT},
    ),
    "Me": _ME,
    "RawData": record(
        "All raw data of a thing.",
        {"thing": TEXT, "from_ms": WHOLE, "to_ms": WHOLE,
         "signals": by_name(_EXPORTED, "Signals by name")},
    ),
    "Imported": record("What was imported.", {"imported": said(WHOLE, "How many rows")}),
}  # fmt: skip
_LISTS = {
    "customers": "Customer",
    "sites": "Site",
    "models": "Model",
    "things": "Thing",
    "organisations": "Organisation",
    "partners": "Partner",
    "suppliers": "Supplier",
    "invoicing": "Invoicing",
    "roles": "Role",
    "users": "User",
    "api-keys": "ApiKey",
    "agreements": "Agreement",
    "consents": "Consent",
    "leads": "Lead",
    "recipients": "Recipient",
    "grants": "Grant",
    "tenants": "Tenant",
    "entitlements": "Entitlement",
    "flags": "FeatureFlag",
}
_KEYED = {"invoicing": "{organisation}", "consents": "", "leads": "", "grants": "", "flags": ""}
"""Lists whose rows are not put below ``/{name}``."""
_PUTS = {
    f"PUT /v1/{path}/{place}": kind
    for path, kind in _LISTS.items()
    if (place := _KEYED.get(path, "{name}"))
}
_OPERATIONS: Mapping[str, str | Schema] = {
    **{f"GET /v1/{path}": f"{kind}Page" for path, kind in _LISTS.items()},
    **_PUTS,
    "GET /v1/models/{name}": "Model",
    "GET /v1/things/{name}": "Thing",
    "POST /v1/activations": "Thing",
    "POST /v1/things/{name}/reset": "ThingReset",
    "PUT /v1/customers/{customer}/consents/{purpose}": "Consent",
    "POST /v1/leads": "Lead",
    "POST /v1/api-keys/{name}/rotate": "ApiKey",
    "PUT /v1/grants/{recipient}/{customer}": "Grant",
    "PUT /v1/models/{model}/metadata/{signal}": "MetricMetadataSaid",
    "GET /v1/models/{model}/metadata": "MetricMetadataPage",
    "PUT /v1/flags/{name}": "FeatureFlagSet",
    "POST /v1/login": "Session",
    "GET /v1/me": "Me",
    "GET /v1/things/{thing}/export": "RawData",
    **{
        f"POST /v1/imports/{what}": "Imported"
        for what in ("customers", "sites", "things", "partners", "users")
    },
}
_EXAMPLES: Mapping[str, Any] = {
    "POST /v1/activations": {
        "model": "mixer-1",
        "serial": "SN-mix-7",
        "token": "printed-on-the-label",
        "site": "site-01",
    },
    "POST /v1/things/{name}/reset": {"reason": "sold"},
    "POST /v1/login": {"user": "ann", "password": "correct horse battery"},
    "POST /v1/api-keys/{name}/rotate": {
        "secret": "chosen-by-chance-and-at-least-32-characters",
        "old_until_ms": 1767830400000,
    },
    "POST /v1/leads": {"thing": "mix-1", "reason": "it runs day and night: a second one would pay"},
    "POST /v1/imports/customers": {"csv": "id,name\nbell,Bell\n"},
    "POST /v1/imports/sites": {"csv": "id,customer,name,time_zone\nbell-1,bell,Yard,Europe/Rome\n"},
    "POST /v1/imports/things": {"csv": "id,model,site,title\nmix-9,mixer-1,bell-1,Mixer 9\n"},
    "POST /v1/imports/partners": {"csv": "id,name\nfixit,Fixit\n"},
    "POST /v1/imports/users": {"csv": "id,name,role,party\nbob,Bob,machine-user,bell\n"},
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
