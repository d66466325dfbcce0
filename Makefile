PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Minutes that the tables and figures share: those of `make all`, and those of `make cut`. Any duration will do: 90s, 1h.
MINUTES ?= 50
CUT_MINUTES ?= 3

.PHONY: setup repro cut slice slice-reference table1 table4 speed physics physics-all report reference readme docs test fuzz test-fast test-baselines test-slow check all lock

setup: $(STAMP)

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv

$(STAMP): pyproject.toml constraints.txt | $(BIN)/uv
	$(BIN)/python alphanet/potentials/uv.py pip install --quiet --python $(BIN)/python \
	  --constraint constraints.txt --group dev --editable .
	touch $@

repro: setup
	$(BIN)/alphanet repro all --scale mini --budget $(MINUTES)

# The same path in a few minutes: no potential to compare with but one, whose environment the baselines' tests need too.
cut: setup
	$(BIN)/alphanet repro all --scale mini --budget $(CUT_MINUTES) --only '*:AlphaNet*,table1:NequIP' --out build/cut
	$(BIN)/alphanet report build/cut -o build/cut-report

# What answers: small networks on real DFT frames, with seeds; 8 hours of two cores, minutes of a GPU (DEVICE=cuda).
# Two tables at a time, of one thread each; the same command goes on after a stop. ALPHANET_MIRROR may name a mirror.
DEVICE ?= auto
SLICES := table2 table8 fig2 table1 table3

slice: setup
	$(MAKE) -j 2 $(SLICES:%=slice-%)
	$(BIN)/alphanet report runs/slice -o runs/slice-report

slice-%: setup
	$(BIN)/alphanet repro $* --scale slice --device $(DEVICE) --out runs/slice

table1: setup
	$(BIN)/alphanet repro table1 --scale mini

table4: setup
	$(BIN)/alphanet repro table4 --scale full

speed: setup
	$(BIN)/alphanet repro fig3a fig3b table5 --scale mini

physics: setup
	$(BIN)/alphanet bench physics alphanet --untrained --out runs/physics
	$(BIN)/alphanet init --preset fig3a --reading official-v1 -o runs/official-v1.safetensors
	$(BIN)/alphanet bench physics runs/official-v1.safetensors --out runs/physics

BARE := nequip mace deeppot schnet dimenetpp painn gemnet-oc escn equiformer-v2 escaip
TRAINED := chgnet sevennet-0 sevennet-l3i5

physics-all: physics
	$(BIN)/alphanet baselines install $(BARE) $(TRAINED)
	$(BIN)/alphanet bench physics $(BARE) --untrained --out runs/physics
	$(BIN)/alphanet bench physics $(TRAINED) --out runs/physics

report: setup
	$(BIN)/alphanet report runs -o runs/report

# What a finished run leaves in the repository: the page, its tables and figures, and the records behind it.
reference: setup
	$(BIN)/python reports/keep_reference.py runs runs/report

# The same of what `make slice` has so far.
slice-reference: setup
	$(BIN)/alphanet report runs/slice -o runs/slice-report
	$(BIN)/python reports/keep_reference.py runs/slice runs/slice-report reports/slices

# The README's first table, from the report of the slices, or the reference if there is none.
readme: setup
	$(BIN)/python reports/write_readme.py

# Into build/site; strict, so that a broken link fails. Nothing is loaded from the network once the packages are here.
docs: setup
	$(BIN)/python alphanet/potentials/uv.py pip install --quiet --python $(BIN)/python \
	  --constraint constraints.txt --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

test: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal

# An answer in about 90 seconds: without tests that train, compile kernels or start many processes.
test-fast: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow and not baselines and not integration'

test-baselines: setup
	$(BIN)/python -m pytest -m baselines

# Atheris on every reader, MINUTES in all; what breaks one is kept in tests/hostile/findings, which the tests read again.
fuzz: setup
	$(BIN)/python alphanet/potentials/uv.py pip install --quiet --python $(BIN)/python \
	  --constraint constraints.txt --group fuzz
	$(BIN)/python tests/hostile/fuzz.py $(MINUTES)

test-slow: setup
	$(BIN)/python -m pytest -m slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror alphanet/model/native/*pp

# The report comes last, also with -j: it shows what the others left behind, and says what failed. One after another,
# because speed is measured.
all: setup
	-$(MAKE) repro
	-$(MAKE) physics
	$(MAKE) report

# Resolved afresh: an older constraints.txt would make uv prefer its torch over the CPU build of the same version.
lock: $(BIN)/uv
	$(BIN)/python alphanet/potentials/uv.py pip compile --quiet --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --group dev --group docs --group fuzz --constraint torch.txt --output-file constraints.new pyproject.toml
	sed 's/^torch==\(.*\)+cpu/torch==\1/' constraints.new > constraints.txt
	rm constraints.new
