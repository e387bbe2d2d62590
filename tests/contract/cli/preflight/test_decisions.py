"""What each answer means."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from photofinish_cli.preflight import access, places, policies, project, quotas, runtime
from photofinish_cli.preflight.findings import State, missing, note, ready, unknown, worst
from photofinish_cli.preflight.local_cloud import decide_pieces
from photofinish_cli.preflight.needs import Load, Needs
from photofinish_emulators.stack import PieceStatus
from support.google_cloud import NUMBER, PROJECT, REGION

MISSING, READY, NOTE, UNKNOWN = State.MISSING, State.READY, State.NOTE, State.UNKNOWN


def test_missing_decides_before_what_could_not_be_checked() -> None:
    assert worst([ready("a", ""), note("b", "")]) is READY
    assert worst([ready("a", ""), unknown("b", "")]) is UNKNOWN
    assert worst([unknown("b", ""), missing("c", "")]) is MISSING


def test_apis_are_enabled_by_as_few_commands_as_google_allows(needs: Needs) -> None:
    answer = {"services": [{"name": f"projects/1/services/{api}", "state": "DISABLED"} for api in needs.apis]}
    [found, own] = project.decide_apis([answer], needs)
    assert (found.state, own.state) == (MISSING, NOTE)
    enabled = [api for command in found.mend for api in command.split() if api.endswith(".googleapis.com")]
    assert enabled == list(needs.apis)
    assert max(command.count(".googleapis.com") for command in found.mend) <= 20


def test_an_api_that_the_answer_does_not_name_is_not_taken_for_enabled(needs: Needs) -> None:
    listed = [{"name": f"projects/1/services/{api}", "state": "ENABLED"} for api in needs.apis[1:]]
    assert needs.apis[0] in project.decide_apis([{"services": listed}], needs)[0].what
    assert project.decide_apis([{"services": listed}], needs)[0].state is UNKNOWN


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"billingEnabled": True, "billingAccountName": "billingAccounts/1"}, READY),
        ({"billingEnabled": False}, MISSING),
        ({}, MISSING),
    ],
)
def test_billing(needs: Needs, answer: dict[str, Any], state: State) -> None:
    assert project.decide_billing(answer, needs)[0].state is state


def test_a_project_that_is_being_deleted_is_not_ready(needs: Needs) -> None:
    assert "gcloud projects undelete" in project.decide_project({"state": "DELETE_REQUESTED"}, needs)[0].mend[0]


class TestQuotas:
    @pytest.mark.parametrize(
        ("infos", "value"),
        [
            ([{"dimensions": {"region": REGION}, "details": {"value": "20000"}}], 20000),
            ([{"dimensions": {"region": REGION}, "details": {}}], 0),  # a 0 is left out
            ([{"dimensions": {"region": REGION}}], 0),
            ([{"dimensions": {"region": "us-east4"}, "details": {"value": "7"}}], None),
            ([{"details": {"value": "7"}, "applicableLocations": ["us-east4", REGION]}], 7),
            ([{"details": {"value": "7"}, "applicableLocations": ["us-east4"]}], None),
            (
                [
                    {"details": {"value": "7"}, "applicableLocations": ["us-east4", REGION]},
                    {"dimensions": {"region": REGION}, "details": {"value": "9"}},
                ],
                9,
            ),
            ([], None),
        ],
    )
    def test_the_value_of_a_region_is_the_most_specific(self, infos: list[dict[str, Any]], value: int | None) -> None:
        assert quotas.region_value({"dimensionsInfos": infos}, REGION) == value

    @pytest.mark.parametrize(
        ("allowed", "state", "said"),
        [
            (-1, READY, "unlimited"),
            (14_000, READY, "14 vCPU"),
            (13_999, MISSING, "under load"),
            (11_999, MISSING, "api alone may take 12"),
        ],
    )
    def test_services_must_fit_alone_and_together(self, needs: Needs, allowed: int, state: State, said: str) -> None:
        loads = (Load("api", 4, 3.0, 2.5), Load("expire", 1, 2.0, 1.5))
        answer = {"dimensionsInfos": [{"dimensions": {"region": REGION}, "details": {"value": str(allowed)}}]}
        [found] = quotas.decide_allocation(answer, replace(needs, loads=loads), quotas.CPU)
        assert (found.state, said in found.what) == (state, True), found
        assert all("--preferred-value=14000" in command for command in found.mend[:1])

    def test_memory_is_counted_in_bytes(self, needs: Needs) -> None:
        loads = (Load("api", 4, 3.0, 2.5),)
        answer = {"dimensionsInfos": [{"dimensions": {"region": REGION}, "details": {"value": str(10 * 2**30)}}]}
        assert quotas.decide_allocation(answer, replace(needs, loads=loads), quotas.MEMORY)[0].state is READY

    @pytest.mark.parametrize(
        ("value", "changes", "state", "said"),
        [
            (2, {}, READY, ""),
            (-1, {}, READY, ""),
            (1, {}, MISSING, "max_tasks = 1"),
            (0, {}, MISSING, 'processor = "auto"'),
            (0, {"processor": "auto"}, NOTE, "quotas preferences create"),  # tasks run on CPUs meanwhile
            (0, {"accelerator": "nvidia-rtx-pro-6000"}, MISSING, "NvidiaRtxPro6000"),
            (2, {"accelerator": "nvidia-rtx-pro-6000"}, NOTE, "console"),  # GPUs, or thousandths of one
        ],
    )
    def test_gpus(self, needs: Needs, value: int, changes: dict[str, str], state: State, said: str) -> None:
        answer = {"dimensionsInfos": [{"dimensions": {"region": REGION}, "details": {"value": str(value)}}]}
        [found] = quotas.decide_gpus(answer, replace(needs, **changes))
        assert found.state is state
        assert said in " ".join(found.mend)


class TestAccess:
    def test_what_the_caller_lacks_is_named(self, needs: Needs) -> None:
        asked = access.needed_permissions(needs.resource_types)
        granted = set(asked) - {"cloudsql.instances.create"}
        [found] = access.decide_caller({"permissions": sorted(granted)}, asked, needs)
        assert (found.state, found.what) == (MISSING, "you lack cloudsql.instances.create")
        assert access.decide_caller({"permissions": list(asked)}, asked, needs)[0].state is READY

    def test_a_deployer_lacks_what_terraform_would_grant(self, needs: Needs) -> None:
        member = f"serviceAccount:photofinish-deployer@{PROJECT}.iam.gserviceaccount.com"
        bindings = [{"role": role, "members": ["user:me", member]} for role in needs.deployer_roles]
        assert access.decide_deployer({"bindings": bindings}, needs)[0].state is READY
        [found] = access.decide_deployer({"bindings": bindings[1:]}, needs)
        assert found.state is MISSING
        assert f"--member={member} --role={needs.deployer_roles[0]}" in found.mend[-1]
        assert access.decide_deployer({}, needs)[0].state is NOTE  # nothing is deployed yet

    def test_a_service_agent_that_lost_its_role_is_named(self, needs: Needs) -> None:
        bindings = [{"role": agent.role, "members": [agent.member(NUMBER)]} for agent in access.SERVICE_AGENTS]
        assert access.decide_service_agents({"bindings": bindings}, NUMBER, needs)[0].state is READY
        run = access.SERVICE_AGENTS[0]
        bindings[0] = {"role": "roles/artifactregistry.reader", "members": [run.member(NUMBER)]}
        [found] = access.decide_service_agents({"bindings": bindings}, NUMBER, needs)
        assert found.state is MISSING
        assert run.role in found.mend[0]
        assert access.decide_service_agents({"bindings": []}, NUMBER, needs)[0].state is NOTE


class TestPlaces:
    @pytest.mark.parametrize(
        ("region", "processor", "states"),
        [
            ("europe-west1", "gpu", [READY]),
            ("europe-west4", "gpu", [NOTE]),  # builds may be refused
            ("us-central1", "gpu", [NOTE]),  # by invitation
            ("asia-south1", "auto", [NOTE, NOTE]),
            ("europe-north1", "gpu", [MISSING, NOTE]),
            ("europe-north1", "cpu", [NOTE]),
            ("us-west2", "cpu", [READY]),
        ],
    )
    def test_regions(self, needs: Needs, region: str, processor: str, states: list[State]) -> None:
        found = places.decide_region(replace(needs, region=region, processor=processor))
        assert [one.state for one in found] == states

    def test_a_region_without_cloud_run_is_a_typing_error(self, needs: Needs) -> None:
        answer = {"locations": [{"locationId": "europe-west1"}]}
        assert places.decide_locations(answer, needs)[0].state is READY
        assert places.decide_locations(answer, replace(needs, region="europe-vest1"))[0].state is MISSING

    @pytest.mark.parametrize(
        ("answer", "state", "said"),
        [
            (None, READY, "terraform apply creates it"),
            ({"type": "FIRESTORE_NATIVE", "locationId": REGION}, READY, "native mode"),
            ({"type": "DATASTORE_MODE", "locationId": REGION}, MISSING, "another mode (DATASTORE_MODE)"),
            ({"type": "FIRESTORE_NATIVE", "locationId": "nam5"}, MISSING, "is in nam5"),
        ],
    )
    def test_mode_and_place_of_the_firestore_database(
        self, needs: Needs, answer: dict[str, Any] | None, state: State, said: str
    ) -> None:
        [found] = places.decide_firestore(answer, needs)
        assert (found.state, said in found.what) == (state, True), found

    @pytest.mark.parametrize(
        ("bucket", "state"),
        [
            (None, READY),
            ({"location": "EUROPE-WEST1", "labels": {"app": "photofinish"}}, READY),
            ({"location": "EUROPE-WEST1"}, MISSING),  # made by hand: apply fails
            ({"location": "EU", "labels": {"app": "photofinish"}}, MISSING),
        ],
    )
    def test_buckets(self, needs: Needs, bucket: dict[str, Any] | None, state: State) -> None:
        assert places.decide_bucket(bucket, "races", needs)[0].state is state

    def test_a_state_bucket_is_mended_by_one_command(self, needs: Needs) -> None:
        [found] = places.decide_state_bucket({"versioning": {"enabled": False}}, needs)
        assert found.mend == (
            f"gcloud storage buckets update gs://{needs.state_bucket} --versioning --uniform-bucket-level-access "
            "--public-access-prevention",
        )

    @pytest.mark.parametrize(
        ("item", "state"),
        [
            ({"databaseVersion": "POSTGRES_18", "region": REGION, "state": "RUNNABLE"}, READY),
            ({"databaseVersion": "POSTGRES_18", "region": REGION, "state": "SUSPENDED"}, MISSING),
            ({"databaseVersion": "POSTGRES_18", "region": "us-east4", "state": "RUNNABLE"}, MISSING),
            ({"databaseVersion": "MYSQL_8_0", "region": REGION, "state": "RUNNABLE"}, MISSING),
        ],
    )
    def test_cloud_sql(self, needs: Needs, item: dict[str, str], state: State) -> None:
        assert places.decide_instance({"items": [{"name": needs.database, **item}]}, needs)[0].state is state
        assert places.decide_instance({"items": [{"name": "another", **item}]}, needs)[0].state is READY

    def test_keys_must_be_in_the_region(self, needs: Needs) -> None:
        key = "projects/p/locations/{}/keyRings/r/cryptoKeys/k"
        assert places.decide_encryption(replace(needs, kms_keys=(key.format("eu"),)))[0].state is MISSING
        assert (
            "0 Firestore databases" in places.decide_encryption(replace(needs, kms_keys=(key.format(REGION),)))[0].what
        )


def test_a_piece_of_the_local_cloud_that_failed_is_named() -> None:
    pieces = {"storage": PieceStatus(state="ready"), "api": PieceStatus(state="failed")}
    found = decide_pieces(pieces)
    assert (found.state, found.what) == (MISSING, "not running: api (failed)")
    assert decide_pieces({"storage": pieces["storage"]}).state is READY


class TestRuntime:
    def test_gpus_bring_their_driver(self, needs: Needs) -> None:
        assert "535.216.03" in runtime.gpu_driver(needs).what
        assert runtime.gpu_driver(replace(needs, processor="cpu")).state is READY

    def test_the_database_of_another_project_is_not_asked(self) -> None:
        assert runtime.check_database({"DATABASE_URL": "x", "GOOGLE_CLOUD_PROJECT": "another"}, PROJECT).state is NOTE

    def test_a_database_that_does_not_answer_is_not_ready(self, monkeypatch: pytest.MonkeyPatch) -> None:
        environ = {"DATABASE_URL": "postgresql://127.0.0.1:9/nowhere", "GOOGLE_CLOUD_PROJECT": PROJECT}
        monkeypatch.setenv("DATABASE_URL", environ["DATABASE_URL"])
        assert runtime.check_database(environ, PROJECT).state is UNKNOWN

    def test_the_version_of_pgvector_is_told(self, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", database)
        found = runtime.check_database({"DATABASE_URL": database, "GOOGLE_CLOUD_PROJECT": PROJECT}, PROJECT)
        assert found.state in {READY, NOTE}
        assert re.search(r"\b0\.8\.\d", found.what)


def values(*allowed: str, denied: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [{"values": {"allowedValues": list(allowed), "deniedValues": list(denied)}}]


PRIVATE = {"exposure": "private", "grants_all_users": False}
OPEN = {"exposure": "direct", "grants_all_users": True}
BALANCED = values("internal", "internal-and-cloud-load-balancing")
ENFORCED = [{"enforce": True}]


@pytest.mark.parametrize(
    ("name", "rules", "changes", "state"),
    [
        ("iam.allowedPolicyMemberDomains", [], OPEN, READY),
        ("iam.allowedPolicyMemberDomains", [{"allowAll": True}], OPEN, READY),
        ("iam.allowedPolicyMemberDomains", values("C03xgje4y"), OPEN, MISSING),
        ("iam.allowedPolicyMemberDomains", [{"denyAll": True}], OPEN, MISSING),
        ("iam.allowedPolicyMemberDomains", values("C03xgje4y"), PRIVATE, READY),
        ("iam.managed.allowedPolicyMembers", ENFORCED, OPEN, MISSING),
        ("iam.managed.allowedPolicyMembers", [{"enforce": False}], OPEN, READY),
        ("run.managed.requireInvokerIam", ENFORCED, OPEN, READY),
        ("run.managed.requireInvokerIam", ENFORCED, OPEN | {"grants_all_users": False}, MISSING),
        ("iam.disableServiceAccountCreation", ENFORCED, {}, MISSING),
        ("gcp.resourceLocations", values("in:europe-west1-locations"), {}, READY),
        ("gcp.resourceLocations", values("in:eu-locations"), {}, READY),
        ("gcp.resourceLocations", values("in:europe-locations", denied=("in:europe-west1-locations",)), {}, MISSING),
        ("gcp.resourceLocations", values("in:us-locations"), {}, MISSING),
        ("gcp.resourceLocations", values("in:eu-locations"), {"region": "us-central1"}, MISSING),
        ("gcp.restrictServiceUsage", values("storage.googleapis.com"), {}, MISSING),
        ("gcp.restrictServiceUsage", values(denied=("run.googleapis.com",)), {}, MISSING),
        ("gcp.restrictServiceUsage", values(denied=("bigquery.googleapis.com",)), {}, READY),
        ("gcp.restrictNonCmekServices", values(denied=("is:storage.googleapis.com",)), {}, MISSING),
        ("gcp.restrictNonCmekServices", values(denied=("is:storage.googleapis.com",)), {"kms_keys": ("k",)}, READY),
        ("compute.restrictVpcPeering", [{"denyAll": True}], {}, MISSING),
        ("compute.restrictVpcPeering", [{"allowAll": True}], {}, READY),
        ("run.allowedIngress", BALANCED, {"exposure": "load_balancer"}, READY),
        ("run.allowedIngress", BALANCED, OPEN, MISSING),
        ("run.allowedIngress", values("is:all", "is:internal"), OPEN, READY),
        ("iam.disableServiceAccountKeyCreation", ENFORCED, {}, NOTE),
        ("storage.restrictAuthTypes", values(denied=("in:ALL_HMAC_SIGNED_REQUESTS",)), {}, NOTE),
    ],
)  # fmt: skip
def test_policies(needs: Needs, name: str, rules: list[dict[str, Any]], changes: dict[str, Any], state: State) -> None:
    [constraint] = [one for one in policies.CONSTRAINTS if one.name == name]
    found = policies.decide(constraint, {"spec": {"rules": rules}}, replace(needs, **changes))
    assert found.state is state, found
    assert found.mend or state is READY
    assert policies.decide(constraint, None, replace(needs, **changes)).state is READY
