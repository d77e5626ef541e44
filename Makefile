# Every target makes the environment first if it is missing or older than its definition.
.PHONY: setup demo test lint bench
.DEFAULT_GOAL := setup

STAMP := .venv/.setup

setup: $(STAMP)

$(STAMP): pyproject.toml uv.lock .ci/setup
	.ci/setup
	@touch $(STAMP)

demo: $(STAMP)
	.venv/bin/frontrow demo

test: $(STAMP)
	.venv/bin/pytest

lint: $(STAMP)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright
	.venv/bin/lint-imports

bench: $(STAMP)
	.venv/bin/frontrow bench
