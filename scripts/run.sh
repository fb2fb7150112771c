#!/usr/bin/env bash
# Starts the release binary: ADDR=HOST:PORT, DATA_DIR=FOLDER and BACKEND=gcp are optional.
set -euo pipefail
cd "$(dirname "$0")/.."
arguments=(serve --addr "${ADDR:-127.0.0.1:3000}")
if [ -n "${BACKEND:-}" ]; then arguments+=(--backend "$BACKEND"); fi
if [ -n "${DATA_DIR:-}" ]; then arguments+=(--data-dir "$DATA_DIR"); fi
exec target/release/showrunner "${arguments[@]}"
