# Every target makes the environment first if it is missing or older than its definition.
.PHONY: setup demo test prove cluster-test lint bench screenshots observability sbom
.DEFAULT_GOAL := setup

STAMP := .venv/.setup
SBOM ?= dist/sbom.cdx.json

setup: $(STAMP)

$(STAMP): pyproject.toml uv.lock .ci/setup
	.ci/setup
	@touch $(STAMP)

demo: $(STAMP)
	.venv/bin/frontrow demo

# What only computes runs on every core; what starts servers comes after it, one test at a time.
COMPUTING := tests/unit tests/linearizability tests/simulation tests/guards

test: $(STAMP)
	.venv/bin/pytest --numprocesses logical $(COMPUTING)
	.venv/bin/pytest $(COMPUTING:%=--ignore=%)

# Several Ray nodes on this machine: nodes, heads and whole clusters come and go. A part of `make test`.
cluster-test: $(STAMP)
	.venv/bin/python -m tests.cluster

# Everything that docs/guarantees.md promises, at full size; about an hour on two idle cores.
prove: $(STAMP)
	.venv/bin/python -m tests.prove

lint: $(STAMP)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright
	.venv/bin/lint-imports

bench: $(STAMP)
	.venv/bin/frontrow bench

# The pictures of docs/shop.md, made anew in a real browser.
screenshots: $(STAMP)
	.venv/bin/pytest tests/browser/screenshots.py

# The software bill of materials of the image (CycloneDX), from uv.lock; the image has the same in it.
sbom: $(STAMP)
	@mkdir -p $(dir $(SBOM))
	PATH="$$PWD/.uv/bin:$$PATH" uv export --frozen --no-default-groups --extra gcp --extra otel --quiet --preview-features sbom-export --format cyclonedx1.5 --output-file $(SBOM)

# Dashboards, alert rules and tables of documents, from the registry of metrics (actors/metrics.py).
observability: $(STAMP)
	.venv/bin/python -m cluster.dashboards
