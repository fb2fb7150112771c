#!/usr/bin/env bash
# Formatting, clippy for the host and for WebAssembly, and the rules for dependencies.
. "$(dirname "$0")/lib.sh"
take_lock
scripts/setup.sh lint

say "formatting"
cargo fmt --all --check

say "clippy, host"
claim_build_dir "$CARGO_BUILD_BUILD_DIR"
cargo clippy --locked --workspace --exclude showrunner-hydrate --all-targets -- -D warnings

lint_client() (
  unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
  WASM_RUSTFLAGS=
  . "$WASM_ENV"
  client=(--locked -p showrunner-hydrate -p app --features app/hydrate --target "$WASM_TARGET")
  export CARGO_BUILD_BUILD_DIR="$CACHE/target-wasm" CARGO_TARGET_DIR="$CACHE/target-wasm"
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$WASM_RUSTFLAGS"
  claim_build_dir "$CARGO_BUILD_BUILD_DIR"
  if [ "$WASM_ROUTE" = rustup ]; then
    say "clippy, WebAssembly"
    cargo clippy "${client[@]}" -- -D warnings
  elif [ -x /usr/bin/cargo-clippy ]; then
    say "clippy, WebAssembly (Debian's, which belongs to Debian's compiler)"
    /usr/bin/cargo-clippy clippy "${client[@]}" -- -D warnings
  else
    say "WebAssembly: clippy for Debian's compiler is not installed (apt-get install rust-web-clippy), so the compiler's warnings stand in for it"
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$WASM_RUSTFLAGS -Dwarnings" cargo check "${client[@]}"
  fi
)
lint_client

say "dependencies: bans, licenses, sources"
cargo deny --workspace check bans licenses sources
# The list of advisories is fetched from the network; a machine without one still lints.
if cargo deny fetch db >"$LOGS/advisories.log" 2>&1 </dev/null; then
  say "dependencies: advisories"
  cargo deny --offline --workspace check advisories
else
  say "advisories were left out: their list could not be fetched ($LOGS/advisories.log)"
fi
say "lint: everything passed"
