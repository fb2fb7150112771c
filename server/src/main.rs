//! The `showrunner` program. Everything is in the library; see [`showrunner::cli`].

/// The C library's allocator keeps what ingest's threads free, and is a tenth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ! {
    std::process::exit(showrunner::cli::main())
}
