//! TCP sockets.

use std::io;

use tokio::net::TcpStream;

/// Connects over TCP, as a [`Stream`](crate::Stream) below a connection needs: small requests leave at once, and nothing that was written
/// arrives after the stream was dropped. Otherwise the system would go on sending, and a server might execute a request long after
/// everybody took it for lost. So dropping the stream resets the connection instead of closing it.
///
/// # Errors
/// Those of the system.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// let stream = polycache_wire::connect_tcp("127.0.0.1", port).await?;
/// assert!(stream.nodelay()?);
/// # Ok(()) }
/// ```
pub async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    stream.set_zero_linger()?;
    Ok(stream)
}
