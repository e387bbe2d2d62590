"""Pictures of photos of albums that redact faces, or that have a watermark."""

from __future__ import annotations

from pathlib import PurePosixPath

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.export_names import attachment, export_names, inline
from photofinish.domain.rendition import RenditionSize
from photofinish.errors import NotFound
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import open_to_link_holders
from photofinish_functions.api.renditions import picture_links
from photofinish_functions.api.schemas import Parameters, new_blueprint
from photofinish_functions.refused import Refused

_PICTURE = {
    "description": "A preview is a JPEG of at most 1600 pixels a side, a thumbnail a WebP of at most 320.",
    "content": {
        "image/jpeg": {
            "schema": {"type": "string", "contentMediaType": "image/jpeg"},
            "example": "the bytes of a JPEG file",
        },
        "image/webp": {
            "schema": {"type": "string", "contentMediaType": "image/webp"},
            "example": "the bytes of a WebP file",
        },
    },
}
_HEADERS = {
    # Browsers may keep it, but ask each time: what a viewer may see can change at any time.
    "Cache-Control": "private, no-cache",
    # Pages of any site may show it, as they may show a picture behind a signed link to the bucket.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class LinkPath(Parameters):
    link: str = Field(description="The signed part of a link that this API answered with.")


class PictureQuery(Parameters):
    download: bool = Field(False, description="Have browsers save the picture as a file, instead of showing it.")


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("pictures", "Redacted and watermarked pictures. Links to them need no key.", needs_key=False)

    @api.get("/pictures/<link>", responses={200: _PICTURE})
    @open_to_link_holders("show_picture")
    @fails_with("unknown_link", "unavailable")
    def show_picture(path: LinkPath, query: PictureQuery) -> Response:
        """Return a picture with the faces redacted that the holder of the link may not see at this moment.

        It also has the watermark that the album has at this moment, unless the holder is an organiser.
        """
        link = picture_links(services).read(path.link)
        try:
            rendition = services.renditions.rendition(link.album, link.photo_id, link.viewer, link.size)
            if rendition.etag in request.if_none_match:
                answer = Response(status=304)
            else:
                answer = Response(services.renditions.picture(rendition), mimetype=rendition.content_type)
        except NotFound:
            raise Refused(404, "unknown_link", "The photo of this link was removed.") from None
        answer.set_etag(rendition.etag)
        answer.headers.update(_HEADERS)
        suffix = ".jpg" if link.size is RenditionSize.PREVIEW else ".webp"
        [path_of_file] = export_names([rendition.photo_name]).values()
        file_name = PurePosixPath(path_of_file).with_suffix(suffix).name
        answer.headers["Content-Disposition"] = attachment(file_name) if query.download else inline(file_name)
        return answer

    return api
