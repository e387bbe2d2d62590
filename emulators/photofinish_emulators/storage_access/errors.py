"""Errors as Cloud Storage answers them."""

from __future__ import annotations

from xml.sax.saxutils import escape

from aiohttp import web


def error_answer(
    request: web.Request, status: int, reason: str, message: str, xml_code: str, xml_message: str | None = None
) -> web.Response:
    """An error of the JSON API, or of the XML API for signed links."""
    if "/storage/v1" in request.path:
        error = {"message": message, "domain": "global", "reason": reason}
        return web.json_response({"error": {"code": status, "message": message, "errors": [error]}}, status=status)
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{xml_code}</Code>"
        f"<Message>{escape(xml_message or message)}</Message><Details>{escape(message)}</Details></Error>"
    )
    return web.Response(status=status, text=text, content_type="application/xml")
