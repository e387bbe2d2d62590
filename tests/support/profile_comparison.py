"""How far two analyses of the same labelled photos differ: bib numbers, text, faces."""

from __future__ import annotations

import random
from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib import find_bibs
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.start_list import StartList

# How far results with and without GPU may differ, on all 150 labelled photos (measured: .040 and .011).
MAX_SHARE_WITH_OTHER_NUMBERS = 0.06
MAX_F1_LOSS = 0.02
# Faces are found and embedded by the same models; measured: equal.
MIN_COSINE = 0.999


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photo with the numbers that can be read in it."""

    name: str
    numbers: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Between the analyses `a` and `b` of the same photos."""

    photos: int
    numbers_differ: dict[str, tuple[list[str], list[str]]]
    """By photo: the whole numbers that only `a` and only `b` has."""
    lines: int
    """Lines of text in `b`."""
    lines_equal: int
    """Of these, the lines whose text is in `a` of the same photo, too."""
    faces: int
    face_counts_differ: int
    """Photos with another number of faces."""
    min_cosine: float
    """The lowest cosine between embeddings of the same face."""
    max_box_shift: float
    """The largest move of a side of a face's box, as a share of the picture."""

    @property
    def differing_share(self) -> float:
        """Share of the photos whose numbers differ."""
        return len(self.numbers_differ) / self.photos

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"differing_share": round(self.differing_share, 4)}


def start_list(numbers: Set[str]) -> StartList:
    """`numbers` and 2,000 others, drawn with a fixed seed."""
    others = [str(number) for number in range(100, 10_000) if str(number) not in numbers]
    return StartList(dict.fromkeys(sorted(numbers) + random.Random(0).sample(others, 2000), ""))


def numbers_in(analysis: PhotoAnalysis, listed: StartList | None = None) -> frozenset[str]:
    """The whole numbers of one photo."""
    image = analysis.image
    rules = BibRules(start_list=listed)
    bibs = find_bibs(analysis.text, analysis.faces, width=image.width, height=image.height, rules=rules)
    return frozenset(bib.number for bib in bibs if not bib.partial)


def accuracy(
    photos: Sequence[Labelled], analyses: Sequence[PhotoAnalysis], listed: StartList | None = None
) -> dict[str, float]:
    """Precision, recall and F1 of whole numbers, by exact match per photo."""
    right = wrong = missed = 0
    for photo, analysis in zip(photos, analyses, strict=True):
        found = numbers_in(analysis, listed)
        right += len(found & photo.numbers)
        wrong += len(found - photo.numbers)
        missed += len(photo.numbers - found)
    return {
        "precision": round(right / (right + wrong), 4),
        "recall": round(right / (right + missed), 4),
        "f1": round(2 * right / (2 * right + wrong + missed), 4),
    }


def compare(
    photos: Sequence[Labelled],
    a: Sequence[PhotoAnalysis],
    b: Sequence[PhotoAnalysis],
    listed: StartList | None = None,
) -> Difference:
    """Compare two analyses of `photos`."""
    numbers_differ = {}
    lines = lines_equal = faces = face_counts_differ = 0
    min_cosine, max_box_shift = 1.0, 0.0
    for photo, one, other in zip(photos, a, b, strict=True):
        numbers = numbers_in(one, listed), numbers_in(other, listed)
        if numbers[0] != numbers[1]:
            numbers_differ[photo.name] = sorted(numbers[0] - numbers[1]), sorted(numbers[1] - numbers[0])
        texts = {line.text for line in one.text}
        lines += len(other.text)
        lines_equal += sum(line.text in texts for line in other.text)
        faces += len(other.faces)
        if len(one.faces) != len(other.faces):
            face_counts_differ += 1
            continue
        for left, right in zip(one.faces, other.faces, strict=True):
            min_cosine = min(min_cosine, float(left.embedding.vector @ right.embedding.vector))
            sides = (left.box.x - right.box.x, left.box.y - right.box.y)
            max_box_shift = max(max_box_shift, *map(abs, sides))
    return Difference(
        photos=len(photos),
        numbers_differ=numbers_differ,
        lines=lines,
        lines_equal=lines_equal,
        faces=faces,
        face_counts_differ=face_counts_differ,
        min_cosine=round(min_cosine, 6),
        max_box_shift=round(max_box_shift, 6),
    )
