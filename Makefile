# The commands of the project. `make demo` needs Python 3.11 and a package registry, nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
IN_VENV := $(VENV)/bin

.PHONY: help venv demo test slow lint format clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

venv: $(VENV)/.installed  ## the environment with everything a user needs

demo: venv  ## open the pages in the browser
	$(IN_VENV)/streamlit run streamlit_app.py

test: $(VENV)/.installed-dev  ## the whole check: environment, lint, format, types, tests
	$(IN_VENV)/ruff check .
	$(IN_VENV)/ruff format --check .
	$(IN_VENV)/mypy
	$(IN_VENV)/pytest -n auto --dist loadfile

slow: $(VENV)/.installed-dev  ## the slow checks
	$(IN_VENV)/pytest -m slow

format: $(VENV)/.installed-dev  ## put the code into shape
	$(IN_VENV)/ruff check --fix .
	$(IN_VENV)/ruff format .

clean:  ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Asked for by a file, so that an environment that is up to date costs no time.
$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Carrousel needs Python 3.11; found $$($(PYTHON) --version). Name it: make PYTHON=…/python3.11"; exit 1; }
	test -x $(IN_VENV)/python || $(PYTHON) -m venv $(VENV)
	$(IN_VENV)/python -m pip install --disable-pip-version-check --quiet --requirement requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(IN_VENV)/python -m pip install --disable-pip-version-check --quiet --requirement requirements-dev.txt
	touch $@
