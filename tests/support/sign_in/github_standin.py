"""A stand-in for GitHub's sign-in: its own process, its own checks, as GitHub documents them.

    python -m tests.support.sign_in.github_standin PORT

People are put with `PUT /people/{login}` ({"id", "name", "emails": [...]}); a test picks who is
sitting at the browser by following the authorization address with `&as={login}`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID = "github-client"
CLIENT_SECRET = "github-secret-of-the-tests"

people: dict[str, dict[str, Any]] = {}
codes: dict[str, dict[str, str]] = {}
tokens: dict[str, str] = {}


class GitHubStandIn(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        people[urlsplit(self.path).path.rsplit("/", 1)[1]] = json.loads(self._body())
        self._answer(200, {})

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        sent = {name: values[0] for name, values in parse_qs(address.query).items()}
        match address.path:
            case "/login/oauth/authorize":
                self._authorize(sent)
            case "/user":
                self._as_owner(
                    lambda person: {
                        "id": person["id"],
                        "login": "x",
                        "name": person["name"],
                        "email": "public@example.com",
                    }
                )
            case "/user/emails":
                self._as_owner(lambda person: person["emails"])
            case _:
                self._answer(404, {"message": "Not Found"})

    def do_POST(self) -> None:
        sent = {name: values[0] for name, values in parse_qs(self._body().decode()).items()}
        sent |= self._basic()
        known = codes.pop(sent.get("code", ""), None)
        good = (
            known is not None
            and sent.get("client_id") == CLIENT_ID
            and sent.get("client_secret") == CLIENT_SECRET
            and sent.get("redirect_uri") == known["redirect_uri"]
            and challenge(sent.get("code_verifier", "")) == known["code_challenge"]
        )
        if known is None or not good:
            self._answer(200, {"error": "bad_verification_code", "error_description": "as GitHub does: with a 200"})
            return
        token = secrets.token_hex(16)
        tokens[token] = known["as"]
        self._answer(200, {"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"})

    def _authorize(self, sent: dict[str, str]) -> None:
        if sent.get("client_id") != CLIENT_ID or sent.get("code_challenge_method") != "S256":
            self._answer(400, {"error": "bad request"})
            return
        code = secrets.token_hex(8)
        codes[code] = sent
        self.send_response(302)
        self.send_header("Location", f"{sent['redirect_uri']}?{urlencode({'code': code, 'state': sent['state']})}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _as_owner(self, show: Any) -> None:
        login = tokens.get((self.headers["Authorization"] or "").removeprefix("Bearer "))
        if login is None:
            self._answer(401, {"message": "Bad credentials"})
            return
        self._answer(200, show(people[login]))

    def _basic(self) -> dict[str, str]:
        scheme, _, credentials = (self.headers["Authorization"] or "").partition(" ")
        if scheme != "Basic":
            return {}
        name, _, secret = base64.b64decode(credentials).decode().partition(":")
        return {"client_id": name, "client_secret": secret}

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _answer(self, status: int, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def challenge(verifier: str) -> str:
    """RFC 7636, 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), GitHubStandIn).serve_forever()
