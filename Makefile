# Every target sets up its own environment in .venv first, if there is none.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-reid test-others check check-full run clean

demo: .venv/.installed  ## made-up people walk past two cameras: who was where, and how right that is
	$(BIN)/vreid demo $(ARGS)

# In two processes: in one, with every native library loaded, it has ended in a segmentation fault now and then; and
# two side by side take half as long. What they print comes when each has ended.
test: .venv/.installed  ## the test suite
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-others test-reid

test-reid:
	$(BIN)/python -m pytest tests/reid

test-others:
	$(BIN)/python -m pytest --ignore tests/reid

check: .venv/.installed  ## style, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check-full: check  ## what takes too long for every day: models at full size
	$(BIN)/python -m pytest -m full

run: .venv/.installed  ## make run VIDEOS="cam1.mp4 cam2.mp4" [ARGS="--every 2"]
ifndef VIDEOS
	$(error say which videos: make run VIDEOS="cam1.mp4 cam2.mp4")
endif
	$(BIN)/vreid run --videos $(VIDEOS) $(ARGS)

clean:  ## remove the environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache build *.egg-info

.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "vreid needs Python 3.11 to 3.13; set PYTHON=python3.12, say")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@
