//! `Server`: bytes on Redis or memcached.

mod arguments;
mod commands;
mod computed;
mod config;
mod convert;
mod inner;
mod lane;
mod live;
mod objects;
mod scan;
mod tagging;
mod view;

pub(crate) use self::commands::Server;
pub(crate) use self::lane::Lane;
pub(crate) use self::objects::{Objects, Undecoded};
pub(crate) use self::scan::Keys;
