//! Plain sockets, which can be taken from tokio's reactor and given back to it.

use std::any::Any;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::host::{BorrowedSocket, Host};
use crate::protocol::Stream;

/// How much is read at once.
const READ: usize = 16 * 1024;

/// A stream, and whether it was exchanged.
type Exchanged = io::Result<(Box<dyn Stream>, bool)>;

/// Has the host watch the stream, if it is a plain socket and the host can.
pub(crate) fn at_host(stream: Box<dyn Stream>, host: &Arc<dyn Host>, readable: Waker) -> Exchanged {
    let socket = match Socket::from_tokio(stream)? {
        Ok(socket) => socket,
        Err(stream) => return Ok((stream, false)),
    };
    if host.watch(socket.borrow(), readable).is_err() {
        return Ok((socket.into_tokio()?, false));
    }
    let hosted = Hosted { host: Arc::clone(host), socket: Some(socket), buffer: vec![0; READ] };
    Ok((Box::new(hosted), true))
}

/// Gives a host's stream back to tokio's reactor. To be called within the runtime.
pub(crate) fn at_home(stream: Box<dyn Stream>) -> Exchanged {
    let stream: Box<dyn Any> = stream;
    let hosted = stream.downcast::<Hosted>().ok();
    let socket = hosted.and_then(|mut hosted| hosted.leave()).ok_or(io::ErrorKind::Unsupported)?;
    Ok((socket.into_tokio()?, true))
}

/// A socket that tokio doesn't know.
enum Socket {
    Tcp(std::net::TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

impl Socket {
    /// Gives back a stream that isn't a plain socket.
    fn from_tokio(stream: Box<dyn Stream>) -> io::Result<Result<Self, Box<dyn Stream>>> {
        let any: &dyn Any = &*stream;
        if any.is::<tokio::net::TcpStream>() {
            let stream: Box<dyn Any> = stream;
            let tcp = stream.downcast::<tokio::net::TcpStream>().map_err(|_| io::ErrorKind::Unsupported)?;
            return Ok(Ok(Self::Tcp(tcp.into_std()?)));
        }
        #[cfg(unix)]
        if any.is::<tokio::net::UnixStream>() {
            let stream: Box<dyn Any> = stream;
            let unix = stream.downcast::<tokio::net::UnixStream>().map_err(|_| io::ErrorKind::Unsupported)?;
            return Ok(Ok(Self::Unix(unix.into_std()?)));
        }
        Ok(Err(stream))
    }

    fn into_tokio(self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(tcp) => Box::new(tokio::net::TcpStream::from_std(tcp)?),
            #[cfg(unix)]
            Self::Unix(unix) => Box::new(tokio::net::UnixStream::from_std(unix)?),
        })
    }

    #[cfg(unix)]
    fn borrow(&self) -> BorrowedSocket<'_> {
        use std::os::fd::AsFd;
        match self {
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Unix(unix) => unix.as_fd(),
        }
    }

    #[cfg(windows)]
    fn borrow(&self) -> BorrowedSocket<'_> {
        use std::os::windows::io::AsSocket;
        let Self::Tcp(tcp) = self;
        tcp.as_socket()
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => (&mut &*tcp).read(buffer),
            #[cfg(unix)]
            Self::Unix(unix) => (&mut &*unix).read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => (&mut &*tcp).write(bytes),
            #[cfg(unix)]
            Self::Unix(unix) => (&mut &*unix).write(bytes),
        }
    }
}

/// A socket that a host watches. Its polls keep no waker: the host wakes readers, and tokio wakes writers once it has the socket back.
struct Hosted {
    host: Arc<dyn Host>,
    /// Empty when it has left the host.
    socket: Option<Socket>,
    /// Where reads go, since the memory of their caller isn't initialized.
    buffer: Vec<u8>,
}

impl Hosted {
    fn leave(&mut self) -> Option<Socket> {
        let socket = self.socket.take()?;
        self.host.leave(socket.borrow());
        Some(socket)
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The result of a system call on a socket that doesn't block.
fn polled<T>(mut call: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        return match call() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => Poll::Ready(result),
        };
    }
}

impl AsyncRead for Hosted {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { socket: Some(socket), buffer, .. } = &mut *self else { return Poll::Ready(Ok(())) };
        let room = buffer.len().min(out.remaining());
        polled(|| socket.read(&mut buffer[..room])).map_ok(|read| out.put_slice(&buffer[..read]))
    }
}

impl AsyncWrite for Hosted {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(socket) = &self.socket else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        polled(|| socket.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
