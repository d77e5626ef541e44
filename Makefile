# Every target makes the environment first if it is missing or older than its definition.
.PHONY: setup demo test prove lint bench
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

# Everything that docs/guarantees.md promises, at full size; under an hour on two cores.
prove: $(STAMP)
	.venv/bin/python -m tests.prove

lint: $(STAMP)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright
	.venv/bin/lint-imports

bench: $(STAMP)
	.venv/bin/frontrow bench
