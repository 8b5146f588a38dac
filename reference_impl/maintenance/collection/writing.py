"""Collections as documents: what is set up once, and read every morning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from reference_impl.kernel.http.bodies import Body, Finding
from reference_impl.maintenance.collection.solver import STEPS

Name = Annotated[str, Field(min_length=1, max_length=200)]
Hour = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Euros = Annotated[float, Field(ge=0, le=1e6)]
OWNER = "organisation:main"
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class PlaceBody(Body):
    """Somewhere on the map, degrees (WGS 84)."""

    latitude_deg: Annotated[float, Field(ge=-90, le=90)]
    longitude_deg: Annotated[float, Field(ge=-180, le=180)]


class TruckBody(Body):
    """A truck and the shift of its crew, local time."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]
    capacity_l: Annotated[int, Field(ge=1, le=10**7)]
    capacity_kg: Annotated[int, Field(ge=1, le=10**6)] = 10**6
    shift_from: Hour = "06:00"
    shift_to: Hour = "14:00"

    @classmethod
    def cross(cls, data: Mapping[str, Any]) -> Sequence[Finding]:
        """A shift ends after it begins."""
        begin, end = data.get("shift_from", "06:00"), data.get("shift_to", "14:00")
        if isinstance(begin, str) and isinstance(end, str) and end <= begin:
            return [(("shift_to",), f"{end} is not after {begin}", "later on the same day")]
        return ()


class CleaningBody(Body):
    """When a container is cleaned with a stop: by use and odour, at the latest by days."""

    odour_signal: str = ""
    odour_from: float = 100.0
    use_signal: str = ""
    """A counter: what it has grown by since the last cleaning counts."""
    use_from: Annotated[float, Field(gt=0)] = 1e9
    days_max: Annotated[int, Field(ge=1, le=3650)] = 90
    clean_s: Annotated[int, Field(ge=0, le=7200)] = 240


class CollectionBody(Body):
    """Containers, trucks, and what makes a stop worth it."""

    title: Annotated[str, Field(max_length=200)] = ""
    party: Name = OWNER
    time_zone: Name = "UTC"
    plan_at: Hour = "05:00"
    days: list[Day] = Field(
        default_factory=lambda: list(DAYS), min_length=1, description="Days with a plan"
    )
    depot: PlaceBody
    disposal: PlaceBody | None = None
    trucks: Annotated[list[TruckBody], Field(min_length=1, max_length=100)]
    things: list[Name] = Field(default_factory=list)
    models: list[Name] = Field(
        default_factory=list, description="Models, all things of which are collected"
    )
    places: dict[str, PlaceBody] = Field(default_factory=dict)
    windows: dict[str, tuple[Hour, Hour]] = Field(
        default_factory=dict,
        description="Local times between which a stop may begin, by thing",
    )
    latitude_signal: str = "latitude_deg"
    longitude_signal: str = "longitude_deg"
    fill_signal: Name = "fill_pct"
    full_at: Annotated[float, Field(gt=0)] = 100.0
    holds_l: Annotated[float, Field(gt=0)]
    kg_per_l: Annotated[float, Field(ge=0, le=20)] = 0.1
    must_rules: list[Name] = Field(default_factory=list)
    ready_rules: list[Name] = Field(default_factory=list)
    ready_eur: Euros = 20.0
    overflow_eur: Euros = 40.0
    full_risk: Annotated[float, Field(ge=0, le=1)] = 0.2
    speed_kmh: Annotated[float, Field(ge=1, le=130)] = 25.0
    service_s: Annotated[int, Field(ge=0, le=7200)] = 180
    unload_s: Annotated[int, Field(ge=0, le=14400)] = 1800
    truck_eur_h: Euros = 92.0
    truck_eur_km: Euros = 0.0
    steps: Annotated[int, Field(ge=1, le=100_000, description="Steps of the search")] = STEPS
    neighbour_m: Annotated[float, Field(ge=0, le=5000)] = 0.0
    neighbour_room: Annotated[float, Field(ge=0, le=1)] = 0.4
    cleaning: CleaningBody | None = None

    @classmethod
    def cross(cls, data: Mapping[str, Any]) -> Sequence[Finding]:
        """Trucks have different names, windows an end after their begin; something is emptied."""
        found: list[Finding] = []
        trucks = data.get("trucks")
        ids = (
            [t.get("id") for t in trucks if isinstance(t, dict)] if isinstance(trucks, list) else []
        )
        found += [
            (("trucks",), f"{one!r} is there twice", "names that differ")
            for one in sorted({str(i) for i in ids if ids.count(i) > 1})
        ]
        windows = data.get("windows")
        for thing, span in windows.items() if isinstance(windows, dict) else ():
            if (
                isinstance(span, list | tuple)
                and len(span) == 2
                and not str(span[0]) < str(span[1])
            ):
                found.append((("windows", thing), f"{span[1]} is not after {span[0]}", "later"))
        if not data.get("things") and not data.get("models"):
            found.append((("things",), "nothing is collected", "things, models, or both"))
        return found
