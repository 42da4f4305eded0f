"""Publishing: one hash of the whole tree in every path, each file compressed too, older trees for a while."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from ops.pages import KEPT_TREES, UnpublishableError, imported, publish, sources, tree_hash

PAGE = '<html><head><script type="module" src="/web/_/book/main.js"></script></head></html>'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small tree: a page, its script, and what that imports."""
    files = {
        "pages/book.html": PAGE,
        "book/main.js": 'import { t } from "../lib/words.js";\nimport {\n  a,\n  b,\n} from "./steps.js";\n',
        "book/steps.js": 'export { t } from "../lib/words.js";\nexport const a = 1, b = 2;\n',
        "lib/words.js": "export const t = (words) => words;\n",
        "lib/words.d.ts": "export const t: (words: string) => string;\n",
        "vendor/list.toml": "",
    }
    for name, text in files.items():
        path = tmp_path / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "web"


def test_a_page_names_its_tree_and_what_its_script_imports(source: Path, tmp_path: Path) -> None:
    name = publish(tmp_path / "there", source)
    page = (tmp_path / "there" / "pages" / "book.html").read_text()
    assert f'src="/web/{name}/book/main.js"' in page
    hinted = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    assert hinted == [f"/web/{name}/lib/words.js", f"/web/{name}/book/steps.js"]
    assert "/web/_/" not in page


def test_a_file_is_there_compressed_too_with_the_tags_of_both(source: Path, tmp_path: Path) -> None:
    tree = tmp_path / "there" / "web" / publish(tmp_path / "there", source)
    plain = (tree / "book" / "main.js").read_bytes()
    assert gzip.decompress((tree / "book" / "main.js.gz").read_bytes()) == plain
    tags = [(tree / "book" / f"main.js{ending}.etag").read_text() for ending in ("", ".gz")]
    assert all(re.fullmatch(r'"[0-9a-f]{16}(-gz)?"', tag) for tag in tags)
    assert len(set(tags)) == 2


def test_any_changed_byte_gives_the_whole_tree_another_name(source: Path) -> None:
    before = tree_hash(sources(source))
    assert tree_hash(sources(source)) == before
    (source / "lib" / "words.js").write_text("export const t = (words) => words + 1;\n")
    assert tree_hash(sources(source)) != before


def test_types_and_lists_are_not_served(source: Path) -> None:
    assert set(sources(source)) == {"pages/book.html", "book/main.js", "book/steps.js", "lib/words.js"}


def test_a_kind_of_file_that_browsers_are_not_served_is_refused(source: Path) -> None:
    (source / "notes.docx").write_text("")
    with pytest.raises(UnpublishableError, match=r"notes\.docx"):
        sources(source)


def test_an_import_that_leads_nowhere_is_refused(source: Path, tmp_path: Path) -> None:
    (source / "book" / "steps.js").write_text('import "./gone.js";\n')
    with pytest.raises(UnpublishableError, match=r"book/gone\.js"):
        publish(tmp_path / "there", source)


def test_the_trees_before_stay_for_pages_that_are_open(source: Path, tmp_path: Path) -> None:
    names = []
    for number in range(KEPT_TREES + 2):
        (source / "lib" / "words.js").write_text(f"export const t = {number};\n")
        names.append(publish(tmp_path / "there", source))
        os.utime(tmp_path / "there" / "web" / names[-1], (number, number))
    publish(tmp_path / "there", source)
    assert {path.name for path in (tmp_path / "there" / "web").iterdir()} == set(names[-KEPT_TREES:])


def test_publishing_again_changes_nothing(source: Path, tmp_path: Path) -> None:
    first = publish(tmp_path / "there", source)
    there = sorted(tmp_path.joinpath("there").rglob("*"))
    assert publish(tmp_path / "there", source) == first
    assert sorted(tmp_path.joinpath("there").rglob("*")) == there


WEIGHTS_MAX_KB = {"index": 40, "book": 120, "embed": 120, "pay": 120, "manage": 120, "admin": 250, "account": 60}
"""What a page loads at its start, compressed."""


@pytest.mark.parametrize("page", WEIGHTS_MAX_KB)
def test_a_page_is_light(page: str) -> None:
    files = sources()
    text = files[f"pages/{page}.html"].decode()
    loaded = set(re.findall(r'(?:src|href)="/web/_/([^"]+)"', text))
    loaded |= {one for entry in loaded if entry.endswith(".js") for one in imported(entry, files)}
    weight = sum(len(gzip.compress(files[name], 9)) for name in loaded) + len(gzip.compress(text.encode(), 9))
    assert 3_000 < weight < WEIGHTS_MAX_KB[page] * 1000, f"{page}: {weight:,} bytes"
