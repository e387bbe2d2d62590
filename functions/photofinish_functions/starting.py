"""What a function checks before its server takes requests."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

from photofinish.analysis.models.selection import check_models, searched_space
from photofinish.errors import Misconfigured
from photofinish.logs import log_json
from photofinish.settings import check_secrets_differ
from photofinish.wiring import model_settings
from photofinish_functions.function_specs import FUNCTIONS

log = logging.getLogger(__name__)
EXIT_MISCONFIGURED = 3


def refuse_shared_secrets(target: str) -> None:
    """Exit with status 3 if two secrets of the function `target` have a value in common."""
    classes = next((spec.settings for spec in FUNCTIONS if spec.entry_point == target), ())
    try:
        check_secrets_differ(classes, os.environ)
    except Misconfigured as error:
        _exit(error)


def refuse_wrong_models(target: str) -> None:
    """Exit with status 3 if the function `target` could not run its models, rather than fail on the first picture.

    One sentence in the log says what to do. No model is loaded.
    """
    roles = next((spec.models for spec in FUNCTIONS if spec.entry_point == target), ())
    if not roles:
        return
    try:
        settings = model_settings()
        check_models(settings, roles)
        searched_space(settings)  # searching needs a calibration; analysing does not
    except Misconfigured as error:
        _exit(error)


def _exit(error: Misconfigured) -> NoReturn:
    log_json()
    log.error("cannot start: %s", error)
    sys.exit(EXIT_MISCONFIGURED)
