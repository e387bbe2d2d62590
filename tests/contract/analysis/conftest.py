"""One analyzer for all tests of this folder: loading takes longer than most of them."""

from __future__ import annotations

import pytest

from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.models.settings import ModelSettings


@pytest.fixture(scope="session")
def analyzer(model_settings: ModelSettings) -> Analyzer:
    return Analyzer.load(model_settings)
