//! The web inbox as people meet it: the real program, a real ledger, and a browser.

#[path = "inbox/player.rs"]
mod player;

use std::sync::Arc;

use countersign_tests::browser::{Answer, Browser};
use countersign_tests::inbox::{Inbox, serve};
use countersign_tests::process::run;
use countersign_tests::stage::{Stage, text};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

const BAD: &str = "\"><script>alert(1)</script>";

/// What people did in a case says who carried it, and what proved who it was.
fn has_evidence(inbox: &Inbox, case: &str) {
    let entries = inbox.stage.entries(&["--case", case]);
    let (mut people, mut seen) = (0, 0);
    for entry in entries.iter().filter(|entry| entry["via"] != "") {
        let evidence = &entry["event"]["evidence"];
        assert_eq!(evidence["platform"], "web", "{entry}");
        assert_eq!(evidence["user"], entry["actor"], "{entry}");
        assert_eq!(evidence["verified_by"], "sign-in-link", "{entry}");
        let digest = evidence["callback_sha256"].as_str().unwrap_or_default();
        assert_eq!(digest.len(), 64, "{entry}");
        people += 1;
        seen += usize::from(entry["name"] == "ReviewRecorded");
    }
    assert!(
        people >= 8 && seen == 2,
        "{people} by people, {seen} reviews"
    );
    let ledger = entries.iter().filter(|entry| entry["via"] == "");
    let mut told = ledger.filter(|entry| !entry["event"]["evidence"].is_null());
    assert!(told.next().is_none(), "the ledger has no evidence");
}

/// Asks for access that takes two people, with markup in every text; the path of the case.
async fn ask(browser: &mut Browser) -> String {
    let reason = format!("reason {BAD}");
    let wanted = [
        ("what", "payments-db read-only"),
        ("duration", "30m"),
        ("reason", &reason),
        ("ticket", BAD),
        ("severity", "sev3"),
        ("affected", BAD),
        ("step", "check"),
    ];
    let shown = browser.fill("/request", "/request", &wanted).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    for words in ["1 of security", "1 of team-leads", "dana, emeka"] {
        assert!(shown.body.contains(words), "{words}: {}", shown.body);
    }
    assert!(!shown.body.contains("<script>alert"), "{}", shown.body);
    let fields = shown.form("/request", &[("step", "send")]);
    let sent = browser.post("/request", &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let again = browser.post("/request", &fields).await;
    assert_eq!(again.location(), sent.location(), "one request, sent twice");
    let case = sent.location().split('?').next().unwrap_or_default();
    case.to_owned()
}

/// One's own approval is refused in words, and so is a form that no page of the inbox sent.
async fn own_approval_is_refused(bruno: &mut Browser, case: &str, page: &Answer) {
    let (review, number) = (format!("{case}/review"), case.replace("/case/", ""));
    let cancel = page.form(&format!("{case}/cancel"), &[]);
    let own = [("choice", "approve"), ("target", &number)];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let own = cancel.clone().into_iter().chain(own).collect();
    let said = bruno.post(&review, &own).await;
    assert_eq!(said.status, 409);
    let words = "You cannot decide on an access of your own";
    assert!(said.body.contains(words), "{}", said.body);
    let mut forged = cancel;
    forged.insert("csrf".to_owned(), "0".repeat(32));
    let said = bruno.post(&format!("{case}/cancel"), &forged).await;
    assert!(
        said.status == 403 && said.body.contains("Nothing was done"),
        "{}",
        said.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_in_the_browser_from_the_request_to_the_feedback() {
    let inbox = Inbox::start(&["bruno", "ada", "dana", "fatima", "chen"], &[]).await;
    let (mut bruno, mut ada) = (inbox.browser(0).await, inbox.browser(1).await);
    let (mut dana, mut fatima) = (inbox.browser(2).await, inbox.browser(3).await);
    let case = ask(&mut bruno).await;
    let page = bruno.get(&case).await;
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    // Reason, ticket and affected systems; the timeline has it too once the entry is sealed.
    let escaped = page.body.matches("&lt;script&gt;").count();
    assert!(escaped >= 3, "{}", page.body);
    assert!(
        !page.body.contains("value=\"approve\""),
        "not on an own request"
    );

    let mut chen = inbox.browser(4).await;
    assert_eq!(chen.get(&case).await.status, 404, "a colleague's");
    own_approval_is_refused(&mut bruno, &case, &page).await;

    let (review, number) = (format!("{case}/review"), case.replace("/case/", ""));
    let home = ada.get("/").await;
    assert!(home.body.contains("To review (1)"), "{}", home.body);
    let stale = fatima
        .get(&case)
        .await
        .form(&review, &[("choice", "approve")]);
    let silent = ada.fill(&case, &review, &[("choice", "deny")]).await;
    assert!(
        silent.status == 422 && silent.body.contains("Say why"),
        "{}",
        silent.body
    );
    for browser in [&mut ada, &mut dana] {
        let approved = browser.fill(&case, &review, &[("choice", "approve")]).await;
        assert_eq!(approved.status, 303, "{}", approved.body);
    }
    let late = fatima.post(&review, &stale).await;
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(late.body.contains("it was decided before"), "{}", late.body);
    assert!(
        late.body.contains("mark active"),
        "as it stands now: {}",
        late.body
    );

    let done = bruno
        .fill(&case, &format!("{case}/finish"), &[("reason", BAD)])
        .await;
    assert_eq!(done.status, 303, "{}", done.body);
    let feedback = format!("{case}/feedback");
    let answers = [("sufficient", "yes"), ("wait", "partly"), ("reason", BAD)];
    for browser in [&mut bruno, &mut ada, &mut dana] {
        let told = browser.fill(&case, &feedback, &answers).await;
        assert_eq!(told.status, 303, "{}", told.body);
    }
    let closed = ada.get(&case).await;
    assert!(closed.body.contains("closed") && !closed.body.contains("<script>alert"));
    let proof = ada.get(&format!("{case}/proof/{number}")).await;
    assert!(
        proof.body.starts_with("c2sp.org/tlog-proof@v1\n"),
        "{}",
        proof.body
    );
    has_evidence(&inbox, &number);
    let pages = [&page, &late, &closed];
    let as_text = |page: &&Answer| page.body.matches("&lt;script&gt;alert").count();
    let shown: usize = pages.iter().map(as_text).sum();
    assert!(shown >= 10, "{shown}");
    println!("counted: {shown} texts with markup stand in pages of the inbox, none as markup");
    // A colleague's look, the own approval, a forged form, a no without a word, a late yes.
    println!("counted: 5 forms in the inbox that may do nothing did nothing, each with an answer");
    inbox.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn links_work_once_and_requests_from_elsewhere_not_at_all() {
    let inbox = Inbox::start(&["ada"], &[]).await;
    let mut ada = inbox.browser(0).await;
    let mut other = Browser::new(&inbox.url, None);
    let link = inbox.link(0);
    assert_eq!(other.get(&link).await.status, 410, "it was used");
    assert_eq!(other.post(&link, &[].into()).await.status, 410);
    assert_eq!(other.get("/").await.location(), "/sign-in");

    let page = ada.get("/").await;
    for header in [
        "content-security-policy: default-src 'none'",
        "x-frame-options: DENY",
        "x-content-type-options: nosniff",
        "referrer-policy: same-origin",
        "cache-control: no-store",
    ] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let evil = format!("{form}Origin: http://evil.example\r\n");
    assert_eq!(ada.send("POST /sign-out", &evil, "").await.status, 403);
    assert_eq!(ada.send("POST /sign-out", form, "").await.status, 403);
    let ours = format!("{form}Origin: {}\r\n", inbox.url);
    let large = "a".repeat(64 * 1024);
    assert_eq!(ada.send("POST /request", &ours, &large).await.status, 413);
    assert_eq!(ada.send("PUT /", "", "").await.status, 405);
    let host = ada.host.clone();
    ada.host = host.replace("127.0.0.1", "localhost");
    assert_eq!(
        ada.get("/").await.status,
        200,
        "localhost is this machine too"
    );
    ada.host = host;

    let out = ada.fill("/", "/sign-out", &[]).await;
    assert_eq!(out.status, 200, "{}", out.body);
    assert_eq!(ada.get("/").await.location(), "/sign-in");
    inbox.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_told_once_and_words_turn_nothing_round() {
    let inbox = Inbox::start(&["bruno", "ada"], &[]).await;
    let (mut bruno, mut ada) = (inbox.browser(0).await, inbox.browser(1).await);
    let wanted = [
        ("what", "orders-db read-only"),
        ("duration", "15m"),
        ("reason", "to look \u{202e}yltelpmoc"),
        ("ticket", "T-1"),
        ("step", "send"),
    ];
    let sent = bruno.fill("/request", "/request", &wanted).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let case = sent.location().to_owned();
    assert!(!case.contains('?'), "an address is for everybody: {case}");
    let done = "Your request is in the log.";
    let theirs = ada.get(&case).await;
    assert!(!theirs.body.contains(done), "{}", theirs.body);
    let mine = bruno.get(&case).await;
    assert!(mine.body.contains(done), "{}", mine.body);
    let again = bruno.get(&case).await;
    assert!(!again.body.contains(done), "{}", again.body);
    let home = ada.get("/").await;
    for page in [&theirs, &home] {
        assert!(!page.body.contains('\u{202e}'), "{}", page.body);
        assert!(
            page.body.contains("to look \u{fffd}yltelpmoc"),
            "{}",
            page.body
        );
        let zones = page.body.matches(" CET</time>").count();
        let zones = zones + page.body.matches(" CEST</time>").count();
        assert!(zones > 0, "times have their zone: {}", page.body);
    }
    inbox.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_shown_says_why() {
    let mut inbox = Inbox::start(&["ada"], &[]).await;
    let mut ada = inbox.browser(0).await;
    let none = ada.get("/case/abc").await;
    assert_eq!(none.status, 404);
    assert!(none.body.contains("There is no such case"), "{}", none.body);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let ours = format!("{form}Origin: {}\r\n", inbox.url);
    let large = "a".repeat(64 * 1024);
    let long = ada.send("POST /request", &ours, &large).await;
    assert_eq!(long.status, 413);
    assert!(long.body.contains("48 KiB"), "{}", long.body);
    inbox.stage.kill_ledger();
    let away = ada.get("/").await;
    assert_eq!(away.status, 504, "{}", away.body);
    let words = "The ledger does not answer";
    assert!(away.body.contains(words), "{}", away.body);
    assert!(!away.body.contains("Whatever you sent"), "{}", away.body);
    inbox.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_can_speak_tls_for_the_inbox() {
    let folder = tempfile::tempdir().expect("a folder");
    let chat = folder.path().join("chatbot.toml");
    std::fs::write(&chat, "inbox_url = \"https://inbox.example.com\"\n").expect("room");
    let inbox = Inbox::start(&["ada", "bruno"], &["--chat", text(&chat)]).await;
    let mut ada = Browser::new(&inbox.url, None);
    ada.proxy = Some("inbox.example.com".to_owned());
    let link = inbox.link(0);
    let entered = ada.fill(&link, &link, &[]).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    assert!(
        ada.cookie.starts_with("__Host-countersign=") && entered.head.contains("; Secure"),
        "{}",
        entered.head
    );
    assert!(
        entered.head.contains("strict-transport-security"),
        "{}",
        entered.head
    );
    let checked = [("step", "check")];
    let sent = ada.fill("/request", "/request", &checked).await;
    assert_eq!(sent.status, 422, "it is looked at: {}", sent.body);
    // Another name is another place, and this machine needs no proxy.
    ada.proxy = Some("other.example.com".to_owned());
    assert_eq!(ada.get("/").await.status, 421);
    let mut bruno = inbox.browser(1).await;
    assert!(bruno.cookie.starts_with("countersign="), "{}", bruno.cookie);
    assert_eq!(bruno.get("/").await.status, 200);
    // A proxy that the configuration does not name is told what is missing.
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let origin = format!("{form}Origin: https://{}\r\n", bruno.host);
    let told = bruno.send("POST /sign-out", &origin, "").await;
    assert!(
        told.status == 403 && told.body.contains("inbox_url"),
        "{}",
        told.body
    );
    inbox.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_on_every_address_has_to_be_named() {
    let stage = Stage::open("inbox", &[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a pair");
    let (cert, key) = (folder.path().join("web.pem"), folder.path().join("web.key"));
    std::fs::write(&cert, made.cert.pem()).expect("room");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("room");
    let tls = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
    let refused = stage.chatbot_at("0.0.0.0:0", &tls).output();
    let refused = refused.expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("--host inbox.example.com"), "{said}");
    let named = [&tls[..], &["--host", "inbox.example.com"]].concat();
    let (mut program, url, _) = serve(&mut stage.chatbot_at("0.0.0.0:0", &named), 0);
    assert_eq!(url, "https://inbox.example.com");
    program.kill();
    stage.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_signs_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a pair");
    let (cert, key) = (folder.path().join("web.pem"), folder.path().join("web.key"));
    std::fs::write(&cert, made.cert.pem()).expect("room");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("room");
    let tls = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
    let inbox = Inbox::start(&[], &tls).await;
    let identity = inbox.stage.beside("user-ada");
    let config = |with: bool| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.3")
            .with_root_certificates(roots);
        if !with {
            return builder.with_no_client_auth();
        }
        let chain = CertificateDer::pem_file_iter(identity.join("cert.pem")).expect("a file");
        let chain = chain.collect::<Result<_, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(identity.join("key.pem")).expect("a key");
        builder.with_client_auth_cert(chain, key).expect("a pair")
    };
    let mut nobody = Browser::new(&inbox.url, Some(config(false)));
    let page = nobody.get("/sign-in").await;
    assert!(page.body.contains("no certificate"), "{}", page.body);
    let tried = nobody.post("/sign-in", &[].into()).await;
    assert_eq!(tried.location(), "/sign-in");

    let mut ada = Browser::new(&inbox.url, Some(config(true)));
    let entered = ada.fill("/sign-in", "/sign-in", &[]).await;
    assert_eq!(entered.location(), "/", "{}", entered.body);
    assert!(
        ada.cookie.starts_with("__Host-countersign="),
        "{}",
        entered.head
    );
    assert!(entered.head.contains("; Secure"), "{}", entered.head);
    assert!(
        entered.head.contains("strict-transport-security"),
        "{}",
        entered.head
    );
    let home = ada.get("/").await;
    assert!(home.body.contains("user:ada"), "{}", home.body);

    // Whose certificate is revoked does nothing more.
    let dir = inbox.stage.data.path();
    let listed = run(&["ca", "list", "--dir", text(&dir), "--json"]);
    let serial = serial_of(&String::from_utf8_lossy(&listed.stdout), "user:ada");
    let revoke = ["ca", "revoke", &serial, "--reason", "lost", "--dir"];
    assert!(run(&[&revoke[..], &[text(&dir)]].concat()).status.success());
    let out = ada.fill("/request", "/request", &[("step", "check")]).await;
    assert!(
        out.status == 403 && out.body.contains("revoked"),
        "{}",
        out.body
    );
    inbox.end();
}

/// The serial number of a principal's certificate, out of a listing in JSON.
fn serial_of(listed: &str, principal: &str) -> String {
    let values = serde_json::Deserializer::from_str(listed).into_iter::<serde_json::Value>();
    let mut all: Vec<serde_json::Value> = Vec::new();
    for value in values {
        match value.expect("JSON") {
            serde_json::Value::Array(some) => all.extend(some),
            one => all.push(one),
        }
    }
    let found = all.iter().find(|one| one["principal"] == principal);
    let serial = found.and_then(|one| one["serial"].as_str());
    serial.expect("it was issued").to_owned()
}
