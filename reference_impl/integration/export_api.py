"""HTTP of a customer's whole data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from reference_impl.integration.exporting import Exporter, as_csv
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router

Limit = Annotated[int, Query(ge=1, le=1000)]
EXPORT = needs("export:read")


class ExportIndex(BaseModel):
    """What a customer's export is made of; each section is read by itself."""

    customer: str
    sections: Annotated[list[str], Field(description="What the caller may read")]
    left_out: Annotated[list[str], Field(description="What the caller may not read")]


class ExportPage(BaseModel):
    """Some rows of a section: as ``items``, or as ``text`` where CSV was asked for."""

    customer: str
    section: Annotated[str, Field(description="Name of the section")]
    form: Literal["json", "csv"]
    count: Annotated[int, Field(description="How many rows these are")]
    items: list[dict[str, Any]]
    text: str
    next: str | None


def router(exporter: Exporter) -> APIRouter:
    """The routes of the export."""
    api = new_router("export")

    @api.get("/customers/{customer}/export", dependencies=[EXPORT])
    async def index(customer: str) -> ExportIndex:
        """What belongs to a customer, by section."""
        may = exporter.sections(customer)
        return ExportIndex(
            customer=customer,
            sections=[name for name in may if may[name]],
            left_out=[name for name in may if not may[name]],
        )

    @api.get("/customers/{customer}/export/{section}", dependencies=[EXPORT])
    async def export_section(
        customer: str,
        section: str,
        form: Literal["json", "csv"] = "json",
        limit: Limit = 100,
        after: Annotated[str, Query(max_length=500)] = "",
    ) -> ExportPage:
        """Rows of a section as the customer sees them in the API; ``next`` goes on."""
        page = await exporter.page(customer, section, after=after, limit=limit)
        is_csv = form == "csv"
        return ExportPage(
            customer=customer,
            section=section,
            form=form,
            count=len(page.rows),
            items=[] if is_csv else page.rows,
            text=as_csv(section, page.rows) if is_csv else "",
            next=page.next,
        )

    return api
