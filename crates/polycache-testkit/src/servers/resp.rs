//! Just enough of Redis' protocol to ask a server about itself. The fixtures don't use the library's client, which is under test.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long to wait for an answer: a stopped server gives none.
const PATIENCE: Duration = Duration::from_secs(5);

type Stream = BufReader<UnixStream>;

/// The reply as text, elements of arrays on a line each. Errors of the server are of the kind `Other`.
pub(super) async fn ask(socket: &Path, password: Option<&str>, command: &[&str]) -> io::Result<String> {
    let conversation = async {
        let mut stream = BufReader::new(UnixStream::connect(socket).await?);
        if let Some(password) = password {
            send(&mut stream, &["AUTH", password]).await?;
        }
        send(&mut stream, command).await
    };
    timeout(PATIENCE, conversation).await?
}

async fn send(stream: &mut Stream, command: &[&str]) -> io::Result<String> {
    let mut request = format!("*{}\r\n", command.len());
    for part in command {
        request.push_str(&format!("${}\r\n{part}\r\n", part.len()));
    }
    stream.write_all(request.as_bytes()).await?;

    let mut elements = Vec::new();
    let mut left = 1;
    while left > 0 {
        left -= 1;
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((kind, text)) = line.trim_end().split_at_checked(1) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let length = || text.parse::<i64>().map_err(io::Error::other);
        match kind {
            "-" => return Err(io::Error::other(text)),
            "*" => left += length()?.max(0),
            "$" if length()? >= 0 => {
                let mut bytes = vec![0; usize::try_from(length()?).map_err(io::Error::other)? + 2];
                stream.read_exact(&mut bytes).await?;
                bytes.truncate(bytes.len() - 2);
                elements.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            _ => elements.push(text.to_owned()),
        }
    }
    Ok(elements.join("\n"))
}
