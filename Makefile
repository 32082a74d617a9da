# Everything runs from the checkout's own environment, .venv. `make help` lists the targets.
PYTHON ?= $(shell command -v python3.11 2>/dev/null || echo python3)
UPGRADE ?=
BIN := .venv/bin
WORKSPACE := examples/cncf_members

# Nothing reports home, nothing is unpickled, and no other environment leaks into this one.
export MLFLOW_DISABLE_TELEMETRY := true
export BENTOML_DO_NOT_TRACK := True
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION := false
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-browser lint bench train serve bento mlflow-ui lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with everything that is needed; a second run does nothing
	@sh scripts/setup.sh "$(PYTHON)"

demo: setup ## train on the real example, serve it for a moment and show what Leap finds
	@$(BIN)/python -m training.showcase

test: setup ## run the tests and the examples in docstrings, fast ones first
	@sh scripts/postgres.sh
	@$(BIN)/pytest

test-slow: setup ## run the tests that take minutes
	@$(BIN)/pytest -m slow || { status=$$?; [ $$status = 5 ] && echo "There are no slow tests." || exit $$status; }

test-browser: setup ## look at every page in Chromium: accessibility, three widths, light and dark, the main paths
	@sh scripts/chromium.sh
	@$(BIN)/pytest -m browser || { status=$$?; [ $$status = 5 ] && echo "There are no browser tests." || exit $$status; }

lint: setup ## check style, format, types and the layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: setup ## measure speed as ratios, quickly (alone: python benchmarks/NAME.py)
	@for file in benchmarks/*.py; do \
	  [ -e "$$file" ] || { echo "There are no benchmarks yet."; break; }; \
	  echo "$$file"; $(BIN)/python "$$file" --quick || exit 1; \
	done

train: setup ## train on the example workspace and promote if the gate passes
	@$(BIN)/leap train $(WORKSPACE) --promote

serve: setup ## answer over HTTP for the example workspace
	@$(BIN)/leap serve $(WORKSPACE)

bento: setup ## pack the example's champion with its tables into build/leap.bento
	@$(BIN)/leap bento $(WORKSPACE) --with-data --out build/leap.bento

mlflow-ui: setup ## browse the model store at http://127.0.0.1:5000
	@[ -f mlruns/mlflow.db ] || { echo "There is no model store yet. Run: make train" >&2; exit 1; }
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow server \
	  --backend-store-uri sqlite:///mlruns/mlflow.db --workers 1 --host 127.0.0.1

# Both locks hold hashes and no addresses; serving/requirements.lock is for machines that only serve. uv.lock, which
# names the registry used, stays out of git: without it uv keeps no pins, so every `make lock` takes the newest versions
# that pyproject.toml allows.
lock: setup ## renew requirements.lock and serving/requirements.lock from pyproject.toml
	@$(BIN)/uv lock -q $(UPGRADE)
	@$(BIN)/uv export -q --frozen --all-groups --no-emit-project --no-header -o requirements.lock
	@$(BIN)/uv export -q --frozen --only-group serve --no-emit-project --no-header --no-annotate \
	  -o serving/requirements.lock

clean: ## remove .venv, caches and what was built; models in mlruns stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
