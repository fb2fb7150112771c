# `make` lists the targets. The work is in scripts/; what can be made again is kept in
# ~/.cache/showrunner (SHOWRUNNER_CACHE names another folder).

ADDR ?= 127.0.0.1:3000
DATA_DIR ?=
BACKEND ?=

.PHONY: help setup client build run test test-cloud lint bench clean clean-cache
.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and running needs, and nothing that is there
	@scripts/setup.sh run

client: setup ## Build the WebAssembly client
	@scripts/build-client.sh

build: ## Build the release binary: target/release/showrunner
	@scripts/build.sh

run: build ## Build and start the server (ADDR=127.0.0.1:3000, DATA_DIR=folder, BACKEND=gcp)
	@ADDR='$(ADDR)' DATA_DIR='$(DATA_DIR)' BACKEND='$(BACKEND)' scripts/run.sh

test: ## Set up, then run every test, the browser specs included
	@scripts/test.sh

test-cloud: ## Only the tests of the Google Cloud back end, against stand-ins
	@scripts/test-cloud.sh

lint: ## Formatting, clippy for host and WebAssembly, dependency rules
	@scripts/lint.sh

bench: build ## Print the table of docs/performance.md for this machine
	@scripts/bench.sh

clean: ## Remove what this checkout built; the shared cache stays
	rm -rf target test-results

clean-cache: clean ## Also remove the cache: tools, build output, npm packages
	rm -rf "$${SHOWRUNNER_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/showrunner}"
