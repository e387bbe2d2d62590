"""The pages as a browser gets them: headers, languages, static files."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from photofinish.domain.sessions import SessionToken
from photofinish_functions.pages import routes
from photofinish_functions.pages.messages import Catalogue
from photofinish_functions.pages.static_files import StaticFiles

STORAGE, LIVE = "https://storage.example.org", "https://live.example.org"
RUNNERS = ["/a/spring-10k", "/s/token", "/offline"]
PAGES = ["/components", *RUNNERS, "/console", "/console/albums/spring-10k/photos"]

VIEWS = {"/console": ["console/albums.js"], "/console/albums/spring-10k/photos": ["console/photos/view.js"]}


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(routes.blueprint(lambda: STORAGE, LIVE))
    return app.test_client()


def sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def policy_of(header: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_only_what_this_origin_serves(client: FlaskClient, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    policy = policy_of(answer.headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    written = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    assert written
    assert policy["style-src"] == ["'self'", *(f"'sha256-{sha256(style)}'" for style in written)]
    # The API leads to the film in the bucket.
    assert policy["media-src"] == ["'self'", STORAGE]
    assert policy["connect-src"] == ["'self'", STORAGE, LIVE]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("page", PAGES)
def test_everything_that_a_page_loads_is_served_and_kept(client: FlaskClient, page: str) -> None:
    html = client.get(page).text
    assert not re.search(r"\sstyle=|\son[a-z]+=|<script>", html), "the policy would block it"
    addresses = set(re.findall(r'(?:src="|href="|url\(")(/static/[^"#]+)', html))
    assert len(addresses) >= 4
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_waits_for_no_style_and_names_every_module_that_it_will_import(client: FlaskClient, page: str) -> None:
    html, static = client.get(page).text, StaticFiles.load()
    assert 'rel="stylesheet"' not in html
    [script] = re.findall(r'<script type="module" src="([^"]+)"', html)
    named = [script, *re.findall(r'<link rel="modulepreload" href="([^"]+)"', html)]
    assert named == list(static.modules(script.split("/", 3)[3], *VIEWS.get(page, [])))


@pytest.mark.parametrize("page", RUNNERS)
def test_what_needs_scripts_shows_that_it_is_not_ready(client: FlaskClient, page: str) -> None:
    html = client.get(page).text
    hidden = re.compile(r"<(form|section|div)\b[^>]* hidden\b.*?</\1>", re.DOTALL)
    for button in re.findall(r"<button\b[^>]*>", hidden.sub("", html)):
        works_alone = page == "/offline"  # its button sends a form, which asks for the page again
        assert works_alone or re.search(r"\s(hidden|disabled)\b", button), f"{button} would do nothing"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", Catalogue.load().languages)
def test_a_page_speaks_each_language(client: FlaskClient, page: str, language: str) -> None:
    html = client.get(page, headers={"Accept-Language": f"{language}-XX, zz;q=0.9"}).text
    assert f'<html lang="{language}">' in html


def test_a_chosen_language_is_remembered(client: FlaskClient) -> None:
    client.get("/components?lang=de")
    assert '<html lang="de">' in client.get("/components", headers={"Accept-Language": "es"}).text
    assert '<html lang="de">' in client.get("/components?lang=tlh").text


@pytest.mark.parametrize("address", ["/a/spring-10k", "/static/{version}/tokens.css"])
def test_pages_and_files_are_compressed_for_browsers_that_take_it(client: FlaskClient, address: str) -> None:
    address = address.format(version=StaticFiles.load().version)
    plain = client.get(address)
    assert "Content-Encoding" not in plain.headers
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_there_is_an_icon_where_browsers_look_for_it(client: FlaskClient) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.mimetype) == (200, "image/x-icon")
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    with Image.open(io.BytesIO(answer.data)) as icon:
        assert icon.info["sizes"] == {(32, 32), (48, 48)}


def test_the_icons_of_the_manifest_have_their_sizes() -> None:
    static = StaticFiles.load()
    icons = json.loads(static.files["app.webmanifest"].content)["icons"]
    assert {icon["sizes"] for icon in icons} == {"192x192", "512x512", "any"}
    for icon in icons:
        found = static.files[icon["src"]]
        assert found.content_type == icon["type"]
        if icon["sizes"] != "any":
            with Image.open(io.BytesIO(found.content)) as picture:
                assert "{}x{}".format(*picture.size) == icon["sizes"]


@pytest.mark.parametrize("page", ["/console", "/a/spring-10k"])
def test_a_page_knows_whether_its_browser_has_a_session(client: FlaskClient, page: str) -> None:
    """So that its scripts need not ask, which browsers would report as a failed request."""

    def has_none(site: str | None) -> bool:
        html = client.get(page, headers={} if site is None else {"Sec-Fetch-Site": site}).text
        return '<meta name="session" content="none">' in html

    assert has_none("none")
    assert has_none("same-origin")
    # The browser did not send the cookie of an organiser, or does not say from where the request comes.
    assert not has_none("cross-site")
    assert not has_none(None)
    client.set_cookie("photofinish", SessionToken.generate().text)
    assert not has_none("none")


def test_a_page_of_another_revision_gets_what_is_there_but_does_not_keep_it(client: FlaskClient) -> None:
    answer = client.get("/static/000000000000/tokens.css")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_unknown_file_is_not_found(client: FlaskClient) -> None:
    for name in ("nothing.js", "../routes.py", "%2e%2e/routes.py"):
        assert client.get(f"/static/{StaticFiles.load().version}/{name}").status_code == 404


def test_the_console_opens_with_a_slash_at_its_end(client: FlaskClient) -> None:
    answer = client.get("/console/", follow_redirects=True)
    assert (answer.status_code, answer.request.path) == (200, "/console")
