"""Places and names: the region, Firestore's database, Cloud SQL's instance, the buckets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from photofinish_cli.preflight.checking import Check
from photofinish_cli.preflight.findings import Finding, missing, note, ready, unknown
from photofinish_cli.preflight.google_apis import CouldNotAsk, GoogleApis
from photofinish_cli.preflight.needs import Needs
from photofinish_cli.preflight.quotas import L4

RECOMMENDED_REGION = "europe-west1"
# https://docs.cloud.google.com/run/docs/configuring/jobs/gpu#supported-regions
L4_BY_INVITATION = ("asia-south1", "us-central1")
# Where a project whose builds are restricted may build:
# https://docs.cloud.google.com/build/docs/locations#restricted_regions_for_some_projects
ALWAYS_BUILDS = (
    "asia-east1", "australia-southeast1", "europe-west1", "southamerica-east1", "us-central1", "us-west2",
)  # fmt: skip


def decide_region(needs: Needs) -> list[Finding]:
    """Whether the region suits the analysis, without asking anybody."""
    region, found = needs.region, []
    if needs.processor != "cpu" and needs.accelerator == L4:
        if region not in needs.gpu_regions:
            found.append(
                missing(
                    "region",
                    f"Cloud Run has no L4 in {region}, only in {', '.join(needs.gpu_regions)}",
                    f'use {RECOMMENDED_REGION}, or analyse on CPUs: analysis = {{ processor = "cpu" }}',
                )
            )
        elif region in L4_BY_INVITATION:
            found.append(
                note(
                    "region",
                    f"L4s in {region} are given by invitation: if the quota stays 0, use {RECOMMENDED_REGION}",
                )
            )
    if region not in ALWAYS_BUILDS:
        found.append(
            note(
                "region of builds",
                f"a new project may be refused builds in {region}; if so, build in one of {', '.join(ALWAYS_BUILDS)}",
            )
        )
    return found or [ready("region", f"{region} suits")]


def decide_locations(answer: Mapping[str, Any] | None, needs: Needs) -> list[Finding]:
    """Whether Cloud Run is in the region: https://docs.cloud.google.com/run/docs/reference/rest/v1/projects.locations/list."""
    known = {str(place.get("locationId")) for place in (answer or {}).get("locations", [])}
    if needs.region in known:
        return [ready("Cloud Run in the region", needs.region)]
    if not known:
        return [unknown("Cloud Run in the region", "the answer lists no regions")]
    return [
        missing(
            "Cloud Run in the region",
            f"there is none in {needs.region}: use one of {', '.join(sorted(known))}",
            f'use {RECOMMENDED_REGION}: region = "{RECOMMENDED_REGION}"',
        )
    ]


def decide_firestore(answer: Mapping[str, Any] | None, needs: Needs) -> list[Finding]:
    """Whether the database `(default)` can be created, or is what Terraform creates.

    Mode and location are chosen once:
    https://docs.cloud.google.com/firestore/docs/reference/rest/v1/projects.databases#Database
    """
    name = "Firestore database"
    if answer is None:
        return [ready(name, "none yet: terraform apply creates it")]
    type_, place = answer.get("type"), answer.get("locationId")
    wrong = []
    if type_ != "FIRESTORE_NATIVE":
        wrong.append(f"is in another mode ({type_})")
    if place != needs.region:
        wrong.append(f"is in {place}, not in {needs.region}")
    if not wrong:
        return [ready(name, f"(default) in native mode in {place}")]
    mend = ["use another project: mode and location of (default) cannot be changed"]
    if place != needs.region:
        mend.append(f'or deploy where the database is: region = "{place}"')
    delete = f"gcloud firestore databases delete --database='(default)' --project={needs.project}"
    mend.append(f"or, if nothing needs its data: {delete}")
    return [missing(name, f"(default) {' and '.join(wrong)}", *mend)]


def decide_encryption(needs: Needs) -> list[Finding]:
    """Whether customer-managed keys suit, without asking anybody."""
    name = "customer-managed keys"
    if not needs.kms_keys:
        return [ready(name, "none used")]
    elsewhere = [key for key in needs.kms_keys if f"/locations/{needs.region}/" not in key]
    if elsewhere:
        return [missing(name, f"{key} is not in {needs.region}", f"use a key in {needs.region}") for key in elsewhere]
    # https://docs.cloud.google.com/firestore/quotas
    return [
        note(
            name,
            "a project may have 0 Firestore databases with such keys until Google grants more",
            "request access: https://docs.cloud.google.com/firestore/native/docs/use-cmek",
        )
    ]


def decide_instance(answer: Mapping[str, Any] | None, needs: Needs) -> list[Finding]:
    """The Cloud SQL instance: https://docs.cloud.google.com/sql/docs/postgres/admin-api/rest/v1/instances/list."""
    name = "Cloud SQL instance"
    found = next((one for one in (answer or {}).get("items", []) if one.get("name") == needs.database), None)
    if found is None:
        return [
            ready(name, f"none yet: terraform apply creates {needs.database}. A name is free a week after its deletion")
        ]
    if not str(found.get("databaseVersion", "")).startswith("POSTGRES_"):
        return [
            missing(name, f"{needs.database} is {found.get('databaseVersion')}, not Postgres", "use another project")
        ]
    if found.get("region") != needs.region:
        return [
            missing(name, f"{needs.database} is in {found.get('region')}, not in {needs.region}", "use another project")
        ]
    if found.get("state") != "RUNNABLE":
        return [
            missing(
                name,
                f"{needs.database} is {found.get('state')}",
                f"gcloud sql instances describe {needs.database} --project={needs.project}",
            )
        ]
    return [ready(name, f"{needs.database}, {found['databaseVersion']}, running")]


def decide_bucket(bucket: Mapping[str, Any] | None, name: str, needs: Needs) -> list[Finding]:
    """Whether a bucket can be created, or is what Terraform created."""
    row = f"bucket {name}"
    if bucket is None:
        return [ready(row, "the name is free: terraform apply creates it")]
    if str(bucket.get("location", "")).lower() != needs.region:
        return [
            missing(
                row,
                f"exists in {str(bucket.get('location')).lower()}, not in {needs.region}",
                "choose another name: buckets = { … }",
            )
        ]
    if bucket.get("labels", {}).get("app") != "photofinish":
        return [
            missing(
                row,
                "exists, and was not made by Terraform (no label app=photofinish): apply would fail",
                f"choose another name (buckets = {{ … }}), or, if it is empty: gcloud storage buckets delete gs://{name}",
            )
        ]
    return [ready(row, f"exists in {needs.region}")]


def decide_state_bucket(bucket: Mapping[str, Any] | None, needs: Needs) -> list[Finding]:
    """Whether Terraform's state has a bucket that keeps earlier versions and is closed to the public."""
    name = f"state bucket {needs.state_bucket}"
    if bucket is None:
        return [
            missing(
                name,
                "does not exist",
                f"gcloud storage buckets create gs://{needs.state_bucket} --project={needs.project} "
                f"--location={needs.region} --uniform-bucket-level-access --public-access-prevention",
                f"gcloud storage buckets update gs://{needs.state_bucket} --versioning",
            )
        ]
    access = bucket.get("iamConfiguration", {})
    flags = {
        "--versioning": bucket.get("versioning", {}).get("enabled"),
        "--uniform-bucket-level-access": access.get("uniformBucketLevelAccess", {}).get("enabled"),
        "--public-access-prevention": access.get("publicAccessPrevention") == "enforced",
    }
    off = [flag for flag, is_on in flags.items() if not is_on]
    if off:
        return [
            missing(
                name,
                f"is without {', '.join(flag.removeprefix('--') for flag in off)}",
                f"gcloud storage buckets update gs://{needs.state_bucket} {' '.join(off)}",
            )
        ]
    return [ready(name, "exists, keeps versions, closed to the public")]


def _check_region(google: GoogleApis, needs: Needs) -> list[Finding]:  # noqa: ARG001
    return [*decide_region(needs), *decide_encryption(needs)]


def _check_locations(google: GoogleApis, needs: Needs) -> list[Finding]:
    return decide_locations(google.get("run", f"v1/projects/{needs.project}/locations"), needs)


def _check_firestore(google: GoogleApis, needs: Needs) -> list[Finding]:
    return decide_firestore(google.get("firestore", f"v1/projects/{needs.project}/databases/(default)"), needs)


def _check_instance(google: GoogleApis, needs: Needs) -> list[Finding]:
    return decide_instance(google.get("sqladmin", f"v1/projects/{needs.project}/instances"), needs)


def _check_buckets(google: GoogleApis, needs: Needs) -> list[Finding]:
    found: list[Finding] = []
    for name in needs.buckets:
        try:
            found += decide_bucket(google.bucket(name), name, needs)
        except CouldNotAsk as refused:
            found.append(_taken(f"bucket {name}", refused, "choose another name: buckets = { … }"))
    return found


def _check_state_bucket(google: GoogleApis, needs: Needs) -> list[Finding]:
    try:
        return decide_state_bucket(google.bucket(needs.state_bucket), needs)
    except CouldNotAsk as refused:
        return [_taken(f"state bucket {needs.state_bucket}", refused, 'choose another name: state_bucket = "…"')]


def _taken(row: str, refused: CouldNotAsk, otherwise: str) -> Finding:
    """A bucket that may not be read: another project's, or the caller lacks the permission. Which, no answer says."""
    if refused.mend:
        return unknown(row, str(refused), *refused.mend)
    return unknown(row, f"{refused}. Bucket names are global: it may be another project's", otherwise)


CHECKS = (
    Check("region", _check_region),
    Check("Cloud Run in the region", _check_locations),
    Check("Firestore database", _check_firestore),
    Check("Cloud SQL instance", _check_instance),
    Check("buckets", _check_buckets),
    Check("state bucket", _check_state_bucket),
)
