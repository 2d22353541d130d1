# Everything is set up on first use in .venv; nothing else is touched.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests start Python hundreds of times: where it may keep no byte code, it would compile the package as often.
export PYTHONDONTWRITEBYTECODE :=
DEMO := $(VENV)/.ready-demo

.PHONY: help demo test test-mariadb test-mysql lint types bench bench-others docs format clean

help:
	@echo "make demo    set up, run examples/beam_size.py, show where its results are (in demo/)"
	@echo "make test    set up, run all tests"
	@echo "make test-mariadb  those that need a MariaDB server, which must be installed: no package carries one"
	@echo "make test-mysql    those that need a MySQL server; .ci/get-mysql gets one where there is apt"
	@echo "make lint    ruff"
	@echo "make types   mypy --strict, pyright and ty, on the package and the examples"
	@echo "make bench   the benchmarks, as ratios to the same work by hand"
	@echo "make bench-others  a chain of tasks in other workflow packages"
	@echo "make docs    check that every code block of README and docs runs"
	@echo "make format  let ruff format the code"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(DEMO): $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[examples]'
	@touch $@

$(READY): $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(DEMO)

demo: $(DEMO)
	@mkdir -p demo
	cd demo && ../$(BIN)/python -m lume_dsl run ../examples/beam_size.py:BeamSize

test: $(READY)
	$(BIN)/python -m pytest -n 3

test-mariadb: $(READY)
	LUME_TEST_MARIADB=1 $(BIN)/python -m pytest -n 3 -k mariadb tests/contract tests/integration

test-mysql: $(READY)
	LUME_TEST_MYSQL=1 PATH="$(CURDIR)/.mysql/bin:$$PATH" $(BIN)/python -m pytest -n 3 -k mysql tests/contract tests/integration

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(READY)
	$(BIN)/python -m mypy lume_dsl examples
	$(BIN)/python -m pyright --pythonpath $(BIN)/python
	$(BIN)/python -m ty check --python $(VENV) examples

bench: $(READY)
	$(BIN)/python tests/benchmarks/bench.py

# Other packages of the kind, in an environment of their own: they do not go beside Prefect 1.
OTHERS := .venv-others
$(OTHERS)/.ready:
	$(PYTHON) -m venv $(OTHERS)
	$(OTHERS)/bin/python -m pip install --quiet luigi dagster jobflow apache-hamilton
	@touch $@

$(OTHERS)-redun/.ready:
	$(PYTHON) -m venv $(OTHERS)-redun
	$(OTHERS)-redun/bin/python -m pip install --quiet redun
	@touch $@

bench-others: $(READY) $(OTHERS)/.ready $(OTHERS)-redun/.ready
	$(BIN)/python tests/benchmarks/others.py
	$(OTHERS)/bin/python tests/benchmarks/others.py
	$(OTHERS)-redun/bin/python tests/benchmarks/others.py

docs: $(READY)
	$(BIN)/python -m pytest tests/docs

format: $(READY)
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:
	rm -rf $(VENV) $(OTHERS) $(OTHERS)-redun .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks .mysql dist
