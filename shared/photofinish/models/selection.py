"""Which models the settings choose, without loading any."""

from __future__ import annotations

from photofinish.models.bib_detection import VARIABLE as BIB_DETECTOR
from photofinish.models.catalogue import catalogue
from photofinish.models.model_file import ModelFile
from photofinish.models.settings import ModelSettings


def model_labels(settings: ModelSettings) -> dict[str, str]:
    """Role to name and version of every model that the analysis runs, as sidecars name them.

    Raises:
        Misconfigured: a file that the settings name is missing.
    """
    labels = {model.role: model.label_on(settings.providers) for model in catalogue()}
    if bibs := bib_detector_file(settings):
        labels["bib_detection"] = bibs.label
    return labels


def bib_detector_file(settings: ModelSettings) -> ModelFile | None:
    """The operator's bib detector; None where there is none.

    Raises:
        Misconfigured: its file is missing.
    """
    return ModelFile.at(settings.bib_detector, variable=BIB_DETECTOR) if settings.bib_detector else None
