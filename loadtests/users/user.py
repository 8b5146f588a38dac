"""The Locust user: one device."""

from __future__ import annotations

from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests import target
from loadtests.users.campaign import Campaign
from loadtests.users.device import Device


class DeviceUser(User):  # type: ignore[misc]
    """A device with its own connection; it lives in one task, because its schedule is its own."""

    host = target.DEFAULT

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._campaign: Campaign | None = environment.campaign

    @task  # type: ignore[untyped-decorator]
    def live(self) -> None:
        """The whole life of the device: Locust ends it, or its share is done."""
        joined = self._campaign.join() if self._campaign is not None else None
        if self._campaign is not None and joined is not None:
            number, source = joined
            Device(
                self._campaign,
                number=number,
                source=source,
                address=self._campaign.address,
                fire=self._fire,
            ).live()
        raise StopUser

    def _fire(self, name: str, seconds: float, size: int, error: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type="MQTT",
            name=name,
            response_time=1000.0 * seconds,
            response_length=size,
            exception=error,
            context={},
        )
