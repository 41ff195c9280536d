//! `Memory`: Python objects in this process.

mod commands;
mod held;
mod namespaces;

pub(crate) use self::commands::Memory;
