"""gunicorn's configuration for the application of functions-framework.

    gunicorn --config python:photofinish_functions.gunicorn_config

The same as functions-framework's own, except that several processes share the requests evenly. By default a process
accepts more connections than it can work on, so requests wait in one process while another is idle.

FUNCTION_TARGET, FUNCTION_SOURCE and FUNCTION_SIGNATURE_TYPE choose the function, as usual.
"""

from __future__ import annotations

import os

wsgi_app = "photofinish_functions.serving:create_app()"
# HOST is not set in a container, which must be reachable from outside.
bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8080')}"  # noqa: S104
workers = int(os.environ.get("WORKERS", "1"))
threads = int(os.environ.get("THREADS", "8"))
worker_class = "gthread"
if os.environ.get("FUNCTION_TARGET") == "live":  # as functions-framework serves ASGI functions, in one event loop
    worker_class = "photofinish_functions.live.worker.LiveWorker"
    graceful_timeout = 9  # Cloud Run kills an instance ten seconds after it told it to stop
preload_app = True  # loaded once; if the function cannot start, the command ends
timeout = 0  # Cloud Run has a request timeout of its own
limit_request_line = 8190  # the most that gunicorn can bound, and far more than a cursor has
loglevel = os.environ.get("GUNICORN_LOG_LEVEL", "error")
if workers > 1:
    # Accept only what the process can work on soon; the next request goes to the first process that is free. No
    # connection is kept, as it would stay with its process, and Cloud Run has few of them for many clients. To a local
    # cloud, browsers connect themselves; it keeps at most `worker_connections - threads`, so that threads stay free.
    worker_connections = 2 * threads
    keepalive = int(os.environ.get("KEEP_ALIVE_S", "0"))
