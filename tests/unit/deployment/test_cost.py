"""The cost command adds up, names its sources, and uses the price file."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from photofinish_cli.commands.cost import Processor, monthly_lines, monthly_rivals, price_file
from photofinish_cli.main import app
from photofinish_functions.entry_points import RECENT
from support import terraform_config as terraform


def by_name(photos: int, faces: float = 3, processor: Processor = Processor.L4, **more: float) -> dict[str, float]:
    return {line.name: line.usd for line in monthly_lines(photos, faces, processor, price_file(), **more)}


def test_a_task_second_costs_what_its_parts_cost() -> None:
    # 4 vCPU, 16 GiB and an L4 for an hour cost 1.05 dollars on the price page.
    job, assumed = price_file()["cloud_run_job"], price_file()["assumptions"]
    hour = 3600 * (assumed["task_vcpu"] * job["vcpu_s"] + assumed["task_gib"] * job["gib_s"] + job["l4_s"])
    assert hour == pytest.approx(1.05, abs=0.01)
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
    assert date.fromisoformat(prices["looked_up"]) >= date(2026, 1, 1)
    for name, section in prices.items():
        if isinstance(section, dict):
            assert section.get("source") or section.get("estimate"), f"{name} has neither source nor estimate"
    assert all(rival["source"] for rival in prices["rivals"])


def test_the_assumed_task_matches_terraform() -> None:
    analysis, assumed = terraform.optional_defaults("analysis"), price_file()["assumptions"]
    assert float(analysis["cpu"]) == assumed["task_vcpu"]
    assert float(analysis["memory_gib"]) == assumed["task_gib"]
    tier = terraform.optional_defaults("database")["tier"]
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
    assert document["usd_month"] == pytest.approx(sum(line["usd"] for line in document["lines"]))
    assert document["usd_per_1000_photos"] == pytest.approx(document["usd_month"] / 50)
    for line in document["lines"]:
        assert re.search(rf"{re.escape(line['name'])}.*{line['usd']:,.2f}", shown.output), f"{line['name']} is missing"
    assert "estimate" in shown.output


def test_zero_photos_are_refused() -> None:
    assert CliRunner().invoke(app, ["cost", "--photos", "0"]).exit_code == 2
