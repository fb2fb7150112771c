#!/usr/bin/env bash
# Installs what is missing, and nothing else: scripts/setup.sh run|test|lint
. "$(dirname "$0")/lib.sh"

GOAL="${1:-run}"
case "$GOAL" in run | test | lint) ;; *) fail "usage: scripts/setup.sh run|test|lint" ;; esac
CARGO_DENY_VERSION=0.20.2

started=$SECONDS
take_lock
# Tools are built in folders of their own.
unset CARGO_TARGET_DIR CARGO_BUILD_BUILD_DIR RUSTFLAGS CARGO_ENCODED_RUSTFLAGS

apt_updated=
apt_install() {
  local name="$1"
  shift
  export DEBIAN_FRONTEND=noninteractive
  if [ -z "$apt_updated" ]; then
    logged apt-update "refreshing Debian's package lists (a few seconds)" \
      apt-get -o DPkg::Lock::Timeout=300 update
    apt_updated=1
  fi
  logged "apt-$name" "installing Debian packages: $* (under a minute)" \
    apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}
can_apt() { is_root && have apt-get; }
# need NAME WHY PACKAGE…: installs the packages, or names the command and stops.
need() {
  local name="$1" why="$2"
  shift 2
  if can_apt; then
    apt_install "$name" "$@"
  else
    fail "$name is missing ($why). Only root may install it:
    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*
then run make again."
  fi
}

rust() {
  have cargo && have rustc || fail "Rust is missing. Install it by rustup (https://rustup.rs), open a new shell, then run make again."
  local want got
  want="$(toolchain_channel)"
  got="$(rustc -V 2>&1)" || fail "Rust $want (rust-toolchain.toml) cannot be used here: $got
Install it: rustup toolchain install $want --component rustfmt,clippy"
  case "$got" in
  "rustc $want "*) ;;
  *) fail "rust-toolchain.toml asks for Rust $want, but this is: $got. Install it: rustup toolchain install $want --component rustfmt,clippy" ;;
  esac
  have cc || need gcc "SQLite, zstd and TLS are compiled from C" gcc libc6-dev
}

node_for() {
  if have node && have npm; then return 0; fi
  if [ "$GOAL" = run ] && ! can_apt; then
    say "node and npm are missing: the client will be bigger, and not precompressed. To have both: sudo apt-get install -y --no-install-recommends nodejs npm"
    return 0
  fi
  need node "wasm-opt comes from npm, and the browser tests run in it" nodejs npm
}

# has_std RUSTC [FLAG]: does that compiler have the standard library for WebAssembly?
has_std() {
  local dir
  dir="$("$@" --print target-libdir --target "$WASM_TARGET" 2>/dev/null)" || return 1
  compgen -G "$dir/libstd-*.rlib" >/dev/null
}

write_wasm_env() {
  printf '%s\n' "$@" >"$WASM_ENV.new"
  mv "$WASM_ENV.new" "$WASM_ENV"
}

wasm_std() {
  local key packaged sysroot="$TOOLS/wasm-sysroot" host_sysroot host lld
  host_sysroot="$(rustc --print sysroot)"
  if has_std rustc; then
    write_wasm_env "WASM_ROUTE=rustup" "WASM_RUSTC_VERSION='$(rustc -V)'"
    return
  fi
  if [ "${RUSTUP_AUTO_INSTALL:-1}" != 0 ] && have rustup; then
    say "adding the WebAssembly standard library by rustup (a few seconds)"
    if rustup target add "$WASM_TARGET" >"$LOGS/rustup-target.log" 2>&1 </dev/null && has_std rustc; then
      write_wasm_env "WASM_ROUTE=rustup" "WASM_RUSTC_VERSION='$(rustc -V)'"
      return
    fi
    tail -n 5 "$LOGS/rustup-target.log"
    say "rustup could not add it; Debian's sources are used instead"
  fi

  # Debian's compiler with the standard library built from its unmodified sources. It lies beside
  # rustup's toolchain; only the client uses it.
  packaged() { { dpkg -L rustc-web 2>/dev/null || true; } | grep -E '/bin/rustc$' | head -n 1; }
  if [ -z "$(packaged)" ] || [ ! -d /usr/lib/rustlib/src ]; then
    need rustc-web "the standard library for WebAssembly is built from Debian's sources, since rustup is not to install one" rustc-web rust-web-src
  fi
  local debian
  debian="$(packaged)"
  [ -x "$debian" ] || fail "the package rustc-web has no rustc. The ordinary way: rustup target add $WASM_TARGET"
  host="$(rustc -vV | sed -n 's/^host: //p')"
  lld="$host_sysroot/lib/rustlib/$host/bin/rust-lld"
  [ -x "$lld" ] || lld="$(command -v wasm-ld || true)"
  [ -n "$lld" ] || need lld "no linker for WebAssembly came with Rust" lld

  if ! has_std "$debian"; then
    key="$("$debian" -vV | digest)"
    if [ "$(cat "$sysroot/key" 2>/dev/null)" != "$key" ] || ! has_std "$debian" --sysroot "$sysroot"; then
      local stub="$TOOLS/wasm-std" out="$TOOLS/wasm-std/target"
      mkdir -p "$stub/src"
      printf '[package]\nname = "wasm-std"\nedition = "2024"\n' >"$stub/Cargo.toml"
      printf '#![no_std]\n' >"$stub/src/lib.rs"
      # From the checkout, so that rust-toolchain.toml chooses the cargo.
      logged wasm-std "building the WebAssembly standard library, once (about a minute on two cores)" \
        env RUSTC="$debian" RUSTC_BOOTSTRAP=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-Cembed-bitcode=yes --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates" \
        cargo build --release --manifest-path "$stub/Cargo.toml" --target-dir "$out" \
        --target "$WASM_TARGET" -Zbuild-std=std,panic_abort
      local lib="$sysroot/lib/rustlib/$WASM_TARGET/lib"
      rm -rf "$sysroot"
      mkdir -p "$lib"
      find "$out/$WASM_TARGET/release/deps" -name '*.rlib' ! -name 'libwasm_std-*' -exec cp {} "$lib/" \;
      has_std "$debian" --sysroot "$sysroot" || fail "the standard library for WebAssembly was built, but is not in $lib. The log: $LOGS/wasm-std.log"
      printf '%s' "$key" >"$sysroot/key"
      rm -rf "$stub"
    fi
    write_wasm_env "WASM_ROUTE=debian" "WASM_RUSTC_VERSION='$("$debian" -V)'" \
      "export RUSTC='$debian'" "export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER='$lld'" \
      "WASM_RUSTFLAGS='--sysroot=$sysroot'"
  else
    write_wasm_env "WASM_ROUTE=debian" "WASM_RUSTC_VERSION='$("$debian" -V)'" \
      "export RUSTC='$debian'" "export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER='$lld'"
  fi
}

# The tool must be of the same version as the crate, or it refuses the module.
wasm_bindgen() {
  local version
  version="$(locked_version wasm-bindgen)"
  [ -n "$version" ] || fail "Cargo.lock names no wasm-bindgen"
  [ "$("$TOOLS/bin/wasm-bindgen" --version 2>/dev/null)" = "wasm-bindgen $version" ] && return
  logged wasm-bindgen "building wasm-bindgen $version (about three minutes on two cores)" \
    env CARGO_TARGET_DIR="$TOOLS/wasm-bindgen-build" \
    cargo install wasm-bindgen-cli --version "$version" --no-default-features --force --root "$TOOLS"
  rm -rf "$TOOLS/wasm-bindgen-build"
}

# npm_folder NAME FOLDER: the packages that FOLDER's lock file pins, once for each lock file.
npm_folder() {
  local name="$1" from="$2" dir
  dir="$CACHE/npm/$name-$(cat "$from/package.json" "$from/package-lock.json" | digest)"
  if [ ! -f "$dir/.complete" ]; then
    rm -rf "$dir"
    mkdir -p "$dir"
    cp "$from/package.json" "$from/package-lock.json" "$dir/"
    logged "npm-$name" "installing $name's npm packages (a few seconds)" \
      npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund
    touch "$dir/.complete"
  fi
  NPM_FOLDER="$dir"
}

smaller() {
  have npm || return 0
  npm_folder tools scripts/tools
  ln -sfn "$NPM_FOLDER/node_modules/.bin/wasm-opt" "$TOOLS/bin/wasm-opt"
  ln -sfn "$NPM_FOLDER/node_modules/.bin/terser" "$TOOLS/bin/terser"
}

browser() {
  find_chromium >/dev/null || need chromium "the browser tests drive it" chromium
  npm_folder browser tests/browser
  if [ "$(readlink tests/browser/node_modules 2>/dev/null)" != "$NPM_FOLDER/node_modules" ]; then
    rm -rf tests/browser/node_modules
    ln -s "$NPM_FOLDER/node_modules" tests/browser/node_modules
  fi
}

# Stand-ins for Google's services, for the tests of the Google Cloud back end: a Python environment, once for each list of packages.
peers() {
  local dir list=tests/peers/requirements.txt
  dir="$TOOLS/peers-$(digest <"$list")"
  if [ ! -f "$dir/.complete" ]; then
    if ! { have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; } && can_apt; then
      apt_install python3-venv python3 python3-venv
    fi
    if ! { have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; }; then
      say "Python's venv is missing: tests against stand-ins for Google's services will be left out. To have them: sudo apt-get install -y python3-venv"
      rm -f "$TOOLS/peers"
      return 0
    fi
    rm -rf "$TOOLS"/peers-* "$TOOLS/peers"
    logged peers-venv "making a Python environment for stand-ins of Google's services" python3 -m venv "$dir"
    logged peers "installing stand-ins for Google's services (about a minute)" \
      "$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list"
    touch "$dir/.complete"
  fi
  ln -sfn "$dir" "$TOOLS/peers"
}

lint_tools() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 ||
    fail "rustfmt or clippy is missing: rustup component add rustfmt clippy"
  if (. "$WASM_ENV" && [ "$WASM_ROUTE" = debian ]) && ! [ -x /usr/bin/cargo-clippy ] && can_apt; then
    apt_install clippy rust-web-clippy
  fi
  [ "$("$TOOLS/bin/cargo-deny" --version 2>/dev/null)" = "cargo-deny $CARGO_DENY_VERSION" ] && return
  logged cargo-deny "building cargo-deny $CARGO_DENY_VERSION (about five minutes on two cores)" \
    env CARGO_TARGET_DIR="$TOOLS/cargo-deny-build" \
    cargo install cargo-deny --version "$CARGO_DENY_VERSION" --locked --force --root "$TOOLS"
  rm -rf "$TOOLS/cargo-deny-build"
}

rust
node_for
wasm_std
wasm_bindgen
smaller
case "$GOAL" in
test)
  browser
  peers
  ;;
lint) lint_tools ;;
esac
if [ $((SECONDS - started)) -ge 5 ]; then say "set-up complete after $((SECONDS - started)) s"; fi
