"""The models as a GPU runs them, on this machine's CPU: the catalogue's files, without the forms for CPUs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from photofinish.analysis.models.catalogue import CatalogueModel


@contextmanager
def models_of_a_gpu() -> Iterator[None]:
    """Load models inside this as with a GPU; labels and pipeline versions are those of a GPU, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CatalogueModel, "cpu_form", lambda _model, _providers: None)
        yield
