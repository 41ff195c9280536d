//! `Memory`: Python objects in this process.

mod commands;
mod computed;
mod door;
mod held;
mod lock_space;
mod namespaces;
mod tally;

pub(crate) use self::commands::Memory;
pub(crate) use self::door::Door;
pub(crate) use self::tally::Tally;
