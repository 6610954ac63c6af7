//! A browser without a screen: one request for each connection, a cookie, and forms as they stand
//! on the page.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Who asks.
pub struct Browser {
    /// Host and port.
    pub host: String,
    tls: Option<TlsConnector>,
    pub cookie: String,
    /// The name of a proxy with TLS that is in between: the browser calls it, and it passes on what
    /// the browser said.
    pub proxy: Option<String>,
}

impl fmt::Debug for Browser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Browser")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Browser {
    pub fn new(url: &str, tls: Option<rustls::ClientConfig>) -> Self {
        let (_, host) = url.split_once("://").expect("a URL");
        Self {
            host: host.to_owned(),
            tls: tls.map(|config| TlsConnector::from(Arc::new(config))),
            cookie: String::new(),
            proxy: None,
        }
    }

    fn origin(&self) -> String {
        if let Some(proxy) = &self.proxy {
            return format!("https://{proxy}");
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }

    /// Sends a request with these headers.
    pub async fn send(&mut self, line: &str, headers: &str, body: &str) -> Answer {
        let cookie = &self.cookie;
        let text = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Length: {}\r\n{headers}\r\n{body}",
            self.proxy.as_ref().unwrap_or(&self.host),
            body.len()
        );
        let stream = TcpStream::connect(&self.host).await.expect("it listens");
        let answer = match &self.tls {
            None => exchange(stream, &text).await,
            Some(tls) => {
                let name = ServerName::try_from("127.0.0.1").expect("an address");
                let stream = tls.connect(name, stream).await.expect("a handshake");
                exchange(stream, &text).await
            }
        };
        for line in answer.head.lines() {
            if let Some(set) = line.strip_prefix("set-cookie: ") {
                self.keep(set.split(';').next().unwrap_or_default());
            }
        }
        answer
    }

    /// Keeps a cookie beside the others; an empty one is gone.
    fn keep(&mut self, set: &str) {
        let (name, value) = set.split_once('=').unwrap_or_default();
        let others = self.cookie.split("; ");
        let others = others.filter(|pair| pair.split('=').next() != Some(name));
        let mut all: Vec<&str> = others.filter(|pair| !pair.is_empty()).collect();
        if !value.is_empty() {
            all.push(set);
        }
        self.cookie = all.join("; ");
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), "", "").await
    }

    /// Sends a form from a page of the inbox.
    pub async fn post(&mut self, path: &str, fields: &BTreeMap<String, String>) -> Answer {
        let headers = format!(
            "Origin: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            self.origin()
        );
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        self.send(&format!("POST {path}"), &headers, &body.join("&"))
            .await
    }

    /// Opens a page, fills in its form for this path, and sends it.
    pub async fn fill(&mut self, page: &str, path: &str, more: &[(&str, &str)]) -> Answer {
        let shown = self.get(page).await;
        assert_eq!(shown.status, 200, "{page}: {}", shown.body);
        let fields = shown.form(path, more);
        self.post(path, &fields).await
    }
}

impl Answer {
    /// Hidden fields of the form for this path, with others set.
    pub fn form(&self, path: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let action = format!("action=\"{path}\"");
        let start = self.body.find(&action);
        assert!(start.is_some(), "no form for {path} in {}", self.body);
        let rest = &self.body[start.unwrap_or_default()..];
        let form = &rest[..rest.find("</form>").expect("its end")];
        let hidden = form.split("type=\"hidden\" name=\"").skip(1);
        let mut fields: BTreeMap<String, String> = hidden
            .filter_map(|part| {
                let (name, rest) = part.split_once("\" value=\"")?;
                let (value, _) = rest.split_once('"')?;
                Some((name.to_owned(), decode(value)))
            })
            .collect();
        for (name, value) in more {
            fields.insert((*name).to_owned(), (*value).to_owned());
        }
        fields
    }

    /// Where it leads.
    pub fn location(&self) -> &str {
        let found = self
            .head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("location"));
        found.map_or("", |(_, value)| value)
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, text: &str) -> Answer {
    stream.write_all(text.as_bytes()).await.expect("it reads");
    let mut bytes = Vec::new();
    // An end without a word is one too.
    drop(stream.read_to_end(&mut bytes).await);
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.get(9..12).expect("a status");
    Answer {
        status: status.parse().expect("a number"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn decode(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&quot;", "\"").replace("&amp;", "&")
}
