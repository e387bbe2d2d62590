"""Copies of originals with numbers and names in them, and a sidecar file beside each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from photofinish.analysis.imaging.jpeg_metadata import with_metadata
from photofinish.application.downloads.streamed import MadeFile
from photofinish.domain.download import DownloadedPhoto
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.domain.xmp import PhotoMetadata, packet
from photofinish.errors import NotFound, PhotoGone
from photofinish.ports import Originals

_JPEG = frozenset({".jpg", ".jpeg"})


class CopiesWithMetadata:
    """Makes the files of an archive; the originals in the bucket stay as they are. Threads may share it."""

    def __init__(
        self, photos: Sequence[DownloadedPhoto], originals: Originals, metadata: Mapping[str, PhotoMetadata]
    ) -> None:
        """`metadata`: by photo id."""
        self._originals = originals
        self._metadata = metadata
        self._sidecars = sidecar_paths([photo.path for photo in photos])

    def files(self, photo: DownloadedPhoto) -> Iterator[MadeFile]:
        """Yield the copy of a photo and its sidecar; PhotoGone if it is missing, NotFound if it is a large video."""
        if (photo.size_bytes or 0) > MAX_PHOTO_BYTES:
            raise NotFound(f"{photo.photo.name} is too large for an archive with metadata.")
        content = self._originals.read_part(photo.photo, start=0, stop=MAX_PHOTO_BYTES)
        metadata = self._metadata.get(photo.photo_id)
        if metadata is None:
            raise PhotoGone("photo_gone", f"{photo.photo.name} was removed.")
        yield MadeFile(name=photo.path, content=with_metadata(content, metadata) or content)
        if (sidecar := self._sidecars.get(photo.path)) is not None:
            yield MadeFile(name=sidecar, content=packet(metadata).encode())


def sidecar_paths(paths: Sequence[str]) -> dict[str, str]:
    """Path of a photo → path of its sidecar, which programs look for beside it: `IMG_1.xmp` of `IMG_1.CR2`.

    A JPEG that has a raw file of its name leaves the sidecar to that, because it has the metadata in itself; of several
    others the first one gets it.
    """
    taken = {path.casefold() for path in paths}
    found: dict[str, str] = {}
    by_rank = sorted(paths, key=lambda path: PurePosixPath(path).suffix.casefold() in _JPEG)
    for path in by_rank:
        sidecar = str(PurePosixPath(path).with_suffix(".xmp"))
        if sidecar.casefold() not in taken:
            taken.add(sidecar.casefold())
            found[path] = sidecar
    return found
