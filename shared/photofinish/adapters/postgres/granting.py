"""What the database users of functions may do: rows of the tables that they use, and nothing else.

Functions log in as users that own nothing and start without rights. The owner of the tables grants them their rights
after every migration, because a migration may have added tables. Postgres' own roles, such as pg_write_all_data, would
allow more, and Cloud SQL's API is documented to give a user only custom roles and Cloud SQL's
(registry.terraform.io/providers/hashicorp/google/latest/docs/resources/sql_user).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import psycopg
from psycopg import sql

from photofinish.errors import Misconfigured


class Rights(StrEnum):
    """What a kind of function needs."""

    DATA = "data"
    """Rows about photos, faces, bibs and people; and making and dropping an album's partition."""
    API = "api"
    """DATA, and admitting callers: keys, open albums, rates, signatures, new audit entries."""
    ADMINISTRATION = "administration"
    """API, and what administrators do there: making and revoking keys, and reading the audit."""
    RETENTION = "retention"
    """DATA, keeping receipts of erasures, and deleting what is past its retention: audit entries, rates, signatures."""
    WEBHOOKS = "webhooks"
    """Reading events and what photos show, and delivering them; no other rows, because it calls strangers' servers."""
    LIVE = "live"
    """Reading events and what photos show, and admitting callers; no other rows, because it only tells."""


ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_RECEIPTS = {"erasure_receipt": ("SELECT", "INSERT"), "receipt_key": ("SELECT", "INSERT")}

# Data that no function may change, or read, like the rest.
_LESS: Mapping[str, tuple[str, ...]] = {
    # Triggers of person_face count them.
    "person_photos": ("SELECT",),
    # A history is only added to; merging two people moves the rows of one.
    "consent_record": ("SELECT", "INSERT", "UPDATE (person_id)"),
    "opt_out": ("SELECT", "INSERT", "UPDATE (person_id, applied_at)", "DELETE"),
    # Templates of people who want none to be kept. The functions of migration 0012 answer questions about faces.
    "suppression_template": ("INSERT",),
    # They go with their subscription. Functions of migration 0029 say which photos fit; only what sends reads contacts.
    "subscription_template": ("INSERT",),
    "subscription_contact": ("INSERT",),
    # Tombstones are for good; the places of a photo's erased faces go when the whole photo does.
    "erasure": ("SELECT", "INSERT", "UPDATE"),
    "erased_photo": ("SELECT", "INSERT", "UPDATE"),
    "erased_face": ("SELECT", "INSERT", "DELETE"),
    "erasure_object": ("SELECT", "INSERT", "DELETE"),
    # Only tasks, which own the tables, analyse; erasures and retention delete, without reading embeddings.
    "video_part": ("SELECT (album_id, photo_id, generation, written_at)", "DELETE"),
    # Added to by record_album_event alone; erasures delete.
    "album_event": ("SELECT", "DELETE"),
}
# Not `at` or `entry_id`, which would let an injected statement date an entry back.
_ADD_AUDIT = ("INSERT (principal, principal_id, action, album, target, outcome, request_id, count, network)",)
# Keys are only made and revoked: no statement gives one more rights than it was made with, or deletes it.
_ADD_KEY = (
    "INSERT (key_id, secret_sha256, label, scope, albums, rate_per_s, burst, created_at, expires_at, may_use_vectors)"
)
_API: dict[str, tuple[str, ...]] = {
    "api_key": ("SELECT", "UPDATE (last_used_at)"),
    "album_access": ROWS,
    "album_card": ROWS,
    "share": ROWS,
    "page_session": ROWS,
    "kept_answer": ROWS,
    "download": ROWS,
    "rate_window": ("SELECT", "INSERT", "UPDATE"),
    "found_face": ("SELECT", "INSERT", "UPDATE"),
    "seen_signature": ROWS,
    "audit_entry": _ADD_AUDIT,
    # Receipts are issued by what deletes objects.
    **dict.fromkeys(_RECEIPTS, ("SELECT",)),
    "webhook": ROWS,
    "webhook_secret": ("SELECT", "INSERT", "DELETE"),
    # Replays and tests begin deliveries.
    "webhook_delivery": ROWS,
    "webhook_attempt": ("SELECT",),
    "notification_destination": ("SELECT", "INSERT"),
    "confirmation_request": ("SELECT", "INSERT"),
}
_MORE: Mapping[Rights, Mapping[str, tuple[str, ...]]] = {
    Rights.DATA: {
        # To write the access documents of albums that were opened or closed.
        "album_access": ("SELECT", "UPDATE (documented_revision)"),
        # Erased with its event.
        "webhook_delivery": ("SELECT", "DELETE"),
        # Erasures delete answers that name what is erased; the answers may have secrets.
        "kept_answer": ("SELECT (album, ids)", "DELETE"),
        # Erasures delete downloads that contain what is erased.
        "download": ("SELECT (album_id, photo_ids)", "DELETE"),
    },
    Rights.API: _API,
    Rights.ADMINISTRATION: _API
    | {
        "api_key": ("SELECT", _ADD_KEY, "UPDATE (last_used_at, revoked_at)"),
        "audit_entry": ("SELECT", *_ADD_AUDIT),
    },
    Rights.RETENTION: {
        # Erasing an album closes it.
        "album_access": ("SELECT", "DELETE"),
        "album_card": ("SELECT", "DELETE"),
        "share": ("SELECT (album_id, expires_at)", "DELETE"),
        "page_session": ("SELECT (expires_at)", "DELETE"),
        "kept_answer": ("SELECT (album, ids, expires_at)", "DELETE"),
        "download": ("SELECT (album_id, photo_ids, expires_at)", "DELETE"),
        "rate_window": ("SELECT", "DELETE"),
        "found_face": ("SELECT", "DELETE"),
        "seen_signature": ("SELECT", "DELETE"),
        "audit_entry": ("SELECT", "DELETE"),
        **_RECEIPTS,
        "webhook_delivery": ("SELECT", "UPDATE", "DELETE"),
        "confirmation_request": ("SELECT", "DELETE"),
    },
}
_EVENTS = dict.fromkeys(("album", "album_event", "bib", "person_face"), ("SELECT",))
_WEBHOOKS: Mapping[str, tuple[str, ...]] = {
    **_EVENTS,
    "webhook_secret": ("SELECT",),
    "webhook": (
        "SELECT",
        "UPDATE (disabled, disabled_at, failures, failing_since, paused_until)",
    ),
    "webhook_delivery": ROWS,
    "webhook_attempt": ("SELECT", "INSERT"),
    "webhook_relay": ("SELECT", "UPDATE"),
    "subscription": (
        "SELECT",
        "UPDATE (message_number, attempts, due_at, announced_at, leased_until, last_sent_at)",
        "DELETE",
    ),
    "subscription_contact": ("SELECT",),
    "subscription_match": ("SELECT", "UPDATE (message)"),
    "subscription_relay": ("SELECT", "UPDATE"),
    "notification_destination": ("SELECT", "UPDATE"),
}
_LIVE: Mapping[str, tuple[str, ...]] = {
    **_EVENTS,
    "api_key": ("SELECT", "UPDATE (last_used_at)"),
    # Whether the link is still open that a visitor's ticket came from.
    "share": ("SELECT (share_id, revoked_at, expires_at)",),
    "rate_window": ("SELECT", "INSERT", "UPDATE"),
    # Tickets that were used.
    "seen_signature": ROWS,
    "audit_entry": _ADD_AUDIT,
}
_ONLY: Mapping[Rights, Mapping[str, tuple[str, ...]]] = {Rights.WEBHOOKS: _WEBHOOKS, Rights.LIVE: _LIVE}
"""All that these may do."""
_ONLY_FUNCTIONS = {
    Rights.WEBHOOKS: (
        "record_album_event(",
        "event_watermark(",
        "match_subscriptions(",
        "match_people_of_subscriptions(",
    ),
    Rights.LIVE: ("event_watermark(",),
}
_NOT_DATA = {"schema_migration", "webhook_relay", "subscription_relay"} | {
    table for tables in _MORE.values() for table in tables
}

# Partitions are reached through their table. What belongs to an extension is not ours.
_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND pg_get_userbyid(relowner) = current_user
    AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
    )
ORDER BY relname
"""
_FUNCTIONS = """
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
ORDER BY 1
"""


def parse(grants: Iterable[str]) -> dict[str, Rights]:
    """Read `RIGHTS:USER`, such as `api:fn-api@my-project.iam`; raises Misconfigured if one is malformed."""
    users = {}
    for text in grants:
        rights, _, user = text.partition(":")
        if rights not in set(Rights) or not user:
            raise Misconfigured(
                f"{text!r} is no grant: write RIGHTS:USER, such as api:fn-api@my-project.iam. RIGHTS is "
                f"{', '.join(Rights)}."
            )
        users[user] = Rights(rights)
    return users


def grant(conn: psycopg.Connection, users: Mapping[str, Rights]) -> None:
    """Make these the only rights of `users` on the owner's tables and functions; twice equals once.

    `conn` is the owner's connection to a migrated database.

    Raises:
        Misconfigured: the database has no user of one of these names.
    """
    existing = {name for (name,) in conn.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(users)])}
    if missing := sorted(users.keys() - existing):
        raise Misconfigured(
            f"The database has no user {', '.join(missing)}. `terraform apply` creates the users of the functions: "
            "apply, and migrate again."
        )
    tables = [name for (name,) in conn.execute(_TABLES)]
    functions = [signature for (signature,) in conn.execute(_FUNCTIONS)]
    with conn.transaction():
        # By default every user may run every function, and these run with the owner's rights.
        conn.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(_listed(functions)))
        for user, rights in users.items():
            target = {"all": _listed(functions), "user": sql.Identifier(user)}
            conn.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {all} FROM {user}").format(**target))
            allowed = [one for one in functions if one.startswith(_ONLY_FUNCTIONS.get(rights, ""))]
            target["allowed"] = _listed(allowed)
            conn.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {allowed} TO {user}").format(**target))
            for table in tables:
                _grant_table(conn, table, user, _privileges(table, rights))


def _listed(functions: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.SQL(signature) for signature in functions)


def _privileges(table: str, rights: Rights) -> tuple[str, ...]:
    if rights in _ONLY:
        return _ONLY[rights].get(table, ())
    if table in _LESS:
        return _LESS[table]
    return _MORE[rights].get(table, ()) if table in _NOT_DATA else ROWS


def _grant_table(conn: psycopg.Connection, table: str, user: str, privileges: tuple[str, ...]) -> None:
    target = {"table": sql.Identifier(table), "user": sql.Identifier(user)}
    conn.execute(sql.SQL("REVOKE ALL ON {table} FROM {user}").format(**target))
    if privileges:
        what = sql.SQL(", ".join(privileges))
        conn.execute(sql.SQL("GRANT {what} ON {table} TO {user}").format(what=what, **target))
