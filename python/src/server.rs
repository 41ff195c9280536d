//! `Server`: bytes on Redis or memcached.

mod arguments;
mod commands;
mod computed;
mod config;
mod convert;
mod live;
mod scan;

pub(crate) use self::commands::Server;
pub(crate) use self::scan::Keys;
