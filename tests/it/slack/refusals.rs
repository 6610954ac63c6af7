//! What is not believed, not understood, or not for this person to do: nothing of it reaches a
//! case, and each click has an answer.

use std::time::Duration;

use countersign_tests::node::{peer, python};
use countersign_tests::process::free_port;
use countersign_tests::program::Program;
use countersign_tests::slack::acts::{modal, told};
use countersign_tests::slack::payload::{
    SECRET, Signed, click, command, headers, interaction, now, shortcut, signature, submission,
};
use countersign_tests::slack::relay::Call;
use countersign_tests::wire::{Letter, post};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::scene::Scene;
use crate::{ask, waiting};

/// Bolt beside the bot.
struct Bolt {
    _program: Program,
    port: u16,
}

impl Bolt {
    async fn start(scene: &Scene) -> Self {
        let port = free_port();
        let api = format!("http://127.0.0.1:{}/api/", scene.api);
        let mut python = python();
        python.arg(peer("slack_receiver.py"));
        python.args([&port.to_string(), &api, SECRET]);
        let program = Program::start(&mut python);
        program.prints("Bolt listens");
        // It listens a moment after it has said so.
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self {
            _program: program,
            port,
        }
    }

    async fn send(&self, signed: &Signed) -> Letter {
        post(self.port, "/slack/events", &signed.headers, &signed.body).await
    }
}

/// Requests that differ from a good one in what proves it.
fn unproved(good: &Signed) -> Vec<(&'static str, Signed)> {
    let (body, time) = (&good.body, now());
    let with = |headers: String| Signed {
        headers,
        ..good.clone()
    };
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let stamp = format!("{form}X-Slack-Request-Timestamp: {time}\r\n");
    let sign = |time| signature(SECRET, time, body);
    let right = sign(time);
    let mut changed = good.clone();
    changed.body.extend_from_slice(b"&x=1");
    let twice = format!("{}X-Slack-Signature: {right}\r\n", headers(time, &right));
    let words = headers(time, &right).replace(&time.to_string(), "now");
    let signed = |time, secret: &str| Signed::at(good.path, body.clone(), time, secret);
    let headed = |signature: &str| with(headers(time, signature));
    vec![
        ("no signature and no time", with(form.to_owned())),
        ("no signature", with(stamp)),
        ("an empty signature", headed("")),
        ("another version", headed(&right.replace("v0=", "v1="))),
        ("a signature cut short", headed(&right[..60])),
        ("a signature in capitals", headed(&right.to_uppercase())),
        ("two signatures", with(twice)),
        ("another secret", signed(time, "other")),
        ("an empty secret", signed(time, "")),
        ("late", signed(time - 330, SECRET)),
        ("very late", signed(time - 86_400, SECRET)),
        ("early", signed(time + 330, SECRET)),
        ("kept, with a new time", headed(&sign(time - 400))),
        ("a changed body", changed),
        ("a time of words", with(words)),
    ]
}

/// Bodies that are signed and that Slack would not send.
fn garbled(good: &Signed) -> Vec<(&'static str, Signed, u16)> {
    let signed = |body: &[u8]| Signed::new(good.path, body.to_vec());
    let json = |text: &str| {
        let mut signed = signed(text.as_bytes());
        signed.headers = signed.headers.replace("x-www-form-urlencoded", "json");
        signed
    };
    vec![
        ("nothing", signed(b""), 400),
        ("not UTF-8", signed(b"payload=\xff\xfe"), 400),
        ("no JSON", signed(b"payload=%7B"), 400),
        ("JSON of another kind", signed(b"payload=%5B%5D"), 400),
        (
            "a payload twice",
            signed(&[&good.body[..], b"&", &good.body].concat()),
            400,
        ),
        ("no user", signed(b"team_id=T1&trigger_id=1.2"), 400),
        (
            "a form as JSON",
            json(&String::from_utf8_lossy(&good.body)),
            400,
        ),
        ("deep JSON", json(&"[".repeat(200_000)), 400),
        ("too large", signed(&[b'a'; 600 * 1024]), 413),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_proved_is_refused_as_slacks_own_library_does() {
    let scene = Scene::start().await;
    let bolt = Bolt::start(&scene).await;
    let (case, asked) = ask(&scene, "bruno", "to look").await;
    let card = waiting(&scene, case).await;
    let approve = click(scene.id("ada"), "1.2.bad", &card, "approve");
    let good = interaction(&approve);
    let (before, mut refused, mut agreed) = (scene.size(), 0, 0);
    for (what, signed) in unproved(&good) {
        let (ours, theirs) = (scene.send(&signed).await, bolt.send(&signed).await);
        assert_eq!(ours.status(), 401, "{what}");
        // Bolt reads capitals as the same digits and takes the first of two headers.
        agreed += usize::from(ours.status() == theirs.status());
        refused += 1;
    }
    assert!(agreed >= refused - 2, "{agreed} of {refused}");
    for (what, signed, status) in garbled(&good) {
        assert_eq!(scene.send(&signed).await.status(), status, "{what}");
        refused += 1;
    }
    for path in ["/", "/slack", "/slack/other", "/metrics"] {
        let lost = post(scene.port, path, &good.headers, &good.body).await;
        assert_eq!(lost.status(), 404, "{path}");
        refused += 1;
    }
    assert_eq!(scene.size(), before, "nothing of it is in the log");
    // What is good is taken by both.
    let check = Signed {
        path: "/slack/events",
        headers: "Content-Type: application/x-www-form-urlencoded\r\n".to_owned(),
        body: b"token=x&ssl_check=1".to_vec(),
    };
    let reply = scene.relay.reply_url();
    let both = vec![
        asked,
        check,
        good.clone(),
        command(scene.id("ada"), "help", "1.2.bad", &reply),
        command(scene.id("mallory"), "list", "1.2.bad", &reply),
        interaction(&shortcut(scene.id("ada"), "1.2.bad", "request")),
    ];
    for signed in &both {
        let (ours, theirs) = (scene.send(signed).await, bolt.send(signed).await);
        assert_eq!((ours.status(), theirs.status()), (200, 200), "{signed:?}");
    }
    println!(
        "counted: {refused} requests that prove nothing or are none were refused, {agreed} of 15 \
         as by slack-bolt; {} good ones were taken by both",
        both.len()
    );
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_a_mistake_is_answered_as_slacks_own_library_does() {
    let scene = Scene::start().await;
    let bolt = Bolt::start(&scene).await;
    let (seen, trigger) = (scene.relay.seen(), scene.trigger("bruno").await);
    let chosen = interaction(&shortcut(scene.id("bruno"), &trigger, "request"));
    scene.taken(&chosen).await;
    let view = modal(&scene, seen).await;
    let sent = interaction(&submission(scene.id("bruno"), &view, &[]));
    let (ours, theirs) = (scene.taken(&sent).await, bolt.send(&sent).await.json());
    assert_eq!(ours["response_action"], theirs["response_action"]);
    assert_eq!(ours["errors"]["reason"], theirs["errors"]["reason"]);
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_is_one_request() {
    let scene = Scene::start().await;
    let (case, sent) = ask(&scene, "bruno", "to look").await;
    let body = String::from_utf8(sent.body.clone()).expect("text");
    let before = scene.size();
    let again = body.replace("1111.2222.abcdef", "3333.4444.abcdef");
    assert_ne!(again, body, "another callback");
    let answer = scene
        .taken(&Signed::new(sent.path, again.into_bytes()))
        .await;
    assert!(told(&answer).contains(&format!("Case {case}:")), "{answer}");
    assert_eq!(scene.size(), before);
    scene.end();
}

/// Waits for what is said to one person alone.
async fn said(scene: &Scene, seen: usize) -> String {
    let is_it = |call: &Call| ["reply", "chat.postEphemeral"].contains(&call.method.as_str());
    let call = scene.relay.call(seen, is_it).await;
    let text = call.body["blocks"][0]["text"]["text"].as_str();
    text.expect("words").to_owned()
}

/// What it is, what is changed in a good click by JSON pointer, and a part of the answer.
type Forged = (&'static str, Vec<(&'static str, Value)>, &'static str);

/// Clicks that are signed and that the ledger, or the bot, must not follow.
fn forged(scene: &Scene) -> Vec<Forged> {
    let user = |name: &str| vec![("/user/id", json!(scene.id(name)))];
    vec![
        (
            "the requester's own click",
            user("bruno"),
            "an access of your own",
        ),
        (
            "somebody who is not asked",
            user("chen"),
            "does not ask you to decide",
        ),
        (
            "an account that nobody has",
            user("mallory"),
            "does not know your Slack account",
        ),
        (
            "a guest with a known id",
            vec![("/user/team_id", json!("T999"))],
            "one of another organisation, T999",
        ),
        (
            "another workspace",
            vec![
                ("/team/id", json!("T999")),
                ("/user/team_id", json!("T999")),
            ],
            "one of another organisation, T999",
        ),
        (
            "no workspace of the user, and another one of the click",
            vec![("/team/id", json!("T999")), ("/user/team_id", Value::Null)],
            "one of another organisation, T999",
        ),
        (
            "another act",
            vec![("/actions/0/action_id", json!("drop-all"))],
            "This button is not known here",
        ),
        (
            "no number",
            vec![("/actions/0/value", json!("1; drop"))],
            "This button is not known here",
        ),
        (
            "a number that is no case",
            vec![("/actions/0/value", json!("4000000000"))],
            "",
        ),
        (
            "the number of something else",
            vec![("/actions/0/value", json!("0"))],
            "",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_click_has_an_answer_and_only_the_right_ones_do_something() {
    let scene = Scene::start().await;
    let (case, _) = ask(&scene, "bruno", "to look").await;
    let card = waiting(&scene, case).await;
    let mut answered = 0;
    for (what, changes, words) in forged(&scene) {
        let seen = scene.relay.seen();
        let trigger = scene.trigger("ada").await;
        let mut payload = click(scene.id("ada"), &trigger, &card, "approve");
        payload["response_url"] = json!(scene.relay.reply_url());
        for (pointer, value) in changes {
            *payload.pointer_mut(pointer).expect("it is there") = value;
        }
        scene.taken(&interaction(&payload)).await;
        let answer = said(&scene, seen).await;
        assert!(
            !answer.is_empty() && answer.contains(words),
            "{what}: {answer}"
        );
        answered += 1;
    }
    assert_eq!(count(&scene, case), (0, 0));
    answered += notices(&scene, &card).await;

    // The right one, and then again, and once more as it was, and by somebody who is too late.
    let seen = scene.relay.seen();
    let mut payload = click(
        scene.id("ada"),
        &scene.trigger("ada").await,
        &card,
        "approve",
    );
    payload["response_url"] = json!("http://10.0.0.1/not-slacks");
    let good = interaction(&payload);
    scene.taken(&good).await;
    scene.relay.of(seen, "chat.update").await;
    let seen = scene.relay.seen();
    scene.taken(&good).await;
    scene.relay.of(seen, "chat.update").await;
    for (person, words) in [
        ("ada", "decided on this before"),
        ("fatima", "it was decided before"),
    ] {
        let seen = scene.relay.seen();
        let trigger = scene.trigger(person).await;
        let again = interaction(&click(scene.id(person), &trigger, &card, "approve"));
        scene.taken(&again).await;
        let refused = |call: &Call| call.method == "chat.postEphemeral";
        let call = scene.relay.call(seen, refused).await;
        let text = call.body["blocks"][0]["text"]["text"]
            .as_str()
            .expect("words");
        let faster = text.contains("it was decided before");
        assert!(text.contains(words) || faster, "{person}: {text}");
        answered += 1;
    }
    assert_eq!(count(&scene, case), (1, 1), "reviews and grants");
    println!("counted: {answered} clicks that may do nothing did nothing, each with an answer");
    scene.end();
}

/// Forms that are not opened for whoever clicks, and one that is opened and sent by another.
async fn notices(scene: &Scene, card: &Value) -> usize {
    let mut told_so = 0;
    for (person, words) in [
        ("bruno", "is not for you to do"),
        ("chen", "is not for you to do"),
        ("mallory", "does not know your Slack account"),
    ] {
        let (seen, trigger) = (scene.relay.seen(), scene.trigger(person).await);
        let clicked = interaction(&click(scene.id(person), &trigger, card, "deny"));
        scene.taken(&clicked).await;
        let view = modal(scene, seen).await;
        assert_eq!(view["callback_id"], "notice");
        assert!(view.to_string().contains(words), "{person}: {view}");
        told_so += 1;
    }
    let (seen, trigger) = (scene.relay.seen(), scene.trigger("ada").await);
    scene
        .taken(&interaction(&click(
            scene.id("ada"),
            &trigger,
            card,
            "deny",
        )))
        .await;
    let view = modal(scene, seen).await;
    let reason = [("reason", "no")];
    for (person, words) in [
        ("bruno", "is not for you to do"),
        ("mallory", "does not know"),
    ] {
        let sent = interaction(&submission(scene.id(person), &view, &reason));
        let answer = scene.taken(&sent).await;
        assert_eq!(answer["response_action"], "push", "{answer}");
        assert!(told(&answer).contains(words), "{answer}");
        told_so += 1;
    }
    let mut other = view.clone();
    other["callback_id"] = json!("drop-all");
    let answer = scene
        .taken(&interaction(&submission(scene.id("ada"), &other, &reason)))
        .await;
    assert!(told(&answer).contains("not known here"), "{answer}");
    // A click whose form Slack does not open is answered too.
    let seen = scene.relay.seen();
    scene
        .taken(&interaction(&click(
            scene.id("ada"),
            "1.2.gone",
            card,
            "deny",
        )))
        .await;
    let is_it = |call: &Call| call.method == "chat.postEphemeral";
    let answer = scene.relay.call(seen, is_it).await;
    assert!(
        answer.body.to_string().contains("did not open the form"),
        "{}",
        answer.body
    );
    told_so + 2
}

/// Reviews and grants of a case.
fn count(scene: &Scene, case: u64) -> (usize, usize) {
    let entries = scene.entries(case);
    let of = |name: &str| entries.iter().filter(|entry| entry["name"] == name).count();
    (of("ReviewRecorded"), of("GrantIssued"))
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_say_what_there_is_to_everyone_who_may_know() {
    let scene = Scene::start().await;
    let (case, _) = ask(&scene, "bruno", "to look").await;
    let case = format!("Case {case}: bruno, read-only on orders-db");
    let reply = scene.relay.reply_url();
    for (person, text, words) in [
        ("ada", "", "/access list"),
        ("mallory", "help", "/access list"),
        ("ada", "HELP", "/access request"),
        ("ada", "List", case.as_str()),
        ("ada", "delete everything", "Not known here."),
        ("ada", "list", case.as_str()),
        ("bruno", "list", case.as_str()),
        ("chen", "list", "Nothing waits for you."),
        ("mallory", "list", "does not know your Slack account"),
    ] {
        let typed = command(scene.id(person), text, "1.2.bad", &reply);
        let answer = scene.taken(&typed).await;
        assert_eq!(answer["response_type"], "ephemeral", "{answer}");
        assert!(
            answer.to_string().contains(words),
            "{person} {text}: {answer}"
        );
        let hidden = person == "chen" && answer.to_string().contains(&case);
        assert!(!hidden, "a colleague's request: {answer}");
    }
    // Who may ask for nothing is told so, in the form's place.
    for (person, words) in [
        ("dana", "lets you ask for nothing"),
        ("mallory", "does not know"),
    ] {
        let (seen, trigger) = (scene.relay.seen(), scene.trigger(person).await);
        scene
            .taken(&command(scene.id(person), "request", &trigger, &reply))
            .await;
        let view = modal(&scene, seen).await;
        assert!(view.to_string().contains(words), "{person}: {view}");
    }
    let challenge = json!({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"});
    let mut event = Signed::new("/slack/events", challenge.to_string().into_bytes());
    event.headers = event.headers.replace("x-www-form-urlencoded", "json");
    assert_eq!(scene.taken(&event).await["challenge"], "3eZbrw1aB");
    scene.end();
}
