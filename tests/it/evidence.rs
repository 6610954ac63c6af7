//! The evidence of a case and the report of a period: what auditors take away proves itself, and
//! every damage to it is found.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Output;

use countersign_tests::process::{countersign, run};
use countersign_tests::stage::{Stage, text};
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Files of an archive, in the order of their names.
type Files = BTreeMap<String, Vec<u8>>;

/// A ledger with a case, and somebody who may look at everything.
struct Scene {
    stage: Stage,
    auditor: PathBuf,
}

impl Scene {
    async fn open() -> Self {
        let stage = Stage::open("inbox", &["bruno", "dana", "ada"]).await;
        let (auditor, dir) = (stage.beside("auditor-eve"), stage.data.path());
        let words = [
            "ca",
            "issue",
            "--dir",
            text(&dir),
            "--role",
            "auditor",
            "--name",
            "eve",
        ];
        let issued = run(&[&words[..], &["--out", text(&auditor)]].concat());
        let why = String::from_utf8_lossy(&issued.stderr);
        assert!(issued.status.success(), "{why}");
        stage.put_starter(|_, _| {});
        Self { stage, auditor }
    }

    /// Runs a command as this identity.
    fn by(&self, identity: &Path, words: &[&str]) -> Output {
        let server = &self.stage.ledger().endpoint.grpc;
        let mut command = countersign(words);
        command.args(["--server", server, "--identity", text(identity)]);
        command.output().expect("the binary starts")
    }

    fn did(&self, identity: &Path, words: &[&str]) -> String {
        let done = self.by(identity, words);
        let (out, why) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        assert!(done.status.success(), "{words:?}: {out}{why}");
        out.into_owned()
    }

    fn user(&self, name: &str) -> PathBuf {
        self.stage.beside(&format!("user-{name}"))
    }

    /// Break-glass access of bruno with a recorded session; its case.
    fn used(&self) -> u64 {
        let bruno = self.user("bruno");
        let words = [
            "access",
            "break-glass",
            "orders-db",
            "break-glass",
            "--for",
            "30m",
            "--reason",
            "it <burns> & nobody answers",
            "--severity",
            "sev1",
            "--json",
        ];
        let told: Value = serde_json::from_str(&self.did(&bruno, &words)).expect("JSON");
        let case = told["case"]["id"].as_u64().expect("a number");
        let spool = self.stage.beside("spool");
        let (server, number) = (&self.stage.ledger().endpoint.grpc, case.to_string());
        let words = [
            "collector",
            "run",
            "--server",
            server,
            "--identity",
            text(&bruno),
            "--grant",
            &number,
            "--spool",
            text(&spool),
            "--",
            "sh",
            "-c",
            "echo so it is",
        ];
        let ran = countersign(&words).output().expect("the binary starts");
        let why = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{why}");
        case
    }

    /// A closed case: a request of bruno that ada denies.
    fn denied(&self) -> u64 {
        let words = [
            "access",
            "request",
            "orders-db",
            "read-only",
            "--for",
            "30m",
            "--reason",
            "curious",
            "--ticket",
            "T-1",
            "--json",
        ];
        let told = self.did(&self.user("bruno"), &words);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let case = told["case"]["id"].as_u64().expect("a number");
        let number = case.to_string();
        let words = ["access", "review", &number, "--deny", "--reason", "not now"];
        self.did(&self.user("ada"), &words);
        // With what they say of it the case is over.
        let words = [
            "access",
            "feedback",
            &number,
            "--sufficient",
            "no",
            "--wait-ok",
            "yes",
        ];
        for who in ["bruno", "ada"] {
            self.by(&self.user(who), &words);
        }
        case
    }

    fn export(&self, case: u64, name: &str) -> PathBuf {
        let (file, number) = (self.stage.beside(name), case.to_string());
        self.did(
            &self.auditor,
            &["case", "export", &number, "--out", text(&file)],
        );
        file
    }
}

fn verify(file: &Path, key: &str) -> (i32, Value) {
    let done = run(&["verify", text(file), "--key", key, "--json"]);
    let report = serde_json::from_slice(&done.stdout).expect("JSON");
    (done.status.code().unwrap_or(-1), report)
}

fn codes(report: &Value, which: &str) -> Vec<String> {
    let findings = report[which].as_array().expect("a list");
    let code = |it: &Value| it["code"].as_str().expect("a code").to_owned();
    findings.iter().map(code).collect()
}

fn files(path: &Path) -> Files {
    let mut zip = ZipArchive::new(File::open(path).expect("it is there")).expect("a zip archive");
    let mut files = Files::new();
    for number in 0..zip.len() {
        let mut file = zip.by_index(number).expect("a file");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("its bytes");
        files.insert(file.name().expect("a name").into_owned(), bytes);
    }
    files
}

fn write(path: &Path, files: &Files) {
    let mut zip = ZipWriter::new(File::create(path).expect("room"));
    for (name, bytes) in files {
        let plain = SimpleFileOptions::default();
        zip.start_file(name, plain).expect("room");
        zip.write_all(bytes).expect("room");
    }
    zip.finish().expect("room");
}

/// One damage: what was done, and the files afterwards.
fn damages(whole: &Files, other: &Files) -> Vec<(String, Files)> {
    let mut all = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Files)| {
        let mut files = whole.clone();
        change(&mut files);
        assert_ne!(&files, whole, "{what} changes nothing");
        all.push((what, files));
    };
    for (name, bytes) in whole {
        add(format!("{name} removed"), &|files| {
            files.remove(name);
        });
        add(format!("{name} renamed"), &|files| {
            let bytes = files.remove(name).unwrap_or_default();
            files.insert(format!("{name}.bak"), bytes);
        });
        add(format!("{name} cut"), &|files| {
            files.entry(name.clone()).or_default().pop();
        });
        add(format!("{name} longer"), &|files| {
            files.entry(name.clone()).or_default().push(b'\n');
        });
        if let Some(theirs) = other.get(name).filter(|theirs| *theirs != bytes) {
            add(format!("{name} of another bundle"), &|files| {
                files.insert(name.clone(), theirs.clone());
            });
        }
        // One bit in each eighth of the file.
        for eighth in 0..8 {
            let at = bytes.len() * eighth / 8;
            add(format!("{name} byte {at}"), &|files| {
                files.entry(name.clone()).or_default()[at] ^= 1;
            });
        }
    }
    add("a file more".to_owned(), &|files| {
        files.insert("note.txt".to_owned(), b"hello".to_vec());
    });
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_of_a_case_proves_itself_and_every_damage_is_found() {
    let scene = Scene::open().await;
    let (used, denied) = (scene.used(), scene.denied());
    let (one, two) = (
        scene.export(used, "used.zip"),
        scene.export(denied, "denied.zip"),
    );
    let told = scene.stage.entries(&["--kind", "ReportCreated"]);
    let told: Vec<_> = told
        .iter()
        .map(|it| (it["actor"].clone(), it["event"]["about"].clone()))
        .collect();
    let eve = Value::from("auditor:eve");
    assert_eq!(told, [(eve.clone(), used.into()), (eve, denied.into())]);

    // The ledger is not needed any more.
    let key = scene.stage.data.vkey.to_string();
    let (code, report) = verify(&one, &key);
    assert_eq!(
        (code, &report["verdict"]),
        (0, &"intact".into()),
        "{report}"
    );
    assert_eq!(codes(&report, "notes"), ["copy-partial"], "{report}");
    assert_eq!(report["complete"], false);
    let checked = &report["checked"];
    assert!(checked["blobs"].as_u64() > Some(0), "{report}");
    assert_eq!(checked["cases"], 1);
    let (code, report) = verify(&two, &key);
    assert_eq!((code, &report["complete"]), (0, &true.into()), "{report}");
    assert_eq!(codes(&report, "notes"), [""; 0], "{report}");

    let (mut tried, mut found) = (0_u32, 0_u32);
    let damaged = scene.stage.beside("damaged.zip");
    for (path, other) in [(&one, &two), (&two, &one)] {
        for (what, files) in damages(&files(path), &files(other)) {
            write(&damaged, &files);
            let (code, report) = verify(&damaged, &key);
            tried += 1;
            // Without a manifest nothing can be said, which is no verdict either.
            let unreadable = what.starts_with("manifest.json") && code == 2;
            assert!(code == 1 || unreadable, "{what}: {report}");
            found += 1;
        }
    }
    println!("counted: damaged bundles: {tried} tried, {found} found");
    let page = &files(&one)["case.html"];
    let page = String::from_utf8_lossy(page);
    assert!(
        page.contains("it &lt;burns&gt; &amp; nobody answers"),
        "{page}"
    );
    assert!(
        !page.contains("<script") && !page.contains("<burns>"),
        "{page}"
    );
    scene.stage.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_of_a_period_and_who_made_it() {
    let scene = Scene::open().await;
    let (used, denied) = (scene.used(), scene.denied());
    let told = scene.did(&scene.auditor, &["report", "--from", "1h", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let counts = &told["counts"];
    let expected = [
        ("cases", 2),
        ("granted", 1),
        ("break_glass", 1),
        ("sessions", 1),
    ];
    for (name, count) in expected {
        assert_eq!(counts[name], count, "{name}: {told}");
    }
    let cases: Vec<_> = told["cases"].as_array().expect("a list").iter().collect();
    let [first, second] = cases[..] else {
        panic!("{told}");
    };
    assert_eq!(
        (&first["case"], &second["case"]),
        (&used.into(), &denied.into())
    );
    assert_eq!(first["asked"]["person"], "bruno");
    assert_eq!(first["exceptions"][0]["what"], "break-glass");
    assert_eq!(second["outcome"], "denied");
    assert_eq!(second["decided"][0]["person"], "ada");
    assert_eq!(second["decided"][0]["reason"], "not now");
    let names = told["log"].as_array().expect("a list").iter();
    let names: Vec<_> = names
        .map(|it| it["name"].as_str().unwrap_or_default())
        .collect();
    for name in ["LogOpened", "PolicyChanged", "CertificateIssued"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }

    let page = scene.stage.beside("report.html");
    let words = ["report", "--from", "1h", "--out", text(&page)];
    let said = scene.did(&scene.auditor, &words);
    assert!(said.contains("2 cases, 1 with access"), "{said}");
    let html = std::fs::read(&page).expect("it is there");
    let made = scene.stage.entries(&["--kind", "ReportCreated"]);
    let last = made.last().expect("two reports");
    let digest = countersign_chain::hash::digest(&html).to_string();
    assert_eq!(last["event"]["sha256"], digest, "the log names the page");
    assert_eq!(last["actor"], "auditor:eve");
    let html = String::from_utf8_lossy(&html);
    assert!(
        html.contains("it &lt;burns&gt; &amp; nobody answers"),
        "{html}"
    );

    let refused = scene.by(&scene.user("bruno"), &words[..3]);
    assert_eq!(refused.status.code(), Some(2), "a file or --json is needed");
    let other = scene.stage.beside("other.html");
    let words = ["report", "--from", "1h", "--out", text(&other)];
    let refused = scene.by(&scene.user("bruno"), &words);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("ROLE_NOT_ALLOWED") && !other.exists(), "{why}");
    scene.stage.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_of_attempts_that_belong_to_no_case() {
    let scene = Scene::open().await;
    let words = [
        "access",
        "request",
        "orders-db",
        "read-only",
        "--for",
        "900h",
    ];
    let words = [&words[..], &["--reason", "who knows"]].concat();
    let refused = scene.by(&scene.user("bruno"), &words);
    assert_ne!(refused.status.code(), Some(0));
    let told = scene.did(&scene.auditor, &["report", "--from", "1h", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let refused = told["exceptions"].as_array().expect("a list");
    assert_eq!(refused.len(), 1, "{told}");
    assert_eq!(refused[0]["what"], "attempt refused");
    let detail = refused[0]["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with("bruno, "), "{detail}");
    assert_eq!(told["counts"]["exceptions"], 1);
    assert_eq!(told["counts"]["cases"], 0);
    let page = scene.stage.beside("report.html");
    let words = ["report", "--from", "1h", "--out", text(&page)];
    let said = scene.did(&scene.auditor, &words);
    assert!(said.contains("1 thing that stands out"), "{said}");
    let html = std::fs::read_to_string(&page).expect("it is there");
    assert!(html.contains("attempt refused"), "{html}");
    // Who cannot write it down is not written down as one who made it.
    let made = scene.stage.entries(&["--kind", "ReportCreated"]);
    let words = [
        "report",
        "--from",
        "1h",
        "--out",
        "/nothing/there/report.html",
    ];
    let failed = scene.by(&scene.auditor, &words);
    assert_eq!(failed.status.code(), Some(2));
    assert_eq!(scene.stage.entries(&["--kind", "ReportCreated"]), made);
    scene.stage.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_refused_to_others_and_leaves_no_half_file() {
    let scene = Scene::open().await;
    let case = scene.denied().to_string();
    let file = scene.stage.beside("case.zip");
    let words = ["case", "export", &case, "--out", text(&file)];
    let refused = scene.by(&scene.user("bruno"), &words);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("ROLE_NOT_ALLOWED"), "{why}");
    // Nobody has looked at a recording who could not take it away.
    let used = scene.used().to_string();
    let words_of = ["case", "export", &used, "--out", text(&file)];
    let refused = scene.by(&scene.user("bruno"), &words_of);
    assert_eq!(refused.status.code(), Some(1));
    let viewed = scene.stage.entries(&["--kind", "RecordingViewed"]);
    assert_eq!(viewed, [] as [Value; 0]);
    let unknown = scene.by(
        &scene.auditor,
        &["case", "export", "999999", "--out", text(&file)],
    );
    assert_ne!(unknown.status.code(), Some(0));
    std::fs::write(&file, "precious").expect("room");
    let there = scene.by(&scene.auditor, &words);
    let why = String::from_utf8_lossy(&there.stderr);
    assert!(why.contains("never overwritten"), "{why}");
    assert_eq!(
        std::fs::read_to_string(&file).expect("it stays"),
        "precious"
    );
    let folder = std::fs::read_dir(file.parent().expect("a folder")).expect("it is read");
    let half: Vec<_> = folder
        .filter_map(|it| it.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".part"))
        .collect();
    assert_eq!(half, [""; 0]);
    scene.stage.end();
}
