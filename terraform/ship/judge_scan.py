#!/usr/bin/env python3
"""Decide by the scan of an image whether it may be deployed: judge_scan.py FILE

FILE is what `gcloud artifacts docker images describe IMAGE --show-package-vulnerability --format=json` printed
(docs.cloud.google.com/sdk/gcloud/reference/artifacts/docker/images/describe). Exit status: 0 if it may be deployed,
1 if it has a critical vulnerability that an update would fix or could not be scanned, 75 while the scan runs.
"""

from __future__ import annotations

import json
import sys
from typing import Any

OK, REFUSED, RUNNING = 0, 1, 75
# Of analysisStatus (docs.cloud.google.com/artifact-analysis/docs/reference/rest/v1/projects.occurrences).
FINISHED = "FINISHED_SUCCESS"
FAILED = {"FINISHED_FAILED", "FINISHED_UNSUPPORTED"}
NO_FIX = "MAXIMUM"  # kind of the version of a fix that does not exist


def status_of(image: dict[str, Any]) -> str:
    """Status of the scan; PENDING before there is any."""
    discoveries = image.get("discovery_summary", {}).get("discovery", [])
    statuses = [discovery["discovery"].get("analysisStatus", "PENDING") for discovery in discoveries]
    return next((status for status in statuses if status in FAILED), statuses[0] if statuses else "PENDING")


def fixable(vulnerability: dict[str, Any]) -> bool:
    """Whether an update of a package would remove it. Without a fix, a refusal would only stop every deploy."""
    issues = vulnerability["vulnerability"].get("packageIssue", [])
    return any(issue.get("fixedVersion", {}).get("kind", NO_FIX) != NO_FIX for issue in issues)


def judge(image: dict[str, Any]) -> tuple[int, str]:
    """Return an exit status and what to print."""
    status = status_of(image)
    if status in FAILED:
        return REFUSED, f"The scan ended with {status}: the image is not deployed."
    if status != FINISHED:
        return RUNNING, f"The scan is {status}."
    critical = image.get("package_vulnerability_summary", {}).get("vulnerabilities", {}).get("CRITICAL", [])
    names = sorted(found["noteName"].rsplit("/", 1)[-1] for found in critical if fixable(found))
    unfixed = len(critical) - len(names)
    if names:
        return (
            REFUSED,
            f"Critical vulnerabilities that an update fixes: {', '.join(names)}. Update the base image or the package.",
        )
    return OK, f"No critical vulnerability that an update would fix ({unfixed} without a fix)."


def main(file: str) -> int:
    with open(file, encoding="utf-8") as text:
        status, message = judge(json.load(text))
    print(message)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
