"""The permissions that a request to Cloud Storage needs.

Of the JSON API: https://cloud.google.com/storage/docs/access-control/iam-json; of signed links, which use the XML API:
https://cloud.google.com/storage/docs/access-control/iam-xml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from photofinish_emulators.common.iam import PROJECT, Need

_JSON = re.compile(r"/(?:(?P<kind>upload|download)/)?storage/v1/b(?:/(?P<bucket>[^/]+)(?:/(?P<rest>.*))?)?")
_XML = re.compile(r"/(?P<bucket>[^/]+)/(?P<object>.+)")
_COPY = re.compile(r"o/(?P<source>[^/]+)/(?:rewriteTo|copyTo)/b/(?P<bucket>[^/]+)/o/(?P<target>[^/]+)")
_COMPOSE = re.compile(r"o/(?P<target>[^/]+)/compose")
_OBJECTS = {"GET": "get", "HEAD": "get", "PATCH": "update", "PUT": "update", "DELETE": "delete"}
_BUCKETS = {"GET": "get", "HEAD": "get", "PATCH": "update", "PUT": "update", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a request needs; ``overwrites``: and storage.objects.delete, if this object of this bucket exists."""

    permissions: list[Need]
    overwrites: tuple[str, str] | None = None


def needs(method: str, path: str, query: Mapping[str, str], body_name: str | None = None) -> Needs:
    """The permissions of a request; ``path`` is percent-encoded, and ``body_name`` is an upload's name in its body."""
    if method == "OPTIONS":  # what a browser asks before a request has no credentials
        return Needs([])
    match = _JSON.fullmatch(path)
    if match is None:
        return _xml_needs(method, path)
    bucket, rest = match["bucket"], match["rest"] or ""
    if bucket is None:
        return Needs([Need("storage.buckets." + ("create" if method == "POST" else "list"), PROJECT, PROJECT)])
    if match["kind"] == "upload":
        # Later requests of a resumable upload belong to the one that was permitted.
        return Needs([]) if "upload_id" in query else _creates(bucket, query.get("name") or body_name or "")
    if rest == "":
        return Needs([Need("storage.buckets." + _BUCKETS[method], f"bucket/{bucket}", _bucket(bucket))])
    if rest == "o":
        permission = "storage.objects.list" if method == "GET" else "storage.objects.create"
        return Needs([Need(permission, f"bucket/{bucket}", _bucket(bucket))])
    if copy := _COPY.fullmatch(rest):
        target = _creates(copy["bucket"], unquote(copy["target"]))
        return Needs([_object("get", bucket, unquote(copy["source"])), *target.permissions], target.overwrites)
    if compose := _COMPOSE.fullmatch(rest):
        target = _creates(bucket, unquote(compose["target"]))
        return Needs([_object("get", bucket, ""), *target.permissions], target.overwrites)
    if rest.startswith("o/"):
        return Needs([_object(_OBJECTS[method], bucket, unquote(rest.removeprefix("o/")))])
    return Needs([Need("storage.buckets.update", f"bucket/{bucket}", _bucket(bucket))])


def object_of(path: str, query: Mapping[str, str], body_name: str | None = None) -> tuple[str, str] | None:
    """Bucket and name of the object that a request reads, writes or deletes; None: another kind of request."""
    match = _JSON.fullmatch(path)
    if match is None:
        link = _XML.fullmatch(path)
        return (link["bucket"], unquote(link["object"])) if link else None
    bucket, rest = match["bucket"], match["rest"] or ""
    if bucket is None:
        return None
    if match["kind"] == "upload":
        name = query.get("name") or body_name or ""
        return (bucket, name) if name else None
    if copy := _COPY.fullmatch(rest):
        return copy["bucket"], unquote(copy["target"])
    if compose := _COMPOSE.fullmatch(rest):
        return bucket, unquote(compose["target"])
    return (bucket, unquote(rest.removeprefix("o/"))) if rest.startswith("o/") else None


def name_problem(name: str) -> str | None:
    """Why no object can have this name: https://docs.cloud.google.com/storage/docs/objects#naming"""
    if len(name.encode()) > 1024:
        return "The maximum object length is 1024 bytes."
    if "\r" in name or "\n" in name:
        return "Disallowed unicode characters present in object name."  # the words of the service
    if name in (".", "..") or name.startswith(".well-known/acme-challenge/"):
        return f"Invalid object name: {name}"
    return None


def _xml_needs(method: str, path: str) -> Needs:
    match = _XML.fullmatch(path)
    if match is None:
        return Needs([Need("storage.buckets.list", PROJECT, PROJECT)])
    bucket, name = match["bucket"], unquote(match["object"])
    if method in ("PUT", "POST"):
        return _creates(bucket, name)
    return Needs([_object(_OBJECTS[method], bucket, name)])


def _creates(bucket: str, name: str) -> Needs:
    return Needs([_object("create", bucket, name)], (bucket, name))


def deletes(bucket: str, name: str) -> Need:
    """What a request needs that overwrites this object."""
    return _object("delete", bucket, name)


def _object(verb: str, bucket: str, name: str) -> Need:
    return Need(f"storage.objects.{verb}", f"bucket/{bucket}", f"{_bucket(bucket)}/objects/{name}")


def _bucket(bucket: str) -> str:
    return f"//storage.googleapis.com/projects/_/buckets/{bucket}"


def words(need: Need, email: str) -> str:
    """What Cloud Storage says."""
    if need.permission == "storage.objects.list" or need.permission.startswith("storage.buckets."):
        thing = "bucket"
    else:
        thing = "object"
    return (
        f"{email} does not have {need.permission} access to the Google Cloud Storage {thing}. "
        f"Permission '{need.permission}' denied on resource (or it may not exist)."
    )
