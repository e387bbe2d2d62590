"""Compare a result in all stores: the sidecar with the index, and the document with both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from photofinish.application.bibs.projection import bib_fields
from photofinish.application.checking.facts import PhotoFacts, Rules
from photofinish.application.checking.findings import Problem
from photofinish.application.commit import document_fields
from photofinish.domain.bib_changes import PhotoBibs, is_same_reading
from photofinish.domain.bib_corrections import EffectiveBib, as_read, corrected
from photofinish.domain.erasure import sidecar_without_erased
from photofinish.domain.face import face_id, rules_of
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import face_numbers, face_places, unlinked_name
from photofinish.domain.stored_analysis import bibs_of_sidecar
from photofinish.domain.stored_text import stored_text_of
from photofinish.ports import PhotoRecord, PhotoRows

Wrong = tuple[Problem, str]
# Boxes are single precision in the index, and have six decimals in sidecars.
_ROUNDING = 1e-4
# Times differ from run to run; these of the document are counted in more places than the sidecar knows.
_NOT_COMPARED = {"timings_ms", "models"}


def compare_result(facts: PhotoFacts, record: PhotoRecord, rules: Rules) -> Iterator[Wrong]:
    """Compare what the stores say of a photo that is done and no duplicate."""
    version = record.fields.get("pipeline_version")
    name = record.fields.get("sidecar")
    if version is None or name is None or name not in facts.objects:
        yield Problem.SIDECAR_MISSING, f"Its sidecar {name} does not exist."
    elif facts.sidecar is None:
        yield Problem.SIDECAR_UNREADABLE, f"Its sidecar {name} cannot be used: {facts.sidecar_error}."
    if rules.keep_originals:
        yield from _missing_pictures(facts, record)
    if version is None:
        return
    yield from _erased_faces(facts, record)
    rows, ref = facts.rows, record.ref
    if rows.ref is not None and rows.pipeline_version is not None and rows.ref.generation > ref.generation:
        yield (
            Problem.INDEX_NEWER,
            f"The index has version {rows.ref.generation}, the document and the bucket have {ref.generation}.",
        )
    elif rows.ref is None or rows.pipeline_version is None:
        yield Problem.NOT_INDEXED, "It is done, but the index has no result of it."
    elif rows.ref.generation < ref.generation:
        yield Problem.NOT_INDEXED, f"It is done, but the index has version {rows.ref.generation}, not {ref.generation}."
    elif rows.pipeline_version != version:
        yield (
            Problem.NOT_INDEXED,
            f"It is done by pipeline {version}, but the index has the result of {rows.pipeline_version}.",
        )
    elif facts.sidecar is not None:
        clean = sidecar_without_erased(dict(facts.sidecar), rows.erased_parts(ref.generation))
        yield from _indexed(ref, version, clean, rows, rules)
        if wrong := differing_fields(record, clean, rows):
            yield (
                Problem.DOCUMENT_DIFFERS,
                f"Its document differs from its sidecar and the database in: {', '.join(wrong)}.",
            )


def _missing_pictures(facts: PhotoFacts, record: PhotoRecord) -> Iterator[Wrong]:
    renditions = record.fields.get("renditions") or {}
    for what in ("preview", "thumbnail"):
        name = renditions.get(what)
        if name and not {name, unlinked_name(name)} & facts.objects:
            yield Problem.PICTURE_MISSING, f"Its {what} {name} does not exist."


def _erased_faces(facts: PhotoFacts, record: PhotoRecord) -> Iterator[Wrong]:
    erased = facts.rows.erased_parts(record.ref.generation)
    ids = {face.face_id for face in facts.rows.erased_faces if face.generation == record.ref.generation}
    places = []
    if facts.sidecar is not None and any(erased.has_face(*face_places(face)) for face in facts.sidecar["faces"]):
        places.append("its sidecar")
    if any(one in ids or erased.has_face(box) for one, box in facts.rows.faces.items()):
        places.append("the index")
    if any(face["face_id"] in ids for face in record.fields.get("faces", ())):
        places.append("its document")
    if places:
        yield Problem.ERASED_LEFT, f"An erased face is still in {' and '.join(places)}."


def _indexed(ref: PhotoRef, version: str, sidecar: Mapping[str, Any], rows: PhotoRows, rules: Rules) -> Iterator[Wrong]:
    """Compare the rows of this result with its sidecar, from which all that is erased is left out."""
    expected = sidecar_faces(ref, version, sidecar)
    if expected.keys() != rows.faces.keys():
        yield (
            Problem.FACES_DIFFER,
            f"Its sidecar has {len(expected)} faces, the index {len(rows.faces)}; "
            f"{len(expected.keys() ^ rows.faces.keys())} of them are only in one of both.",
        )
    elif not all(_is_same_box(expected[one], rows.faces[one]) for one in expected):
        yield Problem.FACES_DIFFER, "A face has another place in its sidecar than in the index."
    withheld = {one["number"]: Box(**one["box"]) for one in sidecar.get("withheld_faces", ())}
    if withheld.keys() != rows.withheld.keys():
        yield Problem.FACES_DIFFER, "Faces that may not be indexed differ between its sidecar and the index."
    depicted_in = sidecar["depiction"]["space"] if "depiction" in sidecar else None
    if depicted_in != rows.depicted_in:
        yield (
            Problem.DEPICTION_DIFFERS,
            f"Its sidecar says what it shows in the space {depicted_in}, the index in {rows.depicted_in}.",
        )
    read = read_by(ref, version, sidecar, rows, rules)
    if read is not None and not is_same_reading(read, rows.read):
        yield (
            Problem.NUMBERS_DIFFER,
            f"Its sidecar has the numbers {_listed(read)}, the database has read {_listed(rows.read)}.",
        )
    shown = corrected(rows.read, sidecar_faces(ref, version, sidecar), rows.corrections)
    if _told(shown) != _told(rows.bibs):
        yield (
            Problem.NUMBERS_DIFFER,
            f"With corrections its numbers are {_listed(shown)}, searches find {_listed(rows.bibs)}.",
        )


def sidecar_faces(ref: PhotoRef, version: str, sidecar: Mapping[str, Any]) -> dict[str, Box]:
    """Face id → box of the faces of a sidecar, in its order."""
    numbers = face_numbers(sidecar)
    return {
        face_id(ref, version, number): Box(**face["box"])
        for number, face in zip(numbers, sidecar["faces"], strict=True)
    }


def read_by(
    ref: PhotoRef, version: str, sidecar: Mapping[str, Any], rows: PhotoRows, rules: Rules
) -> tuple[EffectiveBib, ...] | None:
    """The numbers that the rules which the database followed read in this photo; None where these are unknown.

    That is so while an album's photos are read again by new rules. Videos keep the numbers of their analysis.
    """
    face_ids = list(sidecar_faces(ref, version, sidecar))
    if rows.rules == rules_of(version) or "video" in sidecar:
        return as_read(bibs_of_sidecar(sidecar), face_ids)
    if rows.rules == rules.bib_rules.fingerprint:
        return as_read(stored_text_of(sidecar).bibs(rules.bib_rules), face_ids)
    return None


def differing_fields(record: PhotoRecord, sidecar: Mapping[str, Any], rows: PhotoRows) -> list[str]:
    """The fields of a document that differ from what the sidecar (without what is erased) and the database say."""
    known = record.fields
    has_renditions = (known.get("renditions") or {}).get("preview") is not None
    try:
        expected = document_fields(record.ref, sidecar, has_renditions=has_renditions)
    except KeyError:
        return []  # a sidecar of an early version
    if known.get(
        "erased_faces"
    ):  # erased numbers are told from others by their text in one, by their place in the other
        expected.pop("text")
    wrong = [
        name
        for name, value in expected.items()
        if name not in _NOT_COMPARED and known.get(name) != value and (known.get(name) or value)
    ]
    if rows.ref == record.ref:
        shown = corrected(rows.read, sidecar_faces(record.ref, sidecar["pipeline_version"], sidecar), rows.corrections)
        numbers = bib_fields(PhotoBibs(photo=record.ref, bibs=shown, revision=rows.revision))
        told = [(bib["number"], bib.get("face_id"), bool(bib.get("by_hand"))) for bib in known.get("bibs", ())]
        if told != [(bib["number"], bib["face_id"], bib["by_hand"]) for bib in numbers["bibs"]]:
            wrong.append("bibs")
        if known.get("bib_numbers", []) != numbers["bib_numbers"]:
            wrong.append("bib_numbers")
    return wrong


def _told(bibs: Sequence[EffectiveBib]) -> list[tuple[str, str | None, bool, bool]]:
    return [(bib.number, bib.face_id, bib.partial, bib.by_hand) for bib in bibs]


def _listed(bibs: Sequence[EffectiveBib]) -> str:
    return ", ".join(bib.number for bib in bibs) or "(none)"


def _is_same_box(one: Box, other: Box) -> bool:
    return all(abs(a - b) <= _ROUNDING for a, b in zip(one.numbers, other.numbers, strict=True))
