"""A check that cannot ask says so, with what to do: never a crash, never a quiet pass."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish_cli.preflight import google_apis
from photofinish_cli.preflight.findings import Finding, State
from photofinish_cli.preflight.google_apis import GoogleApis
from photofinish_cli.preflight.needs import Needs
from photofinish_cli.preflight.running import CHECKS, run_checks
from support.examples import examples
from support.google_cloud import PERMISSIONS, PROJECT, SERVICES, GoogleCloud

Serve = Callable[[GoogleCloud], GoogleApis]


def checked(google: GoogleApis, needs: Needs) -> list[Finding]:
    done: list[None] = []
    found = run_checks(google, needs, on_progress=lambda: done.append(None))
    assert len(done) == len(CHECKS)
    return found


def asking(service: str, google: GoogleApis, needs: Needs) -> set[str]:
    """The names of the checks that call a service."""

    class Asked(Exception):
        pass

    class Recorder:
        def get(self, called: str, *rest: Any) -> Any:
            if called == service:
                raise Asked
            return google.get(called, *rest)

        def post(self, called: str, *rest: Any) -> Any:
            if called == service:
                raise Asked
            return google.post(called, *rest)

        def bucket(self, name: str) -> Any:
            if service == "storage":
                raise Asked
            return google.bucket(name)

    found = set()
    for check in CHECKS:
        try:
            check.run(Recorder(), needs)  # type: ignore[arg-type]
        except Asked:
            found.add(check.name)
    return found


def test_a_project_that_has_everything_is_ready(apis_of: Serve, ready_cloud: GoogleCloud, needs: Needs) -> None:
    found = checked(apis_of(ready_cloud), needs)
    assert {finding.check for finding in found if finding.state in {State.MISSING, State.UNKNOWN}} == set()
    assert ready_cloud.called_for == {PROJECT}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("denied", "{permission}"),
        ("disabled", "{service}.googleapis.com is not enabled"),
        ("rate", "try again in a minute"),
        ("unauthenticated", "did not accept the credentials"),
        ("html", "{service}.googleapis.com answered 502"),
        ("list", "something unexpected"),
    ],
)
def test_what_a_service_refuses_could_not_be_checked(
    apis_of: Serve, ready_cloud: GoogleCloud, needs: Needs, service: str, kind: str, said: str
) -> None:
    if (service, kind) == ("storage", "list"):
        pytest.skip("the client library reads the answer")
    google = apis_of(ready_cloud)
    names = asking(service, google, needs)
    assert names
    ready_cloud.broken[service] = kind
    found = checked(google, needs)
    unchecked = [finding for finding in found if finding.state is State.UNKNOWN]
    for name in names:  # `buckets` has a row for each bucket
        rows = [finding for finding in found if finding.check.startswith(name.removesuffix("s"))]
        assert {finding.state for finding in rows} == {State.UNKNOWN}, name
    said = said.format(service=service, permission=PERMISSIONS[service])
    assert [finding for finding in unchecked if said in finding.what] == unchecked
    if kind == "disabled":
        command = f"gcloud services enable {service}.googleapis.com --project={PROJECT}"
        assert all(command in finding.mend for finding in unchecked)
    if kind == "unauthenticated":
        assert all("gcloud auth application-default login" in finding.mend for finding in unchecked)
    assert {finding.check for finding in found if finding.state is State.MISSING} == set()


def test_a_machine_without_network_checks_nothing_and_says_so(
    apis_of: Serve, ready_cloud: GoogleCloud, needs: Needs
) -> None:
    google = apis_of(ready_cloud)
    google.get("cloudresourcemanager", f"v3/projects/{PROJECT}")  # there is a token
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for name in list(google._environ):
            google._environ[name] = f"http://127.0.0.1:{port}"  # type: ignore[index]
        found = checked(google, needs)
    asked = [finding for finding in found if finding.check not in {"region", "customer-managed keys"}]
    assert {finding.state for finding in asked} == {State.UNKNOWN}
    assert all("cannot be reached" in finding.what for finding in asked)


def test_a_service_that_never_answers_is_given_up(
    apis_of: Serve, ready_cloud: GoogleCloud, needs: Needs, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = apis_of(ready_cloud)
    google.get("cloudresourcemanager", f"v3/projects/{PROJECT}")
    monkeypatch.setattr(google_apis, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        google._environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN"] = f"http://127.0.0.1:{silent.getsockname()[1]}"  # type: ignore[index]
        [finding] = [one for one in checked(google, needs) if one.check == "Cloud Run in the region"]
    assert finding.state is State.UNKNOWN
    assert "did not answer within" in finding.what


def test_expired_credentials_are_refused_with_the_command_that_renews_them(
    apis_of: Serve, ready_cloud: GoogleCloud, needs: Needs
) -> None:
    google = apis_of(ready_cloud)
    ready_cloud.login_expired = True
    found = checked(google, needs)
    unchecked = [finding for finding in found if finding.state is State.UNKNOWN]
    assert len(unchecked) >= len(CHECKS) - 1
    assert all("gcloud auth application-default login" in finding.mend for finding in unchecked)


answers = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["services", "name", "state", "permissions", "bindings", "members", "role", "dimensionsInfos", "dimensions",
             "region", "details", "value", "spec", "rules", "values", "allowedValues", "items", "location", "labels",
             "locations", "versioning", "iamConfiguration", "databaseVersion", "applicableLocations"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=examples(150))
@given(
    answer=st.dictionaries(
        st.sampled_from(["services", "bindings", "spec", "items", "dimensionsInfos", "name"]), answers
    )
)
def test_an_answer_of_another_form_ends_no_command(needs: Needs, answer: dict[str, Any]) -> None:
    class Odd:
        def get(self, *_: Any) -> Any:
            return answer

        post = get

        def bucket(self, name: str) -> Any:
            return answer

    found = run_checks(Odd(), needs, on_progress=lambda: None)  # type: ignore[arg-type]
    assert len(found) >= len(CHECKS)
    apis = next(finding for finding in found if finding.check == "APIs")
    assert apis.state is not State.READY
