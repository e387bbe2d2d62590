"""`photofinish cost`: what an album cost, or what a month of photos costs and what paid APIs would cost."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from photofinish.domain.album_cost import assumed_s_per_photo, event_call_usd, handling_lines, keeping_lines
from photofinish.domain.prices import Processor, price_file, task_usd_s
from photofinish_cli import api_client
from photofinish_cli.arguments import OptionalAlbum
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import print_json, print_tables, remark, reported_errors, table

_HOURS = 730.0  # of a month
_MINUTES = _HOURS * 60
_KIB_PER_GIB = 2.0**20
_LIST_PAGE = 1000  # objects in one listing of a bucket


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill for a month."""

    name: str
    quantity: str
    usd: float
    source: str
    """Address of the price page, and what was read there."""
    looked_up: str
    """The day, as YYYY-MM-DD."""
    checked: bool
    """Whether the prices were compared with the source when they were written down."""


@dataclass(frozen=True, slots=True)
class Rival:
    """The same month with a paid API."""

    name: str
    usd: float
    source: str
    looked_up: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What an operator chooses in Terraform and pays for by the hour, however many photos there are."""

    high_availability: bool = False
    """The database has a standby: database.high_availability."""
    min_instances: int = 0
    """Idle instances of each search function: search.min_instances."""


DEFAULTS = Choices()
"""What Terraform does where nothing is chosen."""


def cost(
    album: OptionalAlbum = None,
    photos: Annotated[int | None, typer.Option(min=1, help="Photos in a month.")] = None,
    faces: Annotated[float, typer.Option(min=0, help="Faces in a photo, on average.")] = 3.0,
    gpu: Annotated[Processor, typer.Option(help="What the models run on.")] = Processor.L4,
    seconds_per_photo: Annotated[
        float | None, typer.Option(min=0.0001, help="Your own measurement, instead of the estimate.")
    ] = None,
    high_availability: Annotated[
        bool, typer.Option("--high-availability", help="The database has a standby in another zone.")
    ] = False,
    min_instances: Annotated[
        int, typer.Option(min=0, help="Instances of each search function that are always running.")
    ] = 0,
    budget: Annotated[
        float | None,
        typer.Option(min=0, help="Set what the album may cost in USD, from its first photo on; 0 removes the limit."),
    ] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show what an album cost so far; with `--photos`, estimate what a month costs on Google Cloud.

    By list prices, without free tiers. The other options are of the estimate.

    Examples:

      photofinish cost spring-10k

      photofinish cost spring-10k --budget 20

      photofinish cost --photos 50000 --faces 3 --gpu l4

      photofinish cost --photos 50000 --high-availability --min-instances 1
    """
    if (album is None) == (photos is None):
        raise typer.BadParameter("give an album, or --photos for an estimate of a month")
    if album is None and budget is not None:
        raise typer.BadParameter("is of an album: name it", param_hint="--budget")
    if budget is not None and not math.isfinite(budget):
        raise typer.BadParameter("is no amount", param_hint="--budget")
    if album is not None:
        with reported_errors():
            use_deployment(state)
            if budget is None:
                answer = api_client.in_album("GET", album, "/cost")
            else:
                answer = api_client.in_album("PUT", album, "/budget", json={"usd": budget or None})
        if json:
            print_json(answer)
        else:
            show_album(answer)
        return
    assert photos is not None
    prices = price_file()
    choices = Choices(high_availability=high_availability, min_instances=min_instances)
    lines = monthly_lines(photos, faces, gpu, prices, choices, seconds_per_photo=seconds_per_photo)
    task_usd_h = 3600 * task_usd_s(gpu, prices)
    rivals = monthly_rivals(photos, faces, prices)
    total = sum(line.usd for line in lines)
    if json:
        print_json(
            {
                "photos": photos,
                "faces_per_photo": faces,
                "processor": gpu.value,
                "estimate": True,
                "high_availability": high_availability,
                "min_instances": min_instances,
                "usd_task_hour": task_usd_h,
                "lines": [asdict(line) for line in lines],
                "usd_month": total,
                "usd_per_1000_photos": total / photos * 1000,
                "rivals": [asdict(rival) | {"usd_per_1000_photos": rival.usd / photos * 1000} for rival in rivals],
            }
        )
        return
    bill = table(
        "line", "a month", "USD a month", "USD per 1,000 photos", right=["USD a month", "USD per 1,000 photos"]
    )
    for line in lines:
        bill.add_row(line.name, line.quantity, f"{line.usd:,.2f}", f"{line.usd / photos * 1000:,.3f}")
    bill.add_row("total", "", f"{total:,.2f}", f"{total / photos * 1000:,.3f}", style="bold")
    for rival in rivals:
        bill.add_row(f"with {rival.name}", "", f"{rival.usd:,.2f}", f"{rival.usd / photos * 1000:,.3f}", style="dim")
    print_tables(bill)
    remark(
        f"An hour of an analysis task costs {task_usd_h:.3f} USD. "
        f"An estimate: list prices as of {min(line.looked_up for line in lines)} or later ({prices['region']}), "
        "without free tiers. What a photo takes is mostly assumed, and not every price was checked: prices.toml "
        "in photofinish/domain marks which. Use --seconds-per-photo for your own measurement. Other services are "
        "priced by their API calls alone, "
        "without storage, documents and delivery.",
        style="dim",
    )


def show_album(answer: dict[str, Any]) -> None:
    """The lines of an album's bill, what its queue will cost, and by which prices."""
    per_1000 = "USD per 1,000 photos"
    bill = table("line", "so far", "USD", per_1000, right=["USD", per_1000])

    def add(name: str, quantity: str, usd: float, **style: str) -> None:
        photos = answer["photos"]
        bill.add_row(name, quantity, f"{usd:,.4f}", f"{usd / photos * 1000:,.4f}" if photos else "–", **style)

    for line in answer["lines"]:
        digits = 0 if float(line["quantity"]).is_integer() else 1
        add(line["name"], f"{line['quantity']:,.{digits}f} {line['unit']}", line["usd"])
    add("so far", f"{answer['photos']:,} photos", answer["usd"], style="bold")
    print_tables(bill)
    if answer["waiting"]:
        pace = "as its photos so far" if answer["is_own_pace"] else "which is assumed"
        remark(
            f"{answer['waiting']:,} photos are waiting: about {answer['usd_queued']:,.4f} USD more, at "
            f"{answer['seconds_per_photo']:.2f} s of a task a photo, {pace}."
        )
    remark(f"Keeping what there is costs {answer['usd_month']:,.4f} USD a month.")
    if answer["budget"] is not None:
        spent = f"{answer['budget']['spent']:.0%} of the budget of {usd_text(answer['budget']['usd'])} USD is spent"
        halted = answer["budget"]["is_halted"]
        remark(f"{spent}: no photo is analysed any more. Raise it with --budget." if halted else f"{spent}.")
    if not answer["is_billed"]:
        remark("This is a local cloud: nothing is paid. It is what the same would cost on Google Cloud.")
    remark(
        f"List prices as of {answer['prices_as_of']} or later ({answer['region']}), without free tiers. Task seconds "
        "are measured; what a photo takes otherwise is assumed. The database and the search, which run by the hour for "
        "all albums, are not in it: photofinish cost --photos estimates them.",
        style="dim",
    )
    if not answer["is_complete"]:
        remark("some results are not counted yet: repeat the command")


def usd_text(usd: float) -> str:
    """An amount: exact to the cent, or to a hundredth of one where it is less than a dollar."""
    return f"{usd:,.2f}" if usd >= 1 else f"{usd:,.4f}"


def monthly_lines(
    photos: int,
    faces: float,
    processor: Processor,
    prices: dict[str, Any],
    choices: Choices = DEFAULTS,
    *,
    seconds_per_photo: float | None = None,
) -> list[Line]:
    """The bill for `photos` uploaded in a month and kept for all of it, the dearest line first."""
    assumed = prices["assumptions"]
    on_gpu = processor is Processor.L4
    photo_s = seconds_per_photo or assumed["l4_s_per_photo" if on_gpu else "cpu_s_per_photo"]
    task_s = photos * assumed_s_per_photo(processor, prices, photo_s=photo_s)
    recent_runs = _MINUTES / assumed["reconcile_every_min"]
    full_runs = _HOURS / assumed["reconcile_all_every_h"]
    searches = photos * assumed["searches_per_photo"]

    def line(name: str, quantity: str, usd: float, section: str) -> Line:
        found = prices[section]
        return Line(name, quantity, usd, found["source"], found["looked_up"], _checked(found))

    of_photos = {one.name: one.usd for one in (*handling_lines(photos, prices), *keeping_lines(photos, 0, prices))}
    service = prices["cloud_run_service"]
    scheduled_calls = _MINUTES / assumed["sweep_every_min"] + recent_runs + full_runs
    calls = photos * assumed["event_requests"] + scheduled_calls
    calls_usd = of_photos["event functions"] + scheduled_calls * event_call_usd(prices)
    search_usd_s = assumed["search_vcpu"] * service["vcpu_s"] + assumed["search_gib"] * service["gib_s"]
    idle_instances = choices.min_instances * assumed["search_services"]
    idle_usd_s = assumed["search_vcpu"] * service["idle_vcpu_s"] + assumed["search_gib"] * service["idle_gib_s"]
    search_usd = searches * (assumed["search_s"] * search_usd_s + service["requests_1m"] / 1e6)

    storage = prices["storage"]
    kept_gib = photos * (assumed["original_mib"] + assumed["derived_mib"]) / 1024
    firestore = prices["firestore"]
    # Either kind of run lists the whole bucket; most read only the documents of what was uploaded lately.
    lookups = photos * (recent_runs * assumed["reconcile_recent_h"] / _HOURS + full_runs)
    listings = (recent_runs + full_runs) * math.ceil(photos / _LIST_PAGE)
    reconcile_usd = lookups * firestore["reads_100k"] / 1e5 + listings * storage["class_a_1k"] / 1000

    sql = prices["cloud_sql"]
    index_gib = photos * faces * assumed["face_bytes"] / 2**30
    disk_gib = max(assumed["database_disk_gib"], index_gib * 1.5)
    database_usd = _HOURS * (assumed["database_vcpu"] * sql["vcpu_h"] + assumed["database_gib"] * sql["gib_h"])
    database_usd += disk_gib * sql["ssd_gib_month"]
    database_usd *= sql["high_availability_factor"] if choices.high_availability else 1
    database_usd += index_gib * sql["backup_gib_month"]

    door = prices["load_balancer"]
    scans = assumed["deploys_month"] * assumed["images_per_deploy"]
    lines = [
        line(
            f"analysis on {'an L4' if on_gpu else 'CPU'}",
            f"{task_s / 3600:,.1f} task hours at {photo_s:g} s a photo",
            task_s * task_usd_s(processor, prices),
            "cloud_run_job",
        ),
        line("event functions", f"{calls:,.0f} calls", calls_usd, "cloud_run_service"),
        line("search functions", f"{searches:,.0f} searches", search_usd, "cloud_run_service"),
        line(
            "photos and previews",
            f"{kept_gib:,.0f} GiB",
            of_photos["photos and previews kept"] + of_photos["objects"],
            "storage",
        ),
        line(
            "documents",
            f"{photos * assumed['document_writes']:,.0f} writes",
            of_photos["documents"] + of_photos["documents kept"],
            "firestore",
        ),
        line(
            "reconcile",
            f"{lookups:,.0f} reads, {listings:,.0f} listings",
            reconcile_usd,
            "firestore",
        ),
        line(
            "messages",
            f"{photos * assumed['message_kib'] / _KIB_PER_GIB:,.2f} GiB",
            of_photos["messages"],
            "pubsub",
        ),
        line(
            "vector database" + (" with standby" if choices.high_availability else ""),
            f"{index_gib:,.2f} GiB of {disk_gib:,.0f}",
            database_usd,
            "cloud_sql",
        ),
        line(
            "waiting search instances",
            f"{idle_instances} instances",
            idle_instances * idle_usd_s * _HOURS * 3600,
            "cloud_run_service",
        ),
        line(
            "public door", "load balancer, rate limits", _HOURS * door["rule_h"] + door["armor_month"], "load_balancer"
        ),
        line(
            "logs",
            f"{photos * assumed['log_kib'] / _KIB_PER_GIB:,.2f} GiB",
            of_photos["logs"],
            "logging",
        ),
        line(
            "images",
            f"{assumed['images_gib']} GiB",
            assumed["images_gib"] * prices["artifact_registry"]["gib_month"],
            "artifact_registry",
        ),
        line("image scans", f"{scans} images", scans * prices["artifact_analysis"]["scan"], "artifact_analysis"),
    ]
    return sorted(lines, key=lambda line: -line.usd)


def monthly_rivals(photos: int, faces: float, prices: dict[str, Any]) -> list[Rival]:
    """What the calls alone would cost elsewhere."""
    searches = photos * prices["assumptions"]["searches_per_photo"]
    return [
        Rival(
            rival["name"],
            photos * rival["photo_1k"] / 1000
            + searches * rival["search_1k"] / 1000
            + photos * faces * rival["face_month"],
            rival["source"],
            rival["looked_up"],
            _checked(rival),
        )
        for rival in prices["rivals"]
    ]


def _checked(section: dict[str, Any]) -> bool:
    return not section.get("unchecked", False)
