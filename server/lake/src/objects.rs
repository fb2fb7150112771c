//! The object stores: the embedded one on disk, and one that announces what was written.

mod disk;
mod errors;
mod notifying;

pub use disk::DiskObjects;
pub use notifying::NotifyingObjects;
