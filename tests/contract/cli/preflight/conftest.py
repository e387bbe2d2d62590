"""Credentials that a local server accepts, and the needs of an environment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from google.auth.credentials import Credentials
from google.oauth2 import service_account

from photofinish_cli.preflight.google_apis import GoogleApis
from photofinish_cli.preflight.needs import Needs, read_needs
from photofinish_cli.preflight.project import OWN_APIS
from photofinish_cli.preflight.quotas import CPU, GPU_QUOTAS, L4, MEMORY
from support.api import write_key_file
from support.google_cloud import PROJECT, REGION, GoogleCloud, google_cloud
from support.terraform_config import TERRAFORM


@pytest.fixture(scope="session")
def needs() -> Needs:
    values = {"search": {"exposure": "direct"}, "analysis": {"processor": "gpu", "max_tasks": 2}}
    return read_needs(TERRAFORM, values, project=PROJECT, region=REGION)


@pytest.fixture
def ready_cloud(needs: Needs) -> GoogleCloud:
    """A new project that has all that a deployment needs."""
    return GoogleCloud(
        enabled={*needs.apis, *OWN_APIS},
        quotas={quota: {REGION: 2**50} for quota in (CPU.quota_id, MEMORY.quota_id, GPU_QUOTAS[L4])},
        buckets={
            needs.state_bucket: {
                "location": REGION.upper(),
                "versioning": {"enabled": True},
                "iamConfiguration": {
                    "uniformBucketLevelAccess": {"enabled": True},
                    "publicAccessPrevention": "enforced",
                },
            }
        },
    )


@pytest.fixture
def credentials_file(tmp_path: Path) -> Callable[[str], Path]:
    """A service account's key whose tokens the server at an address gives."""

    def write(token_uri: str) -> Path:
        path = write_key_file(tmp_path)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"token_uri": token_uri}))
        return path

    return write


@pytest.fixture
def apis_of(credentials_file: Callable[[str], Path]) -> Iterator[Callable[[GoogleCloud], GoogleApis]]:
    """The checks' way to a project's APIs, served on this machine."""
    with ExitStack() as served:

        def serve(cloud: GoogleCloud) -> GoogleApis:
            environ = served.enter_context(google_cloud(cloud))
            credentials: Credentials = service_account.Credentials.from_service_account_file(
                credentials_file(environ["TOKEN_URI"]),
                scopes=["https://www.googleapis.com/auth/cloud-platform"],
                quota_project_id=PROJECT,
            )
            return GoogleApis(credentials, PROJECT, environ)

        yield serve
