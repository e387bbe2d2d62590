"""Everything that is kept about one person, for them."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from photofinish.domain.access import Scope
from photofinish.wiring import App
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.people import PersonPath, people_blueprint

_ZIP = {
    "description": "A zip file: `subject.json`, and `photos/` with previews on which every other face is redacted.",
    "content": {
        "application/zip": {
            "schema": {"type": "string", "contentMediaType": "application/zip"},
            "example": "the bytes of a zip file",
        }
    },
}


def blueprint(services: App) -> APIBlueprint:
    api = people_blueprint("subject-access")

    @api.get("/albums/<album>/people/<person_id>/subject-access", responses={200: _ZIP})
    @guarded(Scope.ADMIN, "subject_access", cost=10)
    def subject_access(path: PersonPath) -> Response:
        """Return everything that is kept about a person: no vectors, and no other person's data."""
        audit(target=path.person_id)
        archive = services.subject_access.archive(path.album, path.person_id)
        answer = Response(archive, mimetype="application/zip")
        answer.headers["Content-Disposition"] = f'attachment; filename="{path.person_id}.zip"'
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return api
