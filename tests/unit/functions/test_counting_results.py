"""Results are counted as they come, but not each by itself."""

from __future__ import annotations

from photofinish.adapters.memory.batches import MemoryBatches
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.statistics import MemoryStatistics
from photofinish.application.album_statistics import StatisticsCounting, StatisticsReading
from photofinish.application.recording_events import record_photo_event
from photofinish.domain.photo import PhotoStatus
from support.pipeline import MemoryCloud


def record_done(cloud: MemoryCloud, log: MemoryEventLog, name: str) -> None:
    photo = cloud.store.upload(name, b"x")
    cloud.ingest(photo)
    cloud.documents.record_final(photo.ref, PhotoStatus.DONE, {"faces": [{}]})
    assert record_photo_event(photo.ref, PhotoStatus.DONE, cloud.documents, log, MemoryBatches(log))


def counted(statistics: MemoryStatistics, album: str) -> int:
    found = statistics.read(album)
    return 0 if found is None else found.total.photos


def test_a_burst_is_counted_once_and_readers_count_the_rest() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    statistics = MemoryStatistics(log)
    counting = StatisticsCounting(statistics)
    for number in range(3):
        record_done(cloud, log, f"race/cam1/{number}.jpg")
        record_done(cloud, log, f"other/cam1/{number}.jpg")
        counting.count_soon("race")
    assert (counted(statistics, "race"), counted(statistics, "other")) == (1, 0)
    reading = StatisticsReading(statistics, log)
    for album in ("race", "other"):
        found = reading.read(album)
        assert found.counts is not None
        assert (found.counts.total.photos, found.is_complete) == (3, True)
