"""What answers tell browsers: which other origins may read them (Fetch, CORS), and to be strict."""

from __future__ import annotations

from falcon.asgi import Request, Response

from core.settings import Settings

PREFLIGHT_MAX_AGE_S = 600
CSRF_HEADER = "X-CSRFToken"
ALLOWED_HEADERS = (
    f"Authorization, Content-Type, {CSRF_HEADER}, Idempotency-Key, Prefer, Holdfast-Expires-At, X-Request-ID"
)
EXPOSED_HEADERS = (
    "Holdfast-Command, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
)
STRICT = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""For answers that are data. A page that brings its own policy keeps it."""
HSTS = "max-age=31536000"


class CrossOrigin:
    """Lets pages of configured origins, and no others, read answers that their visitor's login gets."""

    def __init__(self, settings: Settings) -> None:
        self._origins = settings.allowed_origins

    async def process_response(self, req: Request, resp: Response, _resource: object, _succeeded: object) -> None:
        resp.append_header("Vary", "Origin")
        origin = req.get_header("Origin")
        if origin not in self._origins:
            return
        resp.set_header("Access-Control-Allow-Origin", origin)
        resp.set_header("Access-Control-Allow-Credentials", "true")
        resp.set_header("Access-Control-Expose-Headers", EXPOSED_HEADERS)
        if req.method == "OPTIONS" and req.get_header("Access-Control-Request-Method") is not None:
            resp.set_header("Access-Control-Allow-Methods", resp.get_header("Allow") or "")
            resp.set_header("Access-Control-Allow-Headers", ALLOWED_HEADERS)
            resp.set_header("Access-Control-Max-Age", str(PREFLIGHT_MAX_AGE_S))


class Strict:
    """Security headers on every answer that does not set its own."""

    def __init__(self, settings: Settings) -> None:
        secure = {"Strict-Transport-Security": HSTS} if settings.public_url.startswith("https://") else {}
        self._headers = STRICT | secure

    async def process_request(self, _req: Request, resp: Response) -> None:
        resp.set_headers(self._headers)  # before the resource, so that one that sets its own keeps it
