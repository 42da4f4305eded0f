"""The cookies of a login: `holdfast_session` for pages and sockets, `holdfast_refresh`, `csrftoken`."""

from __future__ import annotations

from falcon.asgi import Request, Response

from core.access import SESSION_COOKIE
from core.identity.sessions import LOGIN_LIFETIME_S, NewLogin

REFRESH_COOKIE = "holdfast_refresh"
REFRESH_PATH = "/api/token"
CSRF_COOKIE = "csrftoken"
OAUTH_COOKIE = "holdfast_oauth"
OAUTH_PATH = "/oauth"


class Cookies:
    """Sets and clears them. `secure` is off in the demo only, which is served over plain HTTP."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def set_login(self, resp: Response, login: NewLogin) -> None:
        self._set(resp, SESSION_COOKIE, login.session_token, "/")
        self.set_refresh(resp, login.refresh_cookie)
        self.set_csrf(resp, login.csrf_token)

    def set_refresh(self, resp: Response, token: str) -> None:
        self._set(resp, REFRESH_COOKIE, token, REFRESH_PATH)

    def set_csrf(self, resp: Response, token: str) -> None:
        """Readable by our pages: they send it back in `X-CSRFToken`."""
        self._set(resp, CSRF_COOKIE, token, "/", http_only=False)

    def clear_login(self, resp: Response) -> None:
        for name, path in ((SESSION_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/")):
            resp.unset_cookie(name, path=path, same_site="Lax")

    def set_oauth(self, resp: Response, browser: str, lifetime_s: int) -> None:
        """Ties a sign-in to the browser that began it; Lax lets it come along from the provider."""
        self._set(resp, OAUTH_COOKIE, browser, OAUTH_PATH, lifetime_s=lifetime_s)

    def oauth(self, req: Request) -> str:
        return next(iter(req.get_cookie_values(OAUTH_COOKIE) or []), "")

    def clear_oauth(self, resp: Response) -> None:
        resp.unset_cookie(OAUTH_COOKIE, path=OAUTH_PATH, same_site="Lax")

    def _set(
        self,
        resp: Response,
        name: str,
        value: str,
        path: str,
        *,
        http_only: bool = True,
        lifetime_s: int = LOGIN_LIFETIME_S,
    ) -> None:
        resp.set_cookie(
            name,
            value,
            path=path,
            max_age=lifetime_s,
            secure=self._secure,
            http_only=http_only,
            same_site="Lax",
        )
