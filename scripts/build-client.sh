#!/usr/bin/env bash
# Builds the WebAssembly client and the web assets beside it, into $SHOWRUNNER_SITE_DIR, which the
# server's build embeds. Does nothing when no input changed. Run scripts/setup.sh first.
. "$(dirname "$0")/lib.sh"
take_lock
[ -f "$WASM_ENV" ] || fail "run scripts/setup.sh first"

# What more would take off the module, it would add to what is left when it is compressed.
wasm_opt_flags=(-O1 --enable-bulk-memory --enable-nontrapping-float-to-int)

# Content and name of every file below the folders and of the files given.
tree_digest() { find "$@" -type f ! -name '.*' -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0r sha256sum | digest; }
tool_versions() {
  sed -n 's/^WASM_RUSTC_VERSION=//p' "$WASM_ENV"
  wasm-bindgen --version
  wasm-opt --version 2>/dev/null || echo 'no wasm-opt'
  terser --version 2>/dev/null || echo 'no terser'
  node --version 2>/dev/null || echo 'no node'
}

client_key="$({ tree_digest app/src app/hydrate app/Cargo.toml Cargo.toml Cargo.lock rust-toolchain.toml scripts/build-client.sh; tool_versions; } | digest)"
site_key="$({ echo "$client_key"; tree_digest style public scripts/precompress.mjs; } | digest)"
if [ "$(cat "$SITE.key" 2>/dev/null)" = "$site_key" ] && [ -f "$SITE/pkg/showrunner.wasm" ]; then exit 0; fi

started=$SECONDS
built="$CACHE/client/$client_key"
build_dir="$CACHE/target-wasm"
compile() (
  unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
  WASM_RUSTFLAGS=
  . "$WASM_ENV"
  # No path of this machine in the module: panic messages name source files.
  flags="$WASM_RUSTFLAGS --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates"
  CARGO_BUILD_BUILD_DIR="$build_dir" CARGO_TARGET_DIR="$build_dir" \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$flags" \
    cargo build --locked -p showrunner-hydrate --profile wasm --target "$WASM_TARGET"
)
bind() {
  rm -rf "$built.new"
  wasm-bindgen --target web --no-typescript --remove-name-section --remove-producers-section \
    --out-name showrunner --out-dir "$built.new" "$build_dir/$WASM_TARGET/wasm/showrunner_hydrate.wasm"
  # Leptos asks for NAME.wasm when LEPTOS_OUTPUT_NAME is set.
  mv "$built.new/showrunner_bg.wasm" "$built.new/showrunner.wasm"
  sed -i 's/showrunner_bg\.wasm/showrunner.wasm/g' "$built.new/showrunner.js"
}
optimise() {
  wasm-opt "${wasm_opt_flags[@]}" "$built.new/showrunner.wasm" -o "$built.new/showrunner.opt"
  mv "$built.new/showrunner.opt" "$built.new/showrunner.wasm"
  terser "$built.new/showrunner.js" --module --compress --mangle --output "$built.new/showrunner.min"
  mv "$built.new/showrunner.min" "$built.new/showrunner.js"
}

if [ ! -f "$built/showrunner.wasm" ]; then
  claim_build_dir "$build_dir"
  logged client "compiling the WebAssembly client (about three minutes on two cores, the first time)" compile
  mkdir -p "$CACHE/client"
  logged wasm-bindgen-run "writing its JavaScript" bind
  if have wasm-opt && have terser; then
    logged wasm-opt "making the client smaller" optimise
  else
    say "wasm-opt and terser are not there: the client stays about a quarter bigger"
  fi
  rm -rf "$built"
  mv "$built.new" "$built"
  # Older builds: a few are kept for going back and forth between branches.
  find "$CACHE/client" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | tail -n +9 | cut -d' ' -f2- | xargs -r rm -rf
fi

# Assembled aside; only files whose content changed are replaced, so that cargo rebuilds the
# server only when an asset really differs.
new="$SITE.new"
rm -rf "$new"
mkdir -p "$new/pkg" "$SITE"
cp -R "$built/." "$new/pkg/"
find style -maxdepth 1 -name '*.css' -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0r cat >"$new/pkg/showrunner.css"
if [ -d public ]; then cp -R public/. "$new/"; fi
if have node; then node scripts/precompress.mjs "$new"; else say "node is not there: assets are served uncompressed"; fi

(cd "$new" && find . -type f -print0) | while IFS= read -r -d '' file; do
  if ! cmp -s "$new/$file" "$SITE/$file"; then
    mkdir -p "$(dirname "$SITE/$file")"
    cp "$new/$file" "$SITE/$file"
  fi
done
(cd "$SITE" && find . -type f -print0) | while IFS= read -r -d '' file; do
  if [ ! -e "$new/$file" ]; then rm -f "$SITE/$file"; fi
done
rm -rf "$new"
printf '%s' "$site_key" >"$SITE.key"
size() { [ -f "$1" ] && echo "$(($(wc -c <"$1") / 1024)) KB" || echo 'none'; }
say "client ready after $((SECONDS - started)) s: WebAssembly $(size "$SITE/pkg/showrunner.wasm"), brotli $(size "$SITE/pkg/showrunner.wasm.br")"
