PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
INSTALL := $(BIN)/python alphanet/potentials/uv.py pip install --quiet --python $(BIN)/python --constraint constraints.txt

# Minutes that the tables and figures share: those of `make all`, and those of `make cut`. Any duration will do: 90s, 1h.
MINUTES ?= 50
CUT_MINUTES ?= 3

.PHONY: setup repro cut slice slice-reference table1 table4 speed physics physics-all report reference readme docs test fuzz faults load test-fast test-long test-baselines test-slow test-pythons check dist all lock

setup: $(STAMP)

# pip takes hashes from requirements, not from constraints; uv takes them from both.
$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	awk '/^[^ #]/ {ours = /^uv==/} ours' constraints.txt > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $(VENV)/uv.txt

$(STAMP): pyproject.toml constraints.txt | $(BIN)/uv
	$(INSTALL) --group dev --editable .
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

# A folder each: a run shows the potentials of its last command.
physics: setup
	$(BIN)/alphanet bench physics alphanet --untrained --out runs/physics
	$(BIN)/alphanet init --preset fig3a --reading official-v1 -o runs/official-v1.safetensors
	$(BIN)/alphanet bench physics runs/official-v1.safetensors --out runs/physics-official-v1

BARE := nequip mace deeppot schnet dimenetpp painn gemnet-oc escn equiformer-v2 escaip
TRAINED := chgnet sevennet-0 sevennet-l3i5

physics-all: physics
	$(BIN)/alphanet baselines install $(BARE) $(TRAINED)
	$(BIN)/alphanet bench physics $(BARE) --untrained --out runs/physics-baselines
	$(BIN)/alphanet bench physics $(TRAINED) --out runs/physics-trained

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
	$(INSTALL) --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

test: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal

# An answer in about 90 seconds: without tests that train, compile kernels or start many processes.
test-fast: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not long and not slow and not baselines and not integration'

# What takes more than ten seconds a test.
test-long: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m long

test-baselines: setup
	$(BIN)/python -m pytest -m baselines

# Atheris on every reader, MINUTES in all, or until each has had EXECUTIONS, with those of earlier runs; what breaks one is
# kept in tests/hostile/corpus, which the tests read again.
fuzz: setup
	$(INSTALL) --group fuzz
	$(BIN)/python tests/hostile/fuzz.py $(MINUTES) $(if $(EXECUTIONS),--executions $(EXECUTIONS))

# Kills, full disks, lost permissions, broken downloads and wrong clocks, FAULTS of them, by SEED; the table: build/faults.md.
FAULTS ?= 250
SEED ?= 0
faults: setup
	OMP_NUM_THREADS=1 $(BIN)/python tests/faults/run.py $(FAULTS) --seed $(SEED)

# Memory over thousands of calls, and processes that share folders; the table: build/load.md.
load: setup
	OMP_NUM_THREADS=1 $(BIN)/python tests/faults/load.py

test-slow: setup
	$(BIN)/python -m pytest -m slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror alphanet/model/native/*pp
	$(BIN)/pip-licenses > /dev/null
	$(BIN)/python tests/vulnerabilities.py

# The wheel and its source, made twice: the same bytes.
dist: $(BIN)/uv
	rm -rf build/dist build/again
	for folder in dist again; do $(BIN)/python alphanet/potentials/uv.py build --quiet --out-dir build/$$folder; done
	for file in build/dist/alphanet_suite-*; do cmp $$file build/again/$${file##*/}; done

# The wheel in an empty environment of each Python: commands, tables, a prediction.
PYTHONS ?= 3.11 3.12 3.13
test-pythons: dist
	for version in $(PYTHONS); do sh tests/try_wheel.sh $$version build/dist/*.whl || exit 1; done

# The report comes last, also with -j: it shows what the others left behind, and says what failed. One after another,
# because speed is measured.
all: setup
	-$(MAKE) repro
	-$(MAKE) physics
	$(MAKE) report

# Once for every platform and Python, with hashes, and afresh. Without hashes: torch and triton, whose build is that of the
# machine (for CPUs, CUDA, ROCm); without pins: CUDA's own packages, which the build of torch names. uv is asked without
# pip's configuration, because a folder of wheels that it names has only a part of the hashes.
lock: $(BIN)/uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --custom-compile-command "make lock" --all-extras \
	  --group dev --group fuzz --constraint torch.txt --output-file constraints.new pyproject.toml
	awk '/^[^ ]/ {cuda = /^(nvidia|cuda)-/; build = /^(torch|triton)==/} cuda {next} build && /--hash/ {next} \
	  build {sub(/(\+cpu)? \\$$/, "")} 1' constraints.new > constraints.txt
	rm constraints.new
