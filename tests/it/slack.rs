//! The Slack app as people meet it: the real program, a real ledger, and Slack's Web API as
//! `emulate` has it. Slack's own library for receivers gets the same bytes and must agree.

#[path = "slack/refusals.rs"]
mod refusals;
#[path = "slack/scene.rs"]
mod scene;
#[path = "slack/slow.rs"]
mod slow;
#[path = "slack/socket.rs"]
mod socket;

use std::collections::BTreeMap;
use std::process::Command;

use countersign_chatbot::slack::manifest::{Reach, manifest};
use countersign_tests::node::node_modules;
use countersign_tests::process::run;
use countersign_tests::slack::acts::{approve, fill, message, open_form, send_form, told};
use countersign_tests::slack::payload::{Signed, TEAM, interaction, submission};
use countersign_tests::slack::relay::Call;
use countersign_tests::slack::workspace::call;
use serde_json::{Value, json};

use crate::scene::{Scene, Teller};

/// Everything that Slack takes for markup somewhere.
const MARKUP: &str =
    "<!channel> <!here> <@U000000001> <https://evil.example|x> *b* `c` @everyone &";

/// Asks for access in a modal, after mistakes; the number of the case, and what was sent.
pub(crate) async fn ask(scene: &Scene, person: &str, words: &str) -> (u64, Signed) {
    let view = open_form(scene, person).await;
    let empty = interaction(&submission(scene.id(person), &view, &[]));
    let answer = scene.taken(&empty).await;
    assert_eq!(answer["response_action"], "errors");
    let errors = answer["errors"].as_object().expect("errors");
    let fields: Vec<&str> = errors.keys().map(String::as_str).collect();
    assert_eq!(fields, ["access", "duration", "reason"]);
    send_form(scene, person, &view, ("read-only on orders-db", words)).await
}

/// The message that the last card was posted as.
async fn posted(scene: &Scene, teller: &Teller, (case, person): (u64, &str)) -> Value {
    let place = teller.show(case, person, scene.id(person)).await;
    let is_it =
        |call: &Call| call.method == "chat.postMessage" && call.answer["ts"] == place.id.as_str();
    message(&scene.relay.call(0, is_it).await)
}

/// The card of a case that waits for ada.
pub(crate) async fn waiting(scene: &Scene, case: u64) -> Value {
    let teller = scene.teller().await;
    posted(scene, &teller, (case, "ada")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_in_slack_from_the_request_to_the_feedback() {
    let scene = Scene::start().await;
    let teller = scene.teller().await;
    let mut sent = Vec::new();
    let (case, asked) = ask(&scene, "bruno", MARKUP).await;
    sent.push(("AccessRequested", asked));

    let card = posted(&scene, &teller, (case, "ada")).await;
    let (clicked, after) = approve(&scene, "ada", &card).await;
    assert!(after.to_string().contains("active"), "{after}");
    assert!(!after.to_string().contains("\"approve\""), "{after}");
    let digest = card_of(&card);
    sent.push(("ReviewRecorded", clicked));

    let own = posted(&scene, &teller, (case, "bruno")).await;
    let more = [("duration", "3600"), ("reason", MARKUP)];
    let (asked, answer) = fill(&scene, "bruno", (&own, "extend"), &more).await;
    assert!(told(&answer).starts_with("It is in the log."), "{answer}");
    sent.push(("ExtensionRequested", asked));
    let card = posted(&scene, &teller, (case, "ada")).await;
    let (clicked, _) = approve(&scene, "ada", &card).await;
    sent.push(("ReviewRecorded", clicked));

    let own = posted(&scene, &teller, (case, "bruno")).await;
    let (asked, answer) = fill(&scene, "bruno", (&own, "finish"), &[("reason", MARKUP)]).await;
    assert!(told(&answer).starts_with("It is in the log."), "{answer}");
    sent.push(("GrantFinished", asked));
    for person in ["bruno", "ada"] {
        let card = posted(&scene, &teller, (case, person)).await;
        let said = [
            ("sufficient", "yes"),
            ("wait", "partly"),
            ("comment", MARKUP),
        ];
        let (told_us, answer) = fill(&scene, person, (&card, "feedback"), &said).await;
        assert!(told(&answer).starts_with("It is in the log."), "{answer}");
        sent.push(("FeedbackSubmitted", told_us));
    }
    let entries = scene.entries(case);
    assert_eq!(entries.last().expect("entries")["name"], "CaseClosed");
    has_evidence(&scene, &entries, &sent, &digest);
    let (parsed, shown) = nothing_is_markup(&scene);
    println!(
        "counted: {} acts in Slack have their evidence in the log",
        sent.len()
    );
    println!("counted: {parsed} texts of messages hold no markup, {shown} show it literally");
    scene.end();
}

/// The digest in the id of a card's row of buttons.
fn card_of(message: &Value) -> String {
    let blocks = message["blocks"].as_array().expect("blocks").iter();
    let mut ids = blocks.filter_map(|block| block["block_id"].as_str()?.strip_prefix("card:"));
    ids.next().expect("a row of buttons").to_owned()
}

/// Each entry of a person says which callback it was, and what proved it.
fn has_evidence(scene: &Scene, entries: &[Value], sent: &[(&str, Signed)], first_card: &str) {
    let mut by_people = entries.iter().filter(|entry| entry["via"] != "");
    for (name, signed) in sent {
        let entry = by_people.next().expect("an entry for each");
        let evidence = &entry["event"]["evidence"];
        assert_eq!(entry["name"], *name, "{entry}");
        assert_eq!(entry["via"], "bot:slack");
        let person = entry["actor"]
            .as_str()
            .and_then(|actor| actor.strip_prefix("user:"));
        assert_eq!(
            evidence["user"],
            scene.id(person.expect("a user")),
            "{entry}"
        );
        assert_eq!(evidence["callback_sha256"], signed.digest(), "{entry}");
        for (field, value) in [
            ("platform", "slack"),
            ("tenant", TEAM),
            ("verified_by", "slack-signature-v0"),
        ] {
            assert_eq!(evidence[field], value, "{entry}");
        }
        assert!(evidence["callback_time"].is_string(), "{entry}");
        let from_card = *name != "AccessRequested";
        for field in ["channel", "message", "card_sha256"] {
            let known = evidence[field]
                .as_str()
                .is_some_and(|text| !text.is_empty());
            assert_eq!(known, from_card, "{field}: {entry}");
        }
    }
    assert!(by_people.next().is_none(), "nothing else was done");
    let review = entries
        .iter()
        .find(|entry| entry["name"] == "ReviewRecorded");
    assert_eq!(
        review.expect("a review")["event"]["evidence"]["card_sha256"],
        first_card
    );
}

/// No text that Slack parses holds what somebody wrote as markup.
fn nothing_is_markup(scene: &Scene) -> (usize, usize) {
    let mut parsed = 0;
    let mut literal = 0;
    for made in scene.relay.calls() {
        if let Some(text) = made.body["text"].as_str() {
            parsed += 1;
            let without = text.split("<!date^").map(|part| part.split_once('>'));
            let rest: Vec<&str> = without
                .map(|split| split.map_or("", |(_, rest)| rest))
                .collect();
            for sign in ["<!", "<@", "<http", "<#", "@everyone", "*b*", "`c`"] {
                assert!(
                    rest.iter().all(|rest| !rest.contains(sign)),
                    "{sign} in {text}"
                );
            }
        }
        walk(&made.body, &mut |object| {
            assert_ne!(object["type"], "mrkdwn", "Slack parses {object}");
            let text = object["text"].as_str().unwrap_or_default();
            literal += usize::from(text.contains("<!channel>"));
        });
    }
    assert!(
        parsed > 10 && literal > 10,
        "{parsed} texts, {literal} literal ones"
    );
    (parsed, literal)
}

fn walk(value: &Value, see: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(fields) => {
            see(value);
            fields.values().for_each(|value| walk(value, see));
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, see)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_leads_to_its_message_on_every_page() {
    let scene = Scene::without_bot().await;
    let teller = scene.teller().await;
    let opened = call(
        scene.api,
        "conversations.open",
        &json!({"users": scene.id("ada")}),
    )
    .await;
    let channel = &opened["channel"]["id"];
    let old = |number: u64| {
        json!({"channel": channel, "text": "x", "metadata": {
            "event_type": "countersign_card",
            "event_payload": {"about": number.to_string(), "recipient": "ada"},
        }})
    };
    for number in 1..=150 {
        call(scene.api, "chat.postMessage", &old(number)).await;
    }
    use countersign_chatbot::surface::{Mark, Surface as _};
    let find = async |about| {
        let recipient = "ada".to_owned();
        let mark = Mark { about, recipient };
        let found = teller.slack.find(&scene::to(scene.id("ada")), &mark).await;
        found.expect("an answer").is_some()
    };
    for (about, is_there) in [(1, true), (150, true), (151, false)] {
        assert_eq!(find(about).await, is_there, "{about}");
    }
    scene.end();
}

#[test]
fn slacks_types_fit_the_manifest_that_the_program_prints() {
    let print = |more: &[&str]| {
        let printed = run(&[&["chatbot", "manifest", "slack"], more].concat());
        assert!(printed.status.success());
        String::from_utf8(printed.stdout).expect("text")
    };
    let (http, socket) = (
        print(&["--url", "https://a.example.com"]),
        print(&["--socket-mode"]),
    );
    let same: Value = serde_json::from_str(&http).expect("JSON");
    assert_eq!(
        same,
        manifest(&Reach::Http("https://a.example.com".to_owned()))
    );
    for bad in [
        "http://a.example.com",
        "https://",
        "https://a/b",
        "https://a b",
    ] {
        let refused = run(&["chatbot", "manifest", "slack", "--url", bad]);
        assert!(!refused.status.success(), "{bad}");
    }
    let wrong = http.replace("\"global\"", "\"everywhere\"");
    let texts = BTreeMap::from([("good", [http, socket]), ("bad", [wrong, "{}".to_owned()])]);
    let folder = tempfile::tempdir().expect("a folder");
    let modules = node_modules();
    std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).expect("a link");
    for (name, texts) in texts {
        let mut code = "import type { Manifest } from\n  \
                        '@slack/web-api/dist/types/request/manifest';\n"
            .to_owned();
        for text in texts {
            code.push_str(&format!("({text}) satisfies Manifest;\n"));
        }
        let file = format!("{name}.ts");
        std::fs::write(folder.path().join(&file), code).expect("room");
        let compiled = Command::new("node")
            .arg(modules.join("typescript/bin/tsc"))
            .args(["--noEmit", "--strict", "--skipLibCheck"])
            .args(["--module", "commonjs", "--target", "es2022", &file])
            .current_dir(folder.path())
            .output()
            .expect("it is installed");
        let said = String::from_utf8_lossy(&compiled.stdout);
        assert_eq!(compiled.status.success(), name == "good", "{said}");
        if name == "bad" {
            assert!(said.matches("error TS").count() >= 2, "{said}");
        }
    }
}
