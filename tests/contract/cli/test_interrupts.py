"""Ctrl-C ends a command at once, whatever it does: real processes, because a signal belongs to one."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# Each is entered within one step of Python, and takes far longer than the test.
BUSY = {
    "a model computes": "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)",
    "threads upload": "[*ThreadPoolExecutor(1).map(lambda _: threading.Event().wait(3600), [1])]",
    "it waits": "threading.Event().wait(3600)",
}
COMMAND = """
import hashlib, signal, threading
from concurrent.futures import ThreadPoolExecutor
from photofinish_cli import interrupts, main
from photofinish_cli.commands import cost
from photofinish_cli.output import reported_errors

def busy(*_, **__):
    with reported_errors(on_interrupt="The rest goes on."):
        print("busy", flush=True)
        {busy}

cost.price_file = busy
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background of a shell ignores it
import sys
sys.argv = ["photofinish", "cost", "--photos", "1"]
main.run()
"""


@pytest.mark.parametrize("busy", BUSY)
def test_a_command_ends_at_once_and_says_what_goes_on(busy: str) -> None:
    command = [sys.executable, "-c", COMMAND.format(busy=BUSY[busy])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "busy\n"
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert said == "interrupted. The rest goes on.\n"
