"""The customer's pictures, found by the ExternalImageId that their faces were indexed with."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import cv2

from photofinish.analysis.imaging.decoding import Limits, decode
from photofinish.analysis.imaging.formats import Format, recognise
from photofinish.analysis.imaging.resizing import fit_within
from photofinish.errors import NotFound, RejectedInput
from photofinish_cli.rekognition_import.aws import translated_errors

MAX_BYTES = 5_242_880
"""What one request takes."""
_LONGEST_SIDE = 4096
_JPEG_QUALITY = 92
_MIN_SIDE = 80
_REPLACED = re.compile(r"[^a-zA-Z0-9.]+")
_BUCKET = re.compile(r"s3://([^/]+)(?:/(.*))?")
_MAX_SHOWN = 3


class Pictures(Protocol):
    """Where pictures are looked for."""

    def names(self) -> list[str]:
        """Every file's path from where the search began, with slashes."""
        ...

    def read(self, name: str) -> bytes: ...


class FolderPictures:
    """Pictures in a folder, with everything inside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        return [
            str(PurePosixPath(path.relative_to(self._folder))) for path in self._folder.rglob("*") if path.is_file()
        ]

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()


class BucketPictures:
    """Pictures in an S3 bucket, below a prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        """`client` is boto3's for S3."""
        self._client, self._bucket, self._prefix = client, bucket, prefix

    @classmethod
    def at(cls, url: str, *, profile: str | None, region: str | None) -> BucketPictures:
        """The pictures of ``s3://bucket/prefix``.

        Raises:
            RejectedInput: `url` is none of that form.
        """
        import boto3

        found = _BUCKET.fullmatch(url)
        if found is None:
            raise RejectedInput("no_bucket", f"{url!r} is no bucket: write s3://bucket or s3://bucket/prefix")
        prefix = f"{found[2].strip('/')}/" if found[2] else ""
        with translated_errors("your Amazon S3"):
            client: Any = boto3.Session(profile_name=profile, region_name=region).client("s3")
        return cls(client, found[1], prefix)

    def names(self) -> list[str]:
        with translated_errors("your Amazon S3"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            keys = [str(item["Key"]) for page in pages for item in page.get("Contents", [])]
        return [key.removeprefix(self._prefix) for key in keys if not key.endswith("/")]

    def read(self, name: str) -> bytes:
        with translated_errors("your Amazon S3"):
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()
        return content


class PictureFinder:
    """Finds the picture that an ExternalImageId refers to.

    Ids cannot hold every character of a file's path, so each customer has a habit. Looked for are, in this order: the
    path, or the file's name alone; both with slashes, spaces and the like replaced by whatever ids may hold; and the
    same without the ending.
    """

    def __init__(self, names: Iterable[str]) -> None:
        whole, folded, stems, folded_stems = (defaultdict[str, set[str]](set) for _ in range(4))
        for name in names:
            path = PurePosixPath(name)
            for one in (name, path.name):
                whole[one].add(name)
                folded[_folded(one)].add(name)
            for one in (str(path.with_suffix("")), path.stem):
                stems[one].add(name)
                folded_stems[_folded(one)].add(name)
        self._ranks = (whole, folded, stems, folded_stems)

    def find(self, external_image_id: str) -> str:
        """The name of its picture.

        Raises:
            NotFound: there is none.
            RejectedInput: `several_pictures` may be meant.
        """
        exact, folded = external_image_id, _folded(external_image_id)
        for rank, wanted in zip(self._ranks, (exact, folded, exact, folded), strict=True):
            found = sorted(rank.get(wanted, ()))
            if len(found) == 1:
                return found[0]
            if found:
                shown = ", ".join(found[:_MAX_SHOWN]) + (", …" if len(found) > _MAX_SHOWN else "")
                raise RejectedInput("several_pictures", f"{len(found)} pictures may be meant: {shown}")
        raise NotFound("no picture of this name")


def sendable(content: bytes) -> bytes:
    """The picture as one request takes it: as it is where it can be, else as a JPEG of at most 4096 px.

    Raises:
        RejectedInput: it cannot be decoded, or is too small for a face search.
    """
    if recognise(content) in (Format.JPEG, Format.PNG) and len(content) <= MAX_BYTES:
        return content
    image = fit_within(decode(content, limits=Limits(min_side=_MIN_SIDE)).image, _LONGEST_SIDE)
    for quality in (_JPEG_QUALITY, 80, 60):
        smaller = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(smaller) <= MAX_BYTES:
            return smaller
    raise RejectedInput("too_large", "the picture has more than 5 MiB even as a JPEG of 4096 px")


def _folded(name: str) -> str:
    """`name` with everything that customers replace, and what they replace it by, made equal."""
    return _REPLACED.sub("_", name)
