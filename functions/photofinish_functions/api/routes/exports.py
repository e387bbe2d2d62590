"""What was found in an album, as a file."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from photofinish.application.downloads.csv_export import csv_lines
from photofinish.domain.access import Scope
from photofinish.domain.export_names import attachment
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.guarding import guarded
from photofinish_functions.api.schemas import AlbumPath, new_blueprint

_CSV = {
    "description": "CSV in UTF-8: a line for each number or person in a photo, or one for a photo without any.",
    "content": {
        "text/csv": {
            "schema": {"type": "string"},
            "example": "photo_id,name,status,taken_at,camera,sharpness,is_blurry,number,ocr_score,by_hand,listed_name,"
            "face_id,person_id,person_name\r\n",
        }
    },
}


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("downloads", "Download photos, one or many.", name="exports")

    @api.get("/albums/<album>/export.csv", responses={200: _CSV})
    @guarded(Scope.WRITE, "export_album", cost=10)
    def export_album(path: AlbumPath) -> Response:
        """Export which numbers and people are in which photos."""
        check_album(services, path.album)
        facts = services.album_facts
        photos = facts.of_photos(path.album, services.documents.list_photos(path.album), facts.names(path.album))
        answer = Response(csv_lines(photos), mimetype="text/csv")
        answer.headers["Content-Disposition"] = attachment(f"{path.album}.csv")
        return answer

    return api
