"""`make schemathesis`: the long run. Arguments are schemathesis's own, such as --max-examples 50 --phases stateful."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzzing.schemathesis_run import CALLERS, environment, fuzz
from tests.support.payments.payer import StripeServer
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack


def main(options: list[str]) -> int:
    runs = []
    with TemporaryDirectory(prefix="holdfast-fuzzing-") as name, ExitStack() as closing:
        folder = Path(name)
        postgres = PostgresServer(folder / "postgres")
        stripe = StripeServer(folder / "stripe")
        for server in (postgres, stripe):
            closing.callback(server.close)
            server.start()
        for caller in CALLERS:
            valkey = ValkeyServer(folder / f"valkey-{caller}")
            valkey.start()
            stack = Stack(
                folder=folder / caller,
                database_url=postgres.new_database(demo=True),
                valkey=valkey,
                environment=environment(stripe),
            )
            with ExitStack() as one:
                one.callback(stack.close)
                run = fuzz(stack.start(), caller, folder, *options)
            runs.append(run)
            print(run.log if run.failures else run, flush=True)
    print(*runs, f"{sum(run.cases for run in runs)} cases in all", sep="\n")
    return any(run.failures for run in runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
