"""The API's documentation as a page: it works with scripts of this service alone, and the browser is told so."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from support.browser import CLIENTS, chromium, why_not
from support.http_server import served
from support.openapi_document import app_without_services

DEADLINE_S = 300


@pytest.mark.timeout(DEADLINE_S)
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_the_page_shows_the_routes_and_breaks_no_rule_of_its_policy() -> None:
    with served(app_without_services()) as url:
        done = subprocess.run(
            ["node", "docs_page.mjs", f"{url}/v1/docs"],
            cwd=CLIENTS,
            env=os.environ | {"CHROMIUM": chromium() or ""},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["complaints"] == []
    assert seen["operations"] >= 3


def test_the_policy_allows_no_inline_scripts_and_no_other_origin() -> None:
    client = app_without_services().test_client()
    policy = client.get("/v1/docs").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    files = [client.get(f"/v1/docs/{name}") for name in ("start.js", "swagger-ui.js", "swagger-ui.css")]
    for file in files:
        assert file.status_code == 200
        again = client.get(file.request.path, headers={"If-None-Match": file.headers["ETag"]})
        assert again.status_code == 304
