# Two commands matter: `make demo` and `make test`. Both start from a bare machine with Python >= 3.11, a C++
# compiler, make and perl; everything else comes from pip into .venv.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2

BIN       := $(VENV)/bin
PIP       := $(BIN)/python -m pip --disable-pip-version-check -q
DEMO      := mnist_cnn_a4
DEMO_DIR  := tests/models/$(DEMO)
CODE      := compiler tests benchmarks examples sim

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz conformance lint format ecp5 gowin bench calibrate frames clean tools

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.user ## compile a trained digit classifier, prove the RTL equal to it, classify digits with it
	$(BIN)/ternc check $(DEMO_DIR)/$(DEMO).qonnx.onnx
	$(BIN)/ternc $(DEMO_DIR)/$(DEMO).qonnx.onnx --target arria10 -o build/$(DEMO)
	$(BIN)/ternc verify build/$(DEMO) --frames 256 --stalls 1
	$(BIN)/python examples/digits.py build/$(DEMO) $(DEMO_DIR)/$(DEMO).ref.npz

test: $(VENV)/.dev tools lint ## lint, then every test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

fuzz: $(VENV)/.dev ## N drawn ONNX networks on drawn arrays, ONNX = golden = RTL: make fuzz N=2000 SEED=1 (RTL=0: golden only)
	TERNC_FUZZ=$(or $(N),2000) TERNC_FUZZ_SEED=$(or $(SEED),1) TERNC_FUZZ_RTL=$(or $(RTL),1) \
		$(BIN)/python -m pytest -n $(JOBS) tests/fuzz/test_networks.py

conformance: $(VENV)/.dev ## onnx's node tests in all dialects; UPDATE=1 stores the results, RTL=1 simulates what passes
	TERNC_CONFORMANCE=all $(if $(UPDATE),TERNC_UPDATE=1) $(if $(RTL),TERNC_CONFORMANCE_RTL=1) $(BIN)/python -m pytest -n $(JOBS) tests/conformance
	$(if $(UPDATE),$(BIN)/python tests/conformance/document.py)

lint: $(VENV)/.dev ## format, style, types and import layers
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite the Python files the way lint wants them
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

ecp5: $(VENV)/.dev ## a build to an ECP5 bitstream with tools from PyPI (installs nextpnr); routed clocks of 4x4 cells
	$(PIP) install -e '.[ecp5]'
	TERNC_SYNTH=1 $(BIN)/python -m pytest tests/e2e/test_synth.py tests/e2e/test_board.py tests/unit/handoff
	$(BIN)/python -m benchmarks.ecp5 --folder build/ecp5 --frames 8

gowin: $(VENV)/.dev ## builds to bitstreams for Gowin GW2A and GateMate with tools from PyPI (installs nextpnr)
	$(PIP) install -e '.[gowin,gatemate]'
	$(BIN)/python -m pytest tests/e2e/test_synth.py

bench: $(VENV)/.dev ## measure the speeds that README states
	$(BIN)/python benchmarks/bench.py --json build/bench.json

frames: $(VENV)/.dev ## whole frames of VGG-7 and Tiny-YOLOv2 on 16,384 and 4,096 lanes in Verilator, with the minutes it takes
	$(BIN)/python -m benchmarks.whole_frames --json build/frames.json

calibrate: $(VENV)/.dev ## measure what our modules take in each fabric with Yosys, and fit the cost model to it
	rm -f benchmarks/calibration/measured.json
	$(BIN)/python -m benchmarks.calibrate --measure

clean: ## remove the virtual environment, builds and caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# On a laptop without Icarus or Tcl their tests are skipped; continuous integration installs them and fails without.
tools:
	@if [ -n "$$CI" ] && ! { command -v iverilog && command -v tclsh; } >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y iverilog tcl >/dev/null; \
	fi

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ternc needs Python 3.11 or later; say which with: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.user: pyproject.toml | $(BIN)/python
	$(PIP) install -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(PIP) install -e '.[dev]'
	@touch $@ $(VENV)/.user
