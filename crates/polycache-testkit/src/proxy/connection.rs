//! One connection through the proxy.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::{End, Faults, Shared, shut_down};

/// The most bytes that a direction holds.
const BUFFER: usize = 16 * 1024;
/// The time for a receiver to wake up and read. Less than a tick of tokio's clock; the proxy's thread has nothing better to do.
const BETWEEN_PACKETS: Duration = Duration::from_micros(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Client,
    Server,
}

pub(super) async fn serve(
    mut client: TcpStream,
    server: SocketAddr,
    shared: Arc<Shared>,
    mut cut: watch::Receiver<Option<End>>,
) {
    let mut number = 0;
    shared.traffic.send_modify(|traffic| {
        number = traffic.connections;
        traffic.connections += 1;
        traffic.open += 1;
    });
    let end = tokio::select! {
        end = relay(&mut client, server, number, &shared) => end,
        _ = cut.changed() => cut.borrow().unwrap_or(End::Reset),
    };
    close(&client, end);
    drop(client);
    shared.traffic.send_modify(|traffic| traffic.open -= 1);
}

async fn relay(client: &mut TcpStream, server: SocketAddr, number: u64, shared: &Shared) -> End {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return End::Reset;
    };
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return End::Reset;
    }
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let ends = tokio::try_join!(
        forward(Origin::Client, from_client, to_server, number, shared),
        forward(Origin::Server, from_server, to_client, number, shared),
    );
    let Err(end) = ends;
    end
}

/// Forwards one direction until the connection has to end. A client that has said all still gets its replies.
async fn forward(
    from: Origin,
    mut source: ReadHalf<'_>,
    mut target: WriteHalf<'_>,
    number: u64,
    shared: &Shared,
) -> Result<Infallible, End> {
    let mut faults = shared.faults.subscribe();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = source.read(&mut buffer).await?;
        if read == 0 && from == Origin::Server {
            return Err(End::Close);
        }
        shared.traffic.send_modify(|traffic| match from {
            Origin::Client => traffic.from_client += read as u64,
            Origin::Server => traffic.from_server += read as u64,
        });
        let delay = faults.borrow().delays[from as usize];
        if !delay.is_zero() {
            let other = |faults: &Faults| faults.delays[from as usize] != delay;
            let _ = tokio::time::timeout(delay, faults.wait_for(other)).await.map(drop);
        }
        let Faults { chunk, answer, .. } = flowing(number, &mut faults).await?;
        // The bytes that a client wrote before a reset are gone with its connection.
        if let Ok(Some(error)) = source.as_ref().take_error() {
            return Err(error.into());
        }
        if read == 0 {
            target.shutdown().await?;
            return std::future::pending().await;
        }
        let bytes = answer.as_deref().filter(|_| from == Origin::Server).unwrap_or(&buffer[..read]);
        let (allowed, last) = if from == Origin::Server { shared.allow(bytes.len()) } else { (bytes.len(), false) };
        for packet in bytes[..allowed].chunks(chunk.unwrap_or(usize::MAX)) {
            flowing(number, &mut faults).await?;
            target.write_all(packet).await?;
            if chunk.is_some() {
                tokio::task::yield_now().await;
                thread::sleep(BETWEEN_PACKETS);
            }
        }
        if last {
            return Err(End::Close);
        }
    }
}

/// The present faults, once nothing holds this connection back.
async fn flowing(number: u64, faults: &mut watch::Receiver<Faults>) -> Result<Faults, End> {
    let flows = |faults: &Faults| !faults.stalled && number >= faults.frozen_below;
    let faults = faults.wait_for(flows).await.map_err(|_| End::Close)?;
    Ok(faults.clone())
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset => Self::Reset,
            _ => Self::Close,
        }
    }
}

fn close(client: &TcpStream, end: End) {
    match end {
        // The kernel resets a connection that is closed while there are bytes left to read.
        End::Close => {
            while matches!(client.try_read(&mut [0; 1024]), Ok(1..)) {}
            shut_down(client);
        }
        End::Reset => set_socket_linger(client, Some(Duration::ZERO)).expect("the socket is open"),
    }
}
