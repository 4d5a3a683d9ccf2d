# Two commands do all the set-up: `make hunt` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: hunt test test-spark lint bench docs clean

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

# A real Spark: a Java process, which the tests start and stop. Not in the environment of the other tests: there is Spark's small
# client, and both are called pyspark. The network is needed once, to install it.
SPARK_VENV := .venv-spark
SPARK ?= spark:local

test-spark: $(SPARK_VENV)/.ready
	LURCHER_SPARK=$(SPARK) $(SPARK_VENV)/bin/python -m pytest -n 0 -o faulthandler_timeout=600 tests/engines/spark

$(SPARK_VENV)/.ready: pyproject.toml
	@java=$${JAVA_HOME:+$$JAVA_HOME/bin/}java; command -v $$java >/dev/null || { \
	  echo "make test-spark needs Java 17 or newer, which is not installed (Debian: apt install openjdk-17-jre-headless), or JAVA_HOME" >&2; exit 1; }
	@echo "installing Spark into $(SPARK_VENV): about 450 MB from the package index"
	$(PYTHON) -m venv $(SPARK_VENV)
	$(SPARK_VENV)/bin/python -m pip install --quiet --editable '.[geo,user-agents]' 'pyspark[connect]>=4.1' hypothesis pytest pytest-xdist sqlglot
	touch $@

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.ready
	@# The others (peers, signatures, fuzzing) need the network or a tool of their own: each says so.
	@for f in parse compile has hunts packs add events check ledger; do echo "== $$f"; $(BIN)/python bench/$$f.py || exit 1; done

docs: $(VENV)/.ready
	$(BIN)/python docs/make.py

clean:
	rm -rf $(VENV) $(SPARK_VENV) case dist build
