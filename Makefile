PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup table1 table4 speed physics report test test-baselines test-slow check all lock

setup: $(STAMP)

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv

$(STAMP): pyproject.toml constraints.txt | $(BIN)/uv
	$(BIN)/python alphanet/potentials/uv.py pip install --quiet --python $(BIN)/python \
	  --constraint constraints.txt --group dev --editable .
	touch $@

table1: setup
	$(BIN)/alphanet repro table1 --scale mini

table4: setup
	$(BIN)/alphanet repro table4

speed: setup
	$(BIN)/alphanet repro fig3a fig3b table5 --scale mini

physics: setup
	$(BIN)/alphanet bench physics alphanet --untrained --out runs/physics

report: setup
	$(BIN)/alphanet report runs -o runs/report

test: setup
	$(BIN)/python -m pytest -n 2

test-baselines: setup
	$(BIN)/python -m pytest -m baselines

test-slow: setup
	$(BIN)/python -m pytest -m slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The report comes last, also with -j: it shows what the others left behind. Table 4 fails where published files cannot be
# fetched, and the report says which.
all: table1 speed physics
	-$(MAKE) table4
	$(MAKE) report

# Resolved afresh: an older constraints.txt would make uv prefer its torch over the CPU build of the same version.
lock: $(BIN)/uv
	$(BIN)/python alphanet/potentials/uv.py pip compile --quiet --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --group dev --constraint torch.txt --output-file constraints.new pyproject.toml
	sed 's/^torch==\(.*\)+cpu/torch==\1/' constraints.new > constraints.txt
	rm constraints.new
