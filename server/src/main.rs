//! The `showrunner` program. Everything is in the library; see [`showrunner::cli`].

fn main() -> ! {
    std::process::exit(showrunner::cli::main())
}
