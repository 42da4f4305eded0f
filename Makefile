# Holdfast. `make` alone explains itself.

PORT ?= 8000
# Not from the environment, where shells put the machine's name: only `make run HOST=0.0.0.0` says it.
HOST =
DATA ?= .data
VENV := .venv/bin/python
# Whatever the person's Python variables say, ours is the code beside this file.
RUN := env -u PYTHONHOME PYTHONPATH="$(CURDIR)" $(VENV)
# After a sentence that says what is wrong: ends make with exit code 1 and without its own `Error 1`.
# It counts on the shell to live on for a moment.
# Who started make may have told it to ignore the signal (nohup, a shell's background): then make tells the failure.
QUIETLY := { while read -r name mask; do \
	case "$$name$$mask" in SigIgn:*[0-389abAB]) kill -QUIT $$PPID; sleep 0.2; exit 0;; esac; \
done 2>/dev/null </proc/$$PPID/status; exit 1; }
SCHEMATHESIS_OPTIONS ?=
# Three for two cores: tests wait for much. In the order of the folders: the short unit tests come last and fill the gap of the worker that is done first.
PYTEST_OPTIONS ?= -n 3 --dist loadfile --no-loadscope-reorder
BENCH_OPTIONS ?=
FAULTS_OPTIONS ?=
# Seconds of faults.
DURATION_S ?=
# Runs of faults, one after another.
RUNS ?=
ALERTS_OPTIONS ?=
UPGRADE_OPTIONS ?=
ROLLING_OPTIONS ?=
FEEDS_OPTIONS ?=
DELIVERIES_OPTIONS ?=
# A part of a layer of tests: make test-integration ONLY=lanes, or ONLY=lanes/test_waking.py
ONLY ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-unit test-property test-integration test-faults test-browser schemathesis clients postman audit check fmt bench bench-release bench-compare scaling faults planted-bugs alerts upgrade rolling feeds deliveries pictures reset lock venv venv-dev

help: ## Show this help
	@echo "Holdfast takes bookings that must never collide."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make bench BENCH_OPTIONS='--only lists' (or availability) measures on a million bookings; --help tells more."
	@echo "  PORT=8000 and DATA=.data choose another port and data folder: make run PORT=8080 DATA=/tmp/holdfast"
	@echo "  It listens on this machine only; HOST=0.0.0.0 lets others in, and everybody knows the demo's passwords."

run: venv ## Install what is missing, start everything on this machine, stop it with Ctrl-C
	@exec $(RUN) -m ops.quietly ops.cli run --port "$(PORT)" --host "$(HOST)" --data "$(DATA)"

test: venv-dev programs ## Check, then run every test on its own PostgreSQL and Valkey
	@$(MAKE) --no-print-directory check
	@exec $(RUN) -m pytest $(PYTEST_OPTIONS)

test-unit: venv-dev ## Only the unit tests: half a minute, no server (ONLY=domain: a part of them)
	@exec $(RUN) -m pytest $(PYTEST_OPTIONS) tests/unit/$(ONLY)

test-property: venv-dev ## Only the rules under invented histories
	@exec $(RUN) -m pytest $(PYTEST_OPTIONS) tests/property/$(ONLY)

test-integration: venv-dev programs ## Only the tests with real servers (ONLY=lanes: those of one subject)
	@exec $(RUN) -m pytest $(PYTEST_OPTIONS) tests/integration/$(ONLY)

test-faults: venv-dev programs ## Only the short form of make faults and make upgrade
	@exec $(RUN) -m pytest $(PYTEST_OPTIONS) tests/faults/$(ONLY)

test-browser: venv-dev programs ## Only what a browser does
	@exec $(RUN) -m pytest $(PYTEST_OPTIONS) tests/browser/$(ONLY)

schemathesis: venv-dev ## Fuzz every route by its description, at length (its own stack; takes minutes)
	@exec $(RUN) -m tests.fuzzing $(SCHEMATHESIS_OPTIONS)

clients: venv-dev ## Lint the description, generate clients in Python and TypeScript, compile them, book by them, read calendars
	@for program in java npm; do \
		command -v $$program >/dev/null 2>&1 || { echo "holdfast: make clients needs $$program: apt-get update && apt-get install --yes default-jre-headless npm" >&2; $(QUIETLY); exit; }; \
	done
	@sh ops/install.sh requirements-clients.lock .tools/clients || $(QUIETLY)
	@exec $(RUN) -m tests.clients

postman: venv-dev ## Write docs/postman/ anew, from the API's own description
	@exec $(RUN) -m tests.postman

audit: ## Ask a database of known vulnerabilities about every locked package
	@env PIP_RETRIES=1 PIP_DEFAULT_TIMEOUT=10 sh ops/install.sh requirements-audit.lock .tools/audit \
		|| { echo "audit: NOT DONE: pip-audit cannot be installed here"; exit 0; }; \
	exec env -u PYTHONPATH .tools/audit/bin/python ops/audit.py

check: venv-dev ## Lint, formatting, strict types, layers
	@echo "ruff check" && $(RUN) -m ruff check .
	@echo "ruff format" && $(RUN) -m ruff format --check .
	@echo "mypy" && $(RUN) -m mypy
	@echo "import-linter" && $(RUN) -c "from importlinter.cli import lint_imports_command as main; main()"
	@echo "web" && sh ops/web/check.sh || $(QUIETLY)

fmt: venv-dev ## Format the code and fix what can be fixed
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .
	@sh ops/web/check.sh fix

bench: venv-dev ## Measure this pipeline beside the others (its own stack; takes minutes)
	@exec $(RUN) -m tests.benchmarks $(BENCH_OPTIONS)

bench-release: venv-dev ## Before a release: the pipelines in three minutes, held to half of each bar
	@exec $(RUN) -m tests.benchmarks --before-release $(BENCH_OPTIONS)

bench-compare: venv-dev ## What got slower between two results of the pipelines (BEFORE=FILE AFTER=FILE)
	@$(RUN) -m tests.benchmarks.compare "$(BEFORE)" "$(AFTER)" || $(QUIETLY)

scaling: venv-dev ## Simulate larger houses with the costs that make bench measured (RESULT=FILE of bench-results)
	@exec $(RUN) -m tests.benchmarks.scaling "$(RESULT)"

faults: venv-dev ## Kill, stop, cut off and fill parts while clients work, then judge what all saw (DURATION_S=300 RUNS=1; its own stack)
	@DURATION_S="$(DURATION_S)" RUNS="$(RUNS)" exec $(RUN) -m tests.faults $(FAULTS_OPTIONS)

planted-bugs: venv-dev ## Plant bugs into a copy of the tree: make faults must find each of them (takes half an hour)
	@exec $(RUN) -m tests.faults.planted $(FAULTS_OPTIONS)

alerts: venv-dev programs ## Fire every alert rule once, each by its real cause, at a real Prometheus (its own stack; takes minutes)
	@exec $(RUN) -m tests.alerts $(ALERTS_OPTIONS)

pictures: venv-dev programs ## Take docs/pictures anew, and draw docs/status.svg from a stack that is booked on meanwhile (takes two minutes)
	@exec $(RUN) -m tests.pictures

upgrade: venv-dev ## Replace the previous release by this one and back, in every order, while clients book (takes half an hour)
	@exec $(RUN) -m tests.upgrade $(UPGRADE_OPTIONS)

rolling: venv-dev ## Migrate a large database, then restart every process in turn, while clients book (takes some minutes)
	@exec $(RUN) -m tests.rolling $(ROLLING_OPTIONS)

feeds: venv-dev ## Read 20,000 events by HTTP and by socket, both cut off a hundred times, and compare (its own stack; takes minutes)
	@exec $(RUN) -m tests.feeds $(FEEDS_OPTIONS)

deliveries: venv-dev ## Tell 20 endpoints of 10,000 events while workers and PostgreSQL are killed (its own stack; takes minutes)
	@exec $(RUN) -m tests.deliveries $(DELIVERIES_OPTIONS)

reset: venv ## Remove the data folder: the next start begins with nothing
	@exec $(RUN) -m ops.quietly ops.cli reset --data "$(DATA)"

lock: venv-dev ## Write the lock files anew (LOCK_OPTIONS=--upgrade takes the newest versions)
	@$(RUN) ops/lock.py $(LOCK_OPTIONS)

venv:
	@sh ops/install.sh requirements-embedded.lock || $(QUIETLY)

venv-dev:
	@sh ops/install.sh requirements-dev.lock || $(QUIETLY)

.PHONY: programs
programs:
	@for program in chromium npm openssl pgbouncer prometheus; do \
		PATH="$$PATH:/usr/sbin:/sbin" command -v $$program >/dev/null 2>&1 || { echo "holdfast: the tests need $$program: apt-get update && apt-get install --yes $$program" >&2; $(QUIETLY); exit; }; \
	done
