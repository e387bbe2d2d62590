"""What the browser may do on a page: run and show what this origin serves, and nothing from elsewhere."""

from __future__ import annotations


def page_headers(storage_origin: str, live_origin: str | None) -> dict[str, str]:
    """Headers of a page that shows pictures of `storage_origin`, uploads to it, and listens to `live_origin`."""
    connections = f"'self' {storage_origin} {live_origin or ''}".rstrip()
    policy = {
        "default-src": "'none'",
        "base-uri": "'none'",
        "connect-src": connections,
        "font-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "img-src": f"'self' blob: data: {storage_origin}",
        "manifest-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self'",
        "worker-src": "'self'",
    }
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    }
