//! HTTP/1.1 as little as the tests need: one request on a connection.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request or an answer.
#[derive(Debug, Clone, Default)]
pub struct Letter {
    /// Request line or status line, and headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl Letter {
    pub fn status(&self) -> u16 {
        let status = self.head.get(9..12).unwrap_or_default();
        status.parse().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Of a request.
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// Reads one; none when the other end left before it was whole.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let mut letter = Self {
            head: String::from_utf8_lossy(&bytes[..end]).into_owned(),
            body: bytes.split_off(end + 4),
        };
        if let Some(length) = letter.header("content-length") {
            let length: usize = length.parse().ok()?;
            while letter.body.len() < length {
                if stream.read_buf(&mut letter.body).await.ok()? == 0 {
                    return None;
                }
            }
        } else if letter.header("transfer-encoding").is_some() {
            letter.body = chunked(stream, letter.body).await?;
        }
        Some(letter)
    }
}

async fn chunked(stream: &mut (impl AsyncRead + Unpin), mut raw: Vec<u8>) -> Option<Vec<u8>> {
    while !raw.ends_with(b"0\r\n\r\n") {
        if stream.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
    }
    let (mut body, mut rest) = (Vec::new(), raw.as_slice());
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        let part = rest.get(line + 2..line + 2 + size)?;
        body.extend_from_slice(part);
        if size == 0 {
            return Some(body);
        }
        rest = rest.get(line + 4 + size..)?;
    }
}

/// Sends a request to a port of this machine; an empty answer when none came.
pub async fn post(port: u16, path: &str, headers: &str, body: &[u8]) -> Letter {
    let stream = TcpStream::connect(("127.0.0.1", port)).await;
    let mut stream = stream.expect("somebody listens");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    // Whoever refuses a body need not read it.
    drop(stream.write_all(body).await);
    Letter::read(&mut stream).await.unwrap_or_default()
}
