"""What ``--json`` prints: one object per call, built from run results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import OurBug
from harness.events import CheckDecided, RunResult


def run_object(result: RunResult, report: Path | None) -> dict[str, Any]:
    """The object for one run (docs name every field)."""
    return {
        "verdict": result.verdict,
        "exit_code": result.exit_code,
        "scenario": result.scenario,
        "title": result.title,
        "seed": result.seed,
        "mode": result.mode,
        "link": result.link,
        "broker": result.broker,
        "trace_hash": result.trace_hash,
        "outcome_hash": result.outcome_hash,
        "simulated_s": result.simulated_s,
        "wall_s": round(result.wall_s, 3),
        "messages_published": result.published,
        "messages_ingested": result.ingested,
        "orders": result.orders,
        "work_orders": result.work_orders,
        "failed_checks": [check_object(check) for check in result.failed_checks],
        "checks": len(result.checks),
        "ledger": dict(result.ledger),
        "costs_eur": dict(result.costs_eur),
        "report": str(report) if report else None,
        "run_dir": str(result.run_dir),
        "replay": result.replay,
        "error": result.error,
        "notes": list(result.notes),
    }


def check_object(check: CheckDecided) -> dict[str, Any]:
    """A failed check as data."""
    return {
        "check": check.check,
        "phase": check.phase,
        "title": check.title,
        "where": check.where,
        "expected": check.expected,
        "seen": check.seen,
        "at_ms": check.at_ms,
        "around": list(check.around),
    }


def error_object(scenario: str, seed: int, error: BaseException, exit_code: int) -> dict[str, Any]:
    """The object for a run that never came to a result."""
    return {
        "verdict": "error",
        "exit_code": exit_code,
        "scenario": scenario,
        "seed": seed,
        "error": str(error),
        "failed_checks": [],
        "report": None,
    }


def bug_object(files: Sequence[Path], seed: int, error: BaseException) -> dict[str, Any]:
    """The object for a call that a bug of ours broke off; main shows where it happened."""
    return error_object(", ".join(map(str, files)), seed, error, OurBug.exit_code)


def call_object(call: Sequence[str], error: str, exit_code: int) -> dict[str, Any]:
    """The object for a call that was wrong, so that no run came of it."""
    return {
        "verdict": "error",
        "exit_code": exit_code,
        "call": " ".join(["twinrig", *call]),
        "error": error,
    }


def as_json(runs: Sequence[dict[str, Any]]) -> str:
    """One run: its object. Several: ``{"verdict", "exit_code", "runs": [...]}``."""
    if len(runs) == 1:
        whole: dict[str, Any] = runs[0]
    else:
        code = max((run["exit_code"] for run in runs), default=0)
        verdict = "passed" if code == 0 else "failed" if code == 1 else "error"
        whole = {"verdict": verdict, "exit_code": code, "runs": list(runs)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()
