#!/usr/bin/env bash
# Every test: unit, integration and documentation tests, then the browser specs, on a debug build.
. "$(dirname "$0")/lib.sh"
take_lock
scripts/setup.sh test
scripts/build-client.sh
claim_build_dir "$CARGO_BUILD_BUILD_DIR"
export SHOWRUNNER_BIN="$CARGO_TARGET_DIR/debug/showrunner"
host=(--locked --workspace --exclude showrunner-hydrate)

# Once with the features that the tests need, so that nothing is compiled twice.
say "compiling the server and its tests (about fifteen minutes on two cores from nothing)"
cargo build "${host[@]}" --lib --bins --tests
# Property tests look at the same cases each time, so that a failure is about what was changed. PROPTEST_RNG_SEED=random looks for new ones.
export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-20170731}"
[ "$PROPTEST_RNG_SEED" != random ] || unset PROPTEST_RNG_SEED
export_peers
say "Rust tests"
cargo test "${host[@]}"
if [ -n "${SHOWRUNNER_PEERS:-}" ]; then
  say "the stand-ins for Google's services themselves"
  "$SHOWRUNNER_PEERS/bin/python" -m unittest discover tests/peers
fi
say "browser specs"
CHROMIUM="$(find_chromium)" node tests/browser/run.mjs "$@"
