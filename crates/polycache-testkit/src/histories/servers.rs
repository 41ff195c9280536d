//! Faults of servers and of the connections to them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Fault;
use crate::Proxy;

/// The longest delay of bytes that arrive late.
const LATE: Duration = Duration::from_millis(40);

impl Fault {
    /// All faults that a proxy can cause for a process.
    pub fn of_proxy(name: &str, proxy: &Arc<Proxy>) -> Vec<Self> {
        let moment = |what: &str, act: fn(&Proxy)| Self::lasting(&format!("{name}: {what}"), proxy, act, |_| {}, true);
        let lasting = |what: &str, begin: fn(&Proxy), end: fn(&Proxy)| {
            Self::lasting(&format!("{name}: {what}"), proxy, begin, end, false)
        };
        let silent = || lasting("connections fall silent", Proxy::freeze, Proxy::thaw);
        vec![
            // More often than the others, since late arrivals are rarest.
            silent(),
            silent(),
            moment("connections are closed", Proxy::cut),
            moment("connections are reset", Proxy::reset),
            moment("a reply is lost", |proxy| proxy.cut_reply_after(0)),
            moment("a reply is cut", |proxy| proxy.cut_reply_after(fastrand::usize(1..40))),
            lasting("nothing passes", Proxy::stall, Proxy::resume),
            lasting(
                "connections are refused",
                |proxy| {
                    proxy.refuse(true);
                    proxy.reset();
                },
                |proxy| proxy.refuse(false),
            ),
            lasting(
                "requests are late",
                |proxy| proxy.delay_requests(late(LATE)),
                |proxy| proxy.delay_requests(Duration::ZERO),
            ),
            Self::of_late_replies(name, proxy, LATE),
        ]
    }

    /// Replies that come up to `most` late: the server has executed the commands, and impatient callers don't learn it.
    pub fn of_late_replies(name: &str, proxy: &Arc<Proxy>, most: Duration) -> Self {
        let begin = move |proxy: &Proxy| proxy.delay_replies(late(most));
        let end = |proxy: &Proxy| proxy.delay_replies(Duration::ZERO);
        Self::lasting(&format!("{name}: replies are late"), proxy, begin, end, false)
    }

    /// A server that stands still: `stop` and `go_on` are the methods of this crate's servers, SIGSTOP and SIGCONT.
    pub fn of_server<S: Send + Sync + 'static>(name: &str, server: &Arc<S>, stop: fn(&S), go_on: fn(&S)) -> Self {
        Self::lasting(&format!("{name} stands still"), server, stop, go_on, false)
    }

    fn lasting<S: Send + Sync + 'static>(
        name: &str,
        what: &Arc<S>,
        begin: impl Fn(&S) + Clone + Send + Sync + 'static,
        end: impl Fn(&S) + Clone + Send + Sync + 'static,
        moment: bool,
    ) -> Self {
        let what = Arc::clone(what);
        Self::new(name, move |time| {
            let (what, begin, end) = (Arc::clone(&what), begin.clone(), end.clone());
            async move {
                begin(&what);
                if !moment {
                    sleep(time).await;
                }
                end(&what);
            }
        })
    }
}

fn late(most: Duration) -> Duration {
    most.mul_f64(fastrand::f64())
}
