"""What an album costs: the worked example of docs/cost.md, and what holds for every album."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.album_cost import (
    AlbumContent,
    AlbumCost,
    TaskTime,
    album_cost,
    handling_lines,
    keeping_lines,
    photo_months,
)
from photofinish.domain.prices import Processor, price_file, prices_as_of, task_usd_s
from photofinish_cli.commands.cost import monthly_lines

PRICES = price_file()
NOW = datetime(2026, 5, 31, 10, tzinfo=UTC)
L4 = TaskTime(processor=Processor.L4, seconds=300.0, photos=1000)
THOUSAND = AlbumContent(photos=1000, faces=3000, photo_months=1000.0)
EMPTY = AlbumContent(photos=0, faces=0, photo_months=0.0)
DOCS = Path(__file__).parents[3] / "docs" / "cost.md"


def cost(
    *times: TaskTime, content: AlbumContent = THOUSAND, waiting: int = 0, processor: Processor = Processor.L4
) -> AlbumCost:
    return album_cost(times, content, waiting=waiting, processor=processor, prices=PRICES)


def test_the_worked_example() -> None:
    lines = {line.name: line.usd for line in cost(L4).lines}
    assert lines["analysis on an L4"] == pytest.approx(300 * (5 * 0.000018 + 16.5 * 0.000002 + 0.0001867))
    assert lines["photos and previews kept"] == pytest.approx(1000 * 6.5 / 1024 * 0.020)
    assert lines["objects"] == pytest.approx(1000 * (3 * 0.005 + 0.0004) / 1000)
    assert lines["event functions"] == pytest.approx(1000 * 2 * (0.1 * 0.0000265 + 0.40 / 1e6))
    assert lines["documents"] == pytest.approx(1000 * (3 * 0.09 + 5 * 0.03) / 1e5)
    told = dict(
        re.findall(r"^\| ([a-zA-Z4 ]+) \| [^|]+ \| (0\.\d{4}) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert len(told) == 5
    assert told == {name: f"{lines[name]:.4f}" for name in told}, "docs/cost.md says something else"
    assert max(usd for name, usd in lines.items() if name not in told) < 0.01 / 3
    assert cost(L4).usd_per_1000_photos == pytest.approx(cost(L4).usd) == sum(lines.values())


def test_a_thousand_photos_at_a_measured_pace_on_an_l4() -> None:
    # 0.0002 USD a second: two cents are 64 seconds for a thousand photos, so 15.5 photos a second.
    assert task_usd_s(Processor.L4, PRICES) * 64 == pytest.approx(0.0198, abs=0.0002)


def test_an_estimate_of_a_month_and_a_bill_have_the_same_lines() -> None:
    estimated = {line.name: line.usd for line in monthly_lines(1000, 3, Processor.L4, PRICES)}
    handled = {line.name: line.usd for line in handling_lines(1000, PRICES)}
    kept = {line.name: line.usd for line in keeping_lines(1000, 3000, PRICES)}
    assert estimated["messages"] == pytest.approx(handled["messages"])
    assert estimated["logs"] == pytest.approx(handled["logs"])
    assert estimated["documents"] == pytest.approx(handled["documents"] + kept["documents kept"])
    assert estimated["photos and previews"] == pytest.approx(handled["objects"] + kept["photos and previews kept"])


@pytest.mark.parametrize(
    ("times", "seconds", "is_own"),
    [
        ([L4], 0.3, True),
        ([TaskTime(processor=Processor.L4, seconds=60.0, photos=19)], 0.16, False),  # too few to tell
        ([TaskTime(processor=Processor.CPU, seconds=600.0, photos=1000)], 0.16, False),  # on another machine
        ([], 0.16, False),
    ],
)
def test_waiting_photos_take_what_the_albums_photos_took(times: list[TaskTime], seconds: float, is_own: bool) -> None:
    found = cost(*times, waiting=200)
    assert (found.seconds_per_photo, found.is_own_pace) == (pytest.approx(seconds), is_own)
    handled = sum(line.usd for line in handling_lines(200, PRICES))
    assert found.usd_queued == pytest.approx(200 * seconds * task_usd_s(Processor.L4, PRICES) + handled)


def test_a_cpu_costs_no_gpu() -> None:
    on_cpu = TaskTime(processor=Processor.CPU, seconds=300.0, photos=1000)
    assert [line.name for line in cost(on_cpu, L4).lines if line.is_measured] == [
        "analysis on an L4",
        "analysis on CPU",
    ]
    assert cost(on_cpu).usd < cost(L4).usd


def test_nothing_costs_nothing() -> None:
    found = cost(content=EMPTY)
    assert (found.usd, found.usd_per_1000_photos, found.usd_month, found.usd_queued) == (0, None, 0, 0)
    assert found.lines == []


def test_photos_are_kept_since_the_hour_of_their_result() -> None:
    by_hour = {NOW - timedelta(hours=730): 10, NOW - timedelta(hours=73): 20}
    assert photo_months(by_hour, photos=30, now=NOW) == pytest.approx(10 + 2)
    assert photo_months(by_hour, photos=35, now=NOW) == pytest.approx(10 + 2 + 5), "of hours not told any more"
    assert photo_months({NOW + timedelta(minutes=5): 1}, photos=1, now=NOW) == 0
    assert photo_months({}, photos=0, now=NOW) == 0


@given(seconds=st.floats(0, 1e6), photos=st.integers(0, 100_000), waiting=st.integers(0, 100_000))
def test_more_never_costs_less(seconds: float, photos: int, waiting: int) -> None:
    content = AlbumContent(photos=photos, faces=photos, photo_months=float(photos))
    more = AlbumContent(photos=photos + 1, faces=photos + 1, photo_months=photos + 1.0)
    time = TaskTime(processor=Processor.L4, seconds=seconds, photos=photos)
    found = cost(time, content=content, waiting=waiting)
    assert found.usd >= seconds * task_usd_s(Processor.L4, PRICES) * (1 - 1e-9)
    assert cost(time, content=more).usd > found.usd
    assert cost(time, content=content, waiting=waiting + 1).usd_queued > found.usd_queued


def test_prices_are_as_old_as_the_oldest() -> None:
    assert prices_as_of(PRICES) == date(2026, 11, 21)
