"""Use cases, put together from adapters and models."""

from __future__ import annotations

import functools
from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.settings import SignedAccessSettings
from photofinish.wiring.checking_use_cases import CheckingUseCases
from photofinish.wiring.telling_use_cases import TellingUseCases

if TYPE_CHECKING:
    from photofinish.application.launch_workers import WorkerLauncher
    from photofinish.application.queue import QueueReading


class App(CheckingUseCases, TellingUseCases):
    """One deployment: its adapters, its models, and the use cases that keep state between requests.

    Tests assign their doubles before the first use: ``app.documents = MemoryDocuments()``.
    """

    @cached_property
    def worker_launcher(self) -> WorkerLauncher:
        from photofinish.application.gpu_or_cpu import GpuOrCpuLauncher
        from photofinish.application.launch_workers import WorkerLauncher

        start = functools.partial(
            WorkerLauncher,
            documents=self.documents,
            leases=self.leases,
            max_tasks=self.settings.max_gpu_tasks,
            photos_per_task=self.settings.photos_per_task,
            launch_lease_s=self.settings.launch_lease_s,
            without_tasks=lambda: self.halted_albums.read().without_tasks,
        )
        if self.settings.processor != "auto":
            return start(launcher=self.launcher)
        either = GpuOrCpuLauncher(
            gpu=self.launcher,
            cpu=self.cpu_launcher,
            states=self.gpu_states,
            leases=self.leases,
            start_within_s=self.settings.launch_lease_s,
            first_retry_s=self.settings.gpu_retry_s,
        )
        return start(launcher=either, settle=either.settle)

    @cached_property
    def queue_reading(self) -> QueueReading:
        from photofinish.application.queue import QueueReading

        return QueueReading(self.documents, self.leases, self.event_log, self.statistics)

    @cached_property
    def signed_access_settings(self) -> SignedAccessSettings:
        """Those of the function that admits signed requests."""
        return SignedAccessSettings.from_env()
