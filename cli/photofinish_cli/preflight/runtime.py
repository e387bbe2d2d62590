"""What only shows once something runs: pgvector's version, and the driver of the GPUs."""

from __future__ import annotations

from collections.abc import Mapping

from photofinish import wiring
from photofinish.errors import Misconfigured, Unavailable
from photofinish_cli.preflight.findings import Finding, missing, note, ready, unknown
from photofinish_cli.preflight.needs import Needs


def check_database(environ: Mapping[str, str], project: str) -> Finding:
    """The version of pgvector, where the environment names this project's database."""
    name = "pgvector"
    if "DATABASE_URL" not in environ or environ.get("GOOGLE_CLOUD_PROJECT") != project:
        return note(name, "migrate checks the version on the first deploy; 0.8.0 is the oldest that works")
    try:
        version, warnings = wiring.pgvector_version(), wiring.pgvector_warnings()
    except Misconfigured as error:
        return missing(name, str(error), "update the server's pgvector, then: photofinish migrate")
    except Unavailable as error:
        return unknown(name, str(error))
    if warnings:
        return note(name, " ".join(warnings))
    return ready(name, f"{version}; nothing is known to be wrong with it")


# https://docs.cloud.google.com/run/docs/configuring/jobs/gpu
_DRIVERS = {"nvidia-l4": "535.216.03 (CUDA 12.2)", "nvidia-rtx-pro-6000": "580 (CUDA 13.0)"}


def gpu_driver(needs: Needs) -> Finding:
    """The driver of Cloud Run's GPUs, which no API tells."""
    name = "GPU driver"
    if needs.processor == "cpu":
        return ready(name, "none needed: analysis.processor is cpu")
    documented = _DRIVERS[needs.accelerator]
    return note(name, f"Cloud Run documents {documented} for {needs.accelerator}; a task logs at start what it found")
