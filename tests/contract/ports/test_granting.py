"""The rights of functions in a database like Cloud SQL's: the owner is no superuser, and users start without rights."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.granting import Rights, parse
from photofinish.adapters.postgres.migrating import Migration, migrate, migrations
from photofinish.adapters.postgres.suppression import PgSuppressionList
from photofinish.adapters.postgres.webhooks.deliveries import PgWebhookDeliveries
from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.access import AlbumAccess, AuditFilter, KeyState, RateLimit
from photofinish.domain.album_event import EventFilter
from photofinish.errors import Misconfigured
from support.access import audit_entry, new_key, pg_access
from support.erasing import erase_rows
from support.faces import bib, embedding, face, photo
from support.index import add, postgres_index
from support.postgres import administer, postgres_server

PASSWORD = "of-all"
OWNER = "job-analyze@my-project.iam"
USERS = {rights: f"fn-{rights}@my-project.iam" for rights in Rights}
STRANGER = "stranger@my-project.iam"
LIMIT = RateLimit(per_second=1, burst=5)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class CloudSql:
    """A new database whose users are those of Terraform's module vector-database."""

    name: str

    def url(self, user: str) -> str:
        return make_conninfo(postgres_server(), dbname=self.name, user=user, password=PASSWORD)

    def of(self, rights: Rights) -> str:
        return self.url(USERS[rights])

    def migrate(self, known: list[Migration] | None = None) -> list[str]:
        return migrate(self.url(OWNER), known, rights={user: rights for rights, user in USERS.items()})


@pytest.fixture(scope="module")
def users() -> None:
    """cloud.google.com/sql/docs/postgres/users: `cloudsqlsuperuser` is no superuser; IAM users have no attributes."""
    names = ["cloudsqlsuperuser", OWNER, STRANGER, *USERS.values()]
    with psycopg.connect(postgres_server(), autocommit=True) as conn:
        for name in names:
            if not conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount:
                conn.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
        conn.execute("ALTER ROLE cloudsqlsuperuser NOLOGIN CREATEDB CREATEROLE")
        for name in names[1:]:
            conn.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), PASSWORD))
        conn.execute(sql.SQL("GRANT cloudsqlsuperuser TO {}").format(sql.Identifier(OWNER)))


@pytest.fixture
def cloud(users: None) -> Iterator[CloudSql]:
    name = f"cloud_sql_{next(_numbers)}"
    administer(f"CREATE DATABASE {name} OWNER cloudsqlsuperuser TEMPLATE template0")
    # Cloud SQL lets members of cloudsqlsuperuser create it; elsewhere it may take a superuser.
    with psycopg.connect(make_conninfo(postgres_server(), dbname=name)) as conn:
        conn.execute("CREATE EXTENSION vector")
    yield CloudSql(name)
    administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def migrated(cloud: CloudSql) -> CloudSql:
    cloud.migrate()
    return cloud


def refused(url: str, statement: str) -> bool:
    with psycopg.connect(url) as conn:
        try:
            conn.execute(statement)  # type: ignore[call-overload]
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


@pytest.mark.parametrize("rights", [Rights.DATA, Rights.API, Rights.RETENTION])
def test_functions_fill_and_search_albums(migrated: CloudSql, rights: Rights) -> None:
    one = embedding([1.0] + [0.0] * 15)
    with postgres_index(migrated.of(rights)) as index:
        assert add(index, photo(f"{rights}/1.jpg"), [face(one)], [bib("7")])
        found = most_similar_faces(index, rights, [one], limit=5, min_similarity=0.9)
        assert [match.face.photo for match in found] == [photo(f"{rights}/1.jpg")]


@pytest.mark.parametrize("rights", [Rights.API, Rights.RETENTION])
def test_the_api_and_retention_erase_albums(migrated: CloudSql, rights: Rights) -> None:
    url = migrated.of(rights)
    with postgres_index(url) as index, closing(Database(url)) as database:
        assert add(index, photo(f"ended-{rights}/1.jpg"))
        erase_rows(database, f"ended-{rights}")
        assert not index.has_album(f"ended-{rights}")


NOT_FOR_FUNCTIONS = (
    "DROP TABLE face",
    "TRUNCATE photo",
    "CREATE TABLE mine (n integer)",
    "ALTER TABLE api_key DISABLE TRIGGER ALL",
    "SELECT * FROM schema_migration",
    "INSERT INTO api_key SELECT * FROM api_key",
    "UPDATE api_key SET scope = 'admin'",
    "DELETE FROM api_key",
    "UPDATE audit_entry SET outcome = '200'",
    "SELECT * FROM suppression_template",
    "UPDATE suppression_template SET min_similarity = 0",
    "DELETE FROM suppression_template",
    "UPDATE consent_record SET action = 'given'",
    "DELETE FROM consent_record",
    "UPDATE erasure_receipt SET document = ''",
    "DELETE FROM receipt_key",
    "UPDATE album_event SET data = '{}'",
    "UPDATE webhook_attempt SET answer = ''",
    "SET ROLE cloudsqlsuperuser",
)


@pytest.mark.parametrize("rights", Rights)
def test_no_function_may_change_the_schema_keys_or_the_audit(migrated: CloudSql, rights: Rights) -> None:
    for statement in NOT_FOR_FUNCTIONS:
        assert refused(migrated.of(rights), statement), statement


def test_functions_without_callers_see_no_keys_and_no_audit(migrated: CloudSql) -> None:
    for table in ("api_key", "audit_entry", "rate_window", "seen_signature"):
        assert refused(migrated.of(Rights.DATA), f"SELECT * FROM {table}"), table
    assert refused(migrated.of(Rights.RETENTION), "SELECT * FROM api_key")
    for rights in (Rights.DATA, Rights.RETENTION):
        assert refused(migrated.of(rights), "SELECT content FROM kept_answer"), rights
        assert not refused(migrated.of(rights), "DELETE FROM kept_answer WHERE album = 'race' AND 'id' = ANY (ids)")
    assert refused(migrated.of(Rights.DATA), "UPDATE album_access SET users_may_search = true")


def test_only_the_api_and_deliveries_use_webhooks(migrated: CloudSql) -> None:
    for rights in (Rights.DATA, Rights.RETENTION):
        for table in ("webhook", "webhook_secret", "webhook_attempt", "webhook_relay"):
            assert refused(migrated.of(rights), f"SELECT * FROM {table}"), table
    with closing(Database(migrated.of(Rights.RETENTION))) as database:
        now = datetime.now(UTC)
        PgWebhookDeliveries(database).expire(abandon_before=now, remove_before=now)


def test_what_calls_strangers_servers_sees_events_and_nothing_else(migrated: CloudSql) -> None:
    deliveries = migrated.of(Rights.WEBHOOKS)
    for table in ("face", "photo", "person", "consent_record", "opt_out", "api_key", "audit_entry", "erasure"):
        assert refused(deliveries, f"SELECT * FROM {table}"), table
    for statement in (
        "UPDATE webhook SET url = ''",
        "INSERT INTO webhook_secret DEFAULT VALUES",
        "SELECT make_event_partitions(now())",
        "DELETE FROM album_event",
    ):
        assert refused(deliveries, statement), statement


def test_what_streams_events_admits_callers_and_sees_events_and_nothing_else(migrated: CloudSql) -> None:
    with pg_access(migrated.url(OWNER)) as owner:
        presented = new_key(owner)
    with pg_access(migrated.of(Rights.LIVE)) as store, closing(Database(migrated.of(Rights.LIVE))) as database:
        assert store.find_key(presented.key_id) is not None
        assert store.take("key:1", LIMIT) == 0
        assert store.remember_signature(b"ticket", b"nonce", datetime.now(UTC) + timedelta(minutes=1))
        store.append_audit(audit_entry())
        log = PgEventLog(database)
        assert log.page(None, EventFilter(bib="7"), after=0, limit=1).events == ()
        assert log.shown(["0" * 32])
    for table in ("face", "photo", "person", "consent_record", "opt_out", "audit_entry", "webhook", "erasure"):
        assert refused(migrated.of(Rights.LIVE), f"SELECT * FROM {table}"), table
    for statement in ("UPDATE api_key SET scope = 'admin'", "DELETE FROM album_event", "SELECT drop_old_events(now())"):
        assert refused(migrated.of(Rights.LIVE), statement), statement


def test_the_api_admits_callers_and_does_not_make_keys(migrated: CloudSql) -> None:
    with pg_access(migrated.url(OWNER)) as owner:
        presented = new_key(owner)
    with pg_access(migrated.of(Rights.API)) as store:
        assert store.find_key(presented.key_id) is not None
        store.touch_key(presented.key_id, datetime.now(UTC))
        assert store.take("key", LIMIT) == 0
        assert store.remember_signature(b"s", b"", datetime.now(UTC) + timedelta(minutes=5))
        store.set_album_access("race", AlbumAccess(users_may_search=True))
        assert store.open_albums(anonymous=False) == {"race"}
        store.append_audit(audit_entry())
        for denied in (
            lambda: new_key(store),
            lambda: store.revoke_key(presented.key_id),
            lambda: list(store.audit_entries()),
            lambda: store.expire(audit_before=datetime.now(UTC)),
        ):
            with pytest.raises(Misconfigured, match=r"permission denied .*the job `migrate` grants"):
                denied()
    with pg_access(migrated.url(OWNER)) as owner:
        assert [entry.request_id for entry in owner.audit_entries()] == ["r"]


def test_administration_makes_and_revokes_keys_and_reads_the_audit(migrated: CloudSql) -> None:
    with pg_access(migrated.of(Rights.ADMINISTRATION)) as store:
        presented = new_key(store)
        assert store.revoke_key(presented.key_id)
        [key] = store.list_keys()
        assert key.state(datetime.now(UTC)) is KeyState.REVOKED
        store.append_audit(audit_entry())
        assert len(store.audit_page(AuditFilter(), before=None, limit=5)) == 1
        with pytest.raises(Misconfigured, match="permission denied"):
            store.expire(audit_before=datetime.now(UTC))
    for statement in ("UPDATE api_key SET may_use_vectors = true", "INSERT INTO audit_entry (at) VALUES (now())"):
        assert refused(migrated.of(Rights.ADMINISTRATION), statement), statement


def test_only_the_retention_deletes_audit_entries(migrated: CloudSql) -> None:
    def append(store: PgAccessStore) -> None:
        store.append_audit(audit_entry())
        store.take("full again", RateLimit(per_second=1e6, burst=1))
        store.remember_signature(b"old", b"", datetime.now(UTC) - timedelta(minutes=1))

    with pg_access(migrated.url(OWNER)) as owner, pg_access(migrated.of(Rights.RETENTION)) as store:
        append(owner)
        expired = store.expire(audit_before=datetime.now(UTC) + timedelta(minutes=1))
        assert (expired.audit_entries, expired.rate_windows) == (1, 1)
    assert refused(migrated.of(Rights.DATA), "SELECT expire_audit_entries(now())")


def test_functions_refuse_faces_by_templates_that_they_cannot_read(migrated: CloudSql) -> None:
    one = embedding([1.0] + [0.0] * 15)
    connections = Database(migrated.of(Rights.API))
    suppression = PgSuppressionList(connections)
    added = suppression.add("party", [one], min_similarity=0.4, by="key:k")
    assert suppression.suppressed("party", [one]) == [True]
    assert suppression.remove("party", added.opt_out_id)
    connections.close()
    with psycopg.connect(migrated.url(OWNER)) as owner:
        assert owner.execute("SELECT count(*) FROM suppression_template").fetchone() == (0,)


def test_a_user_without_a_grant_may_do_nothing(migrated: CloudSql) -> None:
    for statement in (
        "SELECT * FROM photo",
        "SELECT create_face_partition(1)",
        "SELECT drop_face_partition(1)",
        "SELECT create_depiction_partition(1)",
        "SELECT drop_depiction_partition(1)",
        "SELECT suppressed_faces(1, 1::smallint, '{}')",
    ):
        assert refused(migrated.url(STRANGER), statement), statement


def test_tables_of_later_migrations_are_granted_too(migrated: CloudSql) -> None:
    later = Migration("9999_later.sql", "CREATE TABLE later (n integer)")
    assert migrated.migrate([*migrations(), later]) == [later.name]
    assert not refused(migrated.of(Rights.DATA), "INSERT INTO later VALUES (1)")


def test_the_rights_are_exactly_those_that_are_named(migrated: CloudSql) -> None:
    user = USERS[Rights.API]
    migrate(migrated.url(OWNER), rights={user: Rights.DATA})
    assert refused(migrated.url(user), "SELECT * FROM api_key")
    assert refused(migrated.url(user), "UPDATE api_key SET last_used_at = now()")
    assert not refused(migrated.url(user), "SELECT * FROM photo")


def test_a_missing_user_is_named(cloud: CloudSql) -> None:
    with pytest.raises(Misconfigured, match=r"no user fn-new@my-project\.iam\. `terraform apply`"):
        migrate(cloud.url(OWNER), rights={"fn-new@my-project.iam": Rights.DATA})


def test_the_error_of_missing_rights_says_what_to_do(cloud: CloudSql) -> None:
    migrate(cloud.url(OWNER))
    database = Database(cloud.of(Rights.DATA))
    with pytest.raises(Misconfigured, match="run it again"), database.transaction() as conn:
        conn.execute("SELECT * FROM photo")
    database.close()


def test_grants_are_read_from_text() -> None:
    assert parse(["api:fn-api@p.iam", "data:fn-x@p.iam"]) == {"fn-api@p.iam": Rights.API, "fn-x@p.iam": Rights.DATA}
    for wrong in ("fn-api@p.iam", "owner:fn-api@p.iam", "api:"):
        with pytest.raises(Misconfigured, match="RIGHTS:USER"):
            parse([wrong])
