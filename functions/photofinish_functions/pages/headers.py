"""What the browser may do on a page: run and show what this origin serves, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence


def page_headers(storage_origin: str, live_origin: str | None, styles: Sequence[str] = ()) -> dict[str, str]:
    """Headers of a page that shows pictures of `storage_origin`, uploads to it, and listens to `live_origin`.

    `styles` are the hashes of the styles that are written into it, as `'sha256-…'`.
    """
    connections = f"'self' {storage_origin} {live_origin or ''}".rstrip()
    policy = {
        "default-src": "'none'",
        "base-uri": "'none'",
        "connect-src": connections,
        "font-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "img-src": f"'self' blob: data: {storage_origin}",
        "media-src": f"'self' {storage_origin}",
        "manifest-src": "'self'",
        "script-src": "'self'",
        "style-src": " ".join(("'self'", *styles)),
        "worker-src": "'self'",
    }
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    }
