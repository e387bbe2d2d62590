"""The sample album that the project makes, once for the test session; import the fixture."""

from __future__ import annotations

import pytest

from photofinish_cli.sample_album import SampleAlbum, make_sample_album


@pytest.fixture(scope="session")
def sample_album(tmp_path_factory: pytest.TempPathFactory) -> SampleAlbum:
    return make_sample_album(tmp_path_factory.mktemp("sample-album"), photos=8, seed=3, with_bad_files=True)
