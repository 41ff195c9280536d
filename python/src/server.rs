//! `Server`: bytes on Redis or memcached.

mod commands;
mod config;
mod convert;
mod live;

pub(crate) use self::commands::Server;
