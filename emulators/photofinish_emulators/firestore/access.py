"""What a caller may do: everything, or what the security rules allow.

Every read by name, every query and every write passes through an `Access`. A query is judged before its results are
read, by what it could return: rules are not filters (https://firebase.google.com/docs/firestore/security/rules-query).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from photofinish_emulators.common.rpc_errors import Refused, permission_denied
from photofinish_emulators.firestore.callers import Caller, caller
from photofinish_emulators.firestore.commits import JudgeWrites, Step
from photofinish_emulators.firestore.documents import StoredDocument, View
from photofinish_emulators.firestore.paths import FieldPath, Name
from photofinish_emulators.firestore.protos import Fields
from photofinish_emulators.firestore.queries import NAME, Conjunction, Op, Query
from photofinish_emulators.firestore.rules.ruleset import Request, Ruleset, Segments
from photofinish_emulators.firestore.rules.values import (
    ANY_DEPTH,
    UNKNOWN,
    EvaluationError,
    PartialMap,
    Path,
    Timestamp,
    Unknown,
    Value,
    from_fields,
    from_message,
)

log = logging.getLogger(__name__)
DENIED = "Missing or insufficient permissions."
"""The words of the real service, which says no more; the log does."""
MAX_LOOKUPS = 20
"""Documents that the rules may read for one request. The real service allows 10 for requests of one document."""


class Access:
    """Everything is allowed."""

    judge_writes: JudgeWrites | None = None
    """Judges a commit; None: it need not be judged."""

    def check_get(self, view: View, name: Name, document: StoredDocument | None) -> None:
        """
        Raises:
            Refused: PERMISSION_DENIED, the caller may not read the document.
        """

    def check_query(self, view: View, query: Query) -> None:
        """
        Raises:
            Refused: PERMISSION_DENIED, the query could return what the caller may not read.
        """

    def check_metadata(self) -> None:
        """
        Raises:
            Refused: PERMISSION_DENIED, only administrators may see ids of collections and of missing documents.
        """


EVERYTHING = Access()


class Gate:
    """Finds out what a caller may do. Without ``rules`` every caller may do everything."""

    def __init__(self, rules: Ruleset | None) -> None:
        self._rules = rules

    def access(self, authorization: str | None) -> Access:
        """
        Raises:
            Refused: UNAUTHENTICATED, the header is not valid.
        """
        if self._rules is None:
            return EVERYTHING
        found = caller(authorization)
        return EVERYTHING if found.is_administrator else ByRules(self._rules, found)


class ByRules(Access):
    """What security rules allow a user."""

    def __init__(self, rules: Ruleset, user: Caller) -> None:
        self._rules = rules
        self._auth = user.auth
        self.judge_writes = self._judge_writes

    def check_get(self, view: View, name: Name, document: StoredDocument | None) -> None:
        resource = None if document is None else _resource(name, document.fields)
        self._require(self._judge(_Lookups(view, name.database), "get", _segments(name), resource, {}))

    def check_query(self, view: View, query: Query) -> None:
        variables = {"query": {"limit": query.limit, "offset": query.offset}}
        lookups = _Lookups(view, query.parent.database)
        for conjunction in query.disjuncts:
            id = _only_id(query, conjunction)
            path = (*_collection_path(query), id)
            resource = PartialMap({"data": _known_fields(query, conjunction), "id": id, "__name__": Path(path)})
            self._require(self._judge(lookups, "list", path, resource, variables))

    def _judge_writes(
        self, view: View, steps: Sequence[Step], after: Mapping[Name, Fields | None], time_us: int
    ) -> list[Refused | None]:
        now = Timestamp(time_us - time_us % 1000)  # milliseconds, as server timestamps in documents
        return [self._check_write(_Lookups(view, step.name.database, after), step, now) for step in steps]

    def check_metadata(self) -> None:
        self._require(self._denied("list collections and missing documents of", (), "only administrators may"))

    def _check_write(self, lookups: _Lookups, step: Step, now: Timestamp) -> Refused | None:
        resource = None if step.before is None else _resource(step.name, step.before)
        path = _segments(step.name)
        if step.only_verify:
            return self._judge(lookups, "get", path, resource, {})
        if step.after is None:
            return self._judge(lookups, "delete", path, resource, {"time": now})
        method = "create" if step.before is None else "update"
        return self._judge(lookups, method, path, resource, {"time": now, "resource": _resource(step.name, step.after)})

    def _judge(
        self, lookups: _Lookups, method: str, path: Segments, resource: Value, variables: Mapping[str, Value]
    ) -> Refused | None:
        request = {
            "auth": self._auth,
            "method": method,
            "path": Path(path),
            "time": Timestamp(time.time_ns() // 1000),
            **variables,
        }
        reason = self._rules.refusal(Request(method, path, request, resource, lookups))
        return None if reason is None else self._denied(method, path, reason)

    def _denied(self, method: str, path: Segments, reason: str) -> Refused:
        user = "a user who has not signed in" if self._auth is None else f"user {self._auth['uid']}"
        log.warning("%s may not %s %s: %s", user, method, _shown(path), reason)
        return permission_denied(DENIED)

    def _require(self, refused: Refused | None) -> None:
        if refused is not None:
            raise refused


class _Lookups:
    """Reads the documents that rules ask for, for one request."""

    def __init__(self, view: View, database: str, after: Mapping[Name, Fields | None] | None = None) -> None:
        self._view = view
        self._database = database
        self._after = after or {}
        self._read: dict[Name, Fields | None] = {}

    def __call__(self, path: Path, after: bool) -> Value:
        name = self._name(path)
        fields = self._after[name] if after and name in self._after else self._stored(name)
        return None if fields is None else _resource(name, fields)

    def _name(self, path: Path) -> Name:
        match path.segments:
            case ["databases", database, "documents", *ids] if ids and len(ids) % 2 == 0:
                if self._database.endswith(f"/databases/{database}"):
                    return Name(self._database, tuple(ids))
        raise EvaluationError(f"{path} is not the path of a document of this database")

    def _stored(self, name: Name) -> Fields | None:
        if name not in self._read:
            if len(self._read) >= MAX_LOOKUPS:
                raise EvaluationError(f"the rules read more than {MAX_LOOKUPS} documents")
            document = self._view.get(name)
            self._read[name] = None if document is None else document.fields
        return self._read[name]


def _segments(name: Name) -> Segments:
    return ("databases", name.database.rsplit("/", 1)[1], "documents", *name.segments)


def _collection_path(query: Query) -> Segments:
    parent = _segments(query.parent)
    if not query.all_descendants:
        return (*parent, query.collection_id)
    return (*parent, ANY_DEPTH, query.collection_id) if query.collection_id else (*parent, ANY_DEPTH)


def _resource(name: Name, fields: Fields) -> Value:
    return {"data": from_fields(fields), "id": name.segments[-1], "__name__": Path(_segments(name))}


def _only_id(query: Query, conjunction: Conjunction) -> Value:
    """The id of the only document that the filters allow; unknown if there may be several."""
    for condition in conjunction:
        if condition.path == NAME and condition.op is Op.EQUAL and not query.all_descendants:
            assert condition.value is not None
            return condition.value.reference_value.rsplit("/", 1)[1]
    return UNKNOWN


def _known_fields(query: Query, conjunction: Conjunction) -> PartialMap:
    """What the filters and orders say about the fields of every result."""
    conditions: dict[FieldPath, list[tuple[str, Value]]] = {order.path: [] for order in query.orders}
    for condition in conjunction:
        if condition.value is not None:
            found = conditions.setdefault(condition.path, [])
            found.append((condition.op.value, from_message(condition.value)))
    known = PartialMap({})
    for path, found in conditions.items():
        if path != NAME:
            _set(known, path, dict(found).get("==", Unknown(found)))
    return known


def _set(known: PartialMap, path: FieldPath, value: Value) -> None:
    for name in path[:-1]:
        inner = known.known.setdefault(name, PartialMap({}))
        if not isinstance(inner, PartialMap):  # a filter on the map as a whole says more
            return
        known = inner
    known.known[path[-1]] = value


def _shown(path: Segments) -> str:
    return "/" + "/".join(
        "**" if part is ANY_DEPTH else "*" if isinstance(part, Unknown) else str(part) for part in path
    )
