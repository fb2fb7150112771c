#!/usr/bin/env bash
# The tests of the Google Cloud back end alone, against stand-ins: no account, no network.
. "$(dirname "$0")/lib.sh"
take_lock
scripts/setup.sh test
claim_build_dir "$CARGO_BUILD_BUILD_DIR"
export_peers
log="$LOGS/test-cloud.log"
say "contracts, faults and request shapes of the Google Cloud back end"
# With all of the workspace's features, so that nothing is compiled for these tests alone.
cargo test --locked --workspace --exclude showrunner-hydrate --test objects --test topics --test warehouse --test gs --test cloud --test discovery 2>&1 | tee "$log"
if [ -n "${SHOWRUNNER_PEERS:-}" ]; then
  say "the stand-ins themselves"
  "$SHOWRUNNER_PEERS/bin/python" -m unittest discover tests/peers
fi
say "left out: $(grep -c '^left out:' "$log" || true) of them"
