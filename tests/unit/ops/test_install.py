"""Installing on machines that lack something: one clear sentence with the remedy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without `.venv`."""
    shutil.copytree(ROOT / "ops", tmp_path / "ops", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", *(path.name for path in ROOT.glob("requirements*.lock"))):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def _bin(folder: Path, *tools: str) -> Path:
    """A PATH that has these tools only."""
    bin_ = folder / "bin"
    bin_.mkdir()
    for tool in tools:
        found = shutil.which(tool)
        assert found, tool
        (bin_ / tool).symlink_to(found)
    return bin_


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _run(*argv: str, path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), "HOME": str(folder)}
    return subprocess.run(
        argv,
        cwd=folder,
        env=environment,
        preexec_fn=_as_at_a_terminal,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def _as_at_a_terminal() -> None:
    """Whoever runs the tests in the background of a script has them ignore SIGQUIT."""
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def test_without_python_the_sentence_says_what_to_install(checkout: Path) -> None:
    done = _run("/bin/sh", "ops/install.sh", "requirements.lock", path=_bin(checkout, "dirname"), folder=checkout)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_an_old_python_is_passed_over_for_a_newer_one(checkout: Path) -> None:
    bin_ = _bin(checkout, "dirname")
    _script(bin_ / "python3", "exit 1")  # as an older one answers the question for its version
    _script(bin_ / "python3.12", 'case "$1" in -c) echo True;; *) echo "chosen: $*";; esac')
    done = _run("/bin/sh", "ops/install.sh", "requirements.lock", path=bin_, folder=checkout)
    assert done.stdout == "chosen: ops/install.py requirements.lock\n"


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("nonesuch", "cannot be run as a Python"),
        ("/bin/true", "cannot be run as a Python"),
        ("old", "is Python 3.9, and 3.11 or newer is needed"),
    ],
)
def test_a_python_that_is_named_and_cannot_be_used_is_an_error_and_no_other_is_taken(
    checkout: Path, named: str, says: str
) -> None:
    bin_ = _bin(checkout, "dirname", "sh", "sleep")
    _script(bin_ / "python3", 'case "$1" in -c) echo True;; *) echo "chosen: $*";; esac')
    _script(bin_ / "old", 'case "$2" in *">="*) echo False;; *) echo 3.9;; esac')
    done = _run("/usr/bin/make", "venv", f"PYTHON={named}", path=bin_, folder=checkout)
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.startswith(f"holdfast: PYTHON={named} {says}")
    assert done.stderr.count("\n") == 1, "the sentence, and nothing of make's"


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_without_the_venv_module_the_sentence_says_what_to_install(checkout: Path, module: str) -> None:
    without = (
        "import importlib.util as u, runpy, sys\n"
        f"real = u.find_spec\nu.find_spec = lambda name, *rest: None if name == {module!r} else real(name, *rest)\n"
        "sys.argv = ['install.py', 'requirements.lock']\nrunpy.run_path('ops/install.py', run_name='__main__')\n"
    )
    done = _run(sys.executable, "-c", without, path=Path(os.environ["PATH"]), folder=checkout)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in done.stderr


def test_without_a_program_that_they_need_the_tests_fail_with_the_line_that_installs_it(checkout: Path) -> None:
    done = _run("/usr/bin/make", "programs", path=_bin(checkout, "sh", "echo", "sleep"), folder=checkout)
    assert done.returncode != 0
    assert "apt-get install --yes chromium" in done.stderr
    assert done.stderr.count("\n") == 1, "the sentence, and nothing of make's"


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN], ids=["told", "ignored"])
@pytest.mark.parametrize("code", [0, 1, 2])
def test_make_says_nothing_after_the_sentence_of_a_command_that_ends_by_itself(
    tmp_path: Path, code: int, handler: signal.Handlers
) -> None:
    """Where make ignores the signal, as under nohup, it fails all the same, and says so."""
    (tmp_path / "told.py").write_text(
        f"import sys\nprint('one sentence', *sys.argv[1:], file=sys.stderr)\nsys.exit({code})\n"
    )
    (tmp_path / "Makefile").write_text(f"all:\n\t@exec {sys.executable} -m ops.quietly told word\n")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    done = subprocess.run(
        ["/usr/bin/make"],
        cwd=tmp_path,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGQUIT, handler),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode != 0, done.stderr.splitlines()[0]) == (code != 0, "one sentence word")
    assert handler is signal.SIG_IGN or done.stderr.count("\n") == 1


def test_make_alone_explains_itself(checkout: Path) -> None:
    done = _run("/usr/bin/make", path=_bin(checkout, "sh", "awk", "echo"), folder=checkout)
    assert done.returncode == 0
    for target in ("run", "test", "check", "bench", "reset", "lock", "fmt"):
        assert f"make {target} " in done.stdout


def test_what_is_installed_is_not_installed_again(checkout: Path) -> None:
    """The stamp holds the lock's digest and the folder; another lock or a moved checkout installs anew."""
    asked = (
        "import sys; sys.path.insert(0, 'ops'); import install, json\n"
        "install.STAMP.parent.joinpath('bin').mkdir(parents=True)\n"
        "(install.VENV / 'bin' / 'python').symlink_to(sys.executable)\n"
        "name = 'requirements.lock'\n"
        "stamp = {'root': str(install.ROOT), name: install._digest(name)}\n"
        "install.STAMP.write_text(json.dumps(stamp)); print(install._is_installed(name))\n"
        "install.STAMP.write_text(json.dumps({**stamp, 'root': '/elsewhere'})); print(install._is_installed(name))\n"
        "install.STAMP.write_text(json.dumps({**stamp, name: 'old'})); print(install._is_installed(name))\n"
    )
    done = _run(sys.executable, "-c", asked, path=Path(os.environ["PATH"]), folder=checkout)
    assert done.stdout.split() == ["True", "False", "False"], done.stderr


def test_the_launcher_runs_the_code_beside_it_from_anywhere(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever lies in the folder that it is called from."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    _script(checkout / ".venv" / "bin" / "python", 'echo "$PYTHONPATH $*"')
    asked = (
        "import sys; sys.path.insert(0, 'ops'); import install; install._write_launcher(); install._write_launcher()"
    )
    assert _run(sys.executable, "-c", asked, path=Path(os.environ["PATH"]), folder=checkout).stderr == ""
    program, elsewhere = checkout / ".venv" / "bin" / "holdfast", tmp_path_factory.mktemp("elsewhere")
    done = _run(str(program), "admin", "two words", path=Path(os.environ["PATH"]), folder=elsewhere)
    assert done.stdout == f"{checkout} -P -m ops.cli admin two words\n"


@pytest.mark.parametrize(("exit_code", "calls"), [(0, ["--only-binary", "--no-binary"]), (1, ["--only-binary"])])
def test_the_parser_in_c_is_tried_once_hashed_and_is_no_condition(
    checkout: Path, exit_code: int, calls: list[str]
) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    _script(checkout / ".venv" / "bin" / "python", f'echo "$*" >> calls; exit {exit_code}')
    asked = (
        "import sys; sys.path.insert(0, 'ops'); import install\n"
        "install.STAMP.write_text('{}'); print(install._is_tried())\n"
        "install._build_fast(); print(install._is_tried())\n"
    )
    done = _run(sys.executable, "-c", asked, path=Path(os.environ["PATH"]), folder=checkout)
    assert (done.stdout.splitlines(), done.stderr) == (["False", "Building gunicorn's HTTP parser", "True"], "")
    lines = (checkout / "calls").read_text().splitlines()
    assert all("--require-hashes --no-deps" in line for line in lines)
    assert [next(word for word in line.split() if word.endswith("-binary")) for line in lines] == calls
    assert lines[-1].endswith("requirements-fast.lock" if exit_code == 0 else "requirements-build.lock")


@pytest.mark.parametrize(("compiler", "can"), [("/no/such/compiler", False), (f"{sys.executable} -x", True)])
def test_without_a_compiler_nothing_is_tried(checkout: Path, compiler: str, can: bool) -> None:  # noqa: FBT001 - pytest names it
    asked = (
        f"import os, sys; os.environ['CC'] = {compiler!r}; sys.path.insert(0, 'ops'); import install, sysconfig\n"
        "(install.ROOT / 'Python.h').touch(); sysconfig.get_path = lambda _: str(install.ROOT)\n"
        "print(install._can_compile())\n"
    )
    done = _run(sys.executable, "-c", asked, path=Path(os.environ["PATH"]), folder=checkout)
    assert done.stdout.split() == [str(can)], done.stderr


def test_continuous_integration_calls_make_test() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert script.rstrip().endswith("exec make test </dev/null")
