//! A customer: one connection, one request after the other.

use std::io::{Error, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

pub(crate) struct Client(BufStream<TcpStream>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufStream::new(stream)))
    }

    /// The price in the answer, or what the service says instead.
    pub(crate) async fn ask(&mut self, method: &str, product: u64) -> Result<std::result::Result<u64, String>> {
        let request = format!("{method} /price/{product} HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n");
        self.0.write_all(request.as_bytes()).await?;
        self.0.flush().await?;
        let status = self.line().await?;
        let mut length = 0;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            if let Some(number) = line.strip_prefix("content-length: ") {
                length = number.parse().map_err(Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        let body = String::from_utf8(body).map_err(Error::other)?;
        if status == "HTTP/1.1 200 OK" {
            return body.parse().map(Ok).map_err(Error::other);
        }
        Ok(Err(format!("{status}: {body}")))
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        Ok(line.trim_end().to_owned())
    }
}
