# Two commands do all the set-up: `make hunt` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: hunt test lint bench docs clean

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@# Byte code, as pip makes it for a package that is not editable: a command starts in half the time.
	$(BIN)/python -m compileall -q src
	touch $@

hunt: $(VENV)/.ready
	@$(BIN)/python examples/hunt.py

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n 2 tests

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.ready
	@# The others (peers, signatures, fuzzing) need the network or a tool of their own: each says so.
	@for f in parse compile has hunts packs add check ledger; do echo "== $$f"; $(BIN)/python bench/$$f.py || exit 1; done

docs: $(VENV)/.ready
	$(BIN)/python docs/make.py

clean:
	rm -rf $(VENV) case dist build
