//! A stream that is only trusted once its server has logged us in.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a server may say until it has logged us in; a true one says some hundred bytes. The client holds a reply until it is whole,
/// so something else that listens there and never ends its first line would otherwise fill the memory, with each attempt anew.
const MOST: usize = 1 << 20;

pub(super) struct Greeting<S> {
    stream: S,
    left: usize,
    end: End,
}

/// Tells the stream that its server has logged us in.
#[derive(Clone, Default)]
pub(super) struct End(Arc<AtomicBool>);

impl End {
    pub(super) fn over(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<S> Greeting<S> {
    pub(super) fn new(stream: S) -> (Self, End) {
        let end = End::default();
        (Self { stream, left: MOST, end: end.clone() }, end)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeting<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if !self.end.0.load(Ordering::Relaxed) {
            match self.left.checked_sub(buffer.filled().len() - before) {
                Some(left) => self.left = left,
                None => {
                    let text = format!("it said more than {MOST} bytes at log-in, which is not like Redis");
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeting<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
