"""Providers of sign-ins as processes of their own, and a stack that knows them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from tests.support.processes.servers import Server
from tests.support.processes.stack import Stack
from tests.support.sign_in.github_standin import CLIENT_ID, CLIENT_SECRET


@dataclass
class Providers:
    """Two providers, and a stack that knows them."""

    stack: Stack
    google: str
    github: str

    def put_google(self, sub: str, **claims: object) -> None:
        assert httpx.put(f"{self.google}/users/{sub}", json=claims).status_code == 204

    def put_github(self, login: str, number: int, *emails: dict[str, object]) -> None:
        person = {"id": number, "name": "Git Hubber", "emails": list(emails)}
        assert httpx.put(f"{self.github}/people/{login}", json=person).status_code == 200

    def google_sends_back(self, client: httpx.Client, sub: str, path: str = "/oauth/google/login/") -> str:
        """The address that Google sends `sub`'s browser back to."""
        start = client.get(path)
        assert start.status_code == 302, start.text
        back = httpx.post(start.headers["Location"], data={"sub": sub})
        return back.headers["Location"]

    def github_sends_back(self, client: httpx.Client, login: str) -> str:
        start = client.get("/oauth/github/login/")
        return httpx.get(f"{start.headers['Location']}&as={login}").headers["Location"]

    def google_login(self, client: httpx.Client, sub: str) -> httpx.Response:
        return client.get(self.google_sends_back(client, sub))

    def github_login(self, client: httpx.Client, login: str) -> httpx.Response:
        return client.get(self.github_sends_back(client, login))


@contextmanager
def providing(folder: Path, api: Callable[[Mapping[str, str]], AbstractContextManager[Stack]]) -> Iterator[Providers]:
    """Both providers, and `api` started with settings that name them."""
    google_port, github_port = free_ports(2)
    google, github = f"http://127.0.0.1:{google_port}", f"http://127.0.0.1:{github_port}"
    servers = [
        provider(folder, "google", google_port, "-m", "oidc_provider_mock", "--port", str(google_port)),
        provider(folder, "github", github_port, "-m", "tests.support.sign_in.github_standin", str(github_port)),
    ]
    environment = {
        "HOLDFAST_GOOGLE_CLIENT_ID": "google-client",
        "HOLDFAST_GOOGLE_CLIENT_SECRET": "google-secret-of-the-tests",
        "HOLDFAST_GOOGLE_ISSUER": google,
        "HOLDFAST_GITHUB_CLIENT_ID": CLIENT_ID,
        "HOLDFAST_GITHUB_CLIENT_SECRET": CLIENT_SECRET,
        "HOLDFAST_GITHUB_URL": github,
        "HOLDFAST_GITHUB_API_URL": github,
    }
    with ExitStack() as ending:
        for server in servers:
            ending.callback(server.close)
            server.start()
        yield Providers(ending.enter_context(api(environment)), google, github)


def provider(folder: Path, name: str, port: int, *arguments: str) -> Server:
    environment = {
        "PATH": os.environ["PATH"],
        "AUTHLIB_INSECURE_TRANSPORT": "1",  # the provider's own check; on this machine there is no TLS
    }
    program = Program(name, [sys.executable, *arguments], environment, ROOT, folder / f"{name}.log")
    return Server(program, lambda: accepts(port))
