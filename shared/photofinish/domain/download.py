"""Downloads of several photos as one ZIP: which files it has, and who may have which size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath

from photofinish.domain.access import PrincipalKind
from photofinish.domain.album_card import Downloads
from photofinish.domain.export_names import export_names
from photofinish.domain.photo import PhotoRef
from photofinish.domain.redaction import Viewer
from photofinish.domain.zip_archive import ZipFile

MAX_FILES = 2_000
LIFETIME = timedelta(hours=24)
"""Long enough to go on with an interrupted download of some gigabytes on the next morning."""


class DownloadSize(StrEnum):
    ORIGINAL = "original"
    """The file as it was uploaded."""
    WEB = "web"
    """The preview that the caller may see, with faces redacted as the album's policy says."""


def may_download(size: DownloadSize, *, is_organiser: bool, allowed: Downloads, ever_redacted: bool) -> bool:
    """Whether a caller who may see photos of an album may have them in this size.

    Organisers (scope `write`) have the originals anyway. Others get what is `allowed` by the album's card and the
    share, and no originals of an album that ever redacted faces: an original shows all of them.
    """
    if is_organiser:
        return True
    if size is DownloadSize.WEB:
        return allowed is not Downloads.NONE
    return allowed is Downloads.ORIGINAL and not ever_redacted


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedPhoto:
    """One photo of a download."""

    photo: PhotoRef
    path: str
    """Of its file in the archive."""
    size_bytes: int | None
    """Of its file; None: not known before it is made."""
    taken_at: datetime | None
    own_faces: frozenset[str] = frozenset()
    """Ids of the faces that the caller's selfie matched: they are not redacted for them."""

    @property
    def photo_id(self) -> str:
        return self.photo.photo_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Photos that the holder of a link may download as one ZIP."""

    download_id: str
    album: str
    made_by: tuple[PrincipalKind, str]
    """Kind and id of the principal."""
    is_organiser: bool
    size: DownloadSize
    with_metadata: bool
    """Whether copies of originals get numbers and names written into them, with a sidecar each."""
    photos: tuple[DownloadedPhoto, ...]
    expires_at: datetime
    crc32s: Mapping[int, int] = field(default_factory=dict)
    """By number of the photo: checksums that are known because the file was read once."""
    missing: frozenset[int] = frozenset()
    """Numbers of photos that could not be read any more."""

    @property
    def files(self) -> tuple[ZipFile, ...] | None:
        """The files of the archive; None where a size is not known, so no byte of it has a fixed place."""
        if self.with_metadata or any(photo.size_bytes is None for photo in self.photos):
            return None
        return tuple(
            ZipFile(name=photo.path, size_bytes=photo.size_bytes or 0, modified=photo.taken_at) for photo in self.photos
        )

    def viewer_of(self, photo: DownloadedPhoto) -> Viewer:
        return Viewer(is_organiser=self.is_organiser, own_faces=photo.own_faces)


def archive_paths(names: list[str], size: DownloadSize) -> dict[str, str]:
    """Object name → path in the archive. Previews are JPEG, whatever the original was."""
    if size is DownloadSize.ORIGINAL:
        return export_names(names)
    as_jpeg = {name: str(PurePosixPath(name).with_suffix(".jpg")) for name in names}
    uses = Counter(as_jpeg.values())
    # Two originals of one stem, as raw and JPEG of a shot, keep their own suffix in front: IMG_1.cr2.jpg.
    wanted = {name: path if uses[path] == 1 else f"{name}.jpg" for name, path in as_jpeg.items()}
    paths = export_names(wanted.values())
    return {name: paths[path] for name, path in wanted.items()}
