# Every target makes .venv by itself. A lock is installed again only when its file has changed.
PYTHON ?= python3
# One more than two cores: a third of the time is spent waiting for browsers and for nodes that start.
TEST_WORKERS ?= 3

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# The system's certificates, where there are any: they include a school's or company's own proxy.
CERTIFICATES := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv
# Every start imports some 1,500 modules: compiled once here, even where Python is told to write none.
UV_INSTALL := $(UV) pip install --quiet --compile-bytecode $(CERTIFICATES)
# The lock is complete, so dependencies are not looked up again; pip steps in where only pip has
# been told of a mirror.
FROM_LOCK := --no-deps --no-build-isolation --require-hashes --requirement
install_lock = $(UV_INSTALL) $(FROM_LOCK) $(1) || $(PIP) $(FROM_LOCK) $(1)
INSTALL_PROJECT := $(UV_INSTALL) --no-deps --no-build-isolation --editable .
LINT := $(wildcard cli.py node tests bench simulator docs/guide)

.DEFAULT_GOAL := help
.PHONY: help setup compiled install run demo test check format bench guide guide-pictures lock clean

help:
	@echo "make install  install it, start nothing"
	@echo "make run    start a node (and install it first)"
	@echo "make demo   play a day of a small community"
	@echo "make test   run the whole test suite"
	@echo "make check  format, lint, types, tidiness and layering"
	@echo "make bench  measure"
	@echo "make guide  build the guides for members as pages: build/guide"
	@echo "make guide-pictures  make the pictures of the guides anew, in a browser"
	@echo "make lock   resolve the dependencies anew"
	@echo "make clean  remove .venv and everything generated"

$(VENV)/stamp-tools: requirements-setup.lock
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "WeTalk needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --only-binary :all: --requirement requirements-setup.lock
	touch $@

$(VENV)/stamp-run: $(VENV)/stamp-tools requirements.lock pyproject.toml
	$(call install_lock,requirements.lock)
	$(INSTALL_PROJECT)
	touch $@

$(VENV)/stamp-test: $(VENV)/stamp-run requirements-test.lock
	$(call install_lock,requirements-test.lock)
	touch $@

# What the client for TypeScript is checked with; where it cannot be had, those tests are skipped and
# say so.
TYPESCRIPT := clients/typescript
$(VENV)/stamp-typescript: $(VENV)/stamp-tools $(TYPESCRIPT)/package-lock.json
	cd $(TYPESCRIPT) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
		&& touch $(CURDIR)/$@ || echo "The client for TypeScript is not checked: no npm, or no network."

# A browser for the tests of the web client, where one can be had; it never fails.
$(VENV)/stamp-browser: $(VENV)/stamp-test tests/browser/chromium.py
	$(BIN)/python -m tests.browser.chromium
	touch $@

compiled: $(VENV)/stamp-run
	$(BIN)/python -m compileall -q node

setup: $(VENV)/stamp-browser $(VENV)/stamp-typescript compiled

install: compiled

run: compiled
	$(BIN)/wetalk up

demo: compiled
	$(BIN)/wetalk demo

test: $(VENV)/stamp-browser $(VENV)/stamp-typescript compiled
	$(BIN)/python -m pytest -q -n $(TEST_WORKERS)

check: $(VENV)/stamp-test
	$(BIN)/ruff format --check $(LINT)
	$(BIN)/ruff check $(LINT)
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_tidy.py tests/test_imports.py

format: $(VENV)/stamp-test
	$(BIN)/ruff format $(LINT)
	$(BIN)/ruff check --fix $(LINT)

bench: compiled
	$(BIN)/wetalk bench

guide-pictures: $(VENV)/stamp-browser compiled
	WETALK_GUIDE_PICTURES=1 $(BIN)/python -m pytest -q tests/browser/test_story.py

guide: $(VENV)/stamp-run
	$(BIN)/python docs/guide/build.py

# uv.lock names the registry it was made with, so it stays out of the tree; the exports do not.
EXPORT := $(UV) export --quiet --frozen --no-emit-project --no-header --no-annotate --no-default-groups
lock: $(VENV)/stamp-tools
	$(UV) lock $(CERTIFICATES)
	$(EXPORT) --output-file requirements.lock > /dev/null
	$(EXPORT) --extra test --output-file requirements-test.lock > /dev/null
	$(EXPORT) --only-group setup --output-file requirements-setup.lock > /dev/null

clean:
	rm -rf $(VENV) $(TYPESCRIPT)/node_modules build dist .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	find cli.py node tests bench simulator -name __pycache__ -type d -prune -exec rm -rf {} +
