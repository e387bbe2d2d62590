"""What clients announce of files comes back from the metadata, and what differs from it is rejected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.announced import SIZE_METADATA, Announced, announced_in, check_as_announced, metadata_of
from photofinish.errors import RejectedInput

ANNOUNCED = Announced(size_bytes=5, crc32c="AAAAAA==")


@given(st.builds(Announced, size_bytes=st.integers(0), crc32c=st.none() | st.text()))
def test_what_was_announced_is_read_again(announced: Announced) -> None:
    assert announced_in(metadata_of(announced)) == announced


@pytest.mark.parametrize("metadata", [None, "text", {}, {SIZE_METADATA: "-1"}, {SIZE_METADATA: "٣"}])
def test_other_metadata_announces_nothing(metadata: object) -> None:
    assert announced_in(metadata) is None


@pytest.mark.parametrize(
    ("announced", "crc32c"),
    [(ANNOUNCED, "AAAAAA=="), (ANNOUNCED, None), (Announced(size_bytes=5), "BBBBBB=="), (None, "BBBBBB==")],
)
def test_what_is_as_announced_passes(announced: Announced | None, crc32c: str | None) -> None:
    check_as_announced(announced, size_bytes=5, crc32c=crc32c)


@pytest.mark.parametrize(("size_bytes", "crc32c"), [(4, "AAAAAA=="), (6, None), (5, "BBBBBB==")])
def test_what_differs_is_rejected(size_bytes: int, crc32c: str | None) -> None:
    with pytest.raises(RejectedInput) as caught:
        check_as_announced(ANNOUNCED, size_bytes=size_bytes, crc32c=crc32c)
    assert caught.value.code == "not_as_announced"
