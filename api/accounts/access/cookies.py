"""The cookies of a login: `holdfast_session` for pages and sockets, `holdfast_refresh`, `csrftoken`."""

from __future__ import annotations

from falcon.asgi import Request, Response

from core.identity.credentials.login_sessions import LOGIN_LIFETIME_S, NewLogin
from core.identity.principals import HOST_PREFIX, SESSION_COOKIE

REFRESH_COOKIE = "holdfast_refresh"
REFRESH_PATH = "/api/token"
CSRF_COOKIE = "csrftoken"
OAUTH_COOKIE = "holdfast_oauth"
OAUTH_PATH = "/oauth"


def sent(req: Request, name: str) -> str | None:
    """A cookie's value, by its name of an https site first."""
    for one in (HOST_PREFIX + name, name):
        if values := req.get_cookie_values(one):
            return str(values[0])
    return None


class Cookies:
    """Sets and clears them. `secure` is off in the demo only, which is served over plain HTTP.

    On an https site all but `csrftoken` have the prefix `__Host-`, which wants the path `/`. That one keeps the name
    that clients read; planting another value gains nothing, as it is compared with the login's own.
    """

    def __init__(self, *, secure: bool, https: bool) -> None:
        self._secure = secure
        self._prefix = HOST_PREFIX if secure and https else ""

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
        """By both names: a login of an earlier release has no prefix."""
        for name, path in ((SESSION_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/")):
            self._clear(resp, name, path)

    def set_oauth(self, resp: Response, browser: str, lifetime_s: int) -> None:
        """Ties a sign-in to the browser that began it; Lax lets it come along from the provider."""
        self._set(resp, OAUTH_COOKIE, browser, OAUTH_PATH, lifetime_s=lifetime_s)

    def oauth(self, req: Request) -> str:
        return sent(req, OAUTH_COOKIE) or ""

    def clear_oauth(self, resp: Response) -> None:
        self._clear(resp, OAUTH_COOKIE, OAUTH_PATH)

    def _clear(self, resp: Response, name: str, path: str) -> None:
        resp.unset_cookie(name, path=path, same_site="Lax")
        if self._prefix and name != CSRF_COOKIE:
            resp.unset_cookie(self._prefix + name, path="/", same_site="Lax")
            for one in (name, self._prefix + name):
                resp._cookies[one]["secure"] = True  # type: ignore[index]  # noqa: SLF001 - a prefix without it is refused

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
        prefix = "" if name == CSRF_COOKIE else self._prefix
        resp.set_cookie(
            prefix + name,
            value,
            path="/" if prefix else path,
            max_age=lifetime_s,
            secure=self._secure,
            http_only=http_only,
            same_site="Lax",
        )
