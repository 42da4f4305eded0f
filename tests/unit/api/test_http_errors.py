"""What Falcon itself refuses is told in sentences, as all else is."""

from __future__ import annotations

import falcon.asgi
import falcon.testing
import pytest

from api.http.disconnects import App
from api.http.errors import add_error_handlers
from core.wire.errors import in_seconds
from tests.support.conformance.sentences import unclear_wording


class Empty:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        pass


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/nowhere", 404, "There is nothing at this address; /api/docs/ lists every address"),
        ("POST", "/", 405, "This address does not take that method"),
    ],
)
def test_an_address_or_method_that_there_is_not_is_refused_in_a_sentence(
    method: str, path: str, status: int, sentence: str
) -> None:
    app = App()
    add_error_handlers(app)
    app.add_route("/", Empty())
    answer = falcon.testing.TestClient(app).simulate_request(method, path)
    assert (answer.status_code, answer.json["message"]) == (status, sentence)
    assert not unclear_wording(answer.json["message"])


def test_a_status_line_is_no_sentence() -> None:
    assert unclear_wording("404 Not Found")


@pytest.mark.parametrize(("number", "words"), [(0, "in 0 seconds"), (1, "in 1 second"), (30, "in 30 seconds")])
def test_one_second_is_no_plural(number: int, words: str) -> None:
    assert in_seconds(number) == words
    assert unclear_wording("Try again in 1 seconds")
