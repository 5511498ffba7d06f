# The two commands of the README are `make demo` and `make test`; the rest is for developers.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
RUN    ?= runs/demo
# Test files that run at the same time; 0 runs them in one process.
WORKERS ?= 2
MODEL  ?= models/demo/1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all lint bench notebooks clean

help:
	@echo "make demo   install, fetch data and weights, train, evaluate, recommend, export"
	@echo "make test   the tests of a change: all but those marked slow"
	@echo "make test-all  every test"
	@echo "make lint   ruff and mypy"
	@echo "make bench  the figures of docs/results.md (hours; Amazon Toys and MovieTweetings from TFPROMPT_DATA)"
	@echo "make notebooks  execute the notebooks of examples/ in place (a quarter of an hour)"

install: $(VENV)/.installed

$(VENV)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

demo: install
	$(BIN)/tfprompt fit --data movielens-100k --output $(RUN) --seed 0
	$(BIN)/tfprompt evaluate $(RUN)
	$(BIN)/tfprompt recommend $(RUN) --wish "slow science fiction with robots" --k 10
	test -d $(MODEL) || $(BIN)/tfprompt export $(RUN) $(MODEL)

test: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-all: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m ""

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python benchmarks/quality.py --data movielens-100k --seeds 3
	$(BIN)/python benchmarks/quality.py --data movielens-100k --split cold-items \
	    --rows text,text-content --seeds 3
	$(BIN)/python benchmarks/quality.py --data amazon-toys --rows text,collaborative --seeds 3
	for data in movielens-100k movietweetings-100k; do \
	    $(BIN)/python benchmarks/rating.py --data $$data --seeds 3 && \
	    $(BIN)/python benchmarks/likes.py --data $$data --seeds 3 || exit 1; done
	$(BIN)/python benchmarks/methods.py --data movielens-100k --seeds 3
	$(BIN)/python benchmarks/methods.py --data amazon-toys --users 2000 --seeds 3
	$(BIN)/python benchmarks/fewshot.py --data movielens-100k --seeds 3
	$(BIN)/python benchmarks/fewshot.py --data movielens-100k --split cold-items --seeds 3
	$(BIN)/python benchmarks/verbalizers.py --data movielens-100k --seeds 3
	$(BIN)/python benchmarks/two_stage.py --data movielens-100k --seeds 3
	$(BIN)/python benchmarks/multitask.py --data movielens-100k --seeds 3 --epochs 6
	$(BIN)/python benchmarks/continual.py --data movielens-100k --by genre --seeds 3
	$(BIN)/python benchmarks/continual.py --data movietweetings-100k --by period --seeds 3
	$(BIN)/python benchmarks/serving.py --data movielens-100k
	$(BIN)/python benchmarks/render.py
	$(BIN)/python benchmarks/render_methods.py
	$(BIN)/python benchmarks/readme.py

notebooks: install
	$(BIN)/python examples/execute.py

clean:
	rm -rf $(VENV) build dist *.egg-info
