"""Cloud Scheduler: calls functions and publishes to topics at intervals."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sys
import uuid
from datetime import UTC, datetime

import aiohttp

from photofinish_emulators.common.processes import base_environment
from photofinish_emulators.stack.spec import Function, Schedule, StackSpec

log = logging.getLogger(__name__)
ATTEMPT_DEADLINE_S = 180.0  # Cloud Scheduler's default
EVENT_TYPE = "google.cloud.scheduler.job.v1.executed"


async def run_schedules(spec: StackSpec, function_urls: dict[str, str], environment: dict[str, str]) -> None:
    """Run all schedules until cancelled. A failed call is logged; the next one comes at its time."""
    functions = {function.name: function for function in spec.functions}
    timeout = aiohttp.ClientTimeout(total=ATTEMPT_DEADLINE_S)
    publisher = _Publisher(environment)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for schedule in spec.schedules:
                run = _run(spec, schedule, functions, function_urls, publisher, session)
                group.create_task(run, name=schedule.name)
    finally:
        await publisher.close()


async def _run(
    spec: StackSpec,
    schedule: Schedule,
    functions: dict[str, Function],
    function_urls: dict[str, str],
    publisher: _Publisher,
    session: aiohttp.ClientSession,
) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + schedule.interval_s
    while True:
        await asyncio.sleep(due - loop.time())
        try:
            if schedule.function is not None:
                headers, body = http_request(spec, schedule, functions[schedule.function], datetime.now(UTC))
                url = function_urls[schedule.function]
                async with session.post(url, data=body, headers=headers) as response:
                    if response.status >= 400:
                        log.warning("schedule %s: %s returned %s", schedule.name, url, response.status)
            else:
                await publisher.publish(f"projects/{spec.project}/topics/{schedule.topic}", schedule.body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("schedule %s failed: %s", schedule.name, error)
        # The times that passed during a call longer than the interval are skipped.
        while due <= loop.time():
            due += schedule.interval_s


def http_request(spec: StackSpec, schedule: Schedule, function: Function, at: datetime) -> tuple[dict[str, str], bytes]:
    """Headers and body as Cloud Scheduler sends them; for a CloudEvent function, a binary CloudEvent."""
    time = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    headers = {
        "User-Agent": "Google-Cloud-Scheduler",
        "X-CloudScheduler": "true",
        "X-CloudScheduler-JobName": schedule.name,
        "X-CloudScheduler-ScheduleTime": time,
    }
    if function.signature == "http":
        return headers | {"Content-Type": "application/octet-stream"}, schedule.body.encode()
    job = f"projects/{spec.project}/locations/{spec.location}/jobs/{schedule.name}"
    event = {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": str(uuid.uuid4()),
        "ce-type": EVENT_TYPE,
        "ce-source": f"//cloudscheduler.googleapis.com/{job}",
        "ce-time": time,
    }
    return headers | event, json.dumps({"customData": base64.b64encode(schedule.body.encode()).decode()}).encode()


class _Publisher:
    """Publishes with the official client in a process of its own (provision.py says why), started on first use.

    One for each message would take more of an idle machine than everything else.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = base_environment() | environment
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def publish(self, topic: str, body: str) -> None:
        """Raises OSError, or TimeoutError after `ATTEMPT_DEADLINE_S`, if it is not known to be published."""
        async with asyncio.timeout(ATTEMPT_DEADLINE_S), self._turn:
            process = await self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps({"topic": topic, "body": body}).encode() + b"\n")
                await process.stdin.drain()
                answer = await process.stdout.readline()
                if not answer:
                    raise ChildProcessError(f"the process that publishes ended with {await process.wait()}")
            except BaseException:
                await self.close()  # a late answer would be taken for that to the next message
                raise
        if error := json.loads(answer)["error"]:
            raise OSError(error)

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "photofinish_emulators.stack.publish"),
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        return self._process
