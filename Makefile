# Every target makes .venv by itself. A lock is installed again only when its file has changed.
PYTHON ?= python3
TEST_WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# The system's certificates, where there are any: they include a school's or company's own proxy.
CERTIFICATES := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv
UV_INSTALL := $(UV) pip install --quiet $(CERTIFICATES)
# The lock is complete, so dependencies are not looked up again; pip steps in where only pip has
# been told of a mirror.
FROM_LOCK := --no-deps --no-build-isolation --require-hashes --requirement
install_lock = $(UV_INSTALL) $(FROM_LOCK) $(1) || $(PIP) $(FROM_LOCK) $(1)
INSTALL_PROJECT := $(UV_INSTALL) --no-deps --no-build-isolation --editable .
LINT := $(wildcard cli.py node tests bench simulator)

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check format bench lock clean

help:
	@echo "make run    start a node (and install it first)"
	@echo "make demo   play a day of a small community"
	@echo "make test   run the whole test suite"
	@echo "make check  format, lint, types, tidiness and layering"
	@echo "make bench  measure"
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

# Checks the client for TypeScript; where there is no npm, its tests are skipped and say so.
TYPESCRIPT := clients/typescript
$(VENV)/stamp-typescript: $(VENV)/stamp-tools $(TYPESCRIPT)/package-lock.json
	command -v npm > /dev/null || { echo "No npm here: the client for TypeScript is not checked."; exit 0; }; \
		cd $(TYPESCRIPT) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

setup: $(VENV)/stamp-test $(VENV)/stamp-typescript

run: $(VENV)/stamp-run
	$(BIN)/wetalk up

demo: $(VENV)/stamp-run
	$(BIN)/wetalk demo

test: $(VENV)/stamp-test $(VENV)/stamp-typescript
	$(BIN)/python -m pytest -q -n $(TEST_WORKERS)

check: $(VENV)/stamp-test
	$(BIN)/ruff format --check $(LINT)
	$(BIN)/ruff check $(LINT)
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_tidy.py tests/test_imports.py

format: $(VENV)/stamp-test
	$(BIN)/ruff format $(LINT)
	$(BIN)/ruff check --fix $(LINT)

bench: $(VENV)/stamp-run
	$(BIN)/wetalk bench

# uv.lock names the registry it was made with, so it stays out of the tree; the exports do not.
EXPORT := $(UV) export --quiet --frozen --no-emit-project --no-header --no-annotate --no-default-groups
lock: $(VENV)/stamp-tools
	$(UV) lock $(CERTIFICATES)
	$(EXPORT) --output-file requirements.lock > /dev/null
	$(EXPORT) --extra test --output-file requirements-test.lock > /dev/null
	$(EXPORT) --only-group setup --output-file requirements-setup.lock > /dev/null

clean:
	rm -rf $(VENV) $(TYPESCRIPT)/node_modules build dist .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	find cli.py node tests -name __pycache__ -type d -prune -exec rm -rf {} +
