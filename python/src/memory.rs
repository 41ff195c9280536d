//! `Memory`: Python objects in this process.

mod commands;
mod computed;
mod count;
mod door;
mod function;
mod held;
mod inner;
mod lock_space;
mod store;
mod tally;

pub(crate) use self::commands::Memory;
pub(crate) use self::door::Door;
pub(crate) use self::function::{Doorway, ShortFunction};
pub(crate) use self::tally::Tally;
