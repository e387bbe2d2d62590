"""The chart of the latency of live streams."""

from __future__ import annotations

from xml.etree import ElementTree

from bench.events.live_chart import Second, latency_chart

SVG = "{http://www.w3.org/2000/svg}"


def test_both_curves_have_a_point_for_each_second_and_stay_inside() -> None:
    seconds = [Second(at_s, 100.0 + at_s, 200.0 + 900 * (at_s == 7)) for at_s in range(40)]
    root = ElementTree.fromstring(latency_chart(seconds, title="2,000 photos & 1,000 listeners", bar_ms=500.0))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    curves = {line.attrib["class"]: line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")}
    assert {name: len(points) for name, points in curves.items()} == {"p95": 40, "p50": 40}
    places = [tuple(map(float, point.split(","))) for points in curves.values() for point in points]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)
    highest = min(curves["p95"], key=lambda point: float(point.split(",")[1]))
    assert curves["p95"].index(highest) == 7
