//! Microsoft's own programs as judges: of tokens, of answers, and of the app package.

use std::process::Command;

use countersign_tests::node::{new_node, node_modules, peer, python};
use countersign_tests::process::run;
use countersign_tests::stage::text;
use countersign_tests::teams::microsoft::{APP, TENANT};
use serde_json::{Value, json};

fn judged(command: &mut Command, question: &Value) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("question.json");
    std::fs::write(&path, question.to_string()).expect("room");
    let output = command.arg(&path).output().expect("it is installed");
    let why = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {text}{why}", output.status);
    let read = serde_json::from_str(&text);
    assert!(read.is_ok(), "{text}{why}");
    read.unwrap_or_default()
}

/// Whether the SDK's validator takes each of these, by name.
pub(crate) fn vendor_verdicts(openid: &str, attempts: &[Value]) -> Value {
    let mut command = new_node();
    command
        .arg(peer("teams_tokens.cjs"))
        .arg(node_modules())
        .env("NO_PROXY", "127.0.0.1");
    let question = json!({
        "app": APP, "tenant": TENANT,
        "openid": openid, "attempts": attempts,
    });
    judged(&mut command, &question)
}

/// The SDK's models have to take each of these answers, and refuse others.
///
/// What was counted comes back.
pub(crate) fn judge_replies(replies: &[Value]) -> String {
    let mut command = python();
    command.arg(peer("teams_replies.py"));
    let verdict = judged(&mut command, &json!(replies));
    let wrong = verdict["wrong"].as_array().expect("a list");
    assert!(wrong.is_empty(), "{wrong:#?}");
    let (taken, refused) = (&verdict["taken"], &verdict["refused"]);
    assert_eq!(taken.as_u64(), u64::try_from(replies.len()).ok());
    format!("counted: Microsoft's models took {taken} answers and refused {refused} bad ones")
}

#[test]
fn microsofts_schemas_take_the_app_package() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, zip) = (
        folder.path().join("chatbot.toml"),
        folder.path().join("app.zip"),
    );
    std::fs::write(folder.path().join("secret"), "hush").expect("room");
    let (app, tenant) = (APP, TENANT);
    let settings = format!(
        "inbox_url = \"https://access.example.com\"\n[teams]\ntenant = \"{tenant}\"\n\
         app_id = \"{app}\"\nclient_secret_file = \"secret\"\n"
    );
    std::fs::write(&config, settings).expect("room");
    let (config, zip) = (text(&config), text(&zip));
    let made = run(&[
        "chatbot", "manifest", "teams", "--chat", config, "--out", zip,
    ]);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    // Python reads the ZIP file, and both pictures; Node holds the manifest against the schemas.
    let unpack = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert not z.testzip(); \
                  assert sorted(z.namelist()) == ['color.png', 'manifest.json', 'outline.png']; \
                  z.extractall(sys.argv[2])";
    let python = python()
        .args(["-c", unpack, zip, text(folder.path())])
        .output()
        .expect("it is installed");
    assert!(
        python.status.success(),
        "{}",
        String::from_utf8_lossy(&python.stderr)
    );
    let manifest = std::fs::read_to_string(folder.path().join("manifest.json")).expect("text");
    assert!(!manifest.contains("hush"));
    let mut command = new_node();
    command.arg(peer("teams_manifest.cjs")).arg(node_modules());
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let verdict = judged(&mut command, &manifest);
    assert_eq!(verdict["complaints"], json!([]), "{verdict:#}");
    let (taken, refused) = (&verdict["taken"], &verdict["refused"]);
    println!("counted: {taken} schemas took the manifest, and refused {refused} with a defect");
}
