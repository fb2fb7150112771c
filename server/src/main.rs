//! The `showrunner` program. Everything is in the library; see [`showrunner::cli`].

/// The C library's allocator keeps what ingest's threads free, and is a tenth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ! {
    // The allocator asks for huge pages, which are filled by few objects: a third more memory for little time. Where the kernel has
    // no such switch, there are none either.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    std::process::exit(showrunner::cli::main())
}
