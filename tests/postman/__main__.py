"""`make postman`: writes docs/postman/ anew."""

from __future__ import annotations

from tests.postman.collection import FOLDER, files


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text)
        print(f"docs/postman/{name}")  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
