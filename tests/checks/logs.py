"""Events made by hand, and for each invariant a log that breaks it beside one that keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harness.events import (
    ActorActed,
    FaultApplied,
    FeedSeen,
    StepDone,
    TelemetrySeen,
    TruthHappened,
    TruthSampled,
)

H = 3_600_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
END = START + 100 * H
D, OTHER = "dev-01-1", "dev-01-2"


class Make:
    """Short words for events; times are hours since the start."""

    @staticmethod
    def feed(at_h: float, kind: str, subject: str, /, **data: Any) -> FeedSeen:
        at_ms = START + int(at_h * H)
        return FeedSeen(at_ms=at_ms, kind=kind, subject=subject, data=data, event_id=f"{at_ms}")

    @staticmethod
    def truth(at_h: float, kind: str, subject: str = D, **data: Any) -> TruthHappened:
        return TruthHappened(at_ms=START + int(at_h * H), kind=kind, subject=subject, data=data)

    @staticmethod
    def sample(at_h: float, damage: float, component: str = "hub") -> TruthSampled:
        at_ms = START + int(at_h * H)
        return TruthSampled(at_ms=at_ms, device=D, component=component, damage=damage)

    @staticmethod
    def reading(at_h: float, **signals: float) -> TelemetrySeen:
        return TelemetrySeen(at_ms=START + int(at_h * H), device=D, signals=signals)

    @staticmethod
    def deed(at_h: float, verb: str, subject: str, refused: str | None = None) -> ActorActed:
        at_ms = START + int(at_h * H)
        return ActorActed(at_ms=at_ms, actor="crew", verb=verb, subject=subject, refused=refused)

    @staticmethod
    def fault(at_h: float, kind: str, target: str, *, ended: bool = False) -> FaultApplied:
        return FaultApplied(at_ms=START + int(at_h * H), kind=kind, target=target, ended=ended)

    @staticmethod
    def step(at_h: float) -> StepDone:
        return StepDone(now_ms=START + int(at_h * H), published=0, ingested=0, wall_s=0.0)

    @classmethod
    def sent(cls) -> dict[str, tuple[list, list]]:
        """W6, W10: a log that breaks it, and its nearest that does not."""
        f = cls.feed

        def slot(order: str, at_h: float, from_h: float, step: str = "planned", **more):
            taken = {"from_ms": START + int(from_h * H), "to_ms": START + int((from_h + 2) * H)}
            return f(at_h, f"work_order.{step}", order, thing=D, technician="ann", **taken, **more)

        def used(from_h: float, to_h: float):
            span = {"used_from_ms": START + int(from_h * H), "used_to_ms": START + int(to_h * H)}
            return f(to_h, "planned_work.done", "u", thing=D, work_order="w", **span)

        def asked(*orders: str):
            needs = {order: f"{D}/{order}/1" for order in orders}
            return [
                f(0, "work_order.requested", order, thing=D, need_key=key)
                for order, key in needs.items()
            ]

        first, there = (
            slot("w", 1, 5, skills=["electric"]),
            f(4, "work_order.arrived", "w", thing=D),
        )
        gone = [*asked("w"), first, f(3, "work_order.departed", "w", thing=D), there]
        both = [*asked("w", "w2"), first, slot("w2", 2, 6)]
        agreed = f(1, "planned_work.agreed", "u", from_ms=START + 5 * H, to_ms=START + 7 * H)
        return {
            "W6": (both, [*both, slot("w2", 3, 7, "moved")]),
            "W10": ([*gone, agreed, used(4, 7)], [*gone, agreed, used(5, 7)]),
        }

    @classmethod
    def updated(cls) -> dict[str, tuple[list, list]]:
        """FW, R of updates: a log that breaks it, and its nearest that does not."""
        f = cls.feed
        device = {"thing": D, "rollout": "u", "group": 1, "version": "2.0.0", "was": "1.0.0"}

        def step(at_h: float, what: str, **more):
            return f(at_h, f"firmware.{what}", f"u/{D}", **{**device, **more})

        def ask(**args):
            data = {"thing": D, "name": "update_firmware", "args": {"version": "1.9.0", **args}}
            return f(2, "command.requested", "c", **data)

        def closed(contract: str, planned_ms: int):
            things = {D: {"up_ms": 9 * H - planned_ms, "planned_ms": planned_ms}}
            return f(9, "outcome.period_closed", f"{contract}/2026-01", contract=contract,
                     things=things, **cls.classes(planned_ms=planned_ms))  # fmt: skip

        born, done = f(3, "device.born", D, firmware="2.0.0"), step(4, "updated")
        level = {"condition": "hub_wear", "position": "hub", "level": 0.1}
        old, new = (f(at, "condition.evaluated", D, cycle=n, **level) for at, n in ((1, 1), (5, 2)))
        fitted = f(4.5, "part.fitted", D, position="hub", serial="s-9", cycle=2, part="hub-set")
        judged = [
            step(1, "initiated"), born, done,
            f(5, "firmware.health_judged", "u", rollout="u", group=1, verdict="UNHEALTHY"),
        ]  # fmt: skip
        other = f(7, "firmware.initiated", "u/dev-01-2", **{**device, "thing": "dev-01-2"})
        resumed = f(6, "firmware.rollout_resumed", "u", rollout="u")
        rounds = [f(1 + n / 10, "automation.ran", "a/x", automation="a", thing=D) for n in range(4)]
        return {
            "FW1": (
                [step(1, "initiated"), step(2, "failed"), step(3, "updating")],
                [step(1, "initiated"), step(2, "updating"), step(3, "failed")],
            ),
            "FW5": (
                [f(1, "device.born", D, firmware="1.10.0"), ask()],
                [f(1, "device.born", D, firmware="1.10.0"), ask(downgrade=True)],
            ),
            "FW6": (
                [step(1, "initiated"), f(3, "device.born", D, firmware="0.0.0")],
                [step(1, "initiated"), f(2, "device.born", D, firmware="1.0.0"), born],
            ),
            "FW9": (
                [step(1, "initiated"), born, done, closed("c-no", H)],
                [step(1, "initiated"), born, done, closed("c-yes", H)],
            ),
            "FW11": (
                [old, step(2, "initiated"), born, done, new],
                [old, step(2, "initiated"), born, done, fitted, new],
            ),
            "FW12": ([*judged, other], [*judged, resumed, other]),
            "R5": (rounds, [*rounds[:3], f(2.1, "automation.ran", "a/x", automation="a", thing=D)]),
        }

    @staticmethod
    def classes(**known: Any) -> dict[str, Any]:
        """The lengths of a period's classes, and what it comes to."""
        found = {"down_ms": 0, "planned_ms": 0, "excluded_ms": 0, "unknown_ms": 0, "degraded_ms": 0}
        found |= known
        return {**found, "up_ms": 9 * H - sum(found.values()), "total_ms": 9 * H,
                "availability": 1.0, "fee_eur": 10.0, "credit_eur": 0.0}  # fmt: skip

    @classmethod
    def rolled(cls) -> dict[str, tuple[list, list]]:
        """FW3, FW8, FW10 and R: a log that breaks it, and its nearest that does not."""
        f = cls.feed

        def asked(at_h: float, thing: str = D):
            return f(at_h, "firmware.initiated", f"roll/{thing}", rollout="roll", thing=thing,
                     version="2.0.0", was="1.0.0")  # fmt: skip

        def over(at_h: float, thing: str = D):
            return f(at_h, "firmware.failed", f"roll/{thing}", rollout="roll", thing=thing)

        def command(at_h: float, what: str, ident: str = "c", level_m: float = 1.0, **more):
            told = {"thing": D, "name": "set_settings", "args": {"level_m": level_m}}
            return f(at_h, f"command.{what}", ident, **told, **more)

        waits = {"expires_ms": START + 2 * H, "durable": False}
        first, second = command(1, "requested"), command(1.5, "requested", "d", 2.0)
        return {
            "FW3": ([asked(9, "dev-01-9")], [asked(9)]),
            "FW8": ([asked(8.9)], [asked(9)]),
            "FW10": ([asked(9), asked(9.5, OTHER)], [asked(9), over(9.4), asked(9.5, OTHER)]),
            "R2": (
                [command(1, "requested", **waits), command(3, "confirmed")],
                [command(1, "requested", **waits), command(2, "progressed"),
                 command(3, "confirmed")],
            ),
            "R4": (
                [first, second, command(2, "confirmed", "d", 2.0, applied={"level_m": 2.0}),
                 command(3, "confirmed", applied={"level_m": 2.0})],
                [first, second, command(2, "confirmed", "d", 2.0, applied={"level_m": 2.0}),
                 command(3, "confirmed", applied={"level_m": 1.0})],
            ),
        }  # fmt: skip

    @classmethod
    def measured(cls) -> dict[str, tuple[list, list]]:
        """K: a log that breaks it, and its nearest that does not."""
        f, name = cls.feed, "c/2026-01"
        times = {"up_ms": 90, "down_ms": 10, "unknown_ms": 0}
        told = {**times, "total_ms": 100, "availability": 0.9, "fee_eur": 10.0, "credit_eur": 2.0}
        told |= {"contract": "c", "period": "2026-01", "things": {"a": times}}
        closed, final = (
            f(1, "outcome.period_closed", name, **told),
            f(2, "outcome.period_final", name),
        )

        def but(**changes):
            return [f(1, "outcome.period_closed", name, **{**told, **changes})]

        approved = {"by": "provider", "evidence": "a letter", "approver": "provider"}
        return {
            "K1": (but(total_ms=101), [closed]),
            "K2": (but(availability=1.01), [closed]),
            "K3": (
                [closed, final, f(3, "outcome.period_adjusted", name, **told)],
                [closed, final, f(3, "outcome.period_corrected", name, number=1)],
            ),
            "K4": (but(credit_eur=10.01), but(credit_eur=10.0)),
            "K8": (
                [f(1, "exclusion.approved", "e", **approved)],
                [f(1, "exclusion.approved", "e", **{**approved, "approver": "plant"})],
            ),
        }

    @classmethod
    def agreed(cls) -> dict[str, tuple[list, list]]:
        """K5 to K12, of contract ``k-1``: a log that breaks it, and its nearest that does not.

        A month of two things of which both must be up; they are down for 10 h, one after the other.
        """
        f, month = cls.feed, 744 * H
        down = {"up_ms": month - 10 * H, "down_ms": 10 * H, "unknown_ms": 0}
        whole = {"up_ms": month - 20 * H, "down_ms": 20 * H, "unknown_ms": 0}
        told = {
            "contract": "k-1", "period": "2026-01", **whole, "total_ms": month,
            "availability": round(1 - 20 / 744, 9), "fee_eur": 180.0, "credit_eur": 20.0,
            "things": {D: down, OTHER: down}, "groups": {"both": whole},
        }  # fmt: skip

        def closed(**changes: Any):
            return f(745, "outcome.period_closed", "k-1/2026-01", **{**told, **changes})

        def final(**changes: Any):
            data = {name: told[name] for name in ("availability", "fee_eur", "credit_eur")}
            return f(750, "outcome.period_final", "k-1/2026-01", gain_eur=0.0, **data | changes)

        def bill(total_eur: float, *lines: float):
            each = [{"id": f"l{n}", "amount_eur": euros} for n, euros in enumerate(lines)]
            return f(750, "invoice.drafted", "inv", total_eur=total_eur, lines=each)

        silent = {"up_ms": month - 20 * H, "down_ms": 0, "unknown_ms": 20 * H}
        doubt = {"signal": "run", "flag": "frozen"}
        flagged = f(6, "data.flagged", D, since_ms=START + 4 * H, **doubt)
        cleared = f(14, "data.cleared", D, **doubt)
        doubted = {"up_ms": month - 10 * H, "down_ms": 0, "unknown_ms": 10 * H}
        swap = f(90, "contract.thing_swapped", "k-1", place=D, thing="dev-01-9", before=D)
        paused = [f(10, "contract.suspended", "k-1"), f(82.4, "contract.resumed", "k-1")]
        return {
            "K5": ([closed(), final(availability=0.97)], [closed(), final()]),
            "K6": ([bill(3.0, 1.1, 1.8)], [bill(2.9, 1.1, 1.8)]),
            "K7": ([closed(**silent, availability=1.0)], [closed(**silent)]),
            "K9": ([*paused, closed()], [*paused, closed(fee_eur=162.48)]),
            "K10": (
                [closed(groups={"both": {"up_ms": month - 4 * H}})],
                [closed(groups={"both": {"up_ms": month - 10 * H}})],
            ),
            "K11": (
                [swap, closed(things={"dev-01-9": down, OTHER: down, D: down})], [swap, closed()]
            ),
            "K12": (
                [flagged, cleared, closed()],
                [flagged, cleared, closed(things={D: doubted, OTHER: down})],
            ),
        }  # fmt: skip

    @classmethod
    def subscribed(cls) -> dict[str, tuple[list, list]]:
        """SU: a log that breaks it, and its nearest that does not."""
        f = cls.feed
        mine = {
            "customer": "cust",
            "thing": D,
            "plan": "basic",
            "next_plan": None,
            "state": "ACTIVE",
        }

        def sub(at_h: float, what: str, ident: str = "s-1", **more):
            return f(at_h, f"subscription.{what}", ident, **{**mine, **more})

        def renewed(from_: tuple[int, int], to: tuple[int, int]):
            begin, end = (
                round(datetime(2026, *day, tzinfo=UTC).timestamp() * 1000) for day in (from_, to)
            )
            return sub(1, "renewed", from_ms=begin, to_ms=end)

        def looked(at_h: float, path: str, answer: dict):
            return ActorActed(at_ms=START + int(at_h * H), actor="scenario", subject=f"/v1/{path}",
                              verb="service.looked", data={"answer": answer})  # fmt: skip

        def use(at_h: float, *features: str, thing: str = D, safe: bool = True):
            answer = {"thing": thing, "features": [*features], "safety_alerts": safe}
            return looked(at_h, f"things/{thing}/features", answer)

        def history(*words: str):
            steps = [{"at_ms": START + n * H, "kind": f"subscription.{word}"}
                     for n, word in enumerate(words, 1)]  # fmt: skip
            return looked(4, "subscriptions/s-1", {"steps": steps})

        begun, unpaid = sub(1, "begun"), sub(2, "suspended", state="SUSPENDED")
        flat = sub(1, "begun", "s-2", plan="map", thing=None, state="FREE")
        stop = f(2, "command.requested", "c", thing=D, name="stop", args={})
        up = {"plan": "basic", "next_plan": "pro"}
        bill = {"subject": "s-1", "customer": "cust", "what": "upgrade to pro", "amount_eur": 60.0}
        paid = f(3, "charge.settled", "c-1", **bill)
        changed = sub(3, "changed", plan="pro")
        asked = [sub(1, "begun"), sub(2, "change_asked", **up)]
        months = [renewed((1, 31), (2, 28)), renewed((2, 28), (3, 31))]
        trial, over = sub(1, "begun", state="TRIAL"), sub(2, "ended", state="EXPIRED")
        return {
            "SU1": ([begun, unpaid, use(3, "charts", safe=False)],
                    [begun, use(1.5, "charts"), unpaid, use(3, safe=False)]),
            "SU5": ([begun, unpaid, stop], [begun, stop, sub(3, "suspended", state="SUSPENDED")]),
            "SU6": ([begun, flat, use(3, thing=OTHER)], [begun, flat, use(3, "map", thing=OTHER)]),
            "SU7": ([begun, unpaid, history("begun")],
                    [begun, unpaid, history("begun", "suspended")]),
            "SU8": ([begun, unpaid, use(3)], [begun, unpaid, use(3, safe=False)]),
            "SU2": (
                [sub(1, "begun"), sub(2, "begun", "s-2", plan="pro")],
                [sub(1, "begun"), sub(2, "begun", "s-2", plan="map"),
                 sub(3, "ended", state="EXPIRED"), sub(4, "begun", "s-3", plan="pro")],
            ),
            "SU3": ([*asked, changed], [*asked, paid, changed]),
            "SU4": ([paid, paid], [paid, f(4, "charge.settled", "c-2", **bill)]),
            "SU9": ([*months, renewed((3, 31), (5, 1))], [*months, renewed((3, 31), (4, 30))]),
            "SU10": (
                [trial, over, sub(3, "begun", "s-2", state="TRIAL")],
                [trial, over, sub(3, "begun", "s-2", plan="pro", state="TRIAL")],
            ),
        }  # fmt: skip
