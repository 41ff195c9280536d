//! The proxy's thread: accepts connections, and does what tests order.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::{Order, Shared, What, connection, shut_down};

pub(super) fn run(
    listener: StdListener,
    server: SocketAddr,
    shared: &Arc<Shared>,
    orders: mpsc::UnboundedReceiver<Order>,
    ready: oneshot::Sender<()>,
) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(serve(listener, server, shared, orders, ready));
}

async fn serve(
    listener: StdListener,
    server: SocketAddr,
    shared: &Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    ready: oneshot::Sender<()>,
) {
    let address = listener.local_addr().expect("a bound socket has an address");
    listener.set_nonblocking(true).expect("a socket can be made not to block");
    let mut listener = Some(TcpListener::from_std(listener).expect("a runtime with network"));
    let mut connections = JoinSet::new();
    let cut = watch::Sender::new(None);
    let _ = ready.send(());
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => {
                let Some(Order { what, done }) = order else { break };
                let result = match what {
                    What::Cut(end) => {
                        cut.send_replace(Some(end));
                        while connections.join_next().await.is_some() {}
                        Ok(())
                    }
                    What::Listen(false) => {
                        listener.take().iter().for_each(shut_down);
                        Ok(())
                    }
                    What::Listen(true) if listener.is_some() => Ok(()),
                    What::Listen(true) => StdListener::bind(address)
                        .and_then(|again| again.set_nonblocking(true).map(|()| again))
                        .and_then(TcpListener::from_std)
                        .map(|again| listener = Some(again)),
                };
                // A test that has panicked meanwhile doesn't wait for the result.
                let _ = done.send(result);
            }
            Some(_) = connections.join_next() => {}
            Ok(client) = accept(listener.as_ref()), if listener.is_some() => {
                connections.spawn(connection::serve(client, server, Arc::clone(shared), cut.subscribe()));
            }
        }
    }
    listener.iter().for_each(shut_down);
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}
