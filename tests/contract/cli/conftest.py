"""The built models and a few photos, for the commands that look at pictures."""

from __future__ import annotations

import pytest

from photofinish_cli.sample_album import SampleAlbum, make_sample_album


@pytest.fixture(scope="session")
def small_album(tmp_path_factory: pytest.TempPathFactory) -> SampleAlbum:
    """Three photos, and three files that are none."""
    return make_sample_album(tmp_path_factory.mktemp("small_album"), photos=3, with_bad_files=True)
