# Kokoro Dataset Pipeline. `make help` lists everything.
#
# Every recipe is one line; the thinking is in ci/setup (.venv) and ci/launch (container or .venv).
# `make -n run …` prints the very command for cron: called directly, ci/launch hands on the
# pipeline's exit code, where make turns every failure into its own 2.

INPUT ?=
OUT ?= my-voice
WHISPER_MODEL ?=
ARGS ?=
RUNTIME ?= auto
GPUS ?= auto
CPU ?=
IMAGE ?= kokoro-dataset-pipeline
TAG ?=
BASE_IMAGE ?=
CA ?=
PIP_CONF ?=
APT_SOURCES ?=

# $(value): a $ in a name is a $; single quotes: spaces and all other signs pass through the shell
quoted = '$(subst ','\'',$(value $1))'
set = $(strip $(foreach v,$1,$(if $(value $v),$v)))
given = $(foreach v,$(call set,$1),$v=$(call quoted,$v))
LAUNCH = $(call given,INPUT OUT WHISPER_MODEL ARGS RUNTIME GPUS CPU IMAGE TAG BASE_IMAGE CA PIP_CONF \
  APT_SOURCES) ci/launch
PYTHON_OF_VENV = .venv/bin/python

.DEFAULT_GOAL = help
.PHONY: help build run resume force-restart exclude status why validate stop shell test test-container lint bench sample lock licences clean

help: ## this list
	@echo 'Usage: make TARGET [VARIABLE=value ...]'
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1~\2/p' $(MAKEFILE_LIST) | awk -F'~' '{printf "%-16s %s\n", $$1, $$2}'
	@echo
	@sed -n "/^usage=/,/^'/p" ci/launch | grep '^  '

run: ## make a dataset from INPUT in OUT: make run INPUT=./audio OUT=my-voice
	@$(LAUNCH) run

resume: ## go on with OUT after an interruption; with INPUT, take new files in too
	@$(LAUNCH) resume

force-restart: ## remove what is in OUT and start again (with the same inputs unless INPUT is given)
	@$(LAUNCH) force-restart

exclude: ## take the clips that INPUT (ids.txt) names out of OUT; ARGS=--undo: bring them back
	@$(LAUNCH) exclude

status: ## how far the dataset in OUT is, and what works on it; ARGS=--watch: until it is done
	@$(LAUNCH) status

why: ## what became of a second: make why OUT=my-voice ARGS='interview.m4a 0:02'
	@$(LAUNCH) why

validate: ## what a trainer would choke on in OUT
	@$(LAUNCH) validate

stop: ## stop the run that works on OUT; it can be resumed
	@$(LAUNCH) stop

shell: ## a shell where the pipeline runs; in a container, OUT is there
	@$(LAUNCH) shell

build: ## build the container image (CPU=1: without CUDA, a fraction of the size)
	@$(LAUNCH) build

test: ## set up .venv, get the weights, run all tests
	@ci/setup dev
	@$(PYTHON_OF_VENV) -m pipeline models fetch
	@$(PYTHON_OF_VENV) -m pytest $(ARGS)

test-container: ## build the image and test it for real, from nothing if need be (as root on Debian)
	@ci/setup dev
	@$(call given,RUNTIME BASE_IMAGE CA PIP_CONF APT_SOURCES) ci/test-container $(ARGS)

lint: ## ruff, mypy, hadolint, shellcheck
	@ci/setup dev
	@.venv/bin/hadolint Dockerfile
	@.venv/bin/shellcheck ci/launch ci/setup ci/lock ci/licences ci/test-container ci/image-install ci/*.sh .ci/run
	@$(PYTHON_OF_VENV) -m ruff check .
	@$(PYTHON_OF_VENV) -m ruff format --check .
	@$(PYTHON_OF_VENV) -m mypy

bench: ## measure saves and loads; with SPEECH=folder (id|text in transcripts.txt) also words
	@ci/setup dev
	@$(PYTHON_OF_VENV) bench/checkpoint.py
	@if [ -n "$(SPEECH)" ]; then $(PYTHON_OF_VENV) bench/asr.py "$(SPEECH)" $(ARGS); fi

sample: ## make data/sample again (needs flite)
	@ci/setup
	@$(PYTHON_OF_VENV) data/make_sample.py

lock: ## write ci/constraints.txt and ci/locked*.txt from .venv, after a change of requirements
	@ci/setup dev
	@ci/lock

licences: ## write docs/licences.md: what the image ships, and under which licence
	@ci/setup dev
	@ci/licences

clean: ## remove .venv and caches; datasets and weights stay
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	@find pipeline tests bench data -name __pycache__ -type d -prune -exec rm -rf {} +
