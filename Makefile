# `make report` and `make test` do all the set-up themselves, in .venv.
PYTHON ?= python3
BIN := .venv/bin
# Stages are commands that DVC looks up on the PATH.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: report test serve clean

report: .venv/installed
	$(RUN) dvc repro
	@echo "The site is at $(CURDIR)/_site/index.html"

test: .venv/installed-test
	$(RUN) python -m pytest

serve: report
	$(RUN) python -m http.server --directory _site --bind 127.0.0.1 8000

clean:
	rm -rf .venv _site notebooks results

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "radrobust needs Python 3.11 or newer; try make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; echo "no venv could be made; on Debian: apt-get install python3-venv" >&2; exit 2; }

.venv/installed: .venv/bin/pip pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test]"
	@touch $@
