# Every target sets up what it needs: a virtual environment in .venv with this project in it.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SEEDS ?= range(260,270)

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types bench clean pins-resnet18 pins-vit

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"supreme needs Python 3.11, 3.12 or 3.13 and $(PYTHON) is {v[0]}.{v[1]}; type: make PYTHON=python3.12 ...")'
	@echo "setting up .venv (some minutes the first time: PyTorch is large)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)  ## a real sweep on 400 photographs of 40 people, on whatever device there is; ends with a table
	$(BIN)/python -m supreme experiment=quickstart

test: $(READY)  ## every test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4

check: lint types test  ## what CI runs

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyright

bench: $(READY)  ## ratios against bare loops; figures go to tests/benchmarks/results
	$(BIN)/python -m tests.benchmarks.sweep_overhead

pins-resnet18: $(READY)  ## Pins Face Recognition, ResNet-18 at 32 px: make pins-resnet18 PINS=/path/to/105_classes_pins_dataset
	@test -n "$(PINS)" || { echo "say where the photographs are: make $@ PINS=/path/to/105_classes_pins_dataset"; exit 2; }
	$(BIN)/python -m supreme -m experiment=pins_resnet18 'data.root=$(PINS)' 'seed=$(SEEDS)' scenario=full_class scenario.target=1,10,20,30,40
	$(BIN)/python -m supreme -m experiment=pins_resnet18 'data.root=$(PINS)' 'seed=$(SEEDS)' scenario=random scenario.fraction=0.001

pins-vit: $(READY)  ## the same with ViT-B/16 at 224 px
	@test -n "$(PINS)" || { echo "say where the photographs are: make $@ PINS=/path/to/105_classes_pins_dataset"; exit 2; }
	$(BIN)/python -m supreme -m experiment=pins_vit 'data.root=$(PINS)' 'seed=$(SEEDS)' scenario=full_class scenario.target=1,10,20,30,40
	$(BIN)/python -m supreme -m experiment=pins_vit 'data.root=$(PINS)' 'seed=$(SEEDS)' scenario=random scenario.fraction=0.001

clean:  ## remove the virtual environment and caches; results in outputs/ stay
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
