"""``python -I -m photofinish_jobs``: one task of the analysis job, as Cloud Run starts it.

It takes no arguments: a caller who may start the job with overrides can set them; they must not change what it does.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.models.providers import runtime_report
from photofinish.analysis.models.selection import ANALYSIS_ROLES, check_models, searched_space
from photofinish.analysis.video.limits import VideoLimits
from photofinish.analysis.video.video_analyzer import VideoAnalyzer
from photofinish.application.commit import Committer
from photofinish.application.gpu_or_cpu import GPU_LAUNCH_ID, confirm_gpu
from photofinish.application.ingest import queue_rest
from photofinish.domain.album_cost import AlbumTime
from photofinish.domain.photo import PhotoRef
from photofinish.domain.prices import Processor
from photofinish.errors import Misconfigured, Unavailable
from photofinish.logs import fields, log_json
from photofinish.settings import JobSettings
from photofinish.wiring import App, app, model_settings
from photofinish_jobs.lease_keeper import LeaseKeeper
from photofinish_jobs.pipeline import Commit, Pipeline
from photofinish_jobs.rules import RecentRules
from photofinish_jobs.worker import Worker

log = logging.getLogger("photofinish_jobs")
# A photo is given a quarter of the task's time; then the task hangs on it.
HOLD_LIMIT = 0.25
HANGING = 4
"""The exit status of a task that hung."""


def main(arguments: Sequence[str]) -> int:
    log_json()
    try:
        if arguments:
            raise Misconfigured(f"a task takes no arguments, but was started with {len(arguments)}")
        cloud = app()
        models = model_settings()
        # Both before the lease is taken, and before models load for seconds.
        check_models(models, ANALYSIS_ROLES)
        log.info("runtime", extra=fields(**runtime_report(models)))
        settings = JobSettings.from_env()
        if launch_id := os.environ.get(GPU_LAUNCH_ID):
            confirm_gpu(launch_id, cloud.gpu_states)
        cloud.await_database()  # rather than take photos from the queue whose results cannot be stored

        keeper = LeaseKeeper(
            cloud.queue,
            cloud.leases,
            task_lease_id(os.environ),
            ack_deadline_s=settings.ack_deadline_s,
            heartbeat_s=settings.heartbeat_s,
            hold_limit_s=settings.task_timeout_s * HOLD_LIMIT,
            on_hanging=end_at_once,
        )
        limits = VideoLimits(max_file_bytes=cloud.settings.max_video_bytes, max_duration_s=cloud.settings.max_video_s)

        def load_pipeline(commit: Commit) -> Pipeline:
            analyzer = Analyzer.load(models)
            return Pipeline(
                cloud.store,
                RecentRules(cloud.album_rules),
                analyzer,
                lambda: VideoAnalyzer(analyzer, searched_space(models)[1], limits=limits),
                commit,
                parts=cloud.video_parts,
                documents=cloud.documents,
                should_stop=lambda: worker.should_stop_videos(),
                on_progress=keeper.progressed,
            )

        worker = Worker(
            keeper,
            Committer(
                cloud.store,
                cloud.index,
                cloud.documents,
                cloud.events,
                cloud.erasures,
                cloud.erasable_objects,
                cloud.admission,
                cloud.album_policies,
                cloud.video_parts,
            ),
            load_pipeline,
            settings,
            # The lease's id is no name of this run: a task that died is started again with it.
            partial(report_times, cloud, str(uuid.uuid4()), processor_of(cloud.settings.processor, os.environ)),
            cloud.halted_reading.among,
            partial(queue_rest, documents=cloud.documents, queue=cloud.queue, events=cloud.events),
        )
        signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
        tally = worker.run()
    except Misconfigured as error:
        log.error("cannot start: %s", error)
        return 3
    except Unavailable as error:
        log.error("ended, to be started again: %s", error)
        return 1
    log.info(
        "finished",
        extra=fields(**asdict(tally)),
    )
    return 0


def end_at_once(photos: Sequence[PhotoRef]) -> None:
    """End this process though a thread hangs: the photos are delivered again, and tried alone."""
    photo_ids = [photo.photo_id for photo in photos]
    log.error("hanging: the task ends, and what it held is delivered again", extra=fields(photo_ids=photo_ids))
    logging.shutdown()
    os._exit(HANGING)


def report_times(cloud: App, run_id: str, processor: Processor, times: Mapping[str, AlbumTime]) -> None:
    """Record what albums took of this task, and see whether they may go on."""
    cloud.task_times.report(run_id, processor, times)
    cloud.album_budgets.check(times.keys())


def processor_of(configured: str, environ: Mapping[str, str]) -> Processor:
    """Return what this task's machine is paid for; with `auto`, launches with GPUs have an id."""
    is_on_cpu = configured == "cpu" or (configured == "auto" and not environ.get(GPU_LAUNCH_ID))
    return Processor.CPU if is_on_cpu else Processor.L4


def task_lease_id(environ: Mapping[str, str]) -> str:
    """Return the id of the lease that `launch_workers` reserved for this task, or of its own if started by hand."""
    launch = environ.get("PHOTOFINISH_LAUNCH_ID") or environ.get("CLOUD_RUN_EXECUTION") or f"pid-{os.getpid()}"
    return f"{launch}/{environ.get('CLOUD_RUN_TASK_INDEX', '0')}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
