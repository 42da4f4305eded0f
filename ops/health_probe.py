"""The containers' health check: `python -I -S ops/health_probe.py URL | SOCKET [alive]`. Well: 0, else 1 and a sentence.

Only two modules of the standard library, so that it costs a bare start of Python: it runs every half minute in
every container. What it asks goes end to end in the process that answers (`core/health_socket.py`, `/readyz`).
"""

import socket
import sys

TIMEOUT_S = 15.0
"""Longer than the process takes to find out: 3 s for a ping, 3 s for PostgreSQL, and as much again on a busy host."""
ANSWER_MAX_BYTES = 65_536


def problem(target: str, question: str) -> str:
    """What is wrong; "" if nothing is."""
    try:
        return _of_url(target) if target.startswith("http://") else _of_socket(target, question)
    except OSError as error:
        return f"{target} does not answer: {error}"


def _of_socket(path: str, question: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(path)
        connection.sendall(question.encode())
        answer = _read(connection)
    said = answer.decode("utf-8", "replace").strip()
    return "" if said == "ok" else said or f"{path} was closed without an answer"


def _of_url(url: str) -> str:
    place, _, path = url.removeprefix("http://").partition("/")
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_S) as connection:
        connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n".encode())
        answer = _read(connection)
    head, _, body = answer.decode("utf-8", "replace").partition("\r\n\r\n")
    status = head.split(" ", 2)[1:2]
    return "" if status == ["200"] else f"{url} answers {''.join(status) or 'nothing'}: {body.strip()}"


def _read(connection: socket.socket) -> bytes:
    answer = b""
    while len(answer) < ANSWER_MAX_BYTES:
        piece = connection.recv(4096)
        if not piece:
            break
        answer += piece
    return answer


if __name__ == "__main__":
    target, question = (*sys.argv[1:], "ready")[:2]
    found = problem(target, question)
    if found:
        sys.stderr.write(f"holdfast: {found}\n")
    sys.exit(1 if found else 0)
