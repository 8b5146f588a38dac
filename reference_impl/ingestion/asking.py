"""What ingestion asks of devices: to say what they are, and to send again what is missing."""

from __future__ import annotations

from broker.wire import messages as m
from reference_impl.ingestion import domain
from reference_impl.ingestion.domain import DeviceLog, IngestionStore, Key, Requests
from reference_impl.kernel.store import UnitOfWork


class Asking:
    """Writes requests to devices, in the transaction of whoever asks."""

    def __init__(self, rows: IngestionStore, requests: Requests) -> None:
        self._rows, self._requests = rows, requests

    def birth(self, uow: UnitOfWork, site: str, device: str, occasion: str) -> None:
        """Ask what a device is; once for each occasion."""
        request = m.RebirthRequest(command_id=f"rebirth-{device}-{occasion}", device=device)
        self._requests.put(uow, site, request)

    def gaps(self, uow: UnitOfWork, key: Key, log: DeviceLog, now_ms: int) -> None:
        """Ask for what is seen missing, a few times and not too often."""
        for from_seq, to_seq in log.gaps()[: domain.RANGES_AT_ONCE]:
            span = (*key, from_seq, to_seq)
            asked_ms, attempts = self._rows.resend_asked(uow.conn, span)
            again = now_ms - asked_ms >= domain.RESEND_AGAIN_MS
            if attempts == 0 or (again and attempts < domain.RESEND_ATTEMPTS):
                self._resend(uow, log.site, key, (from_seq, to_seq), str(attempts + 1))
                self._rows.note_resend(uow, span, now_ms, attempts + 1)

    def all_missing(
        self, uow: UnitOfWork, key: Key, log: DeviceLog, *, site: str, short: int, now_ms: int
    ) -> None:
        """Ask for known gaps, and for as many as the site is ``short`` of behind the newest."""
        tail = (log.top + 1, log.top + short)
        for span in (*log.gaps()[: domain.RANGES_AT_ONCE], tail):
            self._resend(uow, site, key, span, f"short-{now_ms}")

    def _resend(
        self, uow: UnitOfWork, site: str, key: Key, span: tuple[int, int], occasion: str
    ) -> None:
        device, boot = key
        request = m.ResendRequest(
            command_id=f"resend-{device}-{boot}-{span[0]}-{span[1]}-{occasion}",
            device=device,
            boot=boot,
            from_seq=span[0],
            to_seq=span[1],
        )
        self._requests.put(uow, site, request)
