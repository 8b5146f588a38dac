"""How the rows of promised work are switched off."""

from __future__ import annotations

from reference_impl.maintenance import finishing, incidents, promises, service_levels, technicians
from reference_impl.maintenance.desk import Desk
from reference_impl.maintenance.ticket_states import Ticket, TicketStep


def _tells_customers_everything(mp):
    mp.setattr(Desk, "notes", lambda self, conn, wo_id, *, internal: [
        {n: v for n, v in row.items() if n != "work_order"}
        for row in self._rows.work_order_notes.items(conn, work_order=wo_id)
    ])  # fmt: skip


def _forgets_who_fitted_it(mp):
    fit = finishing.Finishing._fit

    def anybody(self, uow, row, at_ms, *, note):
        fit(self, uow, {**row, "by": ""}, at_ms, note=note)

    mp.setattr(finishing.Finishing, "_fit", anybody)


def _moves_tickets_anyhow(mp):
    ends = {
        TicketStep.START: Ticket.IN_PROGRESS, TicketStep.RESUME: Ticket.IN_PROGRESS,
        TicketStep.HOLD: Ticket.ON_HOLD, TicketStep.CLOSE: Ticket.CLOSED,
        TicketStep.REJECT: Ticket.REJECTED,
    }  # fmt: skip
    mp.setattr("reference_impl.maintenance.tickets.after", lambda *_, step, **__: ends[step])
    mp.setattr(promises.Promises, "on_ticket", lambda *_: None)


def _sends_anybodys_people(mp):
    mp.setattr(technicians, "_ours", lambda _party: True)


def _believes_remote_work(mp):
    mp.setattr(finishing.Finishing, "_verdict", lambda *_: (True, ""))


def _watches_no_clock(mp):
    mp.setattr(incidents.Incidents, "_save", lambda self, uow, row, clocks, at_ms:
               self._rows.incidents.put(uow, row))  # fmt: skip
    mp.setattr(service_levels.ServiceLevels, "of_thing", lambda *_: None)


def _knows_no_tiers(mp):
    mp.setattr(service_levels.ServiceLevels, "of_thing", lambda self, conn, *_:
               next(iter(self.listed(conn)), None))  # fmt: skip


OFF = {
    "FS7": _tells_customers_everything,
    "FS8": _forgets_who_fitted_it,
    "FS9": _moves_tickets_anyhow,
    "FS10": _sends_anybodys_people,
    "FS12": _believes_remote_work,
    "AS3": _watches_no_clock,
    "CC27": _knows_no_tiers,
}
