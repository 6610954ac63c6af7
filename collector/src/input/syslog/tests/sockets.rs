//! Sockets: each transport, the limits of connections and messages, certificates.

use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixDatagram, UnixStream};

use crate::input::testing::{Memory, Running};
use crate::input::{ConfigError, InputError};

fn config(more: &str) -> String {
    format!("type = \"syslog\"\nname = \"in\"\nzone = \"UTC\"\n{more}")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Tries until the input listens.
async fn until_ok<T, F: Future<Output = std::io::Result<T>>>(mut attempt: impl FnMut() -> F) -> T {
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn tcp_takes_both_framings_and_counts_per_connection() {
    let port = free_port();
    let outlet = Memory::default();
    let settings =
        format!("transport = \"tcp\"\naddress = \"127.0.0.1:{port}\"\nmax_message_bytes = 480");
    let running = Running::start(&config(&settings), &outlet);
    let mut one = until_ok(|| TcpStream::connect(("127.0.0.1", port))).await;
    one.write_all(b"16 <34>1 - - - - - -<13>app: x\n")
        .await
        .unwrap();
    outlet.holds(2).await;
    let mut two = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let long = format!("<13>{}\n<13>cut of", "y".repeat(1_000));
    two.write_all(long.as_bytes()).await.unwrap();
    drop(two);
    outlet.holds(4).await;
    one.write_all(b"99 <13>half").await.unwrap();
    drop(one);
    outlet.holds(5).await;
    running.stop().await.unwrap();
    let events = outlet.external();
    let positions: Vec<&str> = events.iter().map(|event| event.position.as_str()).collect();
    assert_eq!(positions, ["1", "2", "1", "2", "3"]);
    assert!(events[0].fields["peer.address"].starts_with("127.0.0.1:"));
    assert_eq!(events[0].source, "syslog:in");
    assert_eq!(events[2].raw.len(), 480);
    assert!(
        events[2].malformed.contains("1004 bytes; the first 480"),
        "{:?}",
        events[2]
    );
    assert_eq!(events[3].raw, "<13>cut of");
    assert!(
        events[4].malformed.contains("ended within the message"),
        "{:?}",
        events[4]
    );
    assert!(outlet.items().iter().all(|item| item.place.is_none()));
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_silent_ones_too() {
    let port = free_port();
    let outlet = Memory::default();
    let settings = format!(
        "transport = \"tcp\"\naddress = \"127.0.0.1:{port}\"\nmax_connections = 1\nidle_seconds = 1"
    );
    let running = Running::start(&config(&settings), &outlet);
    let mut first = until_ok(|| TcpStream::connect(("127.0.0.1", port))).await;
    first.write_all(b"<13>one\n").await.unwrap();
    outlet.holds(1).await;
    let mut second = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut byte = [0];
    // Closed at once: the end of the stream, or a reset.
    let read = tokio::io::AsyncReadExt::read(&mut second, &mut byte).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let read = tokio::io::AsyncReadExt::read(&mut first, &mut byte).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn local_sockets_take_messages_and_are_replaced_when_nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.sock");
    let settings = |transport: &str| {
        config(&format!(
            "transport = {transport:?}\npath = {path:?}\nmode = 0o640\n\
                         max_message_bytes = 480"
        ))
    };
    let outlet = Memory::default();
    let running = Running::start(&settings("unix-datagram"), &outlet);
    let sender = UnixDatagram::unbound().unwrap();
    until_ok(|| async { sender.connect(&path) }).await;
    sender.send(b"<13>one\n").await.unwrap();
    sender.send(b"\n").await.unwrap();
    sender.send(&vec![b'x'; 900]).await.unwrap();
    outlet.holds(2).await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let taken = Running::start(&settings("unix-datagram"), &outlet)
        .end()
        .await;
    let why = taken.unwrap_err().to_string();
    assert!(why.contains("another program listens there"), "{why}");
    running.stop().await.unwrap();
    let said = outlet.said();
    assert_eq!(said[0], "<13>one");
    assert!(said[1].contains("more than 480 bytes"), "{said:?}");
    // The system says who sent each.
    let own = rustix::process::getuid().as_raw().to_string();
    for event in outlet.external() {
        assert_eq!(event.fields["peer.uid"], own);
        assert_eq!(event.fields["peer.pid"], std::process::id().to_string());
    }

    let running = Running::start(&settings("unix-stream"), &outlet);
    let mut stream = until_ok(|| UnixStream::connect(&path)).await;
    stream.write_all(b"<13>two\n").await.unwrap();
    outlet.holds(3).await;
    running.stop().await.unwrap();
    assert!(outlet.external()[2].fields.contains_key("peer.uid"));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    let why = Running::start(&settings("unix-stream"), &outlet)
        .end()
        .await
        .unwrap_err();
    assert!(
        matches!(why, InputError::Config(ConfigError::Occupied(_))),
        "{why}"
    );
    assert!(why.to_string().contains("take away what is there"), "{why}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

/// How often this process has a file open.
fn open_files(path: &Path) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let links = all.filter_map(|fd| std::fs::read_link(fd.path()).ok());
    links.filter(|link| link == path).count()
}

#[tokio::test]
async fn a_sender_of_datagrams_that_hands_over_files_is_unknown_and_leaves_none_here() {
    let folder = tempfile::tempdir().unwrap();
    let (path, passed) = (folder.path().join("log.sock"), folder.path().join("file"));
    let outlet = Memory::default();
    let settings = format!("transport = \"unix-datagram\"\npath = {path:?}");
    let running = Running::start(&config(&settings), &outlet);
    let sender = UnixDatagram::unbound().unwrap();
    until_ok(|| async { sender.connect(&path) }).await;
    let file = std::fs::File::create(&passed).unwrap();
    let text = [std::io::IoSlice::new(b"<13>one")];
    let files = [file.as_raw_fd()];
    let files = [ControlMessage::ScmRights(&files)];
    let sent = sendmsg::<()>(sender.as_raw_fd(), &text, &files, MsgFlags::empty(), None);
    assert_eq!(sent, Ok(7));
    sender.send(b"<13>two").await.unwrap();
    outlet.holds(2).await;
    running.stop().await.unwrap();
    let events = outlet.external();
    assert_eq!(events[0].raw, "<13>one");
    assert!(!events[0].fields.contains_key("peer.uid"));
    assert!(events[1].fields.contains_key("peer.uid"));
    assert_eq!(open_files(&passed), 1, "only the sender has it");
}

struct Identity {
    certificate: String,
    key: String,
}

fn issue(ca: &CertifiedIssuer<'_, KeyPair>, name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
    let certificate = params.signed_by(&key, ca).unwrap();
    Identity {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

async fn connect(
    port: u16,
    ca: &str,
    identity: Option<&Identity>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn tls_says_who_sends_and_refuses_who_has_no_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let ca = authority();
    let server = issue(&ca, "localhost");
    let client = issue(&ca, "db-1.example.com");
    let port = free_port();
    let settings = format!(
        "transport = \"tls\"\naddress = \"127.0.0.1:{port}\"\n[tls]\ncertificate = {:?}\nkey = \
         {:?}\nclient_ca = {:?}",
        write(folder.path(), "cert.pem", &server.certificate),
        write(folder.path(), "key.pem", &server.key),
        write(folder.path(), "ca.pem", &ca.pem()),
    );
    let outlet = Memory::default();
    let running = Running::start(&config(&settings), &outlet);
    let ca = ca.pem();
    let mut stream = until_ok(|| connect(port, &ca, Some(&client))).await;
    stream.write_all(b"7 <13>one").await.unwrap();
    outlet.holds(1).await;
    assert_eq!(
        outlet.external()[0].fields["peer.certificate"],
        "db-1.example.com"
    );
    // TLS 1.3 tells the client only when it reads.
    let stranger = issue(&authority(), "db-1.example.com");
    for identity in [None, Some(&stranger)] {
        let Ok(mut stream) = connect(port, &ca, identity).await else {
            continue;
        };
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read(&mut stream, &mut byte).await;
        assert!(read.is_err(), "{read:?}");
    }
    running.stop().await.unwrap();
    assert_eq!(outlet.said().len(), 1);

    let wrong = settings.replace("cert.pem", "key.pem");
    let why = Running::start(&config(&wrong), &outlet)
        .end()
        .await
        .unwrap_err();
    assert!(
        why.to_string()
            .contains("expected certificates in PEM form"),
        "{why}"
    );
}
