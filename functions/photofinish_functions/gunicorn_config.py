"""How gunicorn serves the application of functions-framework.

    gunicorn --config python:photofinish_functions.gunicorn_config

Beside what functions-framework itself would set, several processes share the requests evenly. Left alone, each takes
whatever connections it gets hold of, and people wait in one while another has nothing to do.

FUNCTION_TARGET, FUNCTION_SOURCE and FUNCTION_SIGNATURE_TYPE say which function it is, as ever.
"""

from __future__ import annotations

import os

wsgi_app = "functions_framework:create_app()"
# In a container, which is reached from outside, HOST is not set.
bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8080')}"  # noqa: S104
workers = int(os.environ.get("WORKERS", "1"))
threads = int(os.environ.get("THREADS", "8"))
worker_class = "gthread"
preload_app = True  # loaded once, and a function that cannot start ends the command
timeout = 0  # Cloud Run ends what takes too long
limit_request_line = 0
loglevel = os.environ.get("GUNICORN_LOG_LEVEL", "error")
if workers > 1:
    # A process takes no more than it works on soon; the next request goes to whoever is free first.
    worker_connections = 2 * threads
    keepalive = 0
