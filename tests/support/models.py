"""The built models, for every test that looks at pictures."""

from __future__ import annotations

import functools

import pytest

from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.models.building import build
from photofinish.analysis.models.settings import ModelSettings, default_models_dir


@pytest.fixture(scope="session")
def model_settings() -> ModelSettings:
    """Settings whose models are built: into the user's cache, so that only the first run pays (about a second)."""
    settings = ModelSettings(models_dir=default_models_dir())
    build(settings.models_dir)
    return settings


@functools.cache
def shared_decoders() -> DecoderPool:
    """One pool for all tests that only need pictures decoded; those that harm decoders make their own."""
    return DecoderPool(2)


@pytest.fixture(scope="session")
def decoders() -> DecoderPool:
    return shared_decoders()
