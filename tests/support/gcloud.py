"""What a few `gcloud` commands do to a project of `support.google_cloud`: enough to follow the advice of preflight."""

from __future__ import annotations

import shlex

from support.google_cloud import GoogleCloud


def run(command: str, cloud: GoogleCloud) -> None:
    """Do what a command says; raises AssertionError for what is no command of gcloud that this module knows."""
    words = shlex.split(command)
    options = {name: value for word in words if word.startswith("--") for name, _, value in [word.partition("=")]}
    arguments = [word for word in words if not word.startswith("--")]
    match arguments:
        case ["gcloud", "services", "enable", *apis]:
            assert len(apis) <= 20
            cloud.enabled |= set(apis)
        case ["gcloud", "billing", "accounts", "list"]:
            pass
        case ["gcloud", "billing", "projects", "link", _]:
            cloud.billing = f"billingAccounts/{options['--billing-account']}"
        case ["gcloud", "projects", "add-iam-policy-binding", _]:
            if options["--role"] == "roles/owner":
                cloud.permissions = None
            cloud.bindings.append({"role": options["--role"], "members": [options["--member"]]})
        case ["gcloud", "storage", "buckets", "create", name]:
            assert "--project" in options
            cloud.buckets[name.removeprefix("gs://")] = {"location": options["--location"].upper()}
            _update_bucket(name, options, cloud)
        case ["gcloud", "storage", "buckets", "update", name]:
            _update_bucket(name, options, cloud)
        case ["gcloud", "beta", "quotas", "preferences", "create"]:
            assert {"--email", "--project", "--service"} <= set(options)
            region = options["--dimensions"].removeprefix("region=")
            cloud.quotas[options["--quota-id"]][region] = int(options["--preferred-value"])
        case _:
            raise AssertionError(f"{command!r} is not known here")


def _update_bucket(name: str, options: dict[str, str], cloud: GoogleCloud) -> None:
    bucket = cloud.buckets[name.removeprefix("gs://")]
    access = bucket.setdefault("iamConfiguration", {})
    if "--versioning" in options:
        bucket["versioning"] = {"enabled": True}
    if "--uniform-bucket-level-access" in options:
        access["uniformBucketLevelAccess"] = {"enabled": True}
    if "--public-access-prevention" in options:
        access["publicAccessPrevention"] = "enforced"
