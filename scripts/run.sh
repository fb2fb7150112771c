#!/usr/bin/env bash
# Starts the release binary: ADDR=HOST:PORT and DATA_DIR=FOLDER are optional.
set -euo pipefail
cd "$(dirname "$0")/.."
arguments=(serve --addr "${ADDR:-127.0.0.1:3000}")
if [ -n "${DATA_DIR:-}" ]; then arguments+=(--data-dir "$DATA_DIR"); fi
exec target/release/showrunner "${arguments[@]}"
