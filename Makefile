# What a newcomer types. `make help` lists it; CI types the same (.ci/run).

PYTHON ?= python3
VENV := .venv
# Twice quiet: errors still show, warnings about the machine's own pip settings do not.
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -qq

# Else each of the hundred processes that the tests start compiles all of TicketFlow again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test bench soak desk post calloff autopilot attendees both pages letters fuzz check format lock clean

help: ## List what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10
	@echo
	@echo "make run PORT=8080        another port          TICKETFLOW_DATA_DIR=folder   other data"
	@echo "make run CROWD=300        with simulated fans   make test ARGS='-k room'     some of the tests"

run: $(VENV)/.installed ## Serve TicketFlow here, with everything it needs and demo data
	@exec $(VENV)/bin/ticketflow up $(if $(CROWD),--crowd $(CROWD))

test: $(VENV)/.installed-dev ## Install what the tests need, and run them
	@tests/install-tools.sh
	@$(VENV)/bin/python -m pytest $(if $(ARGS),$(ARGS),$(IN_PARALLEL))

# Most tests wait for something a third of the time. A file's tests stay together: they share a house.
# Files begin in the order that tests/conftest.py gives them.
IN_PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder

bench: $(VENV)/.installed-dev ## Measure the room, the bookings, the ledger, the mail, the live desk and the pages against their bounds (about ten minutes)
	@$(VENV)/bin/python -m bench

soak: $(VENV)/.installed-dev ## The long tests: 20,000 fans, 10,000 attempts for 100 tickets, 100,000 random commands
	@tests/install-tools.sh
	@TICKETFLOW_SOAK_STEPS=100000 $(VENV)/bin/python -m pytest -s tests/live/test_storm.py \
		tests/booking/test_races.py tests/waiting_room/test_model.py -k "20_000 or hundred_times or does_what" $(ARGS)

desk: $(VENV)/.installed-dev ## Each figure of the organiser's desk against a recount, while a crowd is at it (CROWD=2000)
	@tests/install-tools.sh
	@TICKETFLOW_DESK_CROWD=$(or $(CROWD),2000) $(VENV)/bin/python -m pytest -s tests/figures/test_recount.py $(ARGS)

post: $(VENV)/.installed-dev ## The long test of mail: 5,000 letters, workers killed, a server that refuses and hangs (LETTERS=5000)
	@tests/install-tools.sh
	@TICKETFLOW_TEST_LETTERS=$(or $(LETTERS),5000) $(VENV)/bin/python -m pytest -s tests/mail/test_chaos.py $(ARGS)

autopilot: $(VENV)/.installed-dev ## The long flight: a database becomes slow, and the autopilot has 60 s; with its trace
	@tests/install-tools.sh
	@TICKETFLOW_TEST_AUTOPILOT_SECONDS=5 $(VENV)/bin/python -m pytest -s tests/autopilot/test_slow_database.py $(ARGS)

calloff: $(VENV)/.installed-dev ## The long test of calling off: 5,000 bookings, workers killed half-way (BOOKINGS=5000)
	@tests/install-tools.sh
	@TICKETFLOW_TEST_CALLED_OFF=$(or $(BOOKINGS),5000) $(VENV)/bin/python -m pytest -s tests/booking/test_called_off.py $(ARGS)

both: $(VENV)/.installed-dev ## The whole suite with each test on both databases (in `make test` each is on one of the two)
	@tests/install-tools.sh
	@TICKETFLOW_TEST_BOTH_ENGINES=1 $(VENV)/bin/python -m pytest $(if $(ARGS),$(ARGS),$(IN_PARALLEL))

attendees: $(VENV)/.installed-dev ## The long test of the list of attendees: 200,000 in constant memory (COUNT=200000)
	@tests/install-tools.sh
	@TICKETFLOW_TEST_ATTENDEES=$(or $(COUNT),200000) $(VENV)/bin/python -m pytest -s tests/api/test_many_attendees.py $(ARGS)

check: $(VENV)/.installed-dev ## Formatting, lint, types, import rules, dangerous calls and known holes
	@$(MAKE) --no-print-directory --keep-going --jobs=2 $(APART) $(CHECKS)

# The longest first: the others are done while it runs. A make before 4.0 mixes what they say.
CHECKS := check-types check-form check-lint check-imports check-calls check-holes
APART := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
.PHONY: $(CHECKS)

check-types:
	$(VENV)/bin/mypy
check-form:
	$(VENV)/bin/ruff format --check .
check-lint:
	$(VENV)/bin/ruff check .
check-imports:
	$(VENV)/bin/lint-imports
check-calls:
	$(VENV)/bin/bandit --quiet --configfile pyproject.toml --recursive ticketflow waiting_room migrations bench deploy
check-holes:
	$(VENV)/bin/python deploy/audit.py $(LOCKS)

pages: $(VENV)/.installed-dev ## Look over every page at both widths in both looks; pictures go to artefacts/pages
	@tests/install-tools.sh
	@TICKETFLOW_TEST_EVERY_LOOK=1 $(VENV)/bin/python -m pytest tests/browser/test_every_page.py $(ARGS)

letters: $(VENV)/.installed-dev ## Look over every kind of letter at both widths in both looks; pictures go to artefacts/letters
	@tests/install-tools.sh
	@TICKETFLOW_TEST_KEEP_LETTERS=1 $(VENV)/bin/python -m pytest tests/browser/test_letters.py $(ARGS)

fuzz: $(VENV)/.installed-dev ## Thousands of made-up requests as stranger, fan and organiser (CASES=100 a call and person)
	@TICKETFLOW_FUZZ_CASES=$(or $(CASES),100) $(VENV)/bin/python -m pytest -s tests/api/test_schemathesis.py tests/api/test_odd_input.py $(ARGS)

format: $(VENV)/.installed-dev ## Put the code into shape
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

clean: ## Remove the venv and what tools left behind; data stays
	rm -rf $(VENV) build dist .*_cache

# pip-compile writes whatever index it used into the lock unless told not to; a lock is the same everywhere.
COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/bin/pip-compile --quiet --strip-extras --allow-unsafe \
	--generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(LOCK_ARGS)
LOCKS := deploy/requirements-build.lock deploy/requirements.lock deploy/requirements-stripe.lock deploy/requirements-dev.lock

lock: $(VENV)/.installed-dev ## Choose versions anew within the ranges of pyproject.toml (LOCK_ARGS=--upgrade)
	$(COMPILE) --only-build-deps --build-deps-for editable -o deploy/requirements-build.lock pyproject.toml
	$(COMPILE) -o deploy/requirements.lock pyproject.toml
	$(COMPILE) --extra stripe -c deploy/requirements.lock -o deploy/requirements-stripe.lock pyproject.toml
	$(COMPILE) --extra test --extra dev -c deploy/requirements-stripe.lock -c deploy/requirements-build.lock \
		-o deploy/requirements-dev.lock pyproject.toml

# Debian's Python cannot put pip into a venv unless python3-venv is installed; its own pip can, from outside.
$(VENV)/bin/python:
	@echo "Making $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "TicketFlow needs Python 3.11 or newer; name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >$(VENV).log 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(VENV)/bin/python install -qq pip; } || \
		{ cat $(VENV).log; rm -rf $(VENV); echo "Install python3-venv, or python3-pip, and try again." >&2; exit 1; }
	@rm -f $(VENV).log

$(VENV)/.installed: deploy/requirements.lock deploy/requirements-build.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what TicketFlow needs (about half a minute) ..."
	@$(PIP) install --require-hashes -r deploy/requirements-build.lock -r deploy/requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: deploy/requirements-dev.lock $(VENV)/.installed
	@echo "Installing what the tests and checks need (about half a minute) ..."
	@$(PIP) install --require-hashes -r deploy/requirements-dev.lock
	@touch $@
