"""What both shapes share: the number of devices comes from the plan."""

from __future__ import annotations

from typing import ClassVar

from locust import LoadTestShape

from loadtests.plan import RAMP_LEAD_S, Plan, Shape
from loadtests.users.campaign import Campaign

DEFAULT_RUN_S = 60.0
"""How long a plain Locust run takes where ``-t`` does not say it."""


class PlannedShape(LoadTestShape):  # type: ignore[misc]
    """Follows the campaign's plan; in a plain Locust run one made from ``-u``, ``-r``, ``-t``."""

    abstract: ClassVar[bool] = True
    use_common_options: ClassVar[bool] = True
    shape: ClassVar[Shape]

    def tick(self) -> tuple[int, float] | None:
        """How many devices must be up, and how many connect per second; ``None`` at the end."""
        environment = self.runner.environment
        options = environment.parsed_options
        spawn_per_s = float(options.spawn_rate or 1)
        campaign: Campaign | None = environment.campaign
        plan = campaign.plan if campaign is not None else None
        if campaign is not None and plan is not None:
            if campaign.finished:
                return None
            elapsed_s = campaign.elapsed_s()
            if elapsed_s is None:
                return plan.first_wave, spawn_per_s
            return plan.up_at(elapsed_s + RAMP_LEAD_S), spawn_per_s
        run_s = float(options.run_time or DEFAULT_RUN_S)
        users = int(options.num_users or 1)
        elapsed_s = self.get_run_time()
        if elapsed_s >= run_s:
            return None
        plan = Plan(users=users, rate_per_s=float(users), duration_s=run_s, shape=self.shape)
        return plan.up_at(elapsed_s), spawn_per_s
