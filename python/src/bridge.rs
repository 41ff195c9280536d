//! How a reply of the core becomes a future of an event loop.
//!
//! ```text
//! command ── Work: a reply, and what Python gets of it ──► Calls of the loop ──► asyncio.Future
//!                      ▲ polled on the loop's thread              │
//!            core's connection, on the runtime ── waker ──► Mailbox ── bell ──► add_reader: drain
//! ```
//!
//! A command polls its reply at once, on the loop's thread: if it can, the core writes the request to the socket right there. Later the
//! runtime's thread wakes the reply: it puts the call's number into the loop's mailbox, and rings the bell if the mailbox was empty. The
//! loop then drains the mailbox, all calls under one hold of the interpreter's lock. The runtime's threads never see a Python object.
//!
//! [`computation`] goes the other way: the core asks for a value, and a task of the loop computes it.
//!
//! The question is a [`Work`](work::Work), which the core makes of a command; the core's connection, polled from here, drives the socket.
//! Neither knows the other.

mod bell;
mod calls;
mod clock;
mod computation;
mod drain;
mod loops;
mod mailbox;
mod outcome;
mod reactor;
mod runtime;
mod work;

pub(crate) use self::computation::{Computing, Terms};
pub(crate) use self::loops::{abandon, has_company, running_loop, start};
pub(crate) use self::outcome::{Outcome, Unkept};
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
