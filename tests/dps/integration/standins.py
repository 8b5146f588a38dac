"""Small systems of field service and customer management, with real sockets and real failings."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

from standardwebhooks import Webhook


class Linked:
    """Takes what a connector is sent: each ``idempotency-key`` once; keeps what it then holds.

    ``secrets`` are those by which it was linked. ``mute`` messages are handled and not answered,
    ``refuse`` are subjects that it will not take (422), ``status`` is what it answers instead of
    handling anything, if that is set.
    """

    def __init__(self, server):
        self.server = server
        server.answer = self.answer
        self.forget()

    def forget(self):
        """As if it had never been linked."""
        self.secrets, self.status, self.mute = {}, 0, 0
        self.refuse, self.keys, self.forged, self.posts = set(), set(), 0, 0
        self.holds, self.told, self.made = {}, {}, []
        """Documents, kinds of events in the order they were taken, and subjects as they came."""
        self.reports = {}

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> int:
        self.posts += 1
        try:
            Webhook(self.secrets["secret"]).verify(body, dict(handler.headers.items()))
        except Exception:
            self.forged += 1
            return 401
        if self.status:
            return self.status
        event, key = json.loads(body), handler.headers["idempotency-key"]
        subject = event["subject"]
        if subject in self.refuse:
            return 422
        if key not in self.keys:
            self.keys.add(key)
            self.told.setdefault(subject, []).append(event["type"])
            if subject not in self.holds:
                self.made.append(subject)
            self.holds[subject] = event["data"]["document"]
        if self.mute:
            self.mute -= 1
            return 0
        return 200

    def of(self, family):
        """What it holds whose ids begin so, by id."""
        return {name: row for name, row in self.holds.items() if name.startswith(family)}

    def signed(self, subject, status, *, number=None, kind="work_order", message=None, sent_s=None,
               secret=None, **more):  # fmt: skip
        """A report as this system signs it: body and headers."""
        number = number or self.reports.get(subject, 0) + 1
        self.reports[subject] = max(number, self.reports.get(subject, 0))
        said = {"connector": self.secrets["id"], "kind": kind, "subject": subject,
                "status": status, "number": number, "at_ms": 1, "external_id": f"JOB-{subject}",
                "details": more}  # fmt: skip
        body = json.dumps(said)
        message = message or f"{subject}-{number}"
        sent_at = datetime.fromtimestamp(int(sent_s or time.time()), UTC)  # noqa: TID251 - signed
        by = Webhook(secret or self.secrets["back_secret"]).sign(message, sent_at, body)
        headers = {"webhook-id": message, "webhook-timestamp": str(int(sent_at.timestamp())),
                   "webhook-signature": by, "content-type": "application/json"}  # fmt: skip
        return body, headers
