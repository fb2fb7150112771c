//! Embeds the site (client and style) that the Makefile built, so that the binary is one file. Without it the pages still work, without
//! JavaScript and style; `showrunner doctor` says so.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=SHOWRUNNER_SITE_DIR");
    let mut out = String::from(
        "/// Path within the site, content type, content, brotli, gzip.\npub static FILES: &[File] = &[\n",
    );
    if let Some(site) = std::env::var_os("SHOWRUNNER_SITE_DIR").map(PathBuf::from).filter(|s| s.is_dir()) {
        println!("cargo:rerun-if-changed={}", site.display());
        let mut files = Vec::new();
        walk(&site, &mut files);
        files.sort();
        for file in files.iter().filter(|f| !packed(f)) {
            println!("cargo:rerun-if-changed={}", file.display());
            let name = file.strip_prefix(&site).expect("walked below it").to_string_lossy().replace('\\', "/");
            let variant = |suffix: &str| {
                let path = PathBuf::from(format!("{}.{suffix}", file.display()));
                if path.is_file() {
                    format!("Some(include_bytes!({:?}))", path.display().to_string())
                } else {
                    "None".into()
                }
            };
            writeln!(
                out,
                "({:?}, {:?}, include_bytes!({:?}), {}, {}),",
                format!("/{name}"),
                content_type(file),
                file.display().to_string(),
                variant("br"),
                variant("gz")
            )
            .expect("writes to a string");
        }
    }
    out.push_str("];\n");
    let target = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("site.rs");
    std::fs::write(target, out).expect("OUT_DIR is writable");
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

fn packed(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "br" || e == "gz")
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
