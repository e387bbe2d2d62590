"""Search an album by selfies or embeddings, bib number, name, text, time, camera and folder, in any combination."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from photofinish.domain.access import Scope
from photofinish.domain.face import Embedding, Face
from photofinish.domain.search_results import SearchPage
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.people import require_person
from photofinish_functions.api.renditions import rendition_links
from photofinish_functions.api.schemas import AlbumName, AlbumPath, Parameters, UsedFace, describe, new_blueprint
from photofinish_functions.api.search_answers import FoundPhoto, SearchAnswer
from photofinish_functions.api.search_requests import (
    DEFAULT_LIMIT,
    SEARCH_REQUEST,
    Cursor,
    Limit,
    Number,
    SearchBody,
    query_of,
    read_search,
)
from photofinish_functions.api.services import Services
from photofinish_functions.api.vectors import embeddings_in
from photofinish_functions.refused import Refused


class BibPath(Parameters):
    album: AlbumName
    number: Number


class BibQuery(Parameters):
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("search", "Find the photos of a person, with the evidence for each photo.")
    describe(api, SearchBody)

    @api.post(
        "/albums/<album>/search",
        responses={200: SearchAnswer},
        description="Send selfies as multipart/form-data, with the other criteria either as one part `query` (JSON) or "
        "as form fields of the same names.",
        openapi_extensions={"requestBody": SEARCH_REQUEST},
    )
    @guarded(Scope.SEARCH, "search", pictures_cost=2)
    def search(path: AlbumPath) -> Response:
        """Find photos by selfies, embeddings, person, bib number, name, text, time, camera and folder."""
        body, selfies = read_search(request)
        if selfies:  # costly to analyse: check the album first
            _check_album(services, path.album)
        faces = services.pictures.people(selfies)
        return _answer(services, path.album, body, faces)

    @api.get("/albums/<album>/bibs/<number>", responses={200: SearchAnswer})
    @guarded(Scope.SEARCH, "search_bib")
    def bib(path: BibPath, query: BibQuery) -> Response:
        """Find the photos in which a bib number was read or is inferred, best first."""
        body = SearchBody.model_validate({"bib": path.number, "limit": query.limit, "cursor": query.cursor})
        return _answer(services, path.album, body, ())

    return api


def _answer(services: Services, album: str, body: SearchBody, selfie_faces: Sequence[Face]) -> Response:
    embeddings = _embeddings(services, album, body, selfie_faces)
    page = services.searcher.search(query_of(album, body, embeddings))
    if not page.photos:
        _check_album(services, album)
    audit(target=body.person_id, count=len(page.photos))
    answer = SearchAnswer(
        album=album,
        photos=_photos(services, page),
        next_cursor=page.next_cursor,
        numbers=dict(page.numbers),
        selfies=[UsedFace.model_validate(face) for face in selfie_faces],
    )
    return Response(answer.model_dump_json(), mimetype="application/json")


def _embeddings(
    services: Services, album: str, body: SearchBody, selfie_faces: Sequence[Face]
) -> tuple[Embedding, ...]:
    """The embeddings to search with: of the selfies, of the body, and of the body's person in the same space."""
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


def _photos(services: Services, page: SearchPage) -> list[FoundPhoto]:
    versions = [(found.photo, found.pipeline_version) for found in page.photos]
    renditions = rendition_links(services.links, versions, services.settings.photo_bucket)
    return [
        FoundPhoto.from_object(found, renditions=links) for found, links in zip(page.photos, renditions, strict=True)
    ]


def _check_album(services: Services, album: str) -> None:
    if not services.index.has_album(album):
        raise NotVisible
