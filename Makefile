.DEFAULT_GOAL := help
PORT ?= 8000
export PORT

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready
MANAGE := $(PY) manage.py

.PHONY: help run test setup serve port lint fixtures bench screenshots lock

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

run: port setup ## Serve a demo tenant with sample records on 127.0.0.1:$PORT (default 8000)
	@$(MANAGE) serve --demo

test: setup ## Run the tests; ARGS="-k name" selects some of them
	@$(PY) -m pytest --numprocesses 3 --dist worksteal $(ARGS)

setup: $(STAMP) ## Create .venv with all dependencies

serve: port setup ## Migrate and serve the database in DATABASE_URL on 127.0.0.1:$PORT
	@$(MANAGE) serve

# The server checks the port as well; this is for those who would wait for the set-up in vain.
port:
	@if command -v python3 >/dev/null; then python3 rally/server/port.py; fi

lint: setup ## Check style, types and import layers
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-cache
	@$(MANAGE) makemigrations --check --dry-run

fixtures: setup ## Import the files of other programs, and print how many records are stored exactly
	@$(PY) -m tests.vendor_files

bench: setup ## Compare speed and memory with the peers; BENCH_ARGS="--help" lists the options
	@$(PY) -m benchmarks $(BENCH_ARGS)

screenshots: setup ## Take the README's screenshots, in docs/images
	@$(PY) -m docs.screenshots

lock: setup ## Update the locked requirements
	@for name in base embedded dev; do \
	  $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make lock" requirements/$$name.in -o requirements/$$name.txt; done

$(STAMP): requirements/dev.txt
	@python=; for name in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  if command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then echo "$(or $(PYTHON),Python) was not found, or is older than 3.11, which is needed." >&2; exit 1; fi; \
	echo "Setting up $(VENV) with $$($$python --version) ..." && \
	$$python -m venv --clear $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $(STAMP)
