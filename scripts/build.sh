#!/usr/bin/env bash
# Builds the release binary, client inside, at target/release/showrunner.
. "$(dirname "$0")/lib.sh"
take_lock
scripts/setup.sh run
scripts/build-client.sh
claim_build_dir "$CARGO_BUILD_BUILD_DIR"
if [ ! -x target/release/showrunner ]; then
  say "compiling the server (fifty minutes on two cores from nothing, a few minutes after a change)"
fi
cargo build --locked --release -p showrunner --bin showrunner
