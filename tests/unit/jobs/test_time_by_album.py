"""The time of a task is divided among albums, all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish_jobs.time_by_album import TimeByAlbum


class Times:
    """The times of a task whose clock the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.albums = TimeByAlbum(lambda: self.now)

    def after(self, seconds: float) -> TimeByAlbum:
        self.now += seconds
        return self.albums

    def seconds(self) -> dict[str, float]:
        return {album: time.seconds for album, time in self.albums.totals().items()}


def test_each_photo_takes_an_equal_part_of_the_time() -> None:
    task = Times()
    task.albums.put(["race", "race", "race", "party"])
    task.after(8).done("party")
    task.after(2).put(["party"])
    task.after(4)
    assert task.seconds() == {"race": 6 + 2 + 3, "party": 2 + 1}
    assert task.albums.totals()["party"].photos == 1


def test_starting_and_waiting_are_of_the_photos_before_or_after() -> None:
    task = Times()
    assert task.after(20).totals() == {}, "no album is known yet"
    task.after(10).put(["race", "party"])
    task.after(2).done("party")
    task.after(2).done("race")
    task.after(30)
    assert task.seconds() == {"race": 15 + 1 + 2 + 15, "party": 15 + 1 + 15}


steps = st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["put", "done"]), st.sampled_from("abc")), max_size=30)


@given(steps=steps)
def test_all_the_time_is_of_some_album(steps: list[tuple[float, str, str]]) -> None:
    task = Times()
    in_flight: list[str] = []
    began = False
    for seconds, step, album in steps:
        task.after(seconds)
        if step == "put":
            task.albums.put([album])
            in_flight.append(album)
            began = True
        elif album in in_flight:
            task.albums.done(album)
            in_flight.remove(album)
    assert sum(task.seconds().values()) == pytest.approx(task.now if began else 0.0)
