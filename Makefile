# Two commands: `make demo` and `make test`. Each sets up everything it needs in .venv; a second run is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SITE ?= demo-site
# One thing of each kind: kept, barred by its site, merged, barred by the page that shows it, a copy, an edition, minified.
ASKED := http://river.example/stories/1.html http://closed.example/ http://gallery.example/pictures/0.jpg \
  http://gallery.example/pictures/behind.jpg upload://demo-sounds/quiet/16.wav upload://demo-books/the-lock-keeper.txt \
  upload://demo-code/code.tar.gz!/tally/web/chart.min.js

MODELS := $(SITE)/models/demo
# One picture that the model never saw, and one that it did.
PHOTO := shapes/14.jpg
LEARNT := shapes/16.jpg

.PHONY: demo test check clean

demo: $(VENV)/.ready
	$(BIN)/headwater run demo --site $(SITE)
	$(BIN)/headwater drops --site $(SITE)
	for name in $(ASKED); do $(BIN)/headwater why $$name --site $(SITE) || exit; done
	$(BIN)/headwater verify --site $(SITE)
	$(BIN)/headwater train --site $(SITE) --out $(MODELS)/pretrained --preset nano --set train.steps=300
	$(BIN)/headwater tune $(MODELS)/pretrained --site $(SITE) --lane books --source demo-questions --out $(MODELS)/finetuned
	$(BIN)/headwater generate $(MODELS)/pretrained --image $(SITE)/.scratch/demo/photos/$(PHOTO) --max-tokens 24
	$(BIN)/headwater generate $(MODELS)/pretrained --text "The river" --max-tokens 24 --temperature 0.7 --top-p 0.9
	$(BIN)/headwater generate $(MODELS)/finetuned --question "What is two and three?" --max-tokens 12
	$(BIN)/headwater why upload://demo-photos/$(LEARNT) --site $(SITE)

test: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > $(VENV)/compile.log || true # on all cores: pip takes one; templates are no Python
	$(BIN)/headwater models fetch
	touch $@

clean:
	rm -rf $(VENV) $(SITE)
