# Two commands: `make demo` and `make test`. Both make .venv themselves and may be repeated.
# `make test-all` has the slow tests as well, and more examples of each property.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadgroup

.PHONY: demo test test-all lint system bench clean

demo: .venv/.demo
	@test -f urban-out/sample.mp4 || $(BIN)/urban-segmentor sample urban-out/sample.mp4 --seconds 6
	@$(BIN)/urban-segmentor predict urban-out/sample.mp4 -o urban-out/demo --overwrite
	@echo "Open urban-out/demo/sample.mp4 in a browser or player."

test: .venv/.test lint
	$(PYTEST) -m "not slow"

test-all: .venv/.test lint
	$(PYTEST) --hypothesis-profile thorough

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# What some tests want of the system: a browser, a screen without a monitor, and an RTSP server.
# As root, on Debian and its relatives.
system:
	apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium xvfb xdotool \
	  python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	  gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly

bench: .venv/.test
	$(BIN)/python benchmarks/predict.py
	$(BIN)/python benchmarks/stages.py
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/soak.py
	$(BIN)/python benchmarks/labels.py
	$(BIN)/python benchmarks/prepare.py
	$(BIN)/python benchmarks/evaluate.py
	$(BIN)/python benchmarks/merge.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/live.py
	$(BIN)/python benchmarks/app.py
	$(BIN)/python benchmarks/page.py --src src

.venv/.demo: pyproject.toml | .venv/.made
	$(PIP) -e .
	@touch $@

.venv/.test: pyproject.toml | .venv/.made
	$(PIP) -e '.[test]'
	@touch $@ .venv/.demo

.venv/.made:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is needed"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

clean:
	rm -rf .venv urban-out dist
