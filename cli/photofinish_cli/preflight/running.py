"""Runs the checks, a few at a time; one that cannot ask becomes a finding that says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from photofinish_cli.preflight import access, places, policies, project, quotas
from photofinish_cli.preflight.checking import Check
from photofinish_cli.preflight.findings import Finding, unknown
from photofinish_cli.preflight.google_apis import CouldNotAsk, GoogleApis
from photofinish_cli.preflight.needs import Needs

AT_ONCE = 4
"""Calls under way at a time: the APIs' quotas count calls a minute."""
CHECKS: tuple[Check, ...] = (
    *project.CHECKS, *access.CHECKS, *places.CHECKS, *quotas.CHECKS, *policies.CHECKS,
)  # fmt: skip


def run_checks(
    google: GoogleApis, needs: Needs, *, on_progress: Callable[[], None], checks: Sequence[Check] = CHECKS
) -> list[Finding]:
    """What all checks found, in their order; `on_progress` is called after each."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="check") as pool:
        runs = [pool.submit(_run, check, google, needs) for check in checks]
        for run in runs:
            run.add_done_callback(lambda _: on_progress())
        return [finding for run in runs for finding in run.result()]


def _run(check: Check, google: GoogleApis, needs: Needs) -> list[Finding]:
    try:
        return list(check.run(google, needs))
    except CouldNotAsk as refused:
        return [unknown(check.name, str(refused), *refused.mend)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The decisions read answers as they are documented; Google may answer otherwise one day.
        return [unknown(check.name, f"the answer has another form than documented ({type(error).__name__}: {error})")]
