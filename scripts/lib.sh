# Shared by the scripts beside it: where things are kept, messages, the lock, logged steps.
# Source it; it changes to the root of the checkout.

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
cd "$ROOT"

# Everything that can be made again lives in one cache folder, shared by all checkouts of a user.
CACHE="${SHOWRUNNER_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set; set SHOWRUNNER_CACHE to a folder}/.cache}/showrunner}"
TOOLS="$CACHE/tools"
LOGS="$CACHE/log"
mkdir -p "$TOOLS/bin" "$LOGS"
CACHE="$(cd "$CACHE" && pwd -P)"
TOOLS="$CACHE/tools"
LOGS="$CACHE/log"
WASM_ENV="$TOOLS/wasm.env"
WASM_TARGET=wasm32-unknown-unknown

digest() { sha256sum | cut -c1-16; }

# One folder of web assets for each checkout, since two checkouts may differ.
# It is made here, since the server's build script watches it only when it is there.
SITE="$CACHE/site/$(printf '%s' "$ROOT" | digest)"
mkdir -p "$SITE"

# The server and the client must agree on the name, or the page asks for another file.
export LEPTOS_OUTPUT_NAME=showrunner
export SHOWRUNNER_SITE_DIR="$SITE"
# What cargo makes on the way is shared (a fresh clone is quick); what it hands over is in ./target.
export CARGO_TARGET_DIR="$ROOT/target"
export CARGO_BUILD_BUILD_DIR="$CACHE/target"
export PATH="$TOOLS/bin:$PATH"

say() { printf '==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# Two makes at once wait for each other: they share the cache folder.
take_lock() {
  [ "${SHOWRUNNER_LOCKED:-}" = 1 ] && return 0
  if have flock; then
    exec 9>"$CACHE/lock"
    if ! flock -n 9; then
      say "another make is at work in $CACHE; waiting for it"
      flock 9
    fi
  else
    say "flock is not installed: do not start two makes at once"
  fi
  export SHOWRUNNER_LOCKED=1
}

# logged NAME DESCRIPTION COMMAND…: runs it with its output in a log file, says every half
# minute how far it is, and shows the end of the log when it fails.
logged() {
  local name="$1" what="$2" log="$LOGS/$1.log" pid started=$SECONDS next=30 status=0
  shift 2
  say "$what"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - started)) -ge "$next" ]; then
      printf '    %s: %d s; %s\n' "$name" "$next" "$(tail -n 1 "$log" | cut -c1-100)"
      next=$((next + 30))
    fi
  done
  wait "$pid" || status=$?
  if [ "$status" != 0 ]; then
    printf '\n--- the end of %s ---\n' "$log" >&2
    tail -n 40 "$log" >&2
    printf -- '---\n' >&2
    fail "$name failed with exit status $status. The whole log: $log"
  fi
  printf '    %s: done in %d s\n' "$name" $((SECONDS - started))
}

# The value of `channel` in rust-toolchain.toml.
toolchain_channel() { sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml; }

# The version of a package in Cargo.lock.
locked_version() { awk -v want="name = \"$1\"" '$0 == want { getline; gsub(/.*= "|"/, ""); print; exit }' Cargo.lock; }

find_chromium() {
  local name
  if [ -n "${CHROMIUM:-}" ]; then printf '%s\n' "$CHROMIUM"; return; fi
  for name in chromium chromium-browser google-chrome; do
    if have "$name"; then command -v "$name"; return; fi
  done
  return 1
}

# Cargo tells workspace members of two checkouts apart by nothing but file times, so that one
# checkout could be handed the other's binary. Their fingerprints go when the checkout changes.
claim_build_dir() {
  local dir="$1" owner="$1/.checkout"
  if [ -d "$dir" ] && [ "$(cat "$owner" 2>/dev/null)" != "$ROOT" ]; then
    find "$dir" -maxdepth 4 -type d -path '*/.fingerprint/*' \
      \( -name 'app-*' -o -name 'showrunner-*' \) -prune -exec rm -rf {} +
  fi
  mkdir -p "$dir"
  printf '%s' "$ROOT" >"$owner"
}

# Where the tests of the Google Cloud back end find stand-ins and Google's descriptions, if set-up could install them.
export_peers() {
  [ -x "$TOOLS/peers/bin/python" ] || return 0
  export SHOWRUNNER_PEERS="$TOOLS/peers"
  SHOWRUNNER_DISCOVERY="$(compgen -G "$TOOLS/peers/lib/python3*/site-packages/googleapiclient/discovery_cache/documents" | head -n 1)"
  export SHOWRUNNER_DISCOVERY
}
