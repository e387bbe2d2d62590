"""The service worker's script: `static/service-worker.js`, told which files of this version to keep."""

from __future__ import annotations

import json

from photofinish_functions.pages.static_files import StaticFiles

OFFLINE_PAGE = "/offline"
_SCRIPT = "service-worker.js"
_KEPT = (".js", ".svg", ".woff2")
_NOT_OF_RUNNERS = ("console/", "components-page", _SCRIPT)


def worker_script(static: StaticFiles) -> bytes:
    """What runs at `/service-worker.js`: it keeps the files that the runner's pages use."""
    files = [
        static.address(name) for name in static.files if name.endswith(_KEPT) and not name.startswith(_NOT_OF_RUNNERS)
    ]
    told = {"VERSION": static.version, "FILES": files, "OFFLINE": OFFLINE_PAGE}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in told.items())
    return head.encode() + static.files[_SCRIPT].content
