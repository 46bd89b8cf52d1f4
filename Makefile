# Every target sets up what it needs first: see packaging/set_up.sh. PYTHON=python3.12 picks the Python.
.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint journey screenshots bench package package-check package-tools format clean

BIN := .venv/bin

help:            ## what can be made
	@sed -n 's/^\([a-z-]*\): .*## /make \1	/p' $(MAKEFILE_LIST)

setup:           ## the .venv and, on Linux, the libraries Qt needs
	@sh packaging/set_up.sh

run: setup       ## open the window
	@$(BIN)/plumbline

demo: setup      ## the main job from data to chat, without a window
	@$(BIN)/plumbline demo

test: setup      ## the tests, on two processes
	@$(BIN)/python -m pytest -n 2

lint: setup      ## style, layers and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pyright

journey: setup   ## a newcomer's way by mouse and by keyboard; pictures in build/journey
	@$(BIN)/python -m pytest -m journey tests/end_to_end

screenshots: setup  ## pictures for the README, taken from the real program; takes minutes
	@PYTHONPATH=. $(BIN)/python packaging/screenshots.py

bench: setup     ## the figures: start, memory, event loop, the speed of training
	@$(BIN)/python -m tests.bench

package: package-tools  ## the programs that people download, in dist/
	@$(BIN)/python packaging/build.py

package-check: package-tools  ## build the small one in build/ and try it, and what the large one leaves out
	@$(BIN)/python packaging/check_bundle.py
	@$(BIN)/python packaging/build.py thin --folder-only
	@$(BIN)/python packaging/check_program.py build/thin/plumbline

package-tools: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint packaging/constraints.txt --editable '.[package]'

format: setup    ## put the sources into shape, their tree into the README, new texts into languages, the settings into the help
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(BIN)/python packaging/readme_tree.py
	@PYTHONPATH=. $(BIN)/python packaging/languages.py
	@PYTHONPATH=. $(BIN)/python packaging/help_pages.py

clean:           ## take away caches and builds; the .venv stays
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find studio tests packaging -name __pycache__ -type d -prune -exec rm -rf {} +
