"""The update of a device's firmware: download, verify, apply, restart, test, keep or go back.

Stages follow the names of the field (domain model 3.6): downloading, downloaded, waiting,
updating, testing; then updated, failed or rolled_back. Each is told as a ``running``
acknowledgement of the command; the last one is ``done`` or ``refused``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Final, Literal, Protocol

from twins.core.declared import Declared
from twins.core.device import Status
from twins.core.errors import named
from twins.core.firmware import RECORD_BYTES, Flash, Image, version_key
from twins.core.parameters import as_json
from twins.core.pending import PendingTable, Row

LINK_BYTES_S: Final = {"wired": 1_000_000.0, "cellular": 25_000.0, "mesh": 2_000.0, "lora": 60.0}
"""Net rate of a download by kind of link (estimates: Ethernet, LTE-M, 802.15.4 over some hops,
LoRaWAN class C at its duty cycle)."""
PARTS = 8
"""Parts of a download; each is asked for by itself and told."""
CHUNK = 4096
"""A sector of flash: after a cut the download goes on from the last whole one."""
VERIFY_MS = 2_000
APPLY_MS = 2_000
REBOOT_MS = 30_000
SELF_TEST_MS = 60_000
"""Time to verify, write the boot record, start, and watch the new image (estimates)."""
RETRY_MS = 60_000
"""How often a device looks again whether the link is back, or whether it is safe to restart."""
PATIENCE_MS = 24 * 3_600_000
"""How long it waits for that, without any progress, before it gives up."""

Stage = Literal["downloading", "verifying", "waiting", "applying", "starting", "testing"]


@dataclass(slots=True)
class Update:
    """An update under way on one device."""

    command_id: str
    version: str
    sha256: str
    was: str
    stage: Stage
    since_ms: int
    """When the part or stage that runs began."""
    progress_ms: int
    """When it got further the last time."""


class Host(Protocol):
    """What an update needs of the device it runs on."""

    def online(self, now_ms: int, device: int) -> bool:
        """Whether the device reaches the network now."""
        ...

    def against_update(self, device: int) -> list[str]:
        """States that forbid a restart now."""
        ...

    def restart(self, now_ms: int, device: int, *, for_ms: int) -> None:
        """Let the device start anew, up again ``for_ms`` later."""
        ...

    def answer(self, now_ms: int, device: int, command_id: str, status: Status, text: str) -> None:
        """Say what has become of a command."""
        ...

    def tell(self, now_ms: int, kind: str, device: int, **data: object) -> None:
        """Note a truth of a device."""
        ...


class Updates:
    """Updates of one fleet's devices; a device that never had one costs nothing."""

    def __init__(
        self, *, declared: Declared, model: str, firmware: str, link: str,
        devices: tuple[str, ...], pending: PendingTable, kind: str, rank: int, host: Host,
    ) -> None:  # fmt: skip
        self._declared, self._model, self._firmware = declared, model, firmware
        self._rate = LINK_BYTES_S[link]
        self._devices, self._index = devices, {name: at for at, name in enumerate(devices)}
        self._pending, self._kind, self._host = pending, kind, host
        self._flash: dict[int, Flash] = {}
        self._running: dict[int, Update] = {}
        pending.serve(kind, rank=rank, handler=self._on_step)

    def version(self, device: int) -> str:
        """The version that runs on a device."""
        flash = self._flash.get(device)
        return self._firmware if flash is None else flash.version()

    def begin(
        self, now_ms: int, device: int, command_id: str, args: Mapping[str, Any]
    ) -> str | None:
        """Begin an update; returns every reason why not."""
        version, image = args["version"], self._declared.images.get(args["version"])
        problems = self._objections(device, image, args)
        if problems:
            return "; ".join(problems)
        assert image is not None
        was = self.version(device)
        flash = self._flash.setdefault(device, Flash(was, 0))
        if flash.other().version != version:
            flash.erase_for(image)
        digest = args["sha256"] or image.sha256
        update = Update(command_id, version, digest, was, "downloading", now_ms, now_ms)
        self._running[device] = update
        self._next_part(now_ms, device, update)
        return None

    def stage(self, device: int) -> str:
        """Where a device's update is, as JSON; told when it is accepted."""
        update, slot = self._running[device], self._flash[device].other()
        percent = round(100.0 * slot.written / max(slot.size_bytes, 1))
        return as_json(stage=update.stage, version=update.version, percent=percent)

    def cut(self, now_ms: int, device: int) -> None:
        """Power goes off: what was being written stops at the byte where it is."""
        update = self._running.get(device)
        if update is None:
            return
        self._pending.cancel(self._kind, self._devices[device])
        flash, passed_ms = self._flash[device], now_ms - update.since_ms
        if update.stage == "downloading" and self._host.online(now_ms, device):
            slot = flash.other()
            part = min(self._part_bytes(device), int(self._rate * passed_ms / 1000.0))
            slot.written = min(slot.written + part, slot.size_bytes) // CHUNK * CHUNK
        elif update.stage == "applying":
            flash.write(
                flash.activate(), cut_at=min(RECORD_BYTES * passed_ms // APPLY_MS, RECORD_BYTES)
            )

    def comes_up(self, device: int) -> bool:
        """One try to start; ``False`` if the image hangs and the watchdog must try again."""
        flash = self._flash.get(device)
        if flash is None:
            return True
        record = flash.record()
        image = self._declared.images.get(flash.slots[record.slot].version)
        return flash.boot(starts=image is None or image.fault != "boot_loop")

    def started(self, now_ms: int, device: int) -> None:
        """The device runs again; its update goes on from what stands in the flash."""
        update = self._running.get(device)
        if update is None:
            return
        flash = self._flash[device]
        if flash.running == flash.record().slot and flash.record().trial:
            self._enter(now_ms, device, update, "testing", SELF_TEST_MS)
            self._say(now_ms, device, update, "testing")
        elif update.stage in {"starting", "testing"}:
            self._end(now_ms, device, "rolled_back", "the new image did not work; the old one runs")
        elif update.stage == "downloading":
            self._next_part(now_ms, device, update)
        else:  # the record was not whole: the image is there and verified, apply it again
            self._enter(now_ms, device, update, "verifying", VERIFY_MS)

    def dump(self) -> dict[str, Any]:
        """All updates and flashes as plain data."""
        return {
            "flash": [[device, flash.dump()] for device, flash in self._flash.items()],
            "running": [[device, list(astuple(u))] for device, u in self._running.items()],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave (rows of the pending table come by themselves)."""
        self._flash = {device: Flash.restored(flash) for device, flash in state["flash"]}
        self._running = {device: Update(*fields) for device, fields in state["running"]}

    def _objections(self, device: int, image: Image | None, args: Mapping[str, Any]) -> list[str]:
        version, runs, hardware = args["version"], self.version(device), self._declared.hardware
        problems = []
        if device in self._running:
            problems.append(f"an update to {self._running[device].version} is under way")
        if image is None:
            there_are = named(self._declared.images)
            return [*problems, f"there is no image {version!r}; there are: {there_are}"]
        if image.for_model != self._model:
            problems.append(f"image {version} is for {image.for_model!r}, not {self._model!r}")
        if image.min_hardware > hardware:
            problems.append(
                f"image {version} needs hardware {image.min_hardware}, this is {hardware}"
            )
        if not image.signed:
            problems.append(f"image {version} is not signed by the vendor")
        new, old = version_key(version), version_key(runs)
        if (
            new is not None
            and old is not None
            and new <= old
            and not (args["downgrade"] and new != old)
        ):
            what = "runs already" if new == old else f"is older than {runs}; say downgrade = true"
            problems.append(f"version {version} {what}")
        forbids = self._host.against_update(device)
        if forbids:
            problems.append(f"no update while {', '.join(forbids)}")
        return problems

    def _on_step(self, row: Row) -> None:
        device, now_ms = self._index[row.subject], row.due_ms
        update = self._running[device]
        match update.stage:
            case "downloading":
                self._downloaded_part(now_ms, device, update)
            case "verifying":
                self._verified(now_ms, device, update)
            case "waiting":
                self._apply_if_safe(now_ms, device, update)
            case "applying":
                flash = self._flash[device]
                flash.write(flash.activate())
                update.stage = "starting"
                self._host.restart(now_ms, device, for_ms=REBOOT_MS)
            case _:
                self._tested(now_ms, device, update)

    def _part_bytes(self, device: int) -> int:
        slot = self._flash[device].other()
        part = -(-slot.size_bytes // (PARTS * CHUNK)) * CHUNK
        return min(part, slot.size_bytes - slot.written)

    def _next_part(self, now_ms: int, device: int, update: Update) -> None:
        if self._flash[device].other().whole:
            self._enter(now_ms, device, update, "verifying", VERIFY_MS)
            return
        takes_ms = -int(-1000.0 * self._part_bytes(device) // self._rate)
        self._enter(now_ms, device, update, "downloading", takes_ms)

    def _downloaded_part(self, now_ms: int, device: int, update: Update) -> None:
        if not self._host.online(now_ms, device):  # the part is lost, not what came before it
            if now_ms - update.progress_ms > PATIENCE_MS:
                self._end(now_ms, device, "failed", "the link was down for a day")
            else:
                self._enter(now_ms, device, update, "downloading", RETRY_MS)
            return
        slot = self._flash[device].other()
        slot.written += self._part_bytes(device)
        update.progress_ms = now_ms
        self._say(now_ms, device, update, "downloaded" if slot.whole else "downloading")
        self._next_part(now_ms, device, update)

    def _verified(self, now_ms: int, device: int, update: Update) -> None:
        digest = self._declared.images[update.version].served_sha256()
        if digest != update.sha256:
            self._flash[device].other().version = ""  # never started, fetched anew
            self._end(
                now_ms, device, "failed",
                f"the digest of the image is {digest}, asked for was {update.sha256}",
            )  # fmt: skip
            return
        update.progress_ms = now_ms
        self._say(now_ms, device, update, "verified")
        self._apply_if_safe(now_ms, device, update)

    def _apply_if_safe(self, now_ms: int, device: int, update: Update) -> None:
        forbids = self._host.against_update(device)
        if not forbids:
            self._enter(now_ms, device, update, "applying", APPLY_MS)
            self._say(now_ms, device, update, "updating")
            return
        if now_ms - update.progress_ms > PATIENCE_MS:
            self._end(now_ms, device, "failed", f"{', '.join(forbids)} held for a day")
            return
        if update.stage != "waiting":
            self._say(now_ms, device, update, "waiting")
        self._enter(now_ms, device, update, "waiting", RETRY_MS)

    def _tested(self, now_ms: int, device: int, update: Update) -> None:
        flash = self._flash[device]
        if self._declared.images[update.version].fault == "self_test":
            flash.write(flash.go_back())
            self._host.restart(now_ms, device, for_ms=REBOOT_MS)
            return
        flash.write(flash.confirm())
        self._end(now_ms, device, "updated", "")

    def _enter(self, now_ms: int, device: int, update: Update, stage: Stage, takes_ms: int) -> None:
        update.stage, update.since_ms = stage, now_ms
        self._pending.add(now_ms + takes_ms, self._kind, self._devices[device])

    def _say(self, now_ms: int, device: int, update: Update, stage: str) -> None:
        slot = self._flash[device].other()
        percent = 100 if slot.whole else round(100.0 * slot.written / slot.size_bytes)
        text = as_json(stage=stage, version=update.version, percent=percent)
        self._host.answer(now_ms, device, update.command_id, "running", text)

    def _end(self, now_ms: int, device: int, stage: str, why: str) -> None:
        update = self._running.pop(device)
        told = {"stage": stage, "version": self.version(device)} | ({"why": why} if why else {})
        status: Status = "done" if stage == "updated" else "refused"
        self._host.answer(now_ms, device, update.command_id, status, as_json(**told))
        self._host.tell(
            now_ms, f"firmware.{stage}", device, was=update.was, asked=update.version,
            runs=self.version(device),
        )  # fmt: skip
