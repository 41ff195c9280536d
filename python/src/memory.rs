//! `Memory`: Python objects in this process.

mod commands;
mod computed;
mod held;
mod lock_space;
mod namespaces;

pub(crate) use self::commands::Memory;
