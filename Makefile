# Every target sets up what it needs: a virtual environment with this project in it. The demo and the benchmarks need
# what runs (RUNS), the tests need the developers' packages too (READY). What a virtual environment already has is kept
# where it is new enough, a CPU-only torch among it.
PYTHON ?= python3
PYTHONS ?= 3.11 3.12 3.13
VENV ?= .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
# Neighbours stay in one process, which makes what a file of tests shares once; who has none left takes from the others.
PYTEST = $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

# Of the Pins benchmarks. A number of seeds means the first so many of the published ones.
SEEDS ?= 10
OUTPUT ?= outputs
pins_seeds = $(shell case "$(SEEDS)" in (*[!0-9]*) echo "$(SEEDS)";; (*) echo "range(260,$$((260 + $(SEEDS))))";; esac)
pins_given = $(if $(METHODS),'method=$(METHODS)') $(if $(SCENARIOS),'scenario=$(SCENARIOS)') $(if $(PROTOCOL),'protocol=$(PROTOCOL)')
define pins_sweep
	@test -n "$(PINS)" || { printf '%s\n' "say where the photographs are: make $@ PINS=/path/to/105_classes_pins_dataset" \
	  "that folder has 105 folders pins_<name> of JPEGs, 17,534 in all: Kaggle, hereisburak/pins-face-recognition," \
	  "kaggle datasets download -d hereisburak/pins-face-recognition --unzip"; exit 2; }
	$(BIN)/python -m supreme experiment=$(1) 'data.root=$(abspath $(PINS))' 'seed=$(pins_seeds)' $(pins_given) 'output_dir=$(OUTPUT)' $(ARGS)
	$(BIN)/supreme report '$(OUTPUT)' --against published
endef

define install
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"supreme needs Python 3.11, 3.12 or 3.13 and $(PYTHON) is {v[0]}.{v[1]}; type: make PYTHON=python3.12 ...")'
	@echo "setting up $(VENV) with the packages of $(1) (some minutes the first time: PyTorch is large)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(1)]'
endef

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-all-pythons test-hydra-1-4 coverage check lint types types-and-pins-smoke bench clean pins-resnet18 pins-vit pins-smoke

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

$(RUNS): pyproject.toml
	$(call install,demo)
	@touch $@

$(READY): pyproject.toml
	$(call install,dev)
	@touch $(RUNS) $@

demo: $(RUNS)  ## a real sweep on 400 photographs of 40 people, on whatever device there is; ends with a table
	$(BIN)/python -m supreme experiment=quickstart

test: $(READY)  ## every test that CI has the time for; ARGS=tests/core/test_seeds.py runs some
	$(PYTEST) -m "not exhaustive" $(COVERAGE) $(ARGS)

test-all: $(READY)  ## every test
	$(PYTEST) $(ARGS)

test-all-pythons:  ## make test with each of PYTHONS (3.11 3.12 3.13) that is found here, in a virtual environment of its own
	@failed=; for version in $(PYTHONS); do \
	  python=; for candidate in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	    if "$$candidate" --version >/dev/null 2>&1; then python=$$(command -v "$$candidate"); break; fi; \
	  done; \
	  if [ -z "$$python" ]; then echo "Python $$version: not found, not tested"; continue; fi; \
	  echo "Python $$version: $$python"; \
	  $(MAKE) --no-print-directory test PYTHON="$$python" VENV=.venv-$$version || failed="$$failed $$version"; \
	done; test -z "$$failed" || { echo "failed with Python$$failed"; exit 1; }

# What is tested of a version to come. pip takes a release candidate only where it is named.
HYDRA_1_4 ?= 1.4.0rc3
test-hydra-1-4:  ## make test with the release candidate of Hydra 1.4, in a virtual environment of its own
	@$(MAKE) --no-print-directory .venv-hydra-1-4/.ready VENV=.venv-hydra-1-4
	@.venv-hydra-1-4/bin/python -m pip install --quiet --disable-pip-version-check 'hydra-core==$(HYDRA_1_4)' \
	  'hydra-joblib-launcher==$(HYDRA_1_4)' 'hydra-optuna-sweeper==$(HYDRA_1_4)'
	@$(MAKE) --no-print-directory test VENV=.venv-hydra-1-4

coverage: COVERAGE := --cov --cov-report=
coverage: test  ## make test, and how much of supreme/ ran in it; a tenth slower and more, so CI does without
	@echo "coverage: $$($(BIN)/coverage report --format=total) % of the lines of supreme/ ran in the processes of the tests;" \
	  "what ran in commands and workers that tests start is not counted"

check: lint  ## what CI runs
	@$(MAKE) --no-print-directory --jobs 2 test types-and-pins-smoke

# One after the other, in the time for which tests wait for a process, a cluster or a clock.
types-and-pins-smoke: $(READY)
	@$(MAKE) --no-print-directory --jobs 1 types pins-smoke

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyright

bench: $(READY)  ## ratios against bare loops; figures go to tests/benchmarks/results
	$(BIN)/python -m tests.benchmarks.sweep_overhead

# Narrow both: SEEDS=3 (the first three of the published ten) METHODS=scrub,ssd SCENARIOS=random PROTOCOL=supreme_paper
pins-resnet18: $(RUNS)  ## Pins Face Recognition, ResNet-18: make pins-resnet18 PINS=/path/to/105_classes_pins_dataset
	$(call pins_sweep,pins_resnet18)

pins-vit: $(RUNS)  ## the same with ViT-B/16 at 224 px; without a network: ARGS=model.checkpoint=/path/to/weights
	$(call pins_sweep,pins_vit)

pins-smoke: $(READY)  ## both, tiny: on drawn faces in the shape of Pins and on 400 real photographs
	$(BIN)/python tests/pins_smoke.py

clean:  ## remove the virtual environment and caches; results in outputs/ stay
	rm -rf .venv .venv-3.* .venv-hydra-* .coverage .pytest_cache .ruff_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
