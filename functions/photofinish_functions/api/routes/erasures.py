"""Routes that erase a face and show how far an erasure is; photos, albums and people are erased by their own routes."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.erasure import ErasureKind, ErasureTarget
from photofinish.wiring import App
from photofinish_functions.api.erasing import ErasureJson, erasure_json, request_erasure
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.patterns import UUID
from photofinish_functions.api.people import FaceId
from photofinish_functions.api.schemas import AlbumName, Parameters, new_blueprint
from photofinish_functions.refused import Refused


class FacePath(Parameters):
    album: AlbumName
    face_id: FaceId


class ErasurePath(Parameters):
    erasure_id: str = Field(pattern=UUID, description="Id of the erasure, as its answer gives it.")


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("erasures", "Erase photos, faces, people and albums for good, with a receipt.")

    @api.delete("/albums/<album>/faces/<face_id>", responses={202: ErasureJson})
    @guarded(Scope.WRITE, "erase_face")
    @fails_with("unknown_face")
    def erase_face(path: FacePath) -> tuple[dict[str, Any], int]:
        """Erase a face with the numbers read beside it. It stays erased when the photo is analysed again."""
        audit(target=path.face_id)
        target = ErasureTarget(kind=ErasureKind.FACE, album=path.album, id=path.face_id)
        return request_erasure(services, target, Refused(404, "unknown_face", "This album has no face with this id."))

    @api.get("/erasures/<erasure_id>", responses={200: ErasureJson})
    @guarded(Scope.WRITE, "show_erasure", any_album=True)
    @fails_with("unknown_erasure")
    def show_erasure(path: ErasurePath) -> dict[str, Any]:
        """Show what an erasure removed so far, and whether it has finished."""
        audit(target=path.erasure_id)
        erasure = services.erasures.get(path.erasure_id)
        if erasure is None or not principal().may(Scope.WRITE, erasure.target.album):
            raise Refused(404, "unknown_erasure", "There is no erasure with this id.")
        return erasure_json(erasure)

    return api
