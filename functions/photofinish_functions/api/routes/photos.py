"""Albums and their photos: list albums, show the progress of their analysis and what was found in a photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter

from photofinish.application.albums import list_albums as albums_after
from photofinish.application.near_duplicates import list_near_duplicates
from photofinish.application.photos import PhotoPage
from photofinish.application.photos import list_photos as photo_page
from photofinish.domain.access import Reading, Scope
from photofinish.domain.album_card import AlbumCard, Downloads
from photofinish.domain.album_policy import Indexing, LegalBasis, Redact
from photofinish.domain.erasure import ErasureKind, ErasureTarget
from photofinish.domain.photo import PhotoStatus
from photofinish.domain.photo_listing import PhotoListing
from photofinish.domain.photo_warning import WarningCode
from photofinish.domain.search import PhotoFilter
from photofinish.errors import InvalidQuery, NotFound
from photofinish.ports import AlbumSummary, PhotoRecord
from photofinish.wiring import App
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.albums import ProgressReading, check_album
from photofinish_functions.api.erasing import ErasureJson, Originals, request_erasure, with_originals
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.patterns import PHOTO_ID
from photofinish_functions.api.renditions import Renditions, Shown, rendition_links
from photofinish_functions.api.schemas import (
    AlbumName,
    AlbumPath,
    BoxJson,
    Output,
    Parameters,
    PhotoJson,
    Placeholder,
    Score,
    deprecated,
    example,
    is_none,
    new_blueprint,
)
from photofinish_functions.api.search_requests import CameraTime, Number, Text, camera_time
from photofinish_functions.api.sharing import CardFields, card_fields, downloads_of, has_originals
from photofinish_functions.refused import Refused

MAX_ALBUMS = 200
MAX_PHOTOS = 200
_NO_BURSTS: Mapping[str, Sequence[str]] = {}
_ALBUM_NAME = TypeAdapter[str](AlbumName)


class AlbumsQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_ALBUMS, description="Maximum number of albums.")] = 50
    cursor: Cursor | None = None
    after: AlbumName | None = deprecated("cursor", default=None)


class Album(Output):
    album: str = Field(json_schema_extra=example("spring-10k"))
    photos: int = Field(description="Number of analysed photos.")
    faces: int
    bibs: int


class ListedAlbum(Album):
    title: str | None = Field(description="Of its card; null: it has none.")
    held_on: date | None = Field(description="The day, of its card.")


class Albums(Output):
    albums: list[ListedAlbum] = Field(description="The albums that the caller may search, by name.")
    next_cursor: str | None = next_cursor()
    next_after: str | None = deprecated("next_cursor")


class GpuRefusalJson(Output):
    """GPUs were refused, so photos are analysed without, which takes many times longer."""

    reason: str = Field(description="What the cloud says.")
    since: datetime
    retry_at: datetime = Field(description="When GPUs are tried again, if photos wait then.")


class AlbumPrivacy(Output):
    """What the album's policy says about the people in its photos."""

    legal_basis: LegalBasis
    purpose: str = Field(description="What faces are processed for; empty: not said.")
    indexing: Indexing = Field(description="`opt_out`: visitors may opt out themselves.")
    redact: Redact


class AlbumDetail(Album, CardFields):
    visitors_may_download: Downloads = Field(
        description="The album card's `downloads`, the most that a share link gives; `downloads` is the caller's."
    )
    has_originals: bool = Field(
        description="Whether the caller may download originals, and so play videos: not if the album ever redacted "
        "faces, unless the caller has the scope `write`; and not if the album keeps only results."
    )
    photos_by_status: dict[PhotoStatus, int] = Field(description="Number of uploaded photos by status.")
    last_upload_at: datetime | None = Field(description="When its newest photo was uploaded.")
    gpu_refused: GpuRefusalJson | None = Field(
        description="Why photos of all albums are analysed without GPU for now; null where that is not so, and for "
        "signed-in users without custom claims."
    )
    ends_on: date | None = Field(
        description="The last day on which the album is kept: on the next one it is erased, originals included; null: "
        "it has no end."
    )
    privacy: AlbumPrivacy


PhotoId = Annotated[str, Field(pattern=PHOTO_ID, json_schema_extra=example("0" * 32))]


class PhotoPath(Parameters):
    album: AlbumName
    photo_id: PhotoId


class PhotosQuery(Parameters):
    status: PhotoStatus | None = Field(None, description="Only photos with this status.")
    camera: Text | None = Field(None, description="Make and model, exactly as in the photo's metadata.")
    folder: Text | None = Field(None, description="Path below the album; includes the folders inside it.")
    with_warnings: bool = Field(False, description="Only photos with warnings.")
    bib: Number | None = Field(None, description="Only photos in which exactly this number was read.")
    without_bib: bool = Field(False, description="Only analysed photos that show no number; not together with `bib`.")
    is_blurry: bool = Field(False, description="Only blurry photos.")
    near_duplicates: bool = Field(
        False,
        description="Only photos that have near duplicates: burst by burst, the best of each first, with `burst`. "
        "Together with `camera`, `folder` and the time window only.",
    )
    taken_from: CameraTime | None = Field(None, description="By the camera's clock, so without a time zone; inclusive.")
    taken_to: CameraTime | None = Field(None, description="Like `taken_from`; inclusive.")
    limit: Annotated[int, Field(ge=1, le=MAX_PHOTOS, description="Maximum number of photos.")] = 50
    cursor: Cursor | None = None

    def near_duplicates_where(self) -> PhotoFilter:
        """Raises InvalidQuery."""
        others = (self.status, self.bib, self.with_warnings, self.without_bib, self.is_blurry)
        if any(others):
            raise InvalidQuery("Give near_duplicates with camera, folder, taken_from and taken_to only.")
        return PhotoFilter(
            taken_from=camera_time("taken_from", self.taken_from),
            taken_until=camera_time("taken_to", self.taken_to),
            camera=self.camera,
            folder=None if self.folder is None else self.folder.strip("/") or None,
        )

    def listing(self) -> PhotoListing:
        return PhotoListing(
            status=self.status,
            camera=self.camera,
            folder=None if self.folder is None else self.folder.strip("/") or None,
            with_warnings=self.with_warnings,
            bib=self.bib,
            without_bib=self.without_bib,
            is_blurry=self.is_blurry,
            taken_from=camera_time("taken_from", self.taken_from),
            taken_until=camera_time("taken_to", self.taken_to),
        )


class ImageJson(Output):
    width: int = Field(description="Of the upright photo, in pixels.")
    height: int
    format: str
    taken_at: str | None = Field(None, description="By the camera's clock, without a time zone.")
    camera: str | None = None


class SharpnessJson(Output):
    frame: float = Field(description="0 (blurred) to 1 (sharp).")
    is_blurry: bool


class PhotoFace(Output):
    face_id: str
    box: BoxJson
    detection_score: Score
    sharpness: Score
    quality: Score
    person_id: str | None = Field(
        None, description="Whose face it is, where one photo is asked for; null in lists, and for a face of no person."
    )

    seen_s: Score | None = Field(
        None, description="In a video: for how many seconds the person is seen; absent in a photo.", exclude_if=is_none
    )
    poster_box: BoxJson | None = Field(
        None, description="In a video: where the face is on the poster; absent if it is not there.", exclude_if=is_none
    )


class SceneJson(Output):
    start_s: float
    end_s: float


class VideoJson(Output):
    """What a video has beside a photo. `faces` are the people in it in their best views; the picture is its poster."""

    duration_s: float
    codec: str
    frames_a_second: float
    rotation_deg: int
    transfer: str
    audio_tracks: int
    poster_s: float = Field(description="When the poster is.")
    scenes: list[SceneJson] = Field(description="The first 1,000.")
    scene_count: int


class BibCandidate(Output):
    number: str
    probability: Score


class PhotoBib(Output):
    number: str
    ocr_score: Score = Field(description="1 for a number that was set by hand.")
    partial: bool = Field(False, description="Digits may be missing.")
    candidates: list[BibCandidate] = Field(
        default_factory=list,
        description="With a start list, every listed number that this may be, likeliest first; empty where the reading "
        "is certain.",
    )
    box: BoxJson | None = Field(None, description="null for a number that was added without saying where it is.")
    face_id: str | None = Field(None, description="The face of the person who wears the number.")
    by_hand: bool = Field(False, description="Whether a user set the number: a later analysis does not change it.")


class PhotoError(Output):
    code: str
    message: str


class PhotoWarningJson(Output):
    code: WarningCode
    message: str


class PhotoBurst(Output):
    """The photos of one moment by one camera."""

    size: int
    photo_ids: list[str] = Field(description="Of all of them, the best first.")


class PhotoAnswer(Output):
    photo: PhotoJson
    status: PhotoStatus
    queued_at: datetime | None = None
    done_at: datetime | None = None
    image: ImageJson | None = None
    sharpness: SharpnessJson | None = None
    faces: list[PhotoFace] = Field(default_factory=list)
    bibs: list[PhotoBib] = Field(default_factory=list)
    text: list[str] = Field(default_factory=list, description="The lines that were read.")
    warnings: list[PhotoWarningJson] = Field(
        default_factory=list,
        description="What was not as it should be with the file of an analysed photo: parts may be missing or wrong.",
    )
    error: PhotoError | None = Field(None, description="Why the photo was rejected or failed.")
    duplicate_of: str | None = Field(
        None, description="Id of the photo of the album that has the same bytes: it has what was found."
    )
    placeholder: Placeholder | None = None
    kind: Literal["photo", "video"] = "photo"
    video: VideoJson | None = Field(None, description="null of a photo, and of a video that is not done.")
    burst: PhotoBurst | None = Field(None, description="null unless `near_duplicates` was asked for.")
    renditions: Renditions


class Photos(Output):
    photos: list[PhotoAnswer] = Field(description="By name; with a time window by the time they were taken.")
    next_cursor: str | None = next_cursor()


def blueprint(services: App) -> APIBlueprint:
    progress = ProgressReading(services)
    api = new_blueprint("photos", "List albums and their photos, and show what was found in a photo.")

    @api.get("/albums", responses={200: Albums})
    @guarded(Scope.SEARCH, "list_albums", reading=Reading.FIND_ME, any_album=True)
    @fails_with("invalid_value")
    def list_albums(query: AlbumsQuery) -> dict[str, Any]:
        """List the albums that the caller may search."""
        after = position("albums", query.cursor, query.after, _ALBUM_NAME)
        found = albums_after(
            names=principal().albums,
            limit=query.limit + 1,
            after=after,
            albums=services.albums,
            documents=services.documents,
        )
        shown, last = page_of(found, query.limit, lambda one: one.name)
        audit(count=len(shown))
        cards = services.album_cards.cards([summary.name for summary in shown])
        return Albums(
            albums=[_listed(summary, cards.get(summary.name, AlbumCard())) for summary in shown],
            next_cursor=cursor_after("albums", last),
            next_after=last,
        ).model_dump(mode="json")

    @api.get("/albums/<album>", responses={200: AlbumDetail})
    @guarded(Scope.SEARCH, "show_album", reading=Reading.FIND_ME)
    def show_album(path: AlbumPath) -> dict[str, Any]:
        """Show an album, with the number of its photos by status."""
        read = progress.read if principal().reading is Reading.ALL else progress.shared
        known, card = read(path.album), services.album_cards.card(path.album)
        if known.summary is None and not known.by_status and card is None:
            raise NotVisible
        policy = services.album_policies.policy(path.album)
        summary = known.summary or AlbumSummary(name=path.album, photos=0, faces=0, bibs=0)
        return AlbumDetail.from_object(
            summary,
            album=summary.name,
            **card_fields(card or AlbumCard()) | {"downloads": downloads_of(services, principal(), path.album)},
            has_originals=has_originals(services, principal(), path.album),
            visitors_may_download=(card or AlbumCard()).downloads,
            photos_by_status={status: count for status, count in known.by_status.items() if count},
            last_upload_at=known.last_upload_at,
            ends_on=policy.ends_on,
            privacy=AlbumPrivacy.from_object(policy),
            gpu_refused=services.gpu_states.read().refusal if principal().reading is Reading.ALL else None,
        ).model_dump(mode="json")

    @api.get("/albums/<album>/photos", responses={200: Photos})
    @guarded(Scope.SEARCH, "list_photos", reading=Reading.BROWSE)
    def list_photos(path: AlbumPath, query: PhotosQuery) -> dict[str, Any]:
        """List the photos of an album, of any status, with what was found in each or why it was rejected."""
        page, burst_of = _page(services, path.album, query)
        if not page.photos:
            check_album(services, path.album)
        audit(count=len(page.photos))
        photos = _photos_json(page.photos, path.album, services, burst_of)
        return Photos(photos=photos, next_cursor=page.next_cursor).model_dump(mode="json")

    @api.get("/albums/<album>/photos/<photo_id>", responses={200: PhotoAnswer})
    @guarded(Scope.SEARCH, "show_photo", reading=Reading.BROWSE)
    def show_photo(path: PhotoPath) -> dict[str, Any]:
        """Show what was found in a photo, or why it was rejected."""
        audit(target=path.photo_id)
        record = services.documents.get(path.album, path.photo_id)
        if record is None:
            raise Refused(404, "unknown_photo", "This album has no photo with this id.")
        [answer] = _photos_json([record], path.album, services)
        return _with_people(answer, path.album, services).model_dump(mode="json")

    @api.delete("/albums/<album>/photos/<photo_id>", responses={202: ErasureJson})
    @guarded(Scope.WRITE, "erase_photo")
    @fails_with("unknown_photo")
    def erase_photo(path: PhotoPath, query: Originals) -> tuple[dict[str, Any], int]:
        """Erase a photo: what was found in it and made of it. A newer upload of the same name is a new photo."""
        audit(target=path.photo_id)
        target = ErasureTarget(
            kind=ErasureKind.PHOTO, album=path.album, id=path.photo_id, with_originals=with_originals(query, path.album)
        )
        return request_erasure(services, target, Refused(404, "unknown_photo", "This album has no photo with this id."))

    @api.delete("/albums/<album>", responses={202: ErasureJson})
    @guarded(Scope.ADMIN, "erase_album")
    def erase_album(path: AlbumPath, query: Originals) -> tuple[dict[str, Any], int]:
        """Erase an album: its photos, people, start list and access. Photos uploaded later are new ones."""
        check_album(services, path.album)
        target = ErasureTarget(
            kind=ErasureKind.ALBUM, album=path.album, id=path.album, with_originals=with_originals(query, path.album)
        )
        return request_erasure(services, target, NotFound())

    return api


def _listed(summary: AlbumSummary, card: AlbumCard) -> ListedAlbum:
    return ListedAlbum.from_object(summary, album=summary.name, title=card.title, held_on=card.held_on)


def _with_people(answer: PhotoAnswer, album: str, services: App) -> PhotoAnswer:
    """Say whose faces they are now: documents cannot, because each run of the clustering may change it."""
    if not answer.faces or principal().reading is not Reading.ALL:
        return answer
    owners = services.people.face_owners(album, [face.face_id for face in answer.faces])
    faces = [
        face.model_copy(update={"person_id": owners[face.face_id].person_id}) if face.face_id in owners else face
        for face in answer.faces
    ]
    return answer.model_copy(update={"faces": faces})


def _page(services: App, album: str, query: PhotosQuery) -> tuple[PhotoPage, Mapping[str, Sequence[str]]]:
    """The photos of a page, and the ids of those in the burst of each."""
    documents, limit, cursor = services.documents, query.limit, query.cursor
    if not query.near_duplicates:
        return photo_page(album, query.listing(), limit=limit, cursor=cursor, documents=documents), _NO_BURSTS
    found = list_near_duplicates(
        album, query.near_duplicates_where(), limit=limit, cursor=cursor, index=services.index, documents=documents
    )
    return PhotoPage(photos=found.photos, next_cursor=found.next_cursor), found.burst_of


def _photos_json(
    records: Sequence[PhotoRecord], album: str, services: App, burst_of: Mapping[str, Sequence[str]] = _NO_BURSTS
) -> list[PhotoAnswer]:
    """The public fields of photos' documents; those about their processing are for operators."""
    names = [record.fields.get("renditions") or {} for record in records]
    shown = [
        Shown(photo=record.ref, preview=of_photo.get("preview"), thumbnail=of_photo.get("thumbnail"))
        for record, of_photo in zip(records, names, strict=True)
    ]
    answers = []
    for record, renditions in zip(records, rendition_links(services, album, shown), strict=True):
        fields = {name: value for name, value in record.fields.items() if value is not None}
        fields |= {"photo": record.ref, "status": record.status, "renditions": renditions}
        if burst := burst_of.get(record.ref.photo_id):
            fields["burst"] = {"size": len(burst), "photo_ids": burst}
        answers.append(PhotoAnswer.model_validate(fields, extra="ignore"))
    return answers
