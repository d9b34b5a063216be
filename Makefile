# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo-output
BIN := $(VENV)/bin
PACKAGES := xvfb xauth libegl1 libgl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 \
	libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libdbus-1-3 \
	libfontconfig1 libglib2.0-0

.PHONY: help install install-headless system demo test test-fast docs-test lint bench docs dist clean

help:
	@echo "make demo     install into $(VENV), make synthetic cells, train, draw the embedding"
	@echo "make test     install with the GUI, check style and types, run the tests"
	@echo "make docs-test  run the examples and the commands of README and docs"
	@echo "make bench    ratios against plain references"
	@echo "make lint     style and types only"
	@echo "make docs     build the documentation into docs/_build; a warning is an error"
	@echo "make dist     build what is published into dist/"
	@echo "make clean    remove $(VENV) and outputs"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip uv

$(VENV)/.headless: $(BIN)/python pyproject.toml
	$(BIN)/uv pip install --python $(BIN)/python --quiet -e .
	touch $@

$(VENV)/.full: $(BIN)/python pyproject.toml
	$(BIN)/uv pip install --python $(BIN)/python --quiet -e '.[gui,test]'
	touch $@ $(VENV)/.headless

install-headless: $(VENV)/.headless

install: $(VENV)/.full

# What Qt, a virtual screen and software OpenGL need on Debian and Ubuntu.
system:
	@if command -v Xvfb >/dev/null 2>&1 && ldconfig -p | grep -q 'libxcb-cursor.so.0' && ldconfig -p | grep -q 'libEGL.so.1'; then :; \
	elif command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACKAGES) >/dev/null; \
	else \
		echo "The tests of the viewer need system packages. On Debian and Ubuntu:"; \
		echo "  sudo apt-get install $(PACKAGES)"; \
	fi

demo: $(VENV)/.headless
	$(BIN)/python -m dynaclr demo --output $(DEMO) --overwrite

lint: $(VENV)/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

PYTEST := $(BIN)/python -m pytest -q --durations 15
HEADLESS := -p no:napari -p no:pytest-qt --ignore tests/napari_dynaclr
SCREEN := QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-xcb} LIBGL_ALWAYS_SOFTWARE=1 $(if $(DISPLAY),,xvfb-run -a -s "-screen 0 1920x1080x24")

# The tests of the viewer run in a process of their own, beside style, types and the other tests: Lightning must
# not be loaded where a viewer is. What they write is shown after the others.
test: system $(VENV)/.full
	@log=$$(mktemp); $(SCREEN) $(PYTEST) tests/napari_dynaclr >$$log 2>&1 & viewer=$$!; \
	trap 'trap - TERM; kill 0' INT TERM; failed=0; \
	$(MAKE) --no-print-directory lint || failed=1; \
	$(PYTEST) $(HEADLESS) -m "not docs" || failed=1; \
	wait $$viewer || failed=1; cat $$log; rm $$log; exit $$failed

# The examples, and the commands of README and docs that take longer, for real.
docs-test: $(VENV)/.full
	$(PYTEST) $(HEADLESS) -m docs tests/test_docs.py

test-fast: $(VENV)/.full
	$(PYTEST) $(HEADLESS) -m "not slow and not docs"

bench: $(VENV)/.full
	@failed=0; for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || failed=1; done; exit $$failed

$(VENV)/.docs: $(BIN)/python pyproject.toml
	$(BIN)/uv pip install --python $(BIN)/python --quiet -e '.[docs]'
	touch $@ $(VENV)/.headless

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs docs/_build
	@echo "docs/_build/index.html"

dist: $(BIN)/python
	$(BIN)/uv build --out-dir dist
	$(BIN)/uv tool run twine check --strict dist/*

clean:
	rm -rf $(VENV) $(DEMO) docs/_build dist runs .mypy_cache .ruff_cache .pytest_cache
