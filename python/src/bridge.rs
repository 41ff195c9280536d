//! How a reply of the core becomes a future of an event loop.
//!
//! ```text
//! command ── Work: a reply, and what Python gets of it ──► Calls of the loop ──► asyncio.Future
//!                      ▲ polled on the loop's thread              │
//!            core's connection, on the runtime ── waker ──► Mailbox ── bell ──► add_reader: drain
//! ```
//!
//! A command polls its reply at once, on the loop's thread: the core writes the request to the socket right there where it can. What
//! wakes the reply later, on the runtime's thread, puts the number of the call into the loop's mailbox, and rings the bell if the mailbox
//! was empty. The loop then drains it: all that are there, under one hold of the interpreter. The runtime's threads never see an object of
//! Python's.
//!
//! [`computation`] is the same the other way round: the core asks for a value, and a task of the loop computes it.
//!
//! *What* is asked is a [`Work`](work::Work), which the core makes of a command; *who* drives the socket is the core's connection, polled
//! from here. Neither knows the other.

mod bell;
mod calls;
mod clock;
mod computation;
mod drain;
mod loops;
mod mailbox;
mod runtime;
mod work;

pub(crate) use self::computation::{Computing, Terms, get_or_set};
pub(crate) use self::loops::{abandon, running_loop, start};
pub(crate) use self::runtime::{Runtime, runtime};
pub(crate) use self::work::{Work, work};

pub(crate) fn before_fork() {
    runtime::before_fork();
}

pub(crate) fn after_fork_in_parent() {
    runtime::after_fork_in_parent();
}

pub(crate) fn after_fork_in_child() {
    runtime::after_fork_in_child();
}
