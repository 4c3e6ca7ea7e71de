# `make demo` and `make test` need nothing but Python 3.11 and a package index: each sets up .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO = results/demo-$(LIMIT)
BOARD = results/board-$(LIMIT)
DEMO_TASKS := captioning,vqa,classification,ner
DEMO_MODELS := baseline:constant baseline:majority baseline:random baseline:oracle \
	ref:blind ref:concat ref:weighted-sum ref:attention ref:cross-modal ref:prefix ref:frozen-prefix
LIMIT ?= 500

# Commands and tests start many processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test lint format browser bench zoo clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(STAMP)

# Every reference model and baseline on the four embedded tasks, then all of it on a board. Again, it asks nothing twice;
# what the board holds already is not submitted twice.
demo: install
	@for model in $(DEMO_MODELS); do \
		$(BIN)/velm-bench run --model $$model --tasks $(DEMO_TASKS) --limit $(LIMIT) --output $(DEMO) || exit $$?; \
	done
	@$(BIN)/velm-bench run --model ref:contrastive --tasks classification --limit $(LIMIT) --output $(DEMO)
	@$(BIN)/velm-bench run --model ref:prefix --tasks vqa --control blank --limit $(LIMIT) --output $(DEMO)
	@test -f $(BOARD)/board.toml || \
		$(BIN)/velm-bench board create $(BOARD) --title "velm-bench demo" --tasks $(DEMO_TASKS) --limit $(LIMIT)
	@$(BIN)/velm-bench submit $(DEMO) --board $(BOARD) --new
	@$(BIN)/velm-bench board list --board $(BOARD)
	@echo
	@echo "Open the leaderboard with:  $(BIN)/velm-bench leaderboard --board $(BOARD)"

test: lint browser
	$(BIN)/pytest -n auto --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The browser tests use the system's chromium; without one, and without the right to install it, they skip.
browser:
	@command -v chromium >/dev/null 2>&1 || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; } || \
		echo "chromium is not installed: the browser tests will be skipped (apt-get install chromium mends it)"

bench: install
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit $$?; done

# Trains the reference family anew, MINUTES each, in the order in which one starts from another, and puts the checkpoints
# into the package; on a GPU all eight fit into ten minutes. The same command again goes on where it was stopped.
ZOO := prefix blind concat weighted-sum attention cross-modal frozen-prefix contrastive
MINUTES ?= 1
WORKERS ?= 1
zoo:
	@for recipe in $(ZOO); do \
		$(BIN)/velm-bench train $$recipe --minutes $(MINUTES) --workers $(WORKERS) --output trainings/$$recipe || exit $$?; \
		rm -rf velm_bench/reference/checkpoints/$$recipe; \
		cp -r trainings/$$recipe/checkpoint velm_bench/reference/checkpoints/$$recipe || exit $$?; \
	done

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
