"""Builds `.venv` from a lock file, with nothing but the standard library: `python install.py LOCK_FILE [FOLDER]`.

A stamp remembers which locks are installed, so that a second call costs nothing. Where there is a compiler,
gunicorn's HTTP parser in C is built too; nothing needs it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = sys.argv[2] if len(sys.argv) > 2 else ".venv"  # noqa: PLR2004 - the second argument
"""Tools that are no part of Holdfast have folders of their own."""
VENV = ROOT / FOLDER
STAMP = VENV / "holdfast-installed.json"
LOCKS = ("requirements.lock", "requirements-embedded.lock", "requirements-dev.lock")
"""Each holds all of the one before it: who has the last one has them all. Locks of tools stand alone."""
FAST, BUILD = "requirements-fast.lock", "requirements-build.lock"
"""What is built from source, and what builds it."""
BINARY, SOURCE = ("--only-binary", ":all:"), ("--no-binary", ":all:", "--no-build-isolation")

SAFE_UMASK = 0o022
TAIL_LINES = 15


def main(lock_name: str) -> None:
    os.umask(SAFE_UMASK)  # PostgreSQL may run as another account and reads the packages
    VENV.parent.mkdir(exist_ok=True)
    with VENV.with_name(f"{VENV.name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # make run and make test at once: the second one finds it done
        if not _is_installed(lock_name):
            _check_venv_module()
            _create_venv()
            _install(lock_name)
        if lock_name in LOCKS:
            _write_launcher()
        if lock_name in LOCKS and not _is_tried() and _can_compile():
            _build_fast()


def _digest(lock_name: str) -> str:
    return hashlib.sha256((ROOT / lock_name).read_bytes()).hexdigest()


def _is_installed(lock_name: str) -> bool:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    # A moved checkout has a .venv whose programs point to where it was.
    return bool(stamp.get("root") == str(ROOT) and stamp.get(lock_name) == _digest(lock_name) and _works())


def _write_launcher() -> None:
    """`.venv/bin/holdfast` carries out the code beside `.venv`, from whatever folder it is called."""
    program = VENV / "bin" / "holdfast"
    python, code = shlex.quote(str(VENV / "bin" / "python")), shlex.quote(str(ROOT))
    text = f'#!/bin/sh\nPYTHONPATH={code} exec {python} -P -m ops.cli "$@"\n'
    if not program.exists() or program.read_text() != text:
        program.write_text(text)
        program.chmod(0o755)


def _is_tried() -> bool:
    return bool(json.loads(STAMP.read_text()).get(FAST) == _digest(FAST))


def _can_compile() -> bool:
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    return shutil.which(compiler) is not None and Path(sysconfig.get_path("include"), "Python.h").exists()


def _works() -> bool:
    python = VENV / "bin" / "python"
    return python.exists() and subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def _check_venv_module() -> None:
    if find_spec("venv") and find_spec("ensurepip"):
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    sys.exit(
        f"holdfast: this Python ({sys.executable}) cannot make virtual environments. "
        f"Install what is missing (apt-get install python{version}-venv) and start again."
    )


def _create_venv() -> None:
    if STAMP.exists() and _works() and json.loads(STAMP.read_text()).get("root") == str(ROOT):
        return
    print(f"Creating {FOLDER} with Python {sys.version.split()[0]}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], check=False, capture_output=True, text=True)
    if made.returncode != 0:
        sys.exit(f"holdfast: {FOLDER} cannot be created:\n{made.stdout}{made.stderr}")


def _install(lock_name: str) -> None:
    total = sum(1 for line in (ROOT / lock_name).read_text().splitlines() if "==" in line)
    print(f"Installing {total} packages from {lock_name}", flush=True)
    began = time.monotonic()
    STAMP.unlink(missing_ok=True)
    # --only-binary: nothing is built, so nothing is fetched to build with.
    command = _pip(lock_name, *BINARY)
    pip = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = _show_progress(pip, total)
    if pip.wait() != 0:
        sys.exit("holdfast: the packages cannot be installed. The end of what pip says:\n" + "\n".join(lines))
    covered = LOCKS[: LOCKS.index(lock_name) + 1] if lock_name in LOCKS else (lock_name,)
    STAMP.write_text(json.dumps({"root": str(ROOT), **{name: _digest(name) for name in covered}}))
    print(f"Installed in {time.monotonic() - began:.0f} s", flush=True)


def _pip(lock_name: str, *options: str) -> list[str]:
    """Without dependencies, as a lock is complete."""
    usual = ("--require-hashes", "--no-deps", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
    return [str(VENV / "bin" / "python"), "-m", "pip", "install", *usual, *options, "-r", lock_name]


def _build_fast() -> None:
    """Tried once for each version. A failure says nothing: gunicorn parses in Python then."""
    print("Building gunicorn's HTTP parser", flush=True)
    with tempfile.TemporaryDirectory() as builder:
        environment = {**os.environ, "PYTHONPATH": builder}
        for command in (_pip(BUILD, *BINARY, "--target", builder), _pip(FAST, *SOURCE)):
            if subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True).returncode != 0:
                break
    STAMP.write_text(json.dumps({**json.loads(STAMP.read_text()), FAST: _digest(FAST)}))


def _show_progress(pip: subprocess.Popen[str], total: int) -> list[str]:
    """One line that counts on a terminal, a line for every tenth package elsewhere; what pip said last."""
    lines: list[str] = []
    count = 0
    terminal = sys.stdout.isatty()
    assert pip.stdout is not None  # noqa: S101 - it was asked for
    for line in pip.stdout:
        lines = [*lines, line.rstrip()][-TAIL_LINES:]
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            count += 1
            name = line.split(": " if line.startswith("Req") else " ", 1)[1].split("==")[0].split()[0]
            if terminal:
                print(f"\r\033[K  {count}/{total} {name}", end="", flush=True)
            elif count % 10 == 0:
                print(f"  {count}/{total}", flush=True)
        elif line.startswith("Installing collected packages"):
            print(f"{chr(13) + chr(27) + '[K' if terminal else ''}  unpacking", flush=True)
    return lines


if __name__ == "__main__":
    main(sys.argv[1])
