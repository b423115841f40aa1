# Two commands: `make demo` and `make test`. Each sets up everything it needs in .venv; a second run is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SITE ?= demo-site

.PHONY: demo test check clean

demo: $(VENV)/.ready
	$(BIN)/headwater run demo --site $(SITE)
	$(BIN)/headwater drops --site $(SITE)
	$(BIN)/headwater why http://river.example/stories/1.html --site $(SITE)
	$(BIN)/headwater why http://closed.example/ --site $(SITE)
	$(BIN)/headwater verify --site $(SITE)

test: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pipelines.models fetch
	touch $@

clean:
	rm -rf $(VENV) $(SITE)
