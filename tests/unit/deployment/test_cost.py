"""The cost command adds up, names its sources, and uses the price file."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from photofinish.domain.prices import Processor, price_file, task_usd_s
from photofinish_cli.commands.cost import DEFAULTS, Choices, monthly_lines, monthly_rivals
from photofinish_cli.main import app
from photofinish_functions.entry_points import RECENT
from support import terraform_config as terraform


def by_name(
    photos: int, faces: float = 3, processor: Processor = Processor.L4, choices: Choices = DEFAULTS, **more: float
) -> dict[str, float]:
    return {line.name: line.usd for line in monthly_lines(photos, faces, processor, price_file(), choices, **more)}


def test_a_task_second_costs_what_its_parts_cost() -> None:
    # 4 vCPU, 16 GiB and an L4, and 1 vCPU and 0.5 GiB for the proxy; without the L4 on CPU.
    assumed = price_file()["assumptions"]
    hour = 3600 * task_usd_s(Processor.L4, price_file())
    assert hour == pytest.approx(1.115, abs=0.0005)
    assert 3600 * task_usd_s(Processor.CPU, price_file()) == pytest.approx(0.443, abs=0.0005)
    seconds = 3600 * 1000 / 1000 - assumed["start_overhead_s"] * 1000 / assumed["photos_per_start"]
    assert by_name(1000, seconds_per_photo=seconds / 1000)["analysis on an L4"] == pytest.approx(hour)


@given(photos=st.integers(1, 10_000_000), faces=st.floats(0, 100))
def test_more_photos_never_cost_less_and_nothing_is_negative(photos: int, faces: float) -> None:
    fewer, more = by_name(photos, faces), by_name(photos + 1000, faces)
    assert all(usd >= 0 for usd in fewer.values())
    assert all(more[name] >= usd for name, usd in fewer.items())


def test_the_cpu_costs_no_gpu() -> None:
    l4, cpu = by_name(1000, seconds_per_photo=1.0), by_name(1000, processor=Processor.CPU, seconds_per_photo=1.0)
    assert cpu["analysis on CPU"] < l4["analysis on an L4"]
    assert {name: usd for name, usd in cpu.items() if name != "analysis on CPU"} == {
        name: usd for name, usd in l4.items() if name != "analysis on an L4"
    }


def test_every_price_has_a_source_and_a_date() -> None:
    prices = price_file()
    sections = {name: section for name, section in prices.items() if isinstance(section, dict)}
    assert [name for name, section in sections.items() if section.get("estimate")] == ["assumptions"]
    sections |= {rival["name"]: rival for rival in prices["rivals"]}
    for name, section in sections.items():
        if name != "assumptions":
            assert section["source"].startswith("https://"), name
            assert date(2026, 1, 1) <= date.fromisoformat(section["looked_up"]) <= date.today(), name


def test_a_standby_doubles_the_database_but_not_its_backups() -> None:
    one, two = by_name(1000), by_name(1000, choices=Choices(high_availability=True))
    backups = (
        1000 * 3 * price_file()["assumptions"]["face_bytes"] / 2**30 * price_file()["cloud_sql"]["backup_gib_month"]
    )
    assert two["vector database with standby"] - backups == pytest.approx(2 * (one["vector database"] - backups))


def test_waiting_instances_cost_by_the_hour() -> None:
    # 2 services, 2.25 vCPU and 2.25 GiB each, at 0.0000025 USD a second, for 730 hours.
    assert by_name(1000)["waiting search instances"] == 0
    assert by_name(1000, choices=Choices(min_instances=1))["waiting search instances"] == pytest.approx(
        2 * 2 * 2.25 * 2.5e-6 * 730 * 3600
    )


def test_every_pushed_image_is_scanned_once() -> None:
    assert by_name(1000)["image scans"] == pytest.approx(8 * 2 * 0.26)


def test_the_dashboard_has_the_price_of_a_task() -> None:
    [variables] = [
        block["gpu_task_usd_per_h"]
        for block in terraform.parsed(terraform.TERRAFORM / "modules/operations/variables.tf")["variable"]
        if "gpu_task_usd_per_h" in block
    ]
    assert float(variables["default"]) == pytest.approx(3600 * task_usd_s(Processor.L4, price_file()), abs=0.0005)


def test_the_assumed_task_matches_terraform() -> None:
    analysis, assumed = terraform.optional_defaults("analysis"), price_file()["assumptions"]
    assert float(analysis["cpu"]) == assumed["task_vcpu"]
    assert float(analysis["memory_gib"]) == assumed["task_gib"]
    tier = terraform.optional_defaults("database")["tier"]
    root = terraform.root("locals")
    task, proxy = root["task_proxy"], root["proxy"]
    assert (task["cpu"], task["memory"]) == (str(assumed["task_proxy_vcpu"]), f"{assumed['task_proxy_gib'] * 1024:g}Mi")
    assert int(root["http_defaults"]["cpu"]) + int(proxy["cpu"].removesuffix("m")) / 1000 == assumed["search_vcpu"]
    assert (
        int(root["http_defaults"]["memory_gib"]) + int(proxy["memory"].removesuffix("Mi")) / 1024
        == assumed["search_gib"]
    )
    assert tier == f"db-custom-{assumed['database_vcpu']}-{assumed['database_gib'] * 1024}"


def test_the_assumed_schedule_matches_terraform_and_the_code() -> None:
    schedules, assumed = terraform.optional_defaults("schedules"), price_file()["assumptions"]
    assert schedules["sweep"] == "* * * * *"
    assert assumed["sweep_every_min"] == 1
    assert schedules["reconcile"] == f"*/{assumed['reconcile_every_min']} * * * *"
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedules["reconcile_all"]), "once a day"
    assert assumed["reconcile_all_every_h"] == 24
    assert timedelta(hours=assumed["reconcile_recent_h"]) == RECENT


def test_reconcile_reads_the_last_day_often_and_everything_once_a_day() -> None:
    # 50,000 photos in a month of 730 hours: 1,643.8 in a day, looked up 4,380 times, and all of them 30.4 times.
    reads = 4380 * 50_000 * 24 / 730 + 50_000 * 730 / 24
    listings = (4380 + 730 / 24) * 50
    prices = price_file()
    expected = reads / 1e5 * prices["firestore"]["reads_100k"] + listings / 1000 * prices["storage"]["class_a_1k"]
    assert by_name(50_000)["reconcile"] == pytest.approx(expected)


def test_competitors_cost_their_calls() -> None:
    rekognition = monthly_rivals(50_000, 3, price_file())[0]
    assert rekognition.usd == pytest.approx(50 * 2.00 + 10 * 1.00 + 150_000 * 0.00001)


def test_the_command_prints_every_line_and_the_same_as_json() -> None:
    command = ["cost", "--photos", "50000", "--faces", "3", "--gpu", "l4"]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    document = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    assert f"costs {document['usd_task_hour']:.3f} USD" in " ".join(shown.output.split())
    assert document["usd_month"] == pytest.approx(sum(line["usd"] for line in document["lines"]))
    assert document["usd_per_1000_photos"] == pytest.approx(document["usd_month"] / 50)
    for line in document["lines"]:
        assert re.search(rf"{re.escape(line['name'])}.*{line['usd']:,.2f}", shown.output), f"{line['name']} is missing"
    assert "estimate" in shown.output


def test_zero_photos_are_refused() -> None:
    assert CliRunner().invoke(app, ["cost", "--photos", "0"]).exit_code == 2
