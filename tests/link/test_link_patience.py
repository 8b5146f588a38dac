"""A machine that stands still while somebody waits: time passes in which nobody could act."""

from __future__ import annotations

import asyncio
import threading

from broker.link.patience import wait_at_most


class StandsStill(asyncio.SelectorEventLoop):
    """A loop whose clock has jumped ahead whenever it is told to."""

    ahead_s = 0.0

    def time(self) -> float:
        """The clock, with what the machine missed."""
        return super().time() + self.ahead_s


def test_a_machine_that_stood_still_gives_the_other_side_its_time_all_the_same() -> None:
    async def story() -> bool:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        waiting = asyncio.create_task(wait_at_most(answer, 8.0))
        await asyncio.sleep(0)
        loop.ahead_s = 60.0  # longer than the whole wait
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        threading.Timer(0.01, loop.call_soon_threadsafe, (answer.set_result, None)).start()
        return await waiting

    with asyncio.Runner(loop_factory=StandsStill) as runner:
        assert runner.run(story())


def test_what_never_comes_is_given_up_and_left_alone() -> None:
    async def story() -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        assert not await wait_at_most(answer, 0.01)
        assert not answer.cancelled()

    asyncio.run(story())
