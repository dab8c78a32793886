PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export NO_PROXY := 127.0.0.1,localhost

.PHONY: demo test check docs format clean

demo: $(VENV)/.installed  ## install, then run one campaign on the bundled simulator
	@rm -f .rectune/demo.sqlite .rectune/demo.sqlite-*
	$(BIN)/rectune run tasks/value_fusion.toml --store .rectune/demo.sqlite

test: $(VENV)/.installed-test  ## the core test suite
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest tests -n 2 --dist worksteal

check: $(VENV)/.installed-test  ## what has to hold before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

docs: $(VENV)/.installed  ## pages that are made from the code
	$(BIN)/python docs/generate.py

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .rectune .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[test]'
	@touch $@
