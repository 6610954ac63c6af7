//! `logger` and rsyslog send to the syslog input, over each transport.

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_proto::v1::ExternalEvent;
use countersign_tests::process::{free_port, tool};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustix::process::Signal;

use crate::outlet::{Memory, Running};
use crate::program::{Program, done};

/// Files with a certificate, its key, and the authority that issued it.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) ca: PathBuf,
}

pub(crate) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL takes a certificate whose issuer has its own name for one that signed itself.
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("a certificate")
}

pub(crate) fn issue(ca: &CertifiedIssuer<'_, KeyPair>, name: &str, folder: &Path) -> Files {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    let dns = name.try_into().expect("a name");
    params.subject_alt_names = vec![SanType::DnsName(dns)];
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.signed_by(&key, ca).expect("a certificate");
    let write = |what: &str, text: String| {
        let path = folder.join(format!("{name}.{what}.pem"));
        std::fs::write(&path, text).expect("room");
        path
    };
    Files {
        certificate: write("cert", certificate.pem()),
        key: write("key", key.serialize_pem()),
        ca: write("ca", ca.pem()),
    }
}

fn config(name: &str, more: &str) -> String {
    format!("type = \"syslog\"\nname = \"{name}\"\n{more}")
}

fn logger(arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("COUNTERSIGN_TEST_LOGGER"));
    command.args(arguments);
    command
}

async fn until_there(path: &Path) {
    let there = async {
        while !path.exists() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(crate::outlet::PATIENCE, there).await;
    assert!(waited.is_ok(), "{} is not there", path.display());
}

fn field<'a>(event: &'a ExternalEvent, name: &str) -> &'a str {
    event.fields.get(name).map_or("", String::as_str)
}

fn assert_fields(event: &ExternalEvent, expected: &[(&str, &str)]) {
    assert_eq!(event.malformed, "", "{event:?}");
    for (name, value) in expected {
        assert_eq!(field(event, name), *value, "{name} of {event:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logger_is_understood_on_local_sockets() {
    let folder = tempfile::tempdir().expect("a folder");
    for transport in ["unix-datagram", "unix-stream"] {
        let outlet = Memory::default();
        let socket = folder.path().join(format!("{transport}.sock"));
        let more = format!("transport = {transport:?}\npath = {socket:?}");
        let running = Running::start(&config("local", &more), &outlet);
        until_there(&socket).await;
        let path = socket.to_str().expect("a plain path");
        let to = [
            "--socket",
            path,
            "--priority",
            "authpriv.warning",
            "--tag",
            "backup",
        ];
        done(logger(&[&to[..], &["--id=7", "old: form"]].concat())).await;
        let new = [
            "--rfc5424=notq",
            "--msgid",
            "JOB",
            "--sd-id",
            "job@32473",
            "--sd-param",
        ];
        done(logger(
            &[&to[..], &new, &["name=\"a\\]b\"", "new\tform"]].concat(),
        ))
        .await;
        outlet.holds(2).await;
        running.stop().await;
        let events = outlet.external();
        let common = [
            ("facility", "authpriv"),
            ("severity", "warning"),
            ("app_name", "backup"),
        ];
        assert_fields(&events[0], &common);
        assert_fields(
            &events[0],
            &[
                ("format", "rfc3164"),
                ("procid", "7"),
                ("message", "old: form"),
            ],
        );
        assert!(events[0].observed_at.is_some());
        assert_fields(&events[1], &common);
        let new = [
            ("format", "rfc5424"),
            ("msgid", "JOB"),
            ("message", "new\tform"),
        ];
        assert_fields(&events[1], &new);
        assert_fields(&events[1], &[("sd.job@32473.name", "a]b")]);
        assert!(events[1].observed_at.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logger_is_understood_over_tcp_in_both_framings() {
    let outlet = Memory::default();
    let port = free_port();
    let more = format!("transport = \"tcp\"\naddress = \"127.0.0.1:{port}\"");
    let running = Running::start(&config("net", &more), &outlet);
    let listens = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::outlet::PATIENCE, listens)
        .await
        .expect("it listens");
    let port = port.to_string();
    let to = [
        "--tcp",
        "--server",
        "127.0.0.1",
        "--port",
        &port,
        "--tag",
        "t",
    ];
    done(logger(&[&to[..], &["--octet-count", "counted"]].concat())).await;
    done(logger(&[&to[..], &["ended"]].concat())).await;
    done(logger(
        &[&to[..], &["--rfc3164", "--octet-count", "old"]].concat(),
    ))
    .await;
    outlet.holds(3).await;
    running.stop().await;
    let mut said: Vec<(String, String)> = Vec::new();
    for event in outlet.external() {
        assert_fields(
            &event,
            &[
                ("app_name", "t"),
                ("facility", "user"),
                ("severity", "notice"),
            ],
        );
        assert!(!field(&event, "hostname").is_empty(), "{event:?}");
        said.push((
            field(&event, "format").to_owned(),
            field(&event, "message").to_owned(),
        ));
    }
    said.sort();
    let expected = [
        ("rfc3164", "old"),
        ("rfc5424", "counted"),
        ("rfc5424", "ended"),
    ];
    assert_eq!(
        said,
        expected.map(|(form, text)| (form.to_owned(), text.to_owned()))
    );
}

/// rsyslog with a socket, that forwards what comes over it.
fn rsyslog(folder: &Path, forward: &str) -> Program {
    let at = folder.display();
    let conf = format!(
        "global(workDirectory=\"{at}\")\n\
         module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imuxsock\" Socket=\"{at}/in.sock\")\n{forward}\n"
    );
    let file = folder.join("rsyslog.conf");
    std::fs::write(&file, conf).expect("room");
    let mut command = Command::new(tool("COUNTERSIGN_TEST_RSYSLOGD"));
    command
        .arg("-n")
        .arg("-f")
        .arg(file)
        .arg("-i")
        .arg(folder.join("pid"));
    Program::start(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_is_understood_in_its_formats() {
    let folder = tempfile::tempdir().expect("a folder");
    let (outlet, port) = (Memory::default(), free_port());
    let more = format!("transport = \"tcp\"\naddress = \"127.0.0.1:{port}\"");
    let running = Running::start(&config("net", &more), &outlet);
    let forward = |more: &str| {
        format!(
            "action(type=\"omfwd\" Target=\"127.0.0.1\" Port=\"{port}\" Protocol=\"tcp\" \
             action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\" {more})\n"
        )
    };
    let actions = [
        forward(""),
        forward("TCP_Framing=\"octet-counted\" Template=\"RSYSLOG_SyslogProtocol23Format\""),
        forward("Template=\"RSYSLOG_ForwardFormat\""),
    ];
    let program = rsyslog(folder.path(), &actions.concat());
    let socket = folder.path().join("in.sock");
    until_there(&socket).await;
    let path = socket.to_str().expect("a plain path");
    done(logger(&[
        "--socket", path, "--tag", "app", "--id=9", "-p", "cron.err", "hello",
    ]))
    .await;
    outlet.holds(3).await;
    program.end(Signal::TERM);
    running.stop().await;
    let mut formats = Vec::new();
    for event in outlet.external() {
        let expected = [
            ("facility", "cron"),
            ("severity", "err"),
            ("app_name", "app"),
        ];
        assert_fields(&event, &expected);
        assert_eq!(field(&event, "message").trim_start(), "hello", "{event:?}");
        assert!(
            !field(&event, "hostname").is_empty() && event.observed_at.is_some(),
            "{event:?}"
        );
        formats.push(field(&event, "format").to_owned());
    }
    formats.sort();
    assert_eq!(formats, ["rfc3164", "rfc3164", "rfc5424"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_is_known_by_its_certificate_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let (outlet, port, ca) = (Memory::default(), free_port(), authority());
    let server = issue(&ca, "localhost", folder.path());
    let client = issue(&ca, "db-1.example.com", folder.path());
    let more = format!(
        "transport = \"tls\"\naddress = \"127.0.0.1:{port}\"\n[tls]\ncertificate = {:?}\nkey = \
         {:?}\nclient_ca = {:?}",
        server.certificate, server.key, server.ca
    );
    let running = Running::start(&config("far", &more), &outlet);
    let forward = format!(
        "global(DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile=\"{}\" \
         DefaultNetstreamDriverCertFile=\"{}\" DefaultNetstreamDriverKeyFile=\"{}\")\n\
         action(type=\"omfwd\" Target=\"127.0.0.1\" Port=\"{port}\" Protocol=\"tcp\" \
         StreamDriver=\"gtls\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\" \
         StreamDriverPermittedPeers=\"localhost\" TCP_Framing=\"octet-counted\" \
         action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\" \
         Template=\"RSYSLOG_SyslogProtocol23Format\")",
        client.ca.display(),
        client.certificate.display(),
        client.key.display()
    );
    let program = rsyslog(folder.path(), &forward);
    let socket = folder.path().join("in.sock");
    until_there(&socket).await;
    let path = socket.to_str().expect("a plain path");
    done(logger(&["--socket", path, "--tag", "app", "over TLS"])).await;
    outlet.holds(1).await;
    program.end(Signal::TERM);
    running.stop().await;
    let event = &outlet.external()[0];
    assert_fields(
        event,
        &[
            ("peer.certificate", "db-1.example.com"),
            ("app_name", "app"),
        ],
    );
}
