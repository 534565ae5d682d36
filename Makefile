# Two commands do everything: `make train` and `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help train test drill serve check lock settings clean

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

train: $(READY)  ## Set up, train the demo, print its evaluation
	@$(BIN)/aitimestepper train --name demo --epochs 20 --steps-per-epoch 32 --orbits 32

test: $(READY)  ## Set up, run the test suite without the drills
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not drill"

drill: $(READY)  ## Set up, kill and break real trainings for half an hour, print a table
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist=worksteal -m drill

serve: $(READY)  ## Set up, serve Prefect, MLflow and the deployments until Ctrl-C
	@$(BIN)/aitimestepper serve

check: $(READY)  ## Lint, format, types and the contracts between layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict docker-compose.yml prefect.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/hadolint Dockerfile

# torch is locked without its CUDA packages: pip adds those that belong to the platform's build.
lock: $(READY)  ## Lock again, keeping versions; UPGRADE=--upgrade takes newer ones
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--extra dev --no-header --no-annotate $(UPGRADE) --output-file requirements.lock pyproject.toml
	grep -vE '^(nvidia|cuda|triton)[-=]' requirements.lock > $(VENV)/lock
	mv $(VENV)/lock requirements.lock

settings: $(READY)  ## Write docs/settings.md again
	@$(BIN)/python -m flows.reference > docs/settings.md

clean:  ## Remove the environment and caches; artifacts/ stays
	rm -rf $(VENV) .hypothesis .ruff_cache .pytest_cache .import_linter_cache
	find aitimestepper tasks flows tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "AITimeStepper needs Python 3.11 or newer, and $(PYTHON) is" \
	"$$($(PYTHON) --version 2>&1): name a newer one, as in 'make train PYTHON=python3.12'." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
