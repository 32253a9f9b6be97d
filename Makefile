# Everything the README names. Needs Python 3.11 or newer, make and a package index; all else comes from the locks.

VENV ?= .venv
PYTHON ?= $(firstword $(foreach python,python3.11 python3,\
	$(if $(shell $(python) -c 'import sys; print(*[1][: sys.version_info >= (3, 11)])' 2>/dev/null),$(python))))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# what some tests start, by Debian's names; a test that misses one is skipped and says so
SYSTEM := chromium dbus
ROOT_ON_DEBIAN := $(shell [ "$$(id -u)" = 0 ] && . /etc/os-release 2>/dev/null && [ "$$ID" = debian ] && echo yes)
UV_LOCK := $(BIN)/uv pip compile pyproject.toml --group build --universal --python-version 3.11 --no-config \
	--generate-hashes --no-emit-index-url --no-header --no-annotate --quiet $(LOCK_OPTIONS)
# on every core; who runs out of tests takes over the last ones of another, so that modules stay together
PYTEST := $(BIN)/pytest --numprocesses=auto --dist=worksteal --ignore=tests/browser
# these watch a clock, and have the machine to themselves
IN_BROWSER := $(BIN)/pytest tests/browser
# pyright would ask another registry whether there is a newer one
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.PHONY: help demo test browser system lint coverage soak bench picture lock clean

help:
	@echo 'make demo      set up, then run imu demo, which opens the page'
	@echo 'make test      set up, then every check: lint, format, types, floors, tests'
	@echo 'make system    as root on Debian only: install what tests start ($(SYSTEM))'
	@echo 'make lint      the checks without the tests'
	@echo 'make coverage  the tests with the kernels as plain Python, and what they reach'
	@echo 'make browser   set up, then the tests in a browser alone: the page in Chromium through a whole session'
	@echo 'make soak      ten minutes of live sensors over each path, emulated, with the figures'
	@echo 'make bench     set up, then tell how fast and how late it is on this machine'
	@echo 'make picture   draw docs/timeline.svg anew'
	@echo 'make lock      write requirements/*.lock anew; LOCK_OPTIONS=--upgrade takes the newest'
	@echo 'make clean     remove what the above made'

demo: $(VENV)/run.stamp
	@$(BIN)/imu demo

test: lint
	@$(if $(ROOT_ON_DEBIAN),$(MAKE) --no-print-directory system || echo 'Going on without; tests that need it are skipped.')
	@# once, and not by every worker anew
	@$(BIN)/imu warmup
	@$(IN_BROWSER)
	@$(PYTEST)

system:
ifeq ($(ROOT_ON_DEBIAN),yes)
	@dpkg-query --show --showformat='$${db:Status-Abbrev}\n' $(SYSTEM) 2>/dev/null | grep --count '^ii' | grep --quiet '^$(words $(SYSTEM))$$' || \
		{ echo 'Installing $(SYSTEM)' && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(SYSTEM); }
else
	@echo 'This is not root on Debian, so nothing was installed; some tests want $(SYSTEM).'
endif

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports --no-logo

coverage: $(VENV)/dev.stamp
	@NUMBA_DISABLE_JIT=1 $(PYTEST) --cov --timeout=0

browser: $(VENV)/dev.stamp
	@$(IN_BROWSER)

# ten minutes over each path, all at once; they wait more than they work
soak: $(VENV)/dev.stamp
	@RETROGAIT_SOAK_S=600 $(BIN)/pytest --numprocesses=3 -rP tests/live/test_live_path.py

bench: $(VENV)/run.stamp
	@$(BIN)/imu-bench speed
	@$(BIN)/imu-bench live
	@$(BIN)/imu-bench page

picture: $(VENV)/run.stamp
	@$(BIN)/python docs/make_timeline.py
	@$(BIN)/python docs/make_simulated.py

lock: $(VENV)/dev.stamp
	@# make demo runs on emulated sensors, and opens the page
	@$(UV_LOCK) --extra emulator --extra live --output-file requirements/run.lock
	@$(UV_LOCK) --extra dev --constraint requirements/run.lock --output-file requirements/dev.lock

clean:
	rm -rf $(VENV) .coverage .hypothesis .import_linter_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'python3.11 and python3 are absent or older than 3.11; name one: make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# made for one lock each; a change of the lock or of the project's own metadata installs again
$(VENV)/%.stamp: requirements/%.lock pyproject.toml imu/version.py | $(BIN)/python
	@echo 'Setting up $(VENV) from $<; the first time takes a minute or two.'
	@$(PIP) install --require-hashes --requirement $<
	@$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@
