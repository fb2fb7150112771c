#!/usr/bin/env bash
# Measures the release binary and prints the table of docs/performance.md. Called by `make bench`.
. "$(dirname "$0")/lib.sh"

export SHOWRUNNER_BIN="$ROOT/target/release/showrunner"
export SHOWRUNNER_BENCH_DIR="$CACHE/bench"
[ -x "$SHOWRUNNER_BIN" ] || fail "target/release/showrunner is missing: run make build"
cargo run --quiet --release -p showrunner-tests --bin showrunner-bench
cargo run --quiet --release -p showrunner --example backlog -- "$SHOWRUNNER_BENCH_DIR/backlog"
scripts/setup.sh test
CHROMIUM="$(find_chromium)" node tests/browser/bench.mjs
export_peers
node tests/browser/latency.mjs
