"""What a device does with what it is told: one place for checks, core commands and safety."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.core import commands
from twins.core.connectivity import Connectivity
from twins.core.device import Status
from twins.core.errors import InvalidProduct
from twins.core.firmware import version_key
from twins.core.interlocks import Interlocks
from twins.core.parameters import Settings
from twins.core.pending import PendingTable, Row
from twins.core.truth import TruthLedger
from twins.core.twin import (
    Build,
    Manifest,
    ProductTwin,
    SwitchesFeatures,
    TakesSettings,
    TellsStates,
)
from twins.core.unlock import Licences
from twins.core.update import REBOOT_MS, Updates


class Obedience:
    """Commands, settings, licences, firmware and interlocks of one fleet.

    Nothing is kept of a device to which nothing ever happened.

    Raises:
        InvalidProduct: If the twin does not offer what its manifest declares.
    """

    def __init__(
        self, *, key: str, rank: int, manifest: Manifest, build: Build, twin: ProductTwin,
        pending: PendingTable, ledger: TruthLedger, wire: Connectivity,
    ) -> None:  # fmt: skip
        declared = manifest.obeys
        self._declared, self._build, self._twin = declared, build, twin
        self._pending, self._ledger = pending, ledger
        self._wire = wire
        takes = twin if isinstance(twin, TakesSettings) else None
        tells = twin if isinstance(twin, TellsStates) else None
        missing = [
            f"{manifest.id} declares {what}, but its twin has no {hook}()"
            for what, hook, lacks in (
                ("settings", "configure", bool(declared.settings) and takes is None),
                ("states or safety", "states", bool(declared.states) and tells is None),
            )
            if lacks
        ]
        if missing:
            raise InvalidProduct(missing)
        self.settings = Settings(
            declared.settings,
            build.params,
            None if takes is None else takes.configure,
            per_site=build.devices_per_site,
        )
        self.licences = Licences(declared.features, build.params, build.licence_key)
        self.interlocks = Interlocks(declared.states, tells, build.devices, ledger)
        self.updates = Updates(
            declared=declared, model=manifest.model, firmware=manifest.firmware, link=build.link,
            devices=build.devices, pending=pending, kind=f"{key}.update", rank=rank, host=self,
        )  # fmt: skip
        self._expiry_kind = f"{key}.licence"
        pending.serve(self._expiry_kind, rank=rank, handler=self._on_expiry)

    def obey(
        self, now_ms: int, device: int, command_id: str, name: str, args: Mapping[str, Any]
    ) -> tuple[Status, str]:
        """Do what was asked, or say everything that speaks against it."""
        spec = commands.find(name, self._declared.commands)
        if isinstance(spec, str):
            return "refused", spec
        values, problems = (
            (dict(args), [])
            if name == "set_settings"  # its arguments are the product's settings
            else commands.complete(name, args, spec.args)
        )
        runs = self.updates.version(device)
        if (version_key(spec.since) or ()) > (version_key(runs) or ()):
            problems.append(f"{name} needs firmware {spec.since}, this device runs {runs}")
        locked = self.licences.why_locked(device, spec.feature, now_ms) if spec.feature else None
        problems += [locked] if locked else []
        problems += self.interlocks.objections(device, name, spec)
        if problems:
            return "refused", "; ".join(problems)
        status, detail = self._do(now_ms, device, command_id, name, values)
        self.interlocks.watch(now_ms)
        return status, detail

    def online(self, now_ms: int, device: int) -> bool:
        """Whether a device reaches the network now."""
        return self._wire.reachable(now_ms, device)

    def against_update(self, device: int) -> list[str]:
        """States that forbid an update now."""
        return self.interlocks.against_update(device)

    def restart(self, now_ms: int, device: int, *, for_ms: int) -> None:
        """Let the device start anew, up again ``for_ms`` later."""
        self._wire.cut_power(now_ms, device, for_ms=for_ms, told="device.restart")

    def answer(self, now_ms: int, device: int, command_id: str, status: Status, text: str) -> None:
        """Say what has become of a command, by itself."""
        ack = self._wire.acknowledge(now_ms, device, command_id, status, text)
        self._wire.volunteer(now_ms, device, ack)

    def tell(self, now_ms: int, kind: str, device: int, **data: object) -> None:
        """Note a truth of a device."""
        self._ledger.tell(now_ms, kind, self._build.devices[device], **data)

    def dump(self) -> dict[str, Any]:
        """Everything that changes, as plain data and columns."""
        return {
            "settings": self.settings.dump(),
            "licences": self.licences.dump(),
            "interlocks": self.interlocks.dump(),
            "updates": self.updates.dump(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.settings.load(state["settings"])
        self.licences.load(state["licences"])
        self.interlocks.load(state["interlocks"])
        self.updates.load(state["updates"])

    def _do(
        self, now_ms: int, device: int, command_id: str, name: str, args: Mapping[str, Any]
    ) -> tuple[Status, str]:
        spec = self._declared.commands.get(name)
        if spec is not None and spec.sets:
            name, args = "set_settings", {spec.sets: next(iter(args.values()))}
        match name:
            case "get_settings":
                done, detail = self.settings.report(device, args["name"])
            case "set_settings":
                done, detail = self.settings.change(
                    device, args, lambda feature: self.licences.why_locked(device, feature, now_ms)
                )
            case "unlock_feature":
                done, detail = self._unlock(now_ms, device, args["token"])
            case "update_firmware":
                refusal = self.updates.begin(now_ms, device, command_id, args)
                if refusal is None:
                    return "running", self.updates.stage(device)
                done, detail = False, refusal
            case "reboot":
                self.restart(now_ms, device, for_ms=REBOOT_MS)
                done, detail = True, ""
            case _:
                refusal = self._twin.command(device, name, args)
                done, detail = refusal is None, refusal or ""
        return "done" if done else "refused", detail

    def _unlock(self, now_ms: int, device: int, token: str) -> tuple[bool, str]:
        name = self._build.devices[device]
        licence = self.licences.present(device, name, token, now_ms)
        if isinstance(licence, str):
            return False, licence
        subject = f"{name}/{licence.feature}"
        self._pending.cancel(self._expiry_kind, subject)
        if now_ms < licence.expires_ms:
            args = {"device": device, "feature": licence.feature}
            self._pending.add(licence.expires_ms, self._expiry_kind, subject, args)
        self._switch(now_ms, device, licence.feature)
        return True, ""

    def _on_expiry(self, row: Row) -> None:
        self._switch(row.due_ms, row.args["device"], row.args["feature"])

    def _switch(self, now_ms: int, device: int, feature: str) -> None:
        """Tell truth and physics whether a feature is there now."""
        unlocked = self.licences.unlocked(device, feature, now_ms)
        self._twin.advance(now_ms)
        if not unlocked:
            site = self.settings.site_of(device)
            others = (self.licences.unlocked(other, feature, now_ms) for other in site)
            self.settings.lapse(device, feature, shared=not any(others))
        if isinstance(self._twin, SwitchesFeatures):
            self._twin.set_feature(device, feature, unlocked=unlocked)
        kind = "feature.unlocked" if unlocked else "feature.locked"
        self.tell(now_ms, kind, device, feature=feature)
