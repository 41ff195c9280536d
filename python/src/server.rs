//! `Server`: bytes on Redis or memcached.

mod arguments;
mod commands;
mod computed;
mod config;
mod convert;
mod inner;
mod live;
mod scan;
mod tagging;
mod view;

pub(crate) use self::commands::Server;
pub(crate) use self::scan::Keys;
