# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Each command first makes ready what it needs and leaves alone what is in place.

.DEFAULT_GOAL := help
.PHONY: help demo demo-down lint unit integration molecule chaos test bench docs coverage-map build clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Deploy an example to this machine itself, into .demo alone: good, good under load, and refused
	@tools/setup && tools/demo/run

demo-down: ## End and remove all that the demo has made
	@tools/demo/run down

lint: ## Check style, types, documentation and the package
	@tools/lint

unit: ## Test the logic
	@tools/setup && .venv/bin/pytest tests/unit

integration: ## Test the modules against real programs
	@tools/setup && tools/engine && tools/image && tools/browser && .venv/bin/pytest --numprocesses 2 tests/integration

molecule: ## Test roles and applications on hosts with systemd (SCENARIO=harness for one of them)
	@tools/molecule $(SCENARIO)

test: ## Run all of the above, as the CI does
	@tools/test

chaos: ## Break deployments at every step
	@tools/setup && tools/engine && tools/image && .venv/bin/pytest tests/chaos

bench: ## Measure the modules beside the plain tools
	@tools/setup && tools/engine && tools/image && for bench in dotenv backup migrate credentials smoke smoke_load processes deployment; do .venv/bin/python -m tests.bench.$$bench; done

docs: ## Write the pages of modules and roles to build/docs
	@tools/docs

coverage-map: ## Print which requirement is met by what, and which test shows it
	@tools/setup && .venv/bin/python tools/coverage_map.py

build: ## Build the package that ansible-galaxy installs
	@tools/setup && .venv/bin/ansible-galaxy collection build --force --output-path build

clean: ## Remove the test hosts, and all that these commands have made here
	@tools/clean
