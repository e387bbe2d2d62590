"""The whole document of a photo as apps read it, field by field, from the upload to the result.

`photo_projection.json` is what they rely on: a changed field is a change of the API.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from photofinish.adapters.memory.work import MemoryWorkQueue
from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.domain.analysis import WithheldFace
from photofinish.domain.bib import TextLine
from photofinish.domain.geometry import Box
from photofinish.domain.photo_warning import PhotoWarning, WarningCode
from support.pipeline import DecodedToy, MemoryCloud, ToyAnalyzer, toy_photo

GOLDEN = Path(__file__).with_name("photo_projection.json")
NAME = "l'été/cam 2/1.jpg"


class FullAnalyzer(ToyAnalyzer):
    """Finds something for every field."""

    def analyze_decoded(self, photos: Sequence[DecodedToy]) -> list[AnalyzedPhoto]:
        return [
            replace(
                one,
                analysis=replace(
                    one.analysis,
                    image=replace(one.analysis.image, taken_at=datetime(2026, 5, 1, 10, 15), camera="Canon EOS R5"),
                    text=(TextLine(text="FINISH", ocr_score=0.8, box=Box(0, 0, 1, 0.1)),),
                    warnings=(PhotoWarning(code=WarningCode.END_MISSING, message="The end is missing."),),
                    face_areas=(Box(0.1, 0.1, 0.2, 0.2), Box(0.7, 0.1, 0.1, 0.1)),
                    withheld_faces=(WithheldFace(number=0, box=Box(0.5, 0.1, 0.1, 0.1)),),
                ),
            )
            for one in super().analyze_decoded(photos)
        ]


def steady(value: Any, key: str = "") -> Any:
    """The same for each run: times and measured numbers by what they are."""
    if isinstance(value, datetime):
        return "time"
    if key in {"trace_id", "bibs_revision", "generation"}:
        return key
    if key == "timings_ms":
        return sorted(value)
    if isinstance(value, dict):
        return {name: steady(part, name) for name, part in value.items()}
    return [steady(part) for part in value] if isinstance(value, (list, tuple)) else value


def test_the_document_has_exactly_the_fields_that_apps_rely_on() -> None:
    cloud = MemoryCloud(queue=MemoryWorkQueue(complete=True))
    found: dict[str, Any] = {}

    def keep(when: str, name: str) -> None:
        ref = next(photo.ref for photo in cloud.store.list_photos(name))
        record = cloud.documents.get(ref.album, ref.photo_id)
        assert record is not None
        found[when] = steady(dict(record.fields))

    cloud.drop(NAME, toy_photo(faces=[(1, 0, 0, 0), (0, 1, 0, 0)], bibs=["42"]))
    keep("queued", NAME)
    cloud.worker(analyzer=FullAnalyzer()).run()
    keep("done", NAME)
    cloud.drop("l'été/2.jpg", b"not a picture")
    cloud.worker().run()
    keep("rejected", "l'été/2.jpg")
    # To accept a change: GOLDEN.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    assert found == json.loads(GOLDEN.read_text())
