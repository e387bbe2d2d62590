"""What the harness of faults does to processes and calls: a fault that does not happen would prove nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import grpc
import psutil
import pytest
import requests

from support.faulty_cloud.clocks import ShiftedClock, clock_library
from support.faulty_cloud.disks import forbid_writing, permit_writing
from support.faulty_cloud.failing_calls import FailingCalls
from support.http_server import HttpServer

CALLS = 60
SHARE = 0.3


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server whose one method answers with the request."""
    server = grpc.server(ThreadPoolExecutor(4))
    method = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Echo", {"Say": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


@pytest.mark.parametrize("share", [0.0, SHARE])
def test_a_share_of_grpc_calls_fails(echo: int, share: float) -> None:
    failing = FailingCalls(echo, share, seed=1, is_grpc=True)
    answers, errors = [], []
    with grpc.insecure_channel(f"127.0.0.1:{failing.port}") as channel:
        say = channel.unary_unary("/Echo/Say")
        for number in range(CALLS):
            try:
                answers.append(say(b"%d" % number, timeout=30))
            except grpc.RpcError as error:
                errors.append(error.code())
    failing.close()
    assert len(errors) == failing.failed
    assert len(answers) + len(errors) == CALLS
    assert (len(errors) > 5) == (share > 0)


def test_a_share_of_requests_fails() -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = HttpServer(("127.0.0.1", 0), Answers)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever, 0.05)
        failing = FailingCalls(server.server_port, SHARE, seed=1, is_grpc=False)
        url = f"http://127.0.0.1:{failing.port}/storage/v1/b/photos/o/1.jpg"
        statuses = [requests.get(url, timeout=30).status_code for _ in range(CALLS)]
        failing.close()
        server.shutdown()
    server.server_close()
    assert sum(status >= 400 for status in statuses) == failing.failed > 5
    assert statuses.count(200) == CALLS - failing.failed


def test_the_clock_of_a_running_process_jumps(tmp_path: Path) -> None:
    library = clock_library(tmp_path)
    if library is None:
        pytest.skip("there is no C compiler")
    clock = ShiftedClock(library, tmp_path / "clock")
    program = (
        "import sys, time, datetime\n"
        "for _ in sys.stdin: print(time.time(), datetime.datetime.now().timestamp(), time.monotonic(), flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=-1, stdout=-1, text=True, env=clock.environment
    ) as process:

        def told() -> list[float]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return [float(one) for one in process.stdout.readline().split()]

        for shift_s in (0, 7200, -7200, 0):
            clock.shift(shift_s)
            wall, day, monotonic = told()
            assert wall - time.time() == pytest.approx(shift_s, abs=30)
            assert day == pytest.approx(wall, abs=30)
            assert monotonic == pytest.approx(time.monotonic(), abs=30)
        process.communicate()


def test_a_process_cannot_write_files_until_it_may_again(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "for line in sys.stdin:\n"
        "    try:\n"
        f"        with open({str(tmp_path / 'file')!r}, 'w') as file: file.write('more than seven bytes')\n"
        "    except OSError: print('refused', flush=True)\n"
        "    else: print('written', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as process:

        def tries() -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        assert tries() == "written"
        assert forbid_writing([psutil.Process(process.pid)]) == 1
        assert tries() == "refused"
        permit_writing()
        assert tries() == "written"
        process.communicate()
