"""One world, one path to the broker, one DPS: what every driver does with them in a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.faults.path import FaultyLink
from broker.ledger import DeliveryLedger
from broker.wire import codec, topics
from broker.wire.messages import Command, CommandAck, Downlink, Uplink
from harness.errors import SutError
from harness.events import FeedSeen
from harness.scenario.schema import Run
from harness.sut.port import ClockAnswer, Short, SystemUnderTest
from harness.world.acts import Acts
from harness.world.control import Control, WantedFault
from harness.world.path import Tap
from harness.world.port import Recorder
from harness.world.timeline import Moment, Timeline
from harness.world.watch import Watch
from twins.core.errors import InvalidFault
from twins.core.ports import Fact, Intent
from twins.world import Step, World

LOOKED = "service.looked"
"""The verb of a look of the scenario at the DPS's API: its answer is told to checks."""
TRUTH_EVERY_MS = 21_600_000
"""How often the hidden state is sampled for plots and checks: 6 h of simulated time."""
RESEND_WITHIN_S = 2.0
"""Longest wait for a resend request after the DPS said that messages are missing."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a run stands between two steps: plain data, so that a snapshot can carry it."""

    now_ms: int
    cursor: str = ""
    answered_cursor: str = ""
    next_due_ms: int | None = None
    timeline: dict[str, Any] = field(default_factory=dict)
    """What has happened of the timeline (``harness.world.timeline``), and what was watched."""
    ingested: int = 0
    next_truth_ms: int = 0


class Loop:
    """The parts of a run, and the acts that drivers string together."""

    def __init__(
        self,
        *,
        run: Run,
        world: World,
        path: FaultyLink,
        ledger: DeliveryLedger,
        tap: Tap,
        sut: SystemUnderTest,
        timeline: Timeline,
        acts: Acts,
        recorder: Recorder,
        control: Control,
        wait_s: float,
        commands_are_news: bool = False,
    ) -> None:
        self._commands_are_news = commands_are_news
        self.run, self.world, self.path, self.sut = run, world, path, sut
        self._ledger, self._tap = ledger, tap
        self.timeline, self._acts, self._watch = timeline, acts, Watch(timeline.reads)
        self.recorder, self.control, self.wait_s = recorder, control, wait_s
        self.progress = Progress(
            now_ms=run.start,
            next_truth_ms=run.start,
            timeline={**timeline.begin(), "watch": self._watch.begin()},
        )
        self._outbox: list[tuple[str, Uplink]] = []
        self._wanting: list[Intent] = []
        """What actors wanted of a DPS that was away."""

    async def begin(self) -> None:
        """Births; not called when a run goes on from a snapshot."""
        await self.send(self.world.start())

    async def apply_moments(self) -> None:
        """Let everything of the timeline take effect whose time has come."""
        p = self.progress
        for wanted in self.control.take_faults():
            self.inject_by_hand(wanted)
        timeline, state = self.timeline, p.timeline
        if timeline.looks(state, p.now_ms):
            timeline.look(state, p.now_ms, self._watch.values(state["watch"], self.world))
        for moment in timeline.take(state, p.now_ms):
            if await self._acts.apply(moment, state):
                self._note(moment)
                self._note_looks()

    @property
    def dps_away(self) -> bool:
        """Whether the timeline holds the DPS down; then nobody can tell it anything."""
        return bool(self.progress.timeline["dps_away"])

    def inject_by_hand(self, wanted: WantedFault, *, by: str = "you") -> None:
        """Break something now; what makes no sense any more is refused, and the story goes on."""
        try:
            self.world.inject(wanted.fault, wanted.device, wanted.params)
        except InvalidFault as error:
            self.control.refused(wanted, "; ".join(error.problems))
            return
        self.recorder.fault(
            self.progress.now_ms, wanted.fault, wanted.device, wanted.params, ended=False, by=by
        )

    def _note_looks(self) -> None:
        """What the scenario looked at is a deed that changes nothing."""
        looks, self._acts.looks = self._acts.looks, []
        for path, found in looks:
            at_ms = self.progress.now_ms
            look = Intent(
                intent_id=f"look-{at_ms}-{path}", at_ms=at_ms, actor="scenario", verb=LOOKED,
                subject=path, data={"answer": found},
            )  # fmt: skip
            self.recorder.acted(look, None)

    def _note(self, moment: Moment) -> None:
        self.recorder.fault(
            self.progress.now_ms, moment.name, moment.target, moment.params, ended=moment.ended
        )

    def next_stop_ms(self, until_ms: int) -> int:
        """Where the next step ends: sync, DPS timer, an actor's action, timeline, path."""
        p, run = self.progress, self.run
        sync = run.start + ((p.now_ms - run.start) // run.sync + 1) * run.sync
        stops = [sync, until_ms]
        timer_ms = None if self.dps_away else p.next_due_ms
        dues = (timer_ms, self.world.next_action_ms(), self.path.next_due_ms())
        stops += [max(due, p.now_ms + 1) for due in dues if due is not None]
        if (moment_ms := self.timeline.next_ms(p.timeline)) is not None:
            stops.append(max(moment_ms, p.now_ms + 1))
        return min(stops)

    async def send(self, step: Step) -> None:
        """Publish what the world did, and what devices had to answer since the last step."""
        now_ms, recorder = self.world.now_ms, self.recorder
        self.progress.now_ms = now_ms
        messages = step.messages
        payloads = [codec.encode(message) for _, message in messages]  # once for trace and broker
        recorder.truths(step.truths, now_ms)
        recorder.messages(messages, now_ms, step.sent_ms, payloads)
        if self._outbox:
            messages, self._outbox = [*self._outbox, *messages], []
            payloads = []
        self._watch.truths(self.progress.timeline["watch"], step.truths)
        self._watch.messages(self.progress.timeline["watch"], step.messages)
        for site, message in step.lost:
            self._ledger.produced(site, message)
            self._ledger.dropped(site, message)
        await self._hand_over(messages, payloads)
        if now_ms >= self.progress.next_truth_ms:
            recorder.sampled(self.world.sample_truth(), now_ms)
            self.progress.next_truth_ms = now_ms - now_ms % TRUTH_EVERY_MS + TRUTH_EVERY_MS

    async def tell_time(self) -> ClockAnswer:
        """The clock call; devices answer resend requests once if messages are missing.

        A DPS that is away hears nothing of the time until it is back.

        Raises:
            SutError: If messages are missing even so.
        """
        p = self.progress
        if self.dps_away:
            return ClockAnswer(
                now_ms=p.now_ms, commands=(), next_due_ms=None, feed_cursor=p.answered_cursor,
                ingested=p.ingested,
            )  # fmt: skip
        answer = await self.sut.clock(p.now_ms, self._ledger.delivered, self.wait_s)
        if isinstance(answer, Short):
            if await self.path.any_downlink(RESEND_WITHIN_S):
                self.obey()
                await self.flush()
            answer = await self.sut.clock(p.now_ms, self._ledger.delivered, self.wait_s)
        if isinstance(answer, Short):
            missing = ", ".join(f"{site}: {n}" for site, n in sorted(answer.missing.items()))
            raise SutError(
                f"the DPS waited {self.wait_s:g} s and still misses messages that the broker "
                f"has acknowledged ({missing}); see the ledger of the run"
            )
        p.next_due_ms, p.ingested = answer.next_due_ms, answer.ingested
        p.answered_cursor = answer.feed_cursor
        return answer

    async def flush(self) -> None:
        """Send the answers of devices at once."""
        messages, self._outbox = self._outbox, []
        await self._hand_over(messages)

    async def _hand_over(
        self, messages: Sequence[tuple[str, Uplink]], payloads: Sequence[bytes] = ()
    ) -> None:
        now_ms = self.progress.now_ms
        count, verdicts = await self.path.send(messages, now_ms, payloads)
        self.recorder.verdicts(verdicts)
        if verdicts or count != len(messages):  # what was held back leaves without a verdict
            messages = self._tap.last()
        self.recorder.arrived(messages, now_ms)

    def obey(self) -> int:
        """Let devices do what they were told; what they answer goes out with the next step.

        Returns:
            How many commands and requests it was.

        Raises:
            SutError: If the DPS published something that no device understands.
        """
        if self.path.malformed:
            raise SutError(f"no device understands this: {self.path.malformed[0]}")
        told: list[tuple[str, Downlink]] = self.path.take_downlinks(self.progress.now_ms)
        answers: list[tuple[str, Uplink]] = []
        for site, message in told:
            sites = self.world.sites if site == topics.ALL else (site,)
            for one in sites:
                answers += self.world.obey(one, message)
        if self._commands_are_news:
            self._tell_commands([message for _, message in told if isinstance(message, Command)])
        decided = [pair for pair in answers if isinstance(pair[1], CommandAck)]
        if decided:  # births and resends are transport; acknowledgements are deeds
            self.recorder.messages(decided, self.progress.now_ms)
        self._outbox += answers
        return len(told)

    def _tell_commands(self, commands: Sequence[Command]) -> None:
        """What the DPS says to devices is all that it tells: take it for its feed."""
        self.recorder.feed(
            [
                FeedSeen(
                    at_ms=self.progress.now_ms,
                    kind="command.requested",
                    subject=command.command_id,
                    data={"thing": command.device, "name": command.name, "args": command.args},
                    event_id=command.command_id,
                )
                for command in commands
            ]
        )

    async def hear(self, command_ids: Sequence[str]) -> None:
        """Wait until what the DPS announced has come out of the broker.

        Raises:
            SutError: If something does not come in time.
        """
        if command_ids and (missing := await self.path.reached(command_ids, self.wait_s)):
            raise SutError(
                f"the DPS announced {', '.join(sorted(missing))} in its answer to /v1/clock, "
                f"but did not publish it within {self.wait_s:g} s"
            )

    async def read_feed(self, *, always: bool = False) -> int:
        """Read what is new in the feed and let actors know; returns how many events it was."""
        p = self.progress
        if self.dps_away or (not always and p.answered_cursor == p.cursor):
            return 0
        page = await self.sut.feed(p.cursor)
        p.cursor = page.cursor
        if page.events:
            self.recorder.feed(page.events)
            self._watch.feed(p.timeline["watch"], page.events)
            self.world.observe(
                [
                    Fact(at_ms=e.at_ms, kind=e.kind, subject=e.subject, data=e.data)
                    for e in page.events
                ]
            )
        return len(page.events)

    async def act(self, intents: Sequence[Intent]) -> None:
        """Let actors do what they decided, through the public API; later if it is away."""
        self._wanting += intents
        if self.dps_away:
            return
        wanting, self._wanting = self._wanting, []
        for intent in wanting:
            self.recorder.acted(intent, await self.sut.act(intent))

    async def finish(self) -> None:
        """The end of the run: a DPS that is still away comes back, and hears what it missed.

        Raises:
            SutError: If it does not come back, or misses messages.
        """
        if not self.dps_away:
            return
        self.progress.timeline["dps_away"] = 0
        await self.sut.come_back()
        answer = await self.tell_time()
        await self.hear(answer.commands)
        await self.read_feed(always=True)
        await self.act(())

    def end_step(self) -> None:
        """Tell that a step is over."""
        self.recorder.step(self.progress.now_ms, self.progress.ingested)

    def unseen(self) -> list[str]:
        """What of the timeline has never taken effect, once the run has come to its end."""
        ended = self.progress.now_ms >= self.run.until_ms
        return self.timeline.unseen(self.progress.timeline) if ended else []

    def pending(self) -> list[tuple[str, Uplink]]:
        """Answers of devices that go out with the next step (for snapshots)."""
        return list(self._outbox)

    def go_on_from(self, progress: Mapping[str, Any], outbox: Sequence[tuple[str, Uplink]]) -> None:
        """Take up a run where a snapshot left it."""
        self.progress = Progress(**progress)
        self._outbox = list(outbox)
        self._acts.again(self.progress.timeline)
