"""Search an album by selfies or embeddings, bib number, name, text, time, camera and folder, in any combination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import RateLimit, Reading, Scope
from photofinish.domain.face import Embedding, Face
from photofinish.domain.search import Description, Weights
from photofinish.domain.search_results import FoldedPhoto as Folded
from photofinish.domain.search_results import ScoredPhoto, SearchPage
from photofinish.errors import InvalidQuery
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album, count_faces
from photofinish_functions.api.download_passes import download_passes
from photofinish_functions.api.error_codes import UNFIT_SELFIE, fails_with
from photofinish_functions.api.find_me import check_criteria, shown_to
from photofinish_functions.api.guarding import audit, face_search, guarded, principal, probing, require_vectors, spend
from photofinish_functions.api.paging import Cursor
from photofinish_functions.api.patterns import UUID
from photofinish_functions.api.people import person_query, require_person
from photofinish_functions.api.renditions import Shown, indexed_photo, rendition_links
from photofinish_functions.api.schemas import (
    AlbumName,
    AlbumPath,
    Parameters,
    UsedFace,
    describe,
    example,
    new_blueprint,
)
from photofinish_functions.api.search_answers import FoldedPhoto, FoundBurst, FoundPhoto, SearchAnswer
from photofinish_functions.api.search_requests import (
    DEFAULT_LIMIT,
    SEARCH_REQUEST,
    CameraTime,
    Limit,
    Number,
    SearchBody,
    Text,
    Weight,
    query_of,
    read_search,
)
from photofinish_functions.api.sent_pictures import is_wanted
from photofinish_functions.api.vectors import embeddings_in
from photofinish_functions.refused import Refused

_WEIGHTS = Weights()
PERSON_WEIGHT = 0.3
"""Of people in a search by words, beside the weights of words and vision."""
NAME_SEARCHES = RateLimit(per_second=0.2, burst=30)
"""Of one caller who may not read the start list: enough to look for friends, too few to try all names."""


class BibPath(Parameters):
    album: AlbumName
    number: Number


class BibQuery(Parameters):
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


class WordsQuery(Parameters):
    q: Text = Field(description="As `about` of a search.", json_schema_extra=example("bicycle"))
    person_id: Annotated[str, Field(pattern=UUID)] | None = Field(None, description="Photos of this person count more.")
    bib: Number | None = Field(
        None, description="Photos with this number count more.", json_schema_extra=example("1234")
    )
    match: Literal["any", "all"] = Field(
        "any", description="`all`: only photos of that person and number that fit `q`."
    )
    taken_from: CameraTime | None = Field(None, description="By the camera's clock, so without a time zone; inclusive.")
    taken_to: CameraTime | None = Field(None, description="Like `taken_from`; inclusive.")
    camera: Text | None = Field(None, description="Make and model, exactly as in the photo's metadata.")
    folder: Text | None = Field(None, description="Path below the album; includes the folders inside it.")
    text_weight: Weight = Field(_WEIGHTS.words, description="Of what was read.")
    vision_weight: Weight = Field(_WEIGHTS.vision, description="Of what photos show.")
    person_weight: Weight = Field(
        PERSON_WEIGHT, description="Of people by face, number or name, scaled by probability."
    )
    fusion: Literal["weighted", "rrf"] = "weighted"
    collapse: Literal["bursts"] | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None

    def body(self) -> SearchBody:
        """The same search as the body of a POST."""
        weights = {"words": self.text_weight, "vision": self.vision_weight}
        weights |= dict.fromkeys(("face", "bib", "name"), self.person_weight)
        criteria = self.model_dump(exclude={"q", "text_weight", "vision_weight", "person_weight"})
        return SearchBody.model_validate(criteria | {"about": self.q, "weights": weights})


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("search", "Find the photos of a person, with the evidence for each photo.")
    describe(api, SearchBody)

    @api.post(
        "/albums/<album>/search",
        responses={200: SearchAnswer},
        description="Send selfies as multipart/form-data, with the other criteria either as one part `query` (JSON) or "
        "as form fields of the same names.",
        openapi_extensions={"requestBody": SEARCH_REQUEST},
    )
    @guarded(Scope.SEARCH, "search", reading=Reading.FIND_ME, pictures_cost=2, by_faces=True)
    @fails_with(
        "too_many_pictures",
        "find_me_only",
        "invalid_query",
        "invalid_value",
        "not_a_vector",
        "vectors_not_allowed",
        "unknown_person",
        "person_without_face",
        *UNFIT_SELFIE,
    )
    def search(path: AlbumPath) -> Response:
        """Find photos by selfies, embeddings, person, bib number, name, text, time, camera and folder."""
        body, selfies = read_search(request)
        check_criteria(body, with_selfies=bool(selfies), reading=principal().reading)
        if body.embeddings is not None:
            require_vectors()
        if selfies:  # costly to analyse: check the album first
            check_album(services, path.album)
        faces = services.pictures.people(selfies, is_wanted=is_wanted)
        return _answer(services, path.album, body, faces)

    @api.get("/albums/<album>/search", responses={200: SearchAnswer})
    @guarded(Scope.SEARCH, "search_words", reading=Reading.BROWSE, by_faces=True)
    @fails_with("find_me_only", "invalid_query", "invalid_value", "unknown_person", "person_without_face")
    def search_words(path: AlbumPath, query: WordsQuery) -> Response:
        """Find photos by words: what they show, what was read in them, numbers and names, best first."""
        body = query.body()
        check_criteria(body, with_selfies=False, reading=principal().reading)
        return _answer(services, path.album, body, ())

    @api.get("/albums/<album>/bibs/<number>", responses={200: SearchAnswer})
    @guarded(Scope.SEARCH, "search_bib", reading=Reading.FIND_ME)
    def search_bib(path: BibPath, query: BibQuery) -> Response:
        """Find the photos in which a bib number was read or is inferred, best first."""
        body = SearchBody.model_validate({"bib": path.number, "limit": query.limit, "cursor": query.cursor})
        return _answer(services, path.album, body, ())

    return api


def _answer(services: App, album: str, body: SearchBody, selfie_faces: Sequence[Face]) -> Response:
    if body.name is not None and not principal().may(Scope.WRITE, album):
        spend("names", NAME_SEARCHES)
    by_face = face_search(album) if selfie_faces or body.embeddings is not None or body.person_id is not None else None
    only_certain = by_face is not None and probing().admit(by_face)
    embeddings = _embeddings(services, album, body, selfie_faces)
    query = query_of(album, body, embeddings, _description(services, album, body))
    page = services.searcher.search(query, only_certain=only_certain)
    if by_face is not None:
        probing().charge(
            by_face,
            _distinguished_by(services, album, body, selfie_faces, embeddings),
            page.best_matches,
            services.calibration,
            count_faces=lambda: count_faces(services, album),
            are_vectors=body.embeddings is not None,
        )
    if not page.photos:
        check_album(services, album)
    audit(target=body.person_id, count=len(page.photos))
    reads_start_list = principal().may(Scope.WRITE, album)
    # Only who is found by selfies alone sees themselves: other criteria find other people.
    is_own = bool(selfie_faces) and len(embeddings) == len(selfie_faces)
    reading = principal().reading
    photos = [shown_to(reading, found) for found in _photos(services, album, page, is_own=is_own)]
    answer = SearchAnswer(
        album=album,
        photos=photos if reads_start_list else [_without_listed_name(found) for found in photos],
        next_cursor=page.next_cursor,
        numbers=dict(page.numbers) if reads_start_list else {},
        selfies=[UsedFace.model_validate(face) for face in selfie_faces],
    )
    return Response(answer.model_dump_json(), mimetype="application/json")


def _description(services: App, album: str, body: SearchBody) -> Description | None:
    """The body's description; names count only for callers who may read the start list."""
    if body.about is None:
        return None
    space = services.text_space
    return Description(
        text=body.about,
        place=None if space is None else space.of_text(body.about),
        scale=None if space is None else space.scale,
        with_names=principal().may(Scope.WRITE, album),
    )


def _without_listed_name(found: FoundPhoto) -> FoundPhoto:
    """The photo without the name that the start list has for a number."""
    if found.name is None or found.name.person_id is not None:
        return found
    return found.model_copy(update={"name": found.name.model_copy(update={"name": None})})


def _embeddings(services: App, album: str, body: SearchBody, selfie_faces: Sequence[Face]) -> tuple[Embedding, ...]:
    """The embeddings to search with: of the selfies, of the body, and of the body's person in the same space."""
    if body.embeddings is not None and body.person_id is not None:
        raise InvalidQuery(
            "Search with embeddings or with a person: mixed, they would show what the person's faces are."
        )
    found = [face.embedding for face in selfie_faces]
    if body.embeddings is not None:
        found += embeddings_in(body.embeddings)
    if body.person_id is not None:
        require_person(services, album, body.person_id)
        space = found[0].space if found else services.embedding_space
        own = [one for one in services.people.embeddings(album, body.person_id) if one.space == space]
        if not own:
            raise Refused(422, "person_without_face", "No face of this person is known yet.")
        found += own
    return tuple(found)


def _distinguished_by(
    services: App, album: str, body: SearchBody, selfie_faces: Sequence[Face], embeddings: Sequence[Embedding]
) -> list[bytes]:
    """What distinguishes this search by faces from others."""
    if body.person_id is None:
        return [one.vector.tobytes() for one in embeddings]
    return [face.embedding.vector.tobytes() for face in selfie_faces] + person_query(services, album, body.person_id)


def _photos(services: App, album: str, page: SearchPage, *, is_own: bool) -> list[FoundPhoto]:
    """`is_own`: the faces that were found are the caller's, where no one would need to check."""
    answered: list[ScoredPhoto | Folded] = []
    for found in page.photos:
        answered += [found, *(found.folded or ())]
    shown = [_shown(services, one, is_own=is_own) for one in answered]
    renditions, passes = rendition_links(services, album, shown), download_passes(services, album, shown)
    of_photos = iter({"renditions": links, "download_pass": one} for links, one in zip(renditions, passes, strict=True))
    photos = []
    for found in page.photos:
        of_photo, folded = next(of_photos), None
        if found.folded is not None:
            folded = [FoldedPhoto.from_object(one, **next(of_photos)) for one in found.folded]
        photos.append(FoundPhoto.from_object(found, **of_photo, burst=_burst(found, folded)))
    return photos


def _shown(services: App, found: ScoredPhoto | Folded, *, is_own: bool) -> Shown:
    own = is_own and found.face is not None and found.face.is_certain
    own_faces = frozenset([found.face.face_id]) if own and found.face else frozenset[str]()
    return indexed_photo(
        services, found.photo, found.pipeline_version, placeholder=found.placeholder, own_faces=own_faces
    )


def _burst(found: ScoredPhoto, folded: list[FoldedPhoto] | None) -> FoundBurst | None:
    if folded is None:
        return None
    ids = [found.photo.photo_id, *(one.photo.photo_id for one in folded)]
    return FoundBurst(size=len(ids), photo_ids=ids, photos=folded)
