"""The models that the settings choose, without loading any."""

from __future__ import annotations

from collections.abc import Collection

from photofinish.analysis.models.catalogue import CPU_PROVIDER, LABEL_ROLES, built_file, catalogue, model_for
from photofinish.analysis.models.face_pack import FacePack
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.paddle_models import PaddleModels
from photofinish.analysis.models.picture_pair import PicturePair
from photofinish.analysis.models.providers import usable_providers
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.matching import Calibration
from photofinish.errors import Misconfigured

BIB_DETECTOR = "PHOTOFINISH_BIB_DETECTOR"
ANALYSIS_ROLES = (
    "face_detection",
    "face_embedding",
    "text_detection",
    "text_recognition",
    "bib_detection",
    *LABEL_ROLES,
)
"""Roles of the models that the analysis runs; from `bib_detection` on they are optional."""


def model_labels(settings: ModelSettings) -> dict[str, str]:
    """Map each role to the name and version of its model, as in sidecars.

    Raises:
        Misconfigured: a file in the settings is missing, or a licence was not accepted.
    """
    labels = {
        model.role: model.label_on(settings.providers)
        for model in catalogue()
        if runs_label_search(settings) or model.role not in LABEL_ROLES
    }
    if pack := FacePack.of(settings):
        labels |= {"face_detection": pack.detection.label, "face_embedding": pack.embedding.label}
    if paddle := PaddleModels.of(settings):
        labels |= {"text_detection": paddle.detection.file.label, "text_recognition": paddle.recognition.file.label}
    if bibs := bib_detector_file(settings):
        labels["bib_detection"] = bibs.label
    if pair := PicturePair.of(settings):
        labels["picture_embedding"] = pair.picture_file.label
    return labels


def runs_label_search(settings: ModelSettings) -> bool:
    """Whether the catalogue's models say what photos show; a pair of the operator takes their place."""
    return settings.label_search and settings.picture_pair is None


def bib_detector_file(settings: ModelSettings) -> ModelFile | None:
    """Return the operator's bib detector; None if there is none.

    Raises:
        Misconfigured: its file is missing.
    """
    return ModelFile.at(settings.bib_detector, variable=BIB_DETECTOR) if settings.bib_detector else None


def searched_space(settings: ModelSettings) -> tuple[str, Calibration]:
    """Return the embedding space of newly found faces, and its calibration.

    Raises:
        Misconfigured: the space is not calibrated, so it cannot be searched; the message says how to calibrate.
    """
    if pack := FacePack.of(settings):
        return pack.embedding_space, pack.calibration_to_search_with()
    model = model_for("face_embedding")
    if model.calibration is None:
        raise Misconfigured(f"the catalogue's model {model.label} has no calibration, which searching needs")
    return model.embedding_space or model.label, model.calibration


def embedding_model(settings: ModelSettings) -> tuple[str, str]:
    """Return the embedding space of newly found faces, and the SHA-256 of its model file.

    CPU forms of the model make the same space; the file is the model itself.

    Raises:
        Misconfigured: the pack's licence was not accepted, or its files are missing.
    """
    if pack := FacePack.of(settings):
        return pack.embedding_space, pack.embedding.sha256
    model = model_for("face_embedding")
    return model.embedding_space or model.label, model.sha256


def known_calibrations(settings: ModelSettings) -> dict[str, Calibration]:
    """Return the calibration of every calibrated embedding space: the catalogue's, and that of a pack in the settings.

    Raises:
        Misconfigured: the pack's licence was not accepted, or its files are missing.
    """
    known = {
        model.embedding_space: model.calibration
        for model in catalogue()
        if model.embedding_space is not None and model.calibration is not None
    }
    pack = FacePack.of(settings)
    calibration = pack.calibration() if pack else None
    return known | ({pack.embedding_space: calibration} if pack and calibration else {})


def check_models(settings: ModelSettings, roles: Collection[str]) -> None:
    """Check the models of `roles` without loading them: files, hashes, licences, providers.

    Raises:
        Misconfigured: something is missing or wrong.
    """
    chosen = {
        "face_detection": FacePack.of,
        "face_embedding": FacePack.of,
        "text_detection": PaddleModels.of,
        "text_recognition": PaddleModels.of,
        "bib_detection": bib_detector_file,
    }
    PicturePair.of(settings)
    for role in roles:
        if role in LABEL_ROLES:
            is_of_catalogue = runs_label_search(settings)
        else:
            is_of_catalogue = chosen[role](settings) is None and role != "bib_detection"
        if is_of_catalogue:
            for model in {model_for(role), model_for(role).for_portraits()}:
                built_file(model, settings.models_dir, settings.providers)
    if settings.providers != (CPU_PROVIDER,):  # every runtime has that one, and importing the runtime takes a while
        usable_providers(settings)
