"""What a function's server looks at before it takes requests."""

from __future__ import annotations

import logging
import sys

from photofinish.analysis.models.selection import check_models, searched_space
from photofinish.errors import Misconfigured
from photofinish.logs import log_json
from photofinish.wiring import model_settings

log = logging.getLogger(__name__)
EXIT_MISCONFIGURED = 3
_FACES = ("face_detection", "face_embedding")
MODELS = {
    "api": _FACES,
    "on_enrolment_finalized": _FACES,
    "rekognition": (*_FACES, "text_detection", "text_recognition"),
}
"""Function to the roles of the models that it runs; others run none."""


def refuse_wrong_models(target: str) -> None:
    """End the process where the function `target` could not run its models: now, not when the first picture comes.

    Its exit status is then 3, and one sentence in the log says what to do. Nothing is loaded.
    """
    if target not in MODELS:
        return
    try:
        settings = model_settings()
        check_models(settings, MODELS[target])
        searched_space(settings)  # which needs a calibration; to analyse needs none
    except Misconfigured as error:
        log_json()
        log.error("cannot start: %s", error)
        sys.exit(EXIT_MISCONFIGURED)
