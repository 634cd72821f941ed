# Everything sets itself up: only python3 (3.11 or newer) and make are needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint bench soak catalogues clean

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh demo.sh demo

test: $(READY) catalogues
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint handover

# Each benchmark prints seconds, memory and the ratio to a plain script of the same run.
bench: $(READY)
	@for file in tests/benchmarks/*.py; do \
		case $$file in */company.py) continue ;; esac; \
		echo "== $$file"; PYTHONPATH=. $(BIN)/python $$file || exit 1; \
	done

# The long form of the reliability tests: more seeds, more crash points.
soak: $(READY) catalogues
	HANDOVER_SOAK=1 $(BIN)/python -m pytest tests

catalogues: $(READY)
	@$(BIN)/python hatch_build.py

clean:
	rm -rf $(VENV) demo build dist

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@
