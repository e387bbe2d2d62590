"""Reading numbers again from a sidecar gives what an analysis by the same rules gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from photofinish.domain.bib import Bib, TextLine, find_bibs
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.geometry import Box, Quad
from photofinish.domain.sidecar import sidecar, sidecar_bytes, sidecar_schema
from photofinish.domain.start_list import StartList
from photofinish.domain.stored_text import stored_text
from support.faces import face_in, photo
from support.index import analysis

RULES = [
    BibRules(),
    BibRules(min_digits=3, prefixes=("1",)),
    BibRules(edits={}),
    BibRules(start_list=StartList(dict.fromkeys(["12", "123", "1234", "1284", "90"], ""))),
]
SCHEMA = Draft202012Validator(sidecar_schema())  # once: `jsonschema.validate` also checks the schema, each time
# One number is drawn for ten, because drawing each takes most of a test. Some are nearly sure of a digit, some are not.
probabilities = st.integers(0, 2**32 - 1).map(
    lambda seed: tuple(np.random.default_rng(seed).dirichlet(np.full(10, 0.1)).tolist())
)


@st.composite
def lines(draw: st.DrawFn) -> TextLine:
    text = draw(st.from_regex(r"[0-9A-Z]{1,5}( [0-9A-Z]{1,3})?", fullmatch=True))
    x, y = round(draw(st.floats(0, 0.8)), 6), round(draw(st.floats(0.3, 0.6)), 6)
    # At some 45 degrees.
    quad = Quad((x, y + 0.1), (x + 0.07, y), (x + 0.1, y + 0.04), (x + 0.03, y + 0.14))
    is_tilted = draw(st.booleans())
    return TextLine(
        text=text,
        ocr_score=draw(st.sampled_from([0.7, 0.85, 0.97])),
        box=quad.bounds if is_tilted else Box(x, y, 0.1, 0.05),
        quad=quad if is_tilted else None,
        digit_probabilities=tuple(draw(probabilities) for _ in text),
    )


def document_of(text: list[TextLine], faces: list[Box]) -> dict[str, Any]:
    found = replace(analysis([face_in(box) for box in faces]), text=tuple(text))
    return sidecar(photo("race/1.jpg"), found, "1.test")


def told(bibs: tuple[Bib, ...]) -> list[tuple[Any, ...]]:
    return [
        (
            bib.number,
            bib.face_index,
            bib.partial,
            pytest.approx(bib.ocr_score, abs=1e-4),
            [candidate.number for candidate in bib.candidates],
        )
        for bib in bibs
    ]


@pytest.mark.parametrize("rules", RULES)
@given(text=st.lists(lines(), max_size=4), columns=st.lists(st.floats(0, 0.9), max_size=3))
def test_the_text_of_a_sidecar_gives_the_same_bibs(rules: BibRules, text: list[TextLine], columns: list[float]) -> None:
    boxes = [Box(round(x, 6), 0.2, 0.08, 0.1) for x in columns]
    document = document_of(text, boxes)
    SCHEMA.validate(document)
    faces = [face_in(box) for box in boxes]
    expected = find_bibs(text, faces, width=640, height=480, rules=rules)
    assert told(stored_text(sidecar_bytes(document)).bibs(rules)) == told(expected)


def test_probabilities_are_stored_only_for_words_with_digits() -> None:
    sure = tuple(float(digit == 1) for digit in range(10))
    line = TextLine(text="RUN 11", ocr_score=0.9, box=Box(0, 0, 0.1, 0.1), digit_probabilities=(sure,) * 6)
    [stored] = document_of([line], [])["text"]
    assert stored["digit_probabilities"] == {"4": {"1": 1.0}, "5": {"1": 1.0}}
    [plain] = document_of([replace(line, text="RUNNER")], [])["text"]
    assert "digit_probabilities" not in plain


def test_a_sidecar_of_an_earlier_version_is_read_by_its_scores() -> None:
    document = document_of([TextLine(text="1234", ocr_score=0.97, box=Box(0.3, 0.4, 0.1, 0.05))], [])
    assert "digit_probabilities" not in document["text"][0]
    bibs = stored_text(sidecar_bytes(document)).bibs(RULES[-1])
    assert [bib.number for bib in bibs] == ["1234"]
