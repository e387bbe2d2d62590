"""What an album costs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, Field

from photofinish.application.album_costs import Bill
from photofinish.domain.access import Scope
from photofinish.domain.prices import price_file, prices_as_of
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.schemas import AlbumPath, Input, Output, Score, example, new_blueprint

Usd = Annotated[float, AfterValidator(lambda usd: round(usd, 6))]


class CostLineJson(Output):
    name: str = Field(json_schema_extra=example("analysis on an L4"))
    quantity: float
    unit: str = Field(json_schema_extra=example("task seconds"))
    usd: Usd
    is_measured: bool = Field(description="False: counted, and multiplied by what one is assumed to take.")


class BudgetJson(Output):
    """What the album may cost, from its first photo on."""

    usd: Usd
    spent: Score = Field(description="Share of it that is spent; above 1 it is used up.")
    is_halted: bool = Field(description="Its photos wait: no task analyses them, until the budget is raised.")


class BudgetBody(Input):
    usd: float | None = Field(
        ge=0.0001,
        le=1_000_000,
        description="What the album may cost in USD, from its first photo on. null: as much as it will.",
        json_schema_extra=example(20),
    )


class CostJson(Output):
    album: str
    usd: Usd = Field(description="So far, by list prices, without free tiers and taxes.")
    usd_per_1000_photos: Usd | None = Field(description="So far, by photos with a result; null without any.")
    usd_month: Usd = Field(description="What keeping what there is costs each month.")
    usd_queued: Usd = Field(description="What the waiting photos will cost until they have a result.")
    photos: int = Field(description="With a result.")
    waiting: int = Field(description="Photos that are queued or processing.")
    processor: Literal["l4", "cpu"] = Field(description="What waiting photos will be analysed on.")
    seconds_per_photo: float = Field(description="Of a task, by which `usd_queued` goes.")
    is_own_pace: bool = Field(description="Whether the album's own tasks took so long. False: it is assumed.")
    is_billed: bool = Field(
        description="False on a local cloud: nothing is paid, and this is what it would cost on Google Cloud."
    )
    is_complete: bool = Field(description="False while results are still being counted: ask again.")
    prices_as_of: date = Field(description="When the oldest price was looked up.")
    region: str = Field(description="Whose prices these are.")
    budget: BudgetJson | None
    lines: list[CostLineJson] = Field(description="So far, the dearest first.")


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("cost", "What albums cost.")

    @api.get("/albums/<album>/cost", responses={200: CostJson})
    @guarded(Scope.SEARCH, "show_cost")
    @fails_with("unknown_album")
    def show_cost(path: AlbumPath) -> dict[str, Any]:
        """Show what an album cost so far, and what its waiting photos will cost."""
        bill = services.album_costs.read(path.album)
        if not bill.cost.lines and not bill.waiting and not services.budgets.budgets([path.album]):
            check_album(services, path.album)
        audit(count=bill.content.photos)
        return answer(path.album, bill)

    @api.put("/albums/<album>/budget", responses={200: CostJson})
    @guarded(Scope.ADMIN, "set_budget", makes_album=True)
    @fails_with("invalid_value")
    def set_budget(path: AlbumPath, body: BudgetBody) -> dict[str, Any]:
        """Set what an album may cost. When it is spent, its photos wait until the budget is raised; searches go on.

        Photos that a task put aside meanwhile are queued again within ten minutes of raising it.
        """
        services.album_budgets.set_budget(path.album, body.usd)
        return answer(path.album, services.album_costs.read(path.album))

    def answer(album: str, bill: Bill) -> dict[str, Any]:
        budget = services.budgets.budgets([album]).get(album)
        found = None
        if budget is not None:
            is_halted = album in services.halted_albums.read().halted
            found = BudgetJson(usd=budget.usd, spent=bill.cost.usd / budget.usd, is_halted=is_halted)
        is_billed = services.settings.run_emulator_host is None
        return _answer(album, bill, budget=found, is_billed=is_billed).model_dump(mode="json")

    return api


def _answer(album: str, bill: Bill, *, budget: BudgetJson | None, is_billed: bool) -> CostJson:
    cost, prices = bill.cost, price_file()
    return CostJson(
        album=album,
        usd=cost.usd,
        usd_per_1000_photos=cost.usd_per_1000_photos,
        usd_month=cost.usd_month,
        usd_queued=cost.usd_queued,
        photos=bill.content.photos,
        waiting=bill.waiting,
        processor=bill.processor.value,
        seconds_per_photo=cost.seconds_per_photo,
        is_own_pace=cost.is_own_pace,
        is_billed=is_billed,
        is_complete=bill.is_complete,
        prices_as_of=prices_as_of(prices),
        region=prices["region"],
        budget=budget,
        lines=[CostLineJson(**asdict(line)) for line in cost.lines],
    )
