"""A few of each kind of the bad files that `make hostile` tries all of, through the decoders as they run."""

from __future__ import annotations

from collections import Counter

import pytest

from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.imaging.decoded import Limits
from photofinish.analysis.imaging.webp import claimed_size
from photofinish.errors import RejectedInput
from support.hostile_files import cross_section, hostile_files
from support.hostile_files.bombs import webp_header_claiming
from support.hostile_files.trying import try_file
from support.hostile_files.valid import NAMES, valid
from support.pictures import encode, noise

SEED = 17
OF_EACH_KIND = 6


def test_the_corpus_is_large_and_the_same_for_one_seed() -> None:
    files = list(hostile_files(SEED))
    assert len(files) >= 2_000
    assert len({(file.kind, file.name) for file in files}) == len(files), "each file is named once"
    some = cross_section(SEED, 1)
    assert [file.make() for file in some] == [file.make() for file in cross_section(SEED, 1)]


@pytest.mark.timeout(300)
def test_every_bad_file_is_taken_or_rejected(decoders: DecoderPool) -> None:
    tried = [try_file(file, decoders) for file in cross_section(SEED, OF_EACH_KIND)]
    assert [f"{one.file.kind}, {one.file.name}: {one.fault}" for one in tried if one.fault] == []
    assert len(Counter(one.outcome for one in tried)) > 4, "they reach many outcomes"


@pytest.mark.parametrize("name", NAMES)
def test_the_files_that_bad_ones_are_made_from_are_taken(decoders: DecoderPool, name: str) -> None:
    assert decoders.decode(valid(name)).info.format


def test_a_webp_header_that_claims_much_is_rejected_before_memory_is_taken_for_it(decoders: DecoderPool) -> None:
    content = webp_header_claiming(16_383, 16_383)
    assert len(content) == 34
    with pytest.raises(RejectedInput) as rejected:
        decoders.decode(content)
    assert rejected.value.code == "too_many_pixels"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}])
def test_the_size_of_a_webp_is_read_from_its_header(options: dict[str, object]) -> None:
    assert claimed_size(encode(noise(123, 45), "WEBP", **options)) == (123, 45)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_thin_pictures_of_any_length_are_decoded(decoders: DecoderPool, kind: str) -> None:
    photo = decoders.decode(encode(noise(16, 100_000), kind))
    assert (photo.info.width, photo.info.height) == (16, 100_000)
    assert photo.info.height <= Limits().max_pixels
