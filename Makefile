# `make run` and `make test` are all a newcomer needs.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test lint bench gateway prompts shots requirements

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help:
	@echo "make run    start everything and print a login link (PORT, PLAYGROUND_HOME)"
	@echo "make test   lint, types and every test on the real services"
	@echo "make bench  measure, print JSON and a table; 'make bench gateway' what /v1 adds to a call,"
	@echo "            'make bench prompts' what resolving and rendering a prompt takes"
	@echo "make shots  take a picture of every screen"

run: $(VENV)/run.done
	@exec $(BIN)/python -m playground.supervisor

test: $(VENV)/test.done lint
	@$(BIN)/python -m tests.browser
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/test.done
	@echo "[playground] Linting"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/djlint templates --lint --quiet
	@$(BIN)/lint-imports

bench: $(VENV)/test.done
	@$(BIN)/python -m tests.bench$(addprefix .,$(filter gateway prompts,$(MAKECMDGOALS)))

# Words after `make bench`, not targets of their own.
gateway prompts:
	@:

shots: $(VENV)/test.done
	@$(BIN)/python -m tests.browser
	@$(BIN)/python -m tests.shots

# A checksum decides, not a date: a fresh checkout of the same pins installs nothing.
.PHONY: FORCE
$(VENV)/run.done: FORCE
	@./.ci/install "$(PYTHON)" $@ requirements.txt

$(VENV)/test.done: FORCE
	@./.ci/install "$(PYTHON)" $@ requirements.txt tests/requirements.txt

# Compile the hand-written list in pyproject.toml, for every platform, with hashes.
PIN := $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11
requirements: $(VENV)/test.done
	@$(PIN) --quiet pyproject.toml -o requirements.txt
	@$(PIN) --quiet pyproject.toml --extra dev -c requirements.txt -o tests/requirements.txt
