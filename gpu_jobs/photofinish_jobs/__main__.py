"""``python -m photofinish_jobs``: one task of the analysis job, as Cloud Run starts it."""

from __future__ import annotations

import logging
import os
import signal
import sys

from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.models.selection import ANALYSIS_ROLES, check_models
from photofinish.errors import Misconfigured
from photofinish.logs import fields, log_json
from photofinish.settings import JobSettings
from photofinish.wiring import app, model_settings
from photofinish_jobs.worker import Worker

log = logging.getLogger("photofinish_jobs")


def main() -> int:
    log_json()
    try:
        cloud = app()
        models = model_settings()
        check_models(models, ANALYSIS_ROLES)  # before a place is taken and before models take seconds to load
        worker = Worker(
            queue=cloud.queue,
            store=cloud.store,
            index=cloud.index,
            documents=cloud.documents,
            events=cloud.events,
            leases=cloud.leases,
            album_rules=cloud.album_rules,
            load_analyzer=lambda: Analyzer.load(models),
            place=task_place(os.environ),
            settings=JobSettings.from_env(),
        )
        signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
        tally = worker.run()
    except Misconfigured as error:
        log.error("cannot start: %s", error)
        return 3
    log.info(
        "finished",
        extra=fields(done=tally.done, rejected=tally.rejected, given_back=tally.given_back, repeated=tally.repeated),
    )
    return 0


def task_place(environ: os._Environ[str] | dict[str, str]) -> str:
    """The place that this task holds: the one `launch_workers` reserved, or its own when it was started by hand."""
    launch = environ.get("PHOTOFINISH_LAUNCH_ID") or environ.get("CLOUD_RUN_EXECUTION") or f"pid-{os.getpid()}"
    return f"{launch}/{environ.get('CLOUD_RUN_TASK_INDEX', '0')}"


if __name__ == "__main__":
    sys.exit(main())
