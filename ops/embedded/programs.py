"""The embedded stack's programs: the definitions, with this data folder's ports and secrets."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.configuration import secret_settings
from core.configuration.secret_settings import FILE
from core.settings import from_environment, is_demo
from ops.embedded import caddy, localstripe
from ops.embedded.child import Program
from ops.embedded.data_folder import DataFolder
from ops.embedded.environment import ROOT, child_environment, inherited, installed, local_urls
from ops.embedded.leftovers import MARK
from ops.embedded.postgres import Postgres
from ops.embedded.valkey import Valkey
from ops.processes import APPLICATION, FLOWER, MIGRATE, Process, metrics_of


@dataclass(frozen=True, slots=True)
class Programs:
    data_folder: DataFolder
    port: int
    """Of the front door."""
    inner: dict[str, int]
    listen_addresses: Sequence[str] = caddy.LOOPBACK
    """The addresses on which the front door listens."""

    @property
    def postgres(self) -> Postgres:
        folder = self.data_folder.folder / "postgres"
        secret_file = self.data_folder.secret_file
        passwords = (secret_file("postgres-password"), secret_file("postgres-application-password"))
        return Postgres(folder, self.inner["postgres"], *passwords)

    @property
    def valkey(self) -> Valkey:
        folder = self.data_folder.run / "valkey"
        return Valkey(folder, self.inner["valkey"], self.data_folder.secret_file("valkey-password"))

    @property
    def pages(self) -> Path:
        """Where the pages are published for the front door."""
        return self.data_folder.folder / "pages"

    def caddy(self) -> Program:
        api, notifier, flower = (self.inner[name] for name in ("api", "notifier", "flower"))
        site = f"http://:{self.port}"
        placeholders = caddy.environment(
            site=site, api=api, notifier=notifier, flower=flower, pages=self.pages, bind=self.listen_addresses
        )
        placeholders["HOLDFAST_PUBLIC_URL"] = self.environment()["HOLDFAST_PUBLIC_URL"]
        placeholders["HOLDFAST_FLOWER_IS_ON"] = "1" if FLOWER in self.processes() else "0"
        return caddy.program(self.data_folder.folder / "caddy", placeholders, self._log("caddy"))

    @property
    def has_own_stripe(self) -> bool:
        """Whether payments go to localstripe: in the demo, if the person has set no key of an account."""
        return self.is_demo and not secret_settings.is_set(inherited(), "STRIPE_SECRET_KEY")

    @property
    def is_demo(self) -> bool:
        """As the person says; else as the folder was used before, and at first the demo. Raises `SettingsError`."""
        return is_demo({**self._whether_demo, **inherited()})

    @property
    def _whether_demo(self) -> dict[str, str]:
        return {"HOLDFAST_DEMO": "1" if self.data_folder.is_demo else "0"}

    def stripe(self) -> Program:
        secret = self.data_folder.secret("stripe-webhook-secret")
        mark = {MARK: self.data_folder.secret("mark")}
        folder = self.data_folder.folder / "stripe"
        return localstripe.program(self.inner["stripe"], folder, self.inner["api"], secret, self._log("stripe"), mark)

    def processes(self) -> tuple[Process, ...]:
        """What is to run: everything, without Flower if it is off."""
        is_on = from_environment(self.environment()).flower
        return tuple(process for process in APPLICATION if process is not FLOWER or is_on)

    def application(self, process: Process, instance: str) -> Program:
        return Program(
            name=instance,
            argv=installed(process.command(instance)),
            environment={
                **secret_settings.without_others(self.environment(), process.secrets),
                **self._metrics(process, instance),
            },
            directory=ROOT,
            log=self._log(instance),
            stop_signal=process.stop_signal,
            stop_timeout_s=process.stop_timeout_s,
        )

    def _metrics(self, process: Process, instance: str) -> dict[str, str]:
        """On this machine alone, each instance on a port of its own."""
        if not process.has_metrics:
            return {}
        return {
            "HOLDFAST_METRICS_HOST": "127.0.0.1",
            "HOLDFAST_METRICS_PORT": str(self.inner[metrics_of(instance)]),
        }

    def migrate(self) -> Program:
        """The only one of ours that is given the superuser."""
        environment = secret_settings.without_others(self.environment(), secret_settings.MIGRATE)
        environment[secret_settings.OWNER] = self.postgres.url()
        return Program("migrate", installed(MIGRATE), environment, ROOT, self._log("migrate"))

    @property
    def has_demo_week(self) -> bool:
        return self.is_demo and from_environment(self.environment()).demo_week

    def demo_week(self) -> Program:
        """A client of the front door: it is given nothing but addresses."""
        stripe = (f"http://127.0.0.1:{self.inner['stripe']}",) if self.has_own_stripe else ()
        argv = (sys.executable, "-m", "ops.demo_week", f"http://127.0.0.1:{self.port}", *stripe)
        environment = child_environment({}, secret_settings.without_others(inherited(), ()))
        return Program("demo-week", argv, environment, ROOT, self._log("demo-week"))

    def _log(self, name: str) -> Path:
        return self.data_folder.logs / f"{name}.log"

    def environment(self) -> dict[str, str]:
        """Of every application process. What the person has set wins, but for where things are."""
        origins = ",".join(local_urls(self.port))
        defaults = {
            **self._whether_demo,
            "HOLDFAST_SECRET_KEY": self.data_folder.secret("secret-key"),
            "HOLDFAST_FLOWER_PASSWORD": self.data_folder.secret("flower-password"),
            "HOLDFAST_PUBLIC_URL": f"http://localhost:{self.port}",
            "HOLDFAST_ALLOWED_ORIGINS": origins,
        }
        parts = {
            "DATABASE_URL": self.postgres.application_url(),
            "REDIS_URL": self.valkey.url(),
            "HOLDFAST_API_BIND": f"127.0.0.1:{self.inner['api']}",
            "HOLDFAST_NOTIFIER_HOST": "127.0.0.1",
            "HOLDFAST_NOTIFIER_PORT": str(self.inner["notifier"]),
            "HOLDFAST_FLOWER_HOST": "127.0.0.1",
            "HOLDFAST_FLOWER_PORT": str(self.inner["flower"]),
            "TMPDIR": str(self.data_folder.temporary),
            MARK: self.data_folder.secret("mark"),
        }
        if self.has_own_stripe:
            parts |= localstripe.settings(self.inner["stripe"], self.data_folder.secret("stripe-webhook-secret"))
        own = _own_settings(parts)
        defaults = {name: value for name, value in defaults.items() if not secret_settings.is_set(own, name)}
        return child_environment({**defaults, **own, **parts}, own)


def _own_settings(parts: Collection[str]) -> dict[str, str]:
    """What the person has set, their secrets' files by paths that hold in every folder; `parts` are not theirs to set."""
    own = secret_settings.with_whole_paths(secret_settings.without_others(inherited(), secret_settings.ALL))
    return {name: value for name, value in own.items() if name.removesuffix(FILE) not in parts}
