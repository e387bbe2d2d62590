"""A decoder that a picture has taken over: it runs as decoders do, and does what the file's content says."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from photofinish.analysis.decoders import program
from photofinish.analysis.imaging.decoded import DecodedPhoto, Limits
from photofinish.domain.analysis import ImageInfo
from photofinish.errors import RejectedInput

PROGRAM = (str(Path(__file__)),)


def _environment() -> str:
    return repr(sorted(os.environ.items()))


def _open_descriptors() -> str:
    found = []
    for descriptor in range(4096):
        try:
            os.lseek(descriptor, 0, os.SEEK_CUR)
        except OSError as error:
            if error.errno == errno.EBADF:
                continue
        found.append(descriptor)
    return repr(found)


def _execute_memory() -> str:
    return repr(mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))


def _thread() -> str:
    ended = threading.Event()
    threading.Thread(target=ended.set).start()
    return f"thread ended: {ended.wait(30)}"


def _trace_parent() -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, os.getppid(), 0, 0) == -1:  # PTRACE_ATTACH
        raise OSError(ctypes.get_errno(), "ptrace")
    return "attached"


def _hold_memory() -> str:
    return f"{len(bytes(1_500_000_000))} bytes"


def _compute() -> str:
    while True:
        pass


def _sleep() -> str:
    time.sleep(10_000)
    return "slept"


def _crash() -> str:
    ctypes.string_at(0)
    return "no crash"


def _say(text: bytes) -> Callable[[], str]:
    def say() -> str:
        # The answers' descriptor is the first one after the shared memory; all are tried.
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, text)
            except OSError:
                continue
        return "said it"

    return say


DEEDS: dict[bytes, Callable[[], str]] = {
    b"read a file": lambda: Path("/etc/passwd").read_text(),
    b"ask for a file": lambda: repr(os.stat("/etc/passwd")),
    b"list a folder": lambda: repr(os.listdir("/")),
    b"write a file": lambda: str(Path("/tmp/photofinish-escaped").write_text("escaped")),
    b"open a socket": lambda: repr(socket.socket()),
    b"open a pair of sockets": lambda: repr(socket.socketpair()),
    b"start a program": lambda: repr(subprocess.run(["/bin/true"], check=True)),
    b"become a program": lambda: repr(os.execv("/bin/true", ["true"])),
    b"fork": lambda: repr(os.fork()),
    b"trace the parent": _trace_parent,
    b"signal the parent": lambda: repr(os.kill(os.getppid(), 0)),
    b"make memory executable": _execute_memory,
    b"read the parent's environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_text(),
    b"make a pipe": lambda: repr(os.pipe()),
    b"environment": _environment,
    b"descriptors": _open_descriptors,
    b"thread": _thread,
    b"hold memory": _hold_memory,
    b"compute": _compute,
    b"sleep": _sleep,
    b"crash": _crash,
    b"say nonsense": _say(b"nonsense\n"),
    b"say a picture of another size": _say(
        b'{"decoded": {"size": [1000000, 1000000, 0], "info": [1, 1, "JPEG", null, null], "warnings": [], '
        b'"doubtful_orientation": 1}}\n'
    ),
    b"pid": lambda: str(os.getpid()),
}


def _do(content: bytes, limits: Limits) -> DecodedPhoto:
    if content == b"picture":
        info = ImageInfo(width=3, height=2, format="PNG")
        return DecodedPhoto(image=np.arange(18, dtype=np.uint8).reshape(2, 3, 3), info=info, colour_profile=b"icc")
    try:
        said = DEEDS[content]()
    except (OSError, RuntimeError) as error:
        raise RejectedInput("refused", f"{type(error).__name__}: {error}") from None
    raise RejectedInput("done", said)


if __name__ == "__main__":
    sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parent)]
    program.serve(_do)
