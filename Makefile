PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PLUGINS      := $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
PLUGINS_VENV := .venv-plugins
GENAI        := $(shell sed -n 's/.*"\(google-genai\)>=\([0-9.]*\),\(<[0-9.]*\)".*/\1==\2.* \1\3/p' pyproject.toml)
GENAI_oldest := $(word 1,$(GENAI))
GENAI_newest := $(word 2,$(GENAI))
export NO_PROXY := 127.0.0.1,localhost

.PHONY: demo test test-slow test-browser test-plugins test-genai test-dist check docs changelog format clean

demo: $(VENV)/.installed  ## install, then run one campaign on the bundled simulator
	@rm -f .rectune/demo.sqlite .rectune/demo.sqlite-*
	$(BIN)/rectune run tasks/value_fusion.toml --store .rectune/demo.sqlite

test: $(VENV)/.installed-test  ## the core test suite
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest tests -n 2 --dist worksteal -m 'not slow'

test-slow: $(VENV)/.installed-test  ## what takes long: pages followed word for word, generated plugins, planted faults, benchmarks in small
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest tests -n 2 --dist worksteal -m slow

test-browser: .venv-browser/.installed  ## the console in a real Chromium, where there is one
	.venv-browser/bin/python -m pytest tests/browser -rs

test-plugins: $(PLUGINS_VENV)/.installed  ## the tests of every plugin in plugins/
	@set -e; for plugin in $(PLUGINS); do \
	  echo "== $$plugin"; \
	  (cd $$plugin && $(CURDIR)/$(PLUGINS_VENV)/bin/python -m pytest); \
	done

test-genai: .venv-genai-oldest/.installed .venv-genai-newest/.installed  ## both ends of the range of google-genai
	@set -e; for end in oldest newest; do \
	  .venv-genai-$$end/bin/python -m pip list | grep google-genai; \
	  HYPOTHESIS_PROFILE=ci .venv-genai-$$end/bin/python -m pytest tests/llm --ignore=tests/llm/test_spans.py; \
	done

test-dist:  ## the sdist and the wheel, installed and used in empty environments
	.ci/dist

check: $(VENV)/.installed-test  ## what has to hold before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

docs: $(VENV)/.installed-docs  ## pages and figures that are made from the code, and the site, in docs/_build/html
	$(BIN)/python docs/generate.py
	$(BIN)/python -m sphinx -b html -c docs -a -W --keep-going -q -d docs/_build/doctrees . docs/_build/html

changelog: $(VENV)/.installed-docs  ## what the next release's part of CHANGELOG.md will say
	$(BIN)/towncrier build --draft --version NEXT

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(PLUGINS_VENV) docs/_build .venv-browser .venv-genai-* .rectune .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[test]'
	$(BIN)/python -m pip install --quiet --no-deps obp==0.4.1  # estimates are compared with its; it needs torch elsewhere
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	@touch $@

# an environment of their own: the core's tests run without any plugin
$(PLUGINS_VENV)/.installed: pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS))
	$(PYTHON) -m venv $(PLUGINS_VENV)
	$(PLUGINS_VENV)/bin/python -m pip install --quiet torch==2.13.0  # the CPU's, before others ask for another
	$(PLUGINS_VENV)/bin/python -m pip install --quiet -e . $(foreach plugin,$(PLUGINS),-e './$(plugin)[test]')
	@touch $@

# axe-core looks for what keeps people out; without npm that test is skipped
.venv-browser/.installed: pyproject.toml Makefile
	$(PYTHON) -m venv .venv-browser
	.venv-browser/bin/python -m pip install --quiet -e '.[ui]' hypothesis playwright pytest
	-cd .venv-browser && npm pack --silent axe-core@4 && tar -xzf axe-core-4.*.tgz package/axe.min.js
	@touch $@

.venv-genai-%/.installed: pyproject.toml Makefile
	$(PYTHON) -m venv .venv-genai-$*
	.venv-genai-$*/bin/python -m pip install --quiet --upgrade -e . '$(GENAI_$*)' hypothesis jsonschema pytest
	@touch $@
