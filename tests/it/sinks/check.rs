//! A check before a run: it finds what a run would fail at.

use countersign_tests::process::{countersign, free_port, run};

use crate::peer::Peer;
use crate::site::{Site, text};
use crate::web::https;

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_is_wrong_before_anything_is_brought() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let closed = free_port();
    let lone = format!(
        "[[sink]]\nname = \"lone\"\n[sink.syslog]\ntransport = \"tcp\"\naddress = \
         \"127.0.0.1:{closed}\"\n"
    );
    let config = site.config("check", &(https("good", &peer, "") + &lone));
    let checked = site.ask(&["check", text(&config), "--send"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("it has taken entry 0"), "{said}");
    assert!(said.contains("FAILS   lone"), "{said}");
    assert_eq!(peer.taken(), [(0, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_fails_the_check() {
    let site = Site::start().await;
    // The ledger's own certificate comes from a root that no system trusts.
    let url = &site.server.endpoint.grpc;
    let root = site.auditor.join("ca.pem");
    let trusted = format!("tls = {{ root_cert = \"{}\" }}\n", text(&root));
    let kinds = ["https", "otlp", "splunk"];
    let sinks = kinds.map(|kind| {
        let token = match kind {
            "splunk" => "token = { file = \"token\" }\n",
            _ => "",
        };
        let of = |name: &str, more: &str| {
            format!(
                "[[sink]]\nname = \"{kind}-{name}\"\n[sink.{kind}]\nurl = \"{url}\"\n{token}{more}"
            )
        };
        of("bad", "") + &of("good", &trusted)
    });
    std::fs::write(site.folder().join("token"), "secret").expect("room");
    let config = site.config("tls", &sinks.concat());
    let checked = site.ask(&["check", text(&config)]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    for kind in kinds {
        let line = |name: &str| {
            said.lines()
                .find(|line| line.contains(name))
                .expect("a line")
        };
        assert!(line(&format!("{kind}-bad")).starts_with("FAILS"), "{said}");
        let good = line(&format!("{kind}-good"));
        assert!(
            good.starts_with("ok") && good.contains("is trusted"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_may_not_follow_fails_the_check_and_ends_the_run() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let (dir, user) = (site.data.path(), site.folder().join("user-una"));
    let words = [
        "ca",
        "issue",
        "--dir",
        text(&dir),
        "--role",
        "user",
        "--name",
        "una",
    ];
    let issued = run(&[&words[..], &["--out", text(&user)]].concat());
    assert!(issued.status.success(), "{issued:?}");
    let config = site.config("role", &https("role", &peer, ""));
    for verb in ["check", "run"] {
        let mut command = countersign(&["sink", verb, text(&config)]);
        command.args([
            "--server",
            &site.server.endpoint.grpc,
            "--identity",
            text(&user),
        ]);
        let output = command.output().expect("the binary starts");
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(1), "{verb}: {said}");
        assert!(said.contains("ROLE_NOT_ALLOWED"), "{verb}: {said}");
    }
    assert_eq!(peer.taken(), []);
}
