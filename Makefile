# `make report` and `make test` do all the set-up themselves, in .venv.
PYTHON ?= python3
BIN := .venv/bin
# Stages are commands that DVC looks up on the PATH.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"
# How many systems are worked on at once; each has its share of the cores. Small networks leave most
# of a second core idle, so two at a time take two thirds of the time that one after the other takes.
JOBS ?= 2
THREADS = $(shell echo $$(( ($$(nproc) + $(JOBS) - 1) / $(JOBS) )))
# Seconds that Quarto's download may take. The package itself would wait for ever.
QUARTO_PATIENCE ?= 180

.PHONY: report check test test-all serve clean

# What it reads a name a line of, several at a time.
together = $(RUN) OMP_NUM_THREADS=$(THREADS) xargs -P $(JOBS) --process-slot-var=TQDM_POSITION \
	-I{} dvc --wait-for-lock repro --single-item

report: .venv/installed .venv/renderer
	$(RUN) dvc repro prepare
	$(RUN) dvc stage list --name-only | sed -n 's/^finetune@//p' \
	  | $(together) finetune@{} attack@{} explain@{}
	$(RUN) dvc repro summarise
	printf '%s\n' cases tables | $(together) {}
	$(RUN) dvc stage list --name-only | grep '^page-' | $(together) {}
	$(RUN) dvc repro
	@echo "The site is at $(CURDIR)/_site/index.html"

# What is to be run before each commit, in minutes; test-all takes what takes long besides.
test: .venv/installed-test
	$(tests) -m "not slow"

test-all: .venv/installed-test
	$(tests)

# A file of tests on each core; together they would wait for each other's threads.
tests = $(RUN) OMP_NUM_THREADS=1 python -m pytest --numprocesses $(JOBS) --dist loadfile

check: .venv/installed-test
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy

serve: report
	$(RUN) python -m http.server --directory _site --bind 127.0.0.1 8000

clean:
	rm -rf .venv _site notebooks results

# What uv installs in seconds takes pip minutes; pip does it where uv cannot be had, or where the
# index is known to pip alone.
install = @{ $(BIN)/uv --version || $(BIN)/pip install --quiet --constraint constraints.txt uv; } >/dev/null 2>&1; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt $(1) \
	|| { echo "uv could not install; pip does" >&2; \
	     $(BIN)/pip install --quiet --constraint constraints.txt $(1); }

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "radrobust needs Python 3.11 or newer; try make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; echo "no venv could be made; on Debian: apt-get install python3-venv" >&2; exit 2; }

.venv/installed: .venv/bin/pip pyproject.toml constraints.txt
	$(call install,--editable .)
	@touch $@

.venv/installed-test: .venv/installed
	$(call install,--editable ".[test]")
	@touch $@

# Asked for once: where Quarto's host does not answer, smalldocs renders the site, now and later.
.venv/renderer: .venv/installed
	@$(RUN) command -v quarto >/dev/null \
	  || timeout --kill-after=5 $(QUARTO_PATIENCE) $(BIN)/pip install --quiet --no-deps --constraint constraints.txt \
	       quarto-cli >/dev/null 2>&1 \
	  || echo "Quarto cannot be had here; smalldocs renders the site"
	@touch $@
