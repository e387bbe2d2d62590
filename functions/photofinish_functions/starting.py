"""What a function checks before its server takes requests."""

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
"""Function → roles of the models that it runs; other functions run none."""


def refuse_wrong_models(target: str) -> None:
    """Exit with status 3 if the function `target` could not run its models, rather than fail on the first picture.

    One sentence in the log says what to do. No model is loaded.
    """
    if target not in MODELS:
        return
    try:
        settings = model_settings()
        check_models(settings, MODELS[target])
        searched_space(settings)  # searching needs a calibration; analysing does not
    except Misconfigured as error:
        log_json()
        log.error("cannot start: %s", error)
        sys.exit(EXIT_MISCONFIGURED)
