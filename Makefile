PARAMS ?= params/quickstart.yaml
PYTHON ?= $(shell command -v python3.11 || command -v python3)
ACCELERATOR ?= auto
LAB_OPTIONS ?=
NODE_RANK ?= 0
WHAT ?= dataset
REPORTS ?= reports
HOST ?= 127.0.0.1
PORT ?= 8000
MINUTES ?= 10
STAGES ?= imports,dataset,training,evaluation,servers,report,archives,inputs
SEED ?= 0

# conda users: the active environment is the project's own, so nothing is installed into .venv.
ifeq ($(CONDA_DEFAULT_ENV),llmc-report)
BIN := $(CONDA_PREFIX)/bin
READY := kernel
else
BIN := .venv/bin
READY := install
endif

# Images of Python often set it. A run starts dozens of processes that import torch: without compiled files
# each of them compiles tens of thousands of lines again, 5 to 20 s of its time.
unexport PYTHONDONTWRITEBYTECODE

# When a recipe fails, make exits with 2, whatever the recipe's status was. With -q it passes on the 1 of a recipe that is
# marked with +, which is run all the same: so `make gate` exits with 0, 1 or 2.
ifeq ($(MAKECMDGOALS),gate)
MAKEFLAGS += q
endif

.DEFAULT_GOAL := help
.PHONY: help install kernel report audit grader-check gate seal leaps pdf site example dataset train network status plan power slurm serve check publish test test-fast tests fast-tests storm lint style types lab lock clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "make %-12s %s\n", $$1, $$2}'

install: ## Make .venv from the lock (requirements/cpu.txt or cuda.txt; ACCELERATOR=cpu|cuda overrides; none: reports alone).
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed: install python3.11"; exit 1; }
	@"$(PYTHON)" requirements/environment.py install --accelerator $(ACCELERATOR)

kernel:
	@"$(BIN)/python" requirements/environment.py kernel --venv "$(CONDA_PREFIX)"

report: $(READY) ## Run the four notebooks and write reports/<run>/index.html (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib report $(PARAMS) $(if $(filter 1,$(PARTIAL)),--partial)

gate: ## Check the finished report against the params' section gate: exits 0 pass, 1 fail, 2 cannot tell (PARAMS=params/x.yaml).
	+@MAKEFLAGS= $(MAKE) --no-print-directory $(READY) $(MAKEOVERRIDES) || exit 2
	+@$(BIN)/python -m llmc_lib gate $(PARAMS)

seal: $(READY) ## Record the params before the run; the page says whether the verdict followed them (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib seal $(PARAMS)

# N=100: how many. LABELS=file: read the labels that a sheet exported. BENCHMARK=name: not that of the verdict. SHOW_QUESTIONS=1: also gated ones.
audit: $(READY) ## Draw graded answers for people to label, and write the sheet; LABELS=file reads their labels (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib audit $(PARAMS) $(if $(N),--n "$(N)") $(if $(LABELS),--labels "$(LABELS)") \
		$(if $(BENCHMARK),--benchmark "$(BENCHMARK)") $(if $(filter 1,$(SHOW_QUESTIONS)),--show-questions)

grader-check: $(READY) ## Grade rewritten and changed reference answers: what the rules miss and let pass (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib grader-check $(PARAMS) $(if $(BENCHMARK),--benchmark "$(BENCHMARK)")

leaps: $(READY) ## Have the run's judge mark unjustified leaps in the traces that the report shows (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib leaps $(PARAMS)

pdf: $(READY) ## Print a finished report to reports/<run>/report.pdf; needs Chromium (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib pdf $(PARAMS)

site: $(READY) ## Write reports/index.html, a list of all reports (REPORTS=folder).
	@$(BIN)/python -m llmc_lib site "$(REPORTS)"

example: $(READY) ## Keep the quickstart's finished page and a picture of it in reports/example; needs Chromium.
	@$(BIN)/python -m llmc_lib example params/quickstart.yaml

status: $(READY) ## Show how far each model's evaluation is; make report PARTIAL=1 reports the answers so far (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib status $(PARAMS)

dataset: $(READY) ## Build the data set alone and write reports/<run>/dataset.html (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib dataset $(PARAMS)

train: $(READY) ## Build the data set and train; NODE_RANK=1 and so on on the further machines (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib train $(PARAMS) --node-rank "$(NODE_RANK)"

network: $(READY) ## Check that all processes of a training find each other, and how fast (NCCL on GPUs; PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib network $(PARAMS)

slurm: $(READY) ## Write the Slurm scripts and explain them (PARAMS=params/x.yaml); WHAT=evaluation or all.
	@$(BIN)/python -m llmc_lib slurm $(PARAMS) $(if $(filter-out dataset,$(WHAT)),--what "$(WHAT)")

# MODEL=base,step-18: which models, where it is not the base alone. HOST=0.0.0.0: other machines may ask.
serve: $(READY) ## Serve models of a run with vLLM until Ctrl-C; each server a port, PORT=8000 first (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib serve $(PARAMS) $(if $(MODEL),--model "$(MODEL)") --host "$(HOST)" --port "$(PORT)"

check: $(READY) ## Check a params file and start nothing (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib check $(PARAMS)

plan: $(READY) ## Show memory, time and disk that a run needs, without GPU or weights (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib plan $(PARAMS)

# RATE=0.2 CORRELATION=0.6 SAMPLING=0.3 QUESTIONS=500: what is assumed of the models, and the number of questions; SEED_SD=1: how many
# points the trainings of one recipe differ by (standard deviation).
power: $(READY) ## Show which differences the evaluation could find, before any run (PARAMS=params/x.yaml).
	@$(BIN)/python -m llmc_lib power $(PARAMS) $(if $(QUESTIONS),--questions "$(QUESTIONS)") $(if $(RATE),--rate "$(RATE)") \
		$(if $(CORRELATION),--correlation "$(CORRELATION)") $(if $(SAMPLING),--sampling "$(SAMPLING)") \
		$(if $(SEED_SD),--seed-sd "$(SEED_SD)")

# MODEL=name: which model, where it is not the last one. PUBLIC=1: a new repository is public. ALLOW_UNKNOWN_LICENCE=1: you may pass on rows that name no licence.
publish: $(READY) ## Write what would go to the hub and show it (WHAT=dataset, model, predictions, judgements); PUSH=1 REPO=owner/name sends it.
	@$(BIN)/python -m llmc_lib publish $(PARAMS) --what "$(WHAT)" $(if $(MODEL),--model "$(MODEL)") $(if $(REPO),--repo "$(REPO)") \
		$(if $(filter 1,$(PUSH)),--push) $(if $(filter 1,$(PUBLIC)),--public) \
		$(if $(filter 1,$(ALLOW_UNKNOWN_LICENCE)),--allow-unknown-licence)

test: $(READY) ## Format, lint, types, all tests, and a whole run on a tiny model.
	@$(MAKE) --no-print-directory -j 2 types tests

test-fast: $(READY) ## The same without the tests that load a model or a browser, or take over a fifth of a second.
	@$(MAKE) --no-print-directory -j 2 types fast-tests

# STAGES=imports,dataset: which; SEED=1: other kills; KEEP=folder: resume where it was stopped, and count over all.
storm: $(READY) ## Kill and damage whole runs for MINUTES=10, and compare what they make with undisturbed ones.
	$(BIN)/python -m performance.storm --minutes "$(MINUTES)" --stages "$(STAGES)" --seed "$(SEED)" $(if $(KEEP),--keep "$(KEEP)")

lint: $(READY)
	@$(MAKE) --no-print-directory types

style:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# Beside the tests: without a cache it takes as long as they do, on one core. What it finds is shown at once; the tests run to their end.
types: style
	@found=$$($(BIN)/mypy 2>&1) || { echo; echo "$$found"; exit 1; }

tests: style
	$(BIN)/python -m pytest -n 3

fast-tests: style
	$(BIN)/python -m pytest -n 2 -m "not slow"

# PORT=9000: that port or an error; else 8888 or the next free one. HOST=0.0.0.0: reachable from other machines, with the token.
lab: $(READY) ## Open JupyterLab on the notebooks and your runs (HOST, PORT).
	@$(BIN)/python -m llmc_lib lab --host "$(HOST)" $(if $(filter file,$(origin PORT)),,--port "$(PORT)") -- $(LAB_OPTIONS)

lock: ## Recompile requirements/*.txt from pyproject.toml.
	@"$(PYTHON)" requirements/environment.py lock

clean: ## Remove .venv and caches; runs/ and reports/ stay.
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
