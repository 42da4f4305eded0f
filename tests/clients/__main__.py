"""`make clients`: lints the description, generates clients of it in Python and TypeScript, compiles them and books.

It also reads what others read: calendar files, a webhook, and the pages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from ops.embedded.environment import ROOT
from ops.processes import DELIVERIES, PIPELINE
from tests.clients import pages
from tests.clients.calendar_files import cases
from tests.support.clients.callers import ADMIN, USER, access_for, bearer
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until
from tests.support.webhooks import WebhookReceiver

HERE = Path(__file__).parent
TOOLS = ROOT / ".tools" / "clients"
"""Python's; made by `make clients` from requirements-clients.lock."""
NODE = ROOT / ".tools" / "npm"
BIN = NODE / "node_modules" / ".bin"
MADE = NODE / "made"
"""What is generated stays there to be looked at."""
PACKAGE = "holdfast_client"
STEP_WITHIN_S = 600.0
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
DAYS = {"Python": "2101-02-07", "TypeScript": "2101-02-08"}
"""A Monday and a Tuesday that nobody else books."""


class StepError(Exception):
    """What a tool said when it failed."""


def main() -> int:
    try:
        with TemporaryDirectory(prefix="holdfast-clients-") as folder, running(Path(folder)) as stack:
            for name, step in steps(stack).items():
                began = time.monotonic()
                print(f"{name} ... ", end="", flush=True)
                told = step()
                print(f"{told} ({time.monotonic() - began:.0f} s)", flush=True)
    except StepError as problem:
        print(f"FAILED\n{problem}", flush=True)
        return 1
    return 0


def steps(stack: Stack) -> Mapping[str, Callable[[], str]]:
    """By what is said before each; what each answers is said after it."""
    return {
        "Installing the tools from npm": install,
        "Fetching the description": lambda: fetch(stack),
        "Redocly's recommended rules": redocly,
        "Spectral's recommended rules": spectral,
        "Generating the Python client": lambda: generate("python", f"--package-name={PACKAGE}"),
        "Compiling and importing it": compile_python,
        "Booking by it": lambda: book_in_python(stack),
        "Generating the TypeScript client": lambda: generate("typescript-fetch"),
        "Compiling it": compile_typescript,
        "Booking by it in TypeScript": lambda: book_in_typescript(stack),
        "Reading calendar files by ical.js": read_calendars,
        "Reading the pages by vnu": lambda: check_pages(stack),
        "Verifying a webhook of the stack by npm's standardwebhooks": lambda: verify_webhook(stack),
    }


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    print("Starting a stack to book on", flush=True)
    with ExitStack() as closing:
        postgres, valkey = PostgresServer(folder / "postgres"), ValkeyServer(folder / "valkey")
        closing.callback(postgres.close)
        postgres.start()
        valkey.start()
        stack = Stack(folder / "stack", postgres.new_database(demo=True), valkey, (*PIPELINE, DELIVERIES))
        closing.callback(stack.close)
        yield stack.start()


def install() -> str:
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, NODE)
    run(("npm", "ci", "--no-progress"))
    shutil.rmtree(MADE, ignore_errors=True)
    (MADE / "typescript").mkdir(parents=True)
    return f"{len(json.loads((NODE / 'package-lock.json').read_text())['packages']) - 1} packages"


def fetch(stack: Stack) -> str:
    found = httpx.get(f"{stack.api_url}/api/schema/").raise_for_status().json()
    (MADE / "openapi.json").write_text(json.dumps(found, indent=1))
    return f"{sum(map(len, found['paths'].values()))} operations, {len(found['components']['schemas'])} schemas"


def redocly() -> str:
    """Warnings fail too."""
    options = ("--format=json", "--max-problems=10000", f"--config={HERE / 'redocly.yaml'}")
    problems = json.loads(run((str(BIN / "redocly"), "lint", *options, "made/openapi.json"), fails=True))["problems"]
    return _none([f"{one['ruleId']}: {one['message']} {one['location'][0].get('pointer')}" for one in problems])


def spectral() -> str:
    options = ("--format=json", "--quiet", "--fail-severity=hint", f"--ruleset={HERE / 'spectral.yaml'}")
    problems = json.loads(run((str(BIN / "spectral"), "lint", *options, "made/openapi.json"), fails=True))
    return _none([f"{one['code']}: {one['message']} {'.'.join(map(str, one['path']))}" for one in problems])


def _none(problems: Sequence[str]) -> str:
    if problems:
        raise StepError("\n".join(problems))
    return "no problem"


def generate(language: str, *options: str) -> str:
    folder = MADE / ("python" if language == "python" else "typescript/generated")
    command = (str(TOOLS / "bin" / "openapi-generator-cli"), "generate", "-i", str(MADE / "openapi.json"))
    run((*command, "-g", language, "-o", str(folder), *options))
    return f"{sum(1 for _ in folder.rglob('*.*'))} files"


def compile_python() -> str:
    run((str(TOOLS / "bin" / "python"), "-m", "compileall", "-q", "-f", str(MADE / "python" / PACKAGE)))
    modules = (
        "import importlib, pkgutil, holdfast_client as client\n"
        "found = [importlib.import_module(one.name) for one in pkgutil.walk_packages(client.__path__, 'holdfast_client.')]\n"
        "print(len(found), 'modules')\n"
    )
    return run(
        (str(TOOLS / "bin" / "python"), "-W", "error::SyntaxWarning", "-c", modules), folder=MADE / "python"
    ).strip()


def book_in_python(stack: Stack) -> str:
    arguments = (str(MADE / "python"), stack.api_url, access_for(stack, USER), DAYS["Python"])
    return f"booking {run((str(TOOLS / 'bin' / 'python'), str(HERE / 'booking.py'), *arguments)).strip()}"


def compile_typescript() -> str:
    """Strictly, with a program that books by it."""
    for name in ("tsconfig.json", "booking.ts"):
        shutil.copy(HERE / name, MADE / "typescript")
    run((str(BIN / "tsc"), "--project", "tsconfig.json"), folder=MADE / "typescript")
    return f"{sum(1 for _ in (MADE / 'typescript' / 'built').rglob('*.js'))} modules"


def book_in_typescript(stack: Stack) -> str:
    arguments = (stack.api_url, access_for(stack, USER), DAYS["TypeScript"])
    return f"booking {run(('node', 'built/booking.js', *arguments), folder=MADE / 'typescript').strip()}"


def read_calendars() -> str:
    """It knows zones by nothing but the files' own rules."""
    shutil.copy(HERE / "calendars.mjs", NODE)
    (MADE / "calendars.json").write_text(cases())
    return f"{run(('node', 'calendars.mjs', 'made/calendars.json')).strip()} entries"


def check_pages(stack: Stack) -> str:
    """What is served and what is drawn of it. Warnings fail too."""
    folder = MADE / "pages"
    folder.mkdir()
    files = pages.write(stack, folder)
    jar = NODE / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    command = ("java", "-jar", str(jar), "--format", "json", "--stdout", "--exit-zero-always", *map(str, files))
    found = json.loads(run(command))["messages"]
    told = [
        f"{Path(one['url']).name}:{one.get('lastLine')}: {one['message']} {one.get('extract', '')}" for one in found
    ]
    return f"{len(files)} documents, {_none(told)}"


def verify_webhook(stack: Stack) -> str:
    """One that the stack sent, signed with a new secret and with the one before it: whoever knows either verifies."""
    shutil.copy(HERE / "webhook.cjs", NODE)
    receiver = WebhookReceiver(stack.folder / "receiver")
    receiver.start()
    try:
        with httpx.Client(base_url=stack.api_url, headers=bearer(access_for(stack, ADMIN)), timeout=60.0) as staff:
            body = {"url": receiver.url("npm")}
            made = staff.post("/api/admin/webhooks/", json=body).raise_for_status().json()["data"]
            path = f"/api/admin/webhooks/{made['id']}"
            rotated = staff.post(f"{path}/rotate-secret/").raise_for_status().json()["data"]
            staff.post(f"{path}/test/").raise_for_status()
            wait_until(lambda: bool(receiver.heard("npm")), "the message arrives")
        heard = receiver.heard("npm")[0]
    finally:
        receiver.close()
    headers = {name.lower(): value for name, value in heard["headers"].items()}
    for secret in (made["secret"], rotated["secret"]):
        sent = json.dumps({"secret": secret, "headers": headers, "body": heard["body"]})
        told = run(("node", "webhook.cjs", sent)).strip()
    return told


def run(command: Sequence[str], *, folder: Path = NODE, fails: bool = False) -> str:
    """What it prints. Raises StepError with all that it said, unless `fails`: a linter fails when it finds something."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=False,
        timeout=STEP_WITHIN_S,
    )
    if done.returncode and not fails:
        raise StepError(f"{' '.join(command[:2])}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
