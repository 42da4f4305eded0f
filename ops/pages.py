"""Publishes `web/`, the pages that people see: `python -m ops.pages FOLDER`.

What pages load stands under one hash of the whole tree, in `FOLDER/web/HASH/`, so that browsers keep it for ever and a
page never mixes two releases. The pages themselves stand in `FOLDER/pages/`, and are asked for anew each time. Each
file is there compressed too, with its ETag beside it. The front door serves this (ops/Caddyfile), everywhere.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

SOURCE = Path(__file__).parents[1] / "web"
PAGES = "pages"
HERE = "/web/_/"
"""How a page names its own tree."""
HASH_CHARS = 16
KEPT_TREES = 3
"""This one and the two before it: a page that is open during an upgrade still finds what it loads."""
KINDS = frozenset({".html", ".css", ".js", ".json", ".svg", ".png", ".txt"})
_NOT_SERVED = re.compile(r"\.d\.ts$|^(ts|js)config\.json$|^biome\.json$|^package(-lock)?\.json$")
_IMPORT = re.compile(r"""(?:^|[;}\n])\s*(?:import|export)\b[^"';]*?["'](\.{1,2}/[^"']+)["']""")
_ENTRY = re.compile(r'<script type="module" src="' + HERE + r'([^"]+)"')


class UnpublishableError(Exception):
    """A file of `web/` that no browser is served, or an import that leads nowhere."""


def sources(source: Path = SOURCE) -> dict[str, bytes]:
    """Every file of the tree that is served, by its path within it. Raises `UnpublishableError`."""
    found = {}
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        name = path.relative_to(source).as_posix()
        if _NOT_SERVED.search(path.name) or path.suffix == ".toml" or path.name.startswith("."):
            continue
        if path.suffix not in KINDS:
            raise UnpublishableError(
                f"web/{name}: files of this kind are not served; ops/pages.py lists those that are"
            )
        found[name] = path.read_bytes()
    return found


def tree_hash(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:HASH_CHARS]


def publish(folder: Path, source: Path = SOURCE) -> str:
    """Write all files anew, older trees beside them; the hash. Another release may be served from there meanwhile."""
    files = sources(source)
    name = tree_hash(files)
    target = folder / "web" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / PAGES).mkdir(exist_ok=True)
    if target.exists():
        os.utime(target)
    else:
        with TemporaryDirectory(dir=folder, prefix=".new-") as made:
            for path, content in files.items():
                if not path.startswith(f"{PAGES}/"):
                    _write(Path(made) / "tree" / path, content)
            (Path(made) / "tree").rename(target)
    for path, content in files.items():
        if path.startswith(f"{PAGES}/"):
            _write(folder / path, page(content.decode(), files, name).encode())
    _remove_old_trees(target.parent)
    return name


def page(text: str, files: Mapping[str, bytes], name: str) -> str:
    """A page that names its tree, and what its script imports, so that the browser asks for all of it at once."""
    loaded = [one for entry in _ENTRY.findall(text) for one in imported(entry, files)]
    hints = "".join(f'<link rel="modulepreload" href="{HERE}{one}">\n' for one in dict.fromkeys(loaded))
    return text.replace("</head>", f"{hints}</head>", 1).replace(HERE, f"/web/{name}/")


def imported(entry: str, files: Mapping[str, bytes]) -> list[str]:
    """What a module imports, directly or not, without itself."""
    found: dict[str, None] = {entry: None}
    for module in _walk(entry, files, found):
        found.setdefault(module)
    return [module for module in found if module != entry]


def _walk(module: str, files: Mapping[str, bytes], found: dict[str, None]) -> Iterator[str]:
    if module not in files:
        raise UnpublishableError(f"web/{module} is imported, but is not there")
    for relative in _IMPORT.findall(files[module].decode()):
        path = _joined(PurePosixPath(module).parent, relative)
        if path not in found:
            found[path] = None
            yield path
            yield from _walk(path, files, found)


def _joined(folder: PurePosixPath, relative: str) -> str:
    return os.path.normpath(folder / relative)


def _write(path: Path, content: bytes) -> None:
    """With its compressed form and the ETags of both. Put in place whole: it may be read meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    etag = hashlib.sha256(content).hexdigest()[:HASH_CHARS]
    for ending, form, tag in (("", content, etag), (".gz", gzip.compress(content, 9, mtime=0), f"{etag}-gz")):
        for name, written in ((f"{path}{ending}", form), (f"{path}{ending}.etag", f'"{tag}"'.encode())):
            new = Path(f"{name}.new")
            new.write_bytes(written)
            new.chmod(0o644)
            new.replace(name)


def _remove_old_trees(folder: Path) -> None:
    trees = sorted(folder.iterdir(), key=lambda tree: tree.stat().st_mtime, reverse=True)
    for tree in trees[KEPT_TREES:]:
        shutil.rmtree(tree)


def main(argv: list[str]) -> int:
    if len(argv) != 1:
        print("holdfast: python -m ops.pages FOLDER", file=sys.stderr)
        return 2
    print(f"holdfast: the pages are published as {publish(Path(argv[0]))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
