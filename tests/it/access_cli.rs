//! Access cases at the command line: asking, deciding, using, giving back, and the policy behind
//! it, with a real ledger and one identity for each who takes part.

#[path = "access_cli/feeds.rs"]
mod feeds;
#[path = "access_cli/insights.rs"]
mod insights;
#[path = "access_cli/room.rs"]
mod room;

use std::fs;
use std::path::Path;

use countersign_tests::process::run;
use serde_json::Value;

use crate::room::{Room, WANT, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_case_from_the_request_to_its_end() {
    let room = Room::new().await;
    let wanted = ["access", "simulate", "db-prod", "admin", "--for", "1h"];
    let told = room.good("ada", &wanted);
    assert!(told.contains("approval by 1 of security"), "{told}");
    let told = room.refused("eve", &wanted);
    assert!(told.starts_with("No:"), "{told}");

    let told = room.good("ada", &[&["access", "request"][..], &WANT].concat());
    assert!(told.contains("access show"), "the next command: {told}");
    let case = room.first_case();
    let id = case.to_string();
    let said = room.refused("ada", &["access", "review", &id, "--approve"]);
    assert!(said.contains("SELF_APPROVAL"), "{said}");
    let said = room.refused("ada", &["access", "check", "db-prod"]);
    assert!(said.starts_with("No:"), "{said}");
    let mine = room.json("ada", &["access", "list", "--mine"]);
    assert_eq!(mine.as_array().map(Vec::len), Some(1), "{mine}");
    let none = room.json("ada", &["access", "list", "--to-review"]);
    assert_eq!(none, Value::Array(Vec::new()), "nobody reviews oneself");

    let approve = ["access", "review", &id, "--approve", "--group", "security"];
    let approved = room.json("eve", &approve);
    assert_eq!(approved["case"]["status"], "active", "{approved}");
    let grant = approved["case"]["grant"]["id"].as_u64().expect("a grant");
    let grant = grant.to_string();
    let said = room.refused("bob", &["access", "review", &id, "--approve"]);
    assert!(said.contains("ALREADY_DECIDED"), "{said}");
    let told = room.good(
        "ada",
        &["access", "check", "db-prod", "--permission", "admin"],
    );
    assert!(told.starts_with("Yes:"), "{told}");

    let more = [
        "access", "extend", &grant, "--for", "30m", "--reason", "slow",
    ];
    let extended = room.json("ada", &more);
    let extension = extended["case"]["extension"]["id"].as_u64();
    let extension = extension.expect("an extension").to_string();
    let deny = [
        "access", "review", &extension, "--deny", "--reason", "enough",
    ];
    room.good("bob", &deny);
    room.good("ada", &["access", "finish", &grant, "--reason", "done"]);
    room.refused("ada", &["access", "check", "db-prod"]);
    let fine = ["--sufficient", "yes", "--wait-ok", "partly"];
    room.good("ada", &[&["access", "feedback", &id][..], &fine].concat());
    let last = [&["access", "feedback", &id][..], &fine].concat();
    let closed = room.json("eve", &last);
    assert_eq!(closed["case"]["status"], "closed", "{closed}");
    assert_eq!(closed["case"]["outcome"], "unused", "{closed}");

    let shown = room.json("olga", &["access", "show", &grant]);
    assert_eq!(shown["case"]["id"], case, "a grant leads to its case");
    let indexes: Vec<_> = shown["timeline"]
        .as_array()
        .expect("entries")
        .iter()
        .collect();
    let indexes: Vec<_> = indexes.iter().map(|entry| entry["index"].clone()).collect();
    assert_eq!(Value::from(indexes), shown["case"]["entries"]);
    let told = room.good("olga", &["access", "show", &id]);
    for words in [
        "ada asks for admin on db-prod for 1h",
        "eve approves request",
        "SELF_APPROVAL",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told = room.good("ada", &["access", "show", &id]);
    assert!(told.contains("your role does not read entries"), "{told}");
    let log = room.good("olga", &["log", "--case", &id]);
    assert!(log.contains("GrantFinished"), "{log}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_learns_of_the_decision() {
    let room = Room::new().await;
    let ask = [&["access", "request"][..], &WANT, &["--wait"]].concat();
    let waiting = room.start("ada", &ask);
    let id = room.first_case().to_string();
    room.good("eve", &["access", "review", &id, "--approve"]);
    let output = waiting.wait_with_output().expect("it ran");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("access finish"), "{told}");

    let waiting = room.start("ada", &ask);
    let id = room.first_case().to_string();
    let deny = ["access", "review", &id, "--deny", "--reason", "not today"];
    room.good("bob", &deny);
    let output = waiting.wait_with_output().expect("it ran");
    assert_eq!(output.status.code(), Some(1));
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_changes_nothing_and_a_bot_speaks_for_others() {
    let room = Room::new().await;
    let ask = [&["access", "request"][..], &WANT].concat();
    let keyed = [&ask[..], &["--idempotency-key", "once"]].concat();
    let (one, two) = (room.json("ada", &keyed), room.json("ada", &keyed));
    assert_eq!(one["case"]["id"], two["case"]["id"]);
    assert_eq!(
        (&one["repeated"], &two["repeated"]),
        (&false.into(), &true.into())
    );

    let spoken = [&ask[..], &["--on-behalf-of", "user:ada"]].concat();
    let by_bot = room.json("slack", &spoken);
    assert_eq!(by_bot["case"]["person"], "ada");
    assert_ne!(by_bot["case"]["id"], one["case"]["id"]);
    let said = room.refused("bob", &spoken);
    assert!(said.contains("ACTOR_NOT_ALLOWED"), "{said}");
    let id = by_bot["case"]["id"].to_string();
    let took = room.json("ada", &["access", "cancel", &id, "--reason", "solved"]);
    assert_eq!(took["case"]["status"], "refused", "{took}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn access_in_need_is_looked_at_afterwards() {
    let room = Room::new().await;
    let take = [
        "access",
        "break-glass",
        "db-prod",
        "admin",
        "--for",
        "15m",
        "--reason",
        "down",
    ];
    let taken = room.json("ada", &take);
    assert_eq!(
        (&taken["case"]["status"], &taken["case"]["break_glass"]),
        (&"active".into(), &true.into(),)
    );
    let id = taken["case"]["id"].to_string();
    let grant = taken["case"]["grant"]["id"].to_string();
    room.good("ada", &["access", "check", "db-prod"]);
    room.refused("ada", &["access", "revoke", &grant, "--reason", "mine"]);
    room.good(
        "bob",
        &["access", "revoke", &grant, "--reason", "it is over"],
    );
    let judge = [
        "access",
        "retro-review",
        &id,
        "--not-justified",
        "--reason",
        "there was time",
    ];
    room.refused("ada", &judge);
    let judged = room.json("eve", &judge);
    assert_eq!(judged["case"]["grant"]["ended_by"], "revoked", "{judged}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_given_away_and_taken_back() {
    let room = Room::new().await;
    let id = room.request().to_string();
    let denies = ["access", "review", &id, "--approve"];
    let give = [
        "access",
        "delegate",
        "ada",
        "--until",
        "1h",
        "--reason",
        "on holiday",
    ];
    room.good("eve", &give);
    let said = room.refused("ada", &denies);
    assert!(
        said.contains("SELF_APPROVAL"),
        "a delegate is no way around: {said}"
    );
    room.good("eve", &["access", "delegate", "ada", "--take-back"]);
    let log = room.good("olga", &["log", "--kind", "DelegationChanged"]);
    assert!(log.contains("eve gives the place to ada"), "{log}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_begins_with_the_starter() {
    let room = Room::without_policy().await;
    let said = room.refused("ada", &[&["access", "request"][..], &WANT].concat());
    assert!(said.contains("POLICY_MISSING"), "{said}");
    let folder = room.data.path().with_file_name("starter");
    let folder = text(&folder);
    assert!(
        run(&["policy", "starter", "--out", folder])
            .status
            .success()
    );
    let again = run(&["policy", "starter", "--out", folder]);
    assert_eq!(again.status.code(), Some(2), "nothing is overwritten");
    let checked = run(&["policy", "check", folder]);
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.contains("Sound"), "{said}");

    room.refused("ada", &["policy", "put", folder]);
    let put = room.json("admin", &["policy", "put", folder]);
    let index = put["index"].to_string();
    let said = room.refused("admin", &["policy", "put", folder]);
    assert!(said.contains("POLICY_UNCHANGED"), "{said}");
    let shown = room.json("olga", &["policy", "show", &index]);
    assert_eq!(
        (&shown["digest"], &shown["proved"]),
        (&put["digest"], &true.into())
    );
    let copy = room.data.path().with_file_name("copy");
    room.good("olga", &["policy", "show", "--out", text(&copy)]);
    for name in ["access.cedar", "entities.json"] {
        let (ours, theirs) = (Path::new(folder).join(name), copy.join(name));
        assert_eq!(
            fs::read(ours).expect("there"),
            fs::read(theirs).expect("there")
        );
    }
    let told = room.good("olga", &["policy", "list"]);
    assert_eq!(told.lines().count(), 1, "{told}");
    // A person has several names.
    for name in ["ada", "user:ada", "ada@example.com", "user:ada@example.com"] {
        let said = room.refused(
            "olga",
            &["access", "check", "payments-db", "--person", name],
        );
        assert!(
            said.starts_with("No: ada has no active grant"),
            "{name}: {said}"
        );
    }

    let broken = Path::new(folder).join("access.cedar");
    fs::write(broken, "permit (principal, action, resource").expect("room");
    let checked = run(&["policy", "check", folder]);
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.code() == Some(1) && said.contains("access.cedar:"),
        "{said}"
    );
    room.refused("admin", &["policy", "put", folder]);
    room.end();
}
