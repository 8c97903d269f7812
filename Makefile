# Each target sets up all it needs by itself, in .venv. PYTHON=... chooses the interpreter of a new .venv.

# A Python that this project runs on and that can make an environment. A name found on PATH may still not start, such
# as a pyenv shim without its version, so each is tried.
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	if $$name -c '$(SUITABLE)' >/dev/null 2>&1; then command -v $$name; break; fi; done)

BIN := .venv/bin
PARAMS ?= params/default.yml

.PHONY: help book report pdf notebooks lab quick test campaign bench lint clean distclean

help:
	@echo "make book        run every chapter, render the book: _build/html/index.html"
	@echo "make report PARAMS=FILE.yml   the same with your settings: _build/report/index.html"
	@echo "make pdf PARAMS=FILE.yml      the report as one file: _build/report.pdf (needs Chromium or Chrome)"
	@echo "make lab         open the chapters in JupyterLab"
	@echo "make quick       lint and the tests that need no minutes: an answer while you work"
	@echo "make test        all tests, those of the notebooks included"
	@echo "make lint        ruff: style and common mistakes; import-linter: which room may import from which"
	@echo "make campaign    kill, interrupt and damage it hundreds of times: half an hour or more, Linux only"
	@echo "make bench       measure what things cost here: results/benchmarks/"
	@echo "make notebooks   run every chapter and store its outputs in book/"
	@echo "make clean       remove what the above made; make distclean removes .venv too"
	@echo "Each sets up .venv first where it is missing (Python 3.11 to 3.13; PYTHON=... chooses one)."

book: .venv/installed
	$(BIN)/mia report --out _build/html

report: .venv/installed
	$(BIN)/mia report --params "$(PARAMS)" --out _build/report

pdf: .venv/installed
	$(BIN)/mia report --params "$(PARAMS)" --out _build/report --pdf _build/report.pdf

notebooks: .venv/installed
	$(BIN)/python -m mia_core.report

lab: .venv/lab
	$(BIN)/jupyter-lab book/

# What is slow tests/slow.txt says. The durations show which test has become slow since.
quick: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -p no:nbval -n 2 -m "not slow" --durations 5

# Side by side, a file (a notebook) at a time, each with one core, the longest first: see tests/conftest.py.
test: .venv/installed
	$(BIN)/python -m pytest -n auto --nbval --nbval-current-env tests $(wildcard book/*.ipynb)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# Cases that _build/campaign.jsonl holds are not run again, so it goes on where it was stopped.
campaign: .venv/installed
	PYTHONPATH=tests $(BIN)/python -m campaign

# One after the other: two at a time would measure each other. One thread, so that a busy neighbour matters less.
bench: .venv/installed
	for name in startup study epoch same together growth references large; do \
		OMP_NUM_THREADS=1 PYTHONPATH=book $(BIN)/python benchmarks/$$name.py || exit 1; \
	done

clean:
	rm -rf _build build .import_linter_cache .pytest_cache .ruff_cache .hypothesis
	find mia_core tests book benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv mia_core.egg-info

.venv/installed: pyproject.toml
	@$(BIN)/python -c '$(SUITABLE)' 2>/dev/null || { \
		if ! "$(PYTHON)" -c '$(SUITABLE)' 2>/dev/null; then \
			echo "make: $(or $(PYTHON),no Python on PATH) is not Python 3.11, 3.12 or 3.13 with venv." >&2; \
			echo "Install one (on Debian and Ubuntu with python3-venv), or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
			exit 1; \
		fi; \
		echo "Making .venv with $(PYTHON)"; \
		"$(PYTHON)" -m venv --clear .venv; \
	}
	@echo "Installing into .venv. This happens once and takes a few minutes: torch alone is several GB on Linux."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[book,test,fast,search]"
	@touch $@

.venv/lab: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[lab]"
	@touch $@
