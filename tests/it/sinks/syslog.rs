//! Syslog: rsyslog over TLS, TCP and a socket, and what it wrote down.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use countersign_tests::process::{free_port, tool};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use serde_json::Value;

use crate::site::{HURRY, Site, until};

/// rsyslog in the foreground. Dropping it kills it.
struct Rsyslog(Child);

impl Rsyslog {
    fn start(folder: &Path, name: &str, input: &str) -> Self {
        let at = folder.display();
        let conf = format!(
            "global(workDirectory=\"{at}\" maxMessageSize=\"64k\")\n\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n{input}\n\
             action(type=\"omfile\" file=\"{at}/{name}.out\" template=\"raw\")\n"
        );
        let file = folder.join(format!("{name}.conf"));
        std::fs::write(&file, conf).expect("room");
        let child = Command::new(tool("COUNTERSIGN_TEST_RSYSLOGD"))
            .arg("-n")
            .arg("-f")
            .arg(file)
            .arg("-i")
            .arg(folder.join(format!("{name}.pid")))
            .stdin(Stdio::null())
            .spawn();
        Self(child.expect("it is installed"))
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A certificate of a server with its key and the authority, in files.
fn certificates(folder: &Path) -> [PathBuf; 3] {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    let key = KeyPair::generate().expect("a key");
    let ca = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().expect("a name"))];
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    let cert = params.signed_by(&key, &ca).expect("a certificate");
    [
        ("ca", ca.pem()),
        ("cert", cert.pem()),
        ("key", key.serialize_pem()),
    ]
    .map(|(name, pem)| {
        let path = folder.join(format!("{name}.pem"));
        std::fs::write(&path, pem).expect("room");
        path
    })
}

/// Runs a sink until rsyslog has everything; the lines that it wrote.
async fn bring(site: &Site, name: &str, more: &str) -> Vec<String> {
    let end = site.append(400).await;
    let sinks = format!(
        "[[sink]]\nname = \"{name}\"\n{HURRY}batch = {{ entries = 50, wait = \"10ms\" }}\n\
         [sink.syslog]\ntimeout = \"20s\"\n{more}\n"
    );
    let running = site.run(&site.config(name, &sinks));
    let cursor = site
        .folder()
        .join(format!("{name}-state/{name}/cursor.json"));
    until("everything is taken", || {
        let text = std::fs::read_to_string(&cursor).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok_and(|it| it["next"].as_u64() >= Some(end))
    })
    .await;
    running.stop();
    let out = site.folder().join(format!("{name}.out"));
    let read = || std::fs::read_to_string(&out).unwrap_or_default();
    until("it is written down", || {
        read().lines().count() >= usize::try_from(end).expect("few")
    })
    .await;
    read().lines().map(str::to_owned).collect()
}

/// Every entry is there once, in order, as it is in the log.
async fn assert_written(site: &Site, lines: &[String]) {
    let entries = site.entries().await;
    assert!(!lines.is_empty());
    for (position, line) in lines.iter().enumerate() {
        let entry = &entries[position];
        let time = countersign_proto::reading::text::rfc3339(entry.time());
        let kind = countersign_proto::reading::kind_text(entry.kind().get());
        assert!(
            line.starts_with("<1") && line.contains(&format!(">1 {time} ")),
            "{line}"
        );
        for part in [
            format!(" countersign - {kind} [entry@32473 index=\"{position}\""),
            format!("actor=\"{}\"", entry.actor()),
            format!("hash=\"{}\"", entry.leaf()),
        ] {
            assert!(line.contains(&part), "{part} in {line}");
        }
        let summary = countersign_proto::reading::summary(&entry.event());
        assert!(line.ends_with(&summary), "{summary} at the end of {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_writes_down_what_came_over_tls() {
    let site = Site::start().await;
    let (folder, port) = (site.folder(), free_port());
    let [ca, cert, key] = certificates(&folder).map(|path| path.display().to_string());
    let input = format!(
        "global(DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile=\"{ca}\" \
         DefaultNetstreamDriverCertFile=\"{cert}\" DefaultNetstreamDriverKeyFile=\"{key}\")\n\
         module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" \
         StreamDriver.AuthMode=\"anon\")\n\
         input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")"
    );
    let _rsyslog = Rsyslog::start(&folder, "tls", &input);
    let more = format!("address = \"localhost:{port}\"\ntls = {{ root_cert = \"{ca}\" }}");
    let lines = bring(&site, "tls", &more).await;
    println!("counted: rsyslog over TLS: {} lines", lines.len());
    assert_written(&site, &lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_writes_down_what_came_over_tcp() {
    let site = Site::start().await;
    let (folder, port) = (site.folder(), free_port());
    let input = format!(
        "module(load=\"imtcp\")\ninput(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")"
    );
    let first = Rsyslog::start(&folder, "tcp", &input);
    let more = format!("transport = \"tcp\"\naddress = \"127.0.0.1:{port}\"");
    let lines = bring(&site, "tcp", &more).await;
    assert_written(&site, &lines).await;
    let more = more + "\nconfirm = \"none\"";
    drop(first);
    let _rsyslog = Rsyslog::start(&folder, "kept", &input);
    let lines = bring(&site, "kept", &more).await;
    assert_written(&site, &lines).await;
}
