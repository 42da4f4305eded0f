"""Swagger UI stands in the tree as its makers published it."""

from __future__ import annotations

from hashlib import sha256

import api.openapi.endpoints as served

KEPT = dict(line.split("  ")[::-1] for line in (served.DIST / "SHA256SUMS").read_text().splitlines())


def test_swagger_uis_files_are_byte_for_byte_those_of_the_named_version() -> None:
    assert {name: sha256((served.DIST / name).read_bytes()).hexdigest() for name in KEPT} == KEPT


def test_what_is_served_of_it_is_kept_and_so_are_its_licences() -> None:
    from_there = {name for name, (folder, _) in served.ASSETS.items() if folder == served.DIST}
    assert from_there | {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} == set(KEPT)


def test_the_named_version_is_that_of_the_script() -> None:
    named = (served.DIST / "README.md").read_text().split("\n")[0].removeprefix("# Swagger UI ")
    assert f'"{named}"' in (served.DIST / "swagger-ui-bundle.js").read_text()
