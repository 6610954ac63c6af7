//! How access went, at the command line.

use countersign_tests::folder::ORIGIN;

use crate::room::{Room, text};

/// A case that is approved, finished without use and closed, and one that is denied.
fn two_cases(room: &Room) -> (String, String) {
    let granted = room.request().to_string();
    room.refused("ada", &["access", "review", &granted, "--approve"]);
    let approved = room.json("eve", &["access", "review", &granted, "--approve"]);
    let grant = approved["case"]["grant"]["id"].to_string();
    room.good("ada", &["access", "finish", &grant, "--reason", "done"]);
    let fine = ["--sufficient", "yes", "--wait-ok"];
    let said = [&["access", "feedback", &granted][..], &fine].concat();
    let no = ["no", "--comment", "<b>too</b> slow\u{202e}"];
    room.good("ada", &[&said[..], &no].concat());
    room.good("eve", &[&said[..], &["yes"]].concat());
    let denied = room.request().to_string();
    let deny = ["access", "review", &denied, "--deny", "--reason", "no need"];
    room.good("bob", &deny);
    (granted, denied)
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_those_of_the_cases() {
    let room = Room::new().await;
    let none = room.good("olga", &["insights"]);
    assert!(none.contains("0 cases opened"), "{none}");
    let (granted, denied) = two_cases(&room);
    let by = ["--by", "group", "--by", "resource", "--by", "group"];
    let told = room.json("olga", &[&["insights"][..], &by].concat());
    assert_eq!(told["cases"], 2, "{told}");
    let tally = &told["activity"]["tally"];
    for (name, sum) in [("granted", 1), ("unused", 1), ("denied", 1), ("closed", 1)] {
        assert_eq!(tally[name], sum, "{name}: {tally}");
    }
    assert_eq!(told["delays"]["first_decision"]["cases"], 2, "{told}");
    assert_eq!(told["delays"]["wait"]["cases"], 1, "{told}");
    let rows = &told["by"]["resource"]["rows"];
    assert_eq!(
        (&rows[0]["key"], &rows[0]["cases"]),
        (&"db-prod".into(), &2.into())
    );
    let refusals = &told["activity"]["refusals"];
    assert_eq!(refusals[0]["name"], "SELF_APPROVAL", "{refusals}");
    let policies = &told["activity"]["policies"];
    assert_eq!(
        (&policies[0]["name"], &policies[0]["count"]),
        (&"database".into(), &2.into())
    );
    let never = (&policies[1]["name"], &policies[1]["count"]);
    assert_eq!(never, (&"database-in-need".into(), &0.into()));
    let issue = &told["open_issues"][0];
    assert_eq!(issue["kind"], "waits_for_feedback", "{told}");
    assert_eq!(issue["case"].to_string(), denied, "{told}");
    // Nothing was opened in the future, and what is over is over.
    let later = room.json(
        "olga",
        &["insights", "--since", "1s", "--until", "9999-01-01"],
    );
    assert_eq!(later["open_cases"], 1, "{later}");

    let page = room.good("olga", &["insights"]);
    for words in [
        "request to first decision",
        "SELF_APPROVAL",
        "database-in-need",
        &granted,
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(
        !page.contains('\u{202e}'),
        "nothing steers the terminal: {page}"
    );
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_needs_nothing_else_and_is_not_overwritten() {
    let room = Room::new().await;
    two_cases(&room);
    let file = room.data.path().with_file_name("report.html");
    let report = ["insights", "--report", text(&file)];
    room.good("olga", &report);
    let html = std::fs::read_to_string(&file).expect("it is written");
    assert!(html.contains("Content-Security-Policy"), "{html}");
    assert!(html.contains("default-src 'none'"), "{html}");
    assert!(
        html.contains("&lt;b&gt;too&lt;/b&gt; slow"),
        "text is text: {html}"
    );
    for from_elsewhere in ["<script", "src=", "href=", "url(", "@import", "<b>"] {
        assert!(!html.contains(from_elsewhere), "{from_elsewhere}: {html}");
    }
    for part in [
        ORIGIN,
        "database-in-need",
        "<svg",
        "By hour",
        "By weekday",
        "By policy",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let output = room.run("olga", &report);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&file).expect("there"), html);
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_what_others_did_is_refused() {
    let room = Room::new().await;
    let said = room.refused("ada", &["insights"]);
    assert!(
        said.contains("AUDIT_NOT_ALLOWED") && said.contains("read_audit"),
        "{said}"
    );
    let said = room.refused("slack", &["insights"]);
    let asks_for_nobody = said.contains("ACTOR_NOT_ALLOWED") && said.contains("got nobody");
    assert!(asks_for_nobody, "{said}");
    // Without a begin it is 30 days before the end, whenever that is.
    let past = ["insights", "--until", "2026-01-31"];
    assert_eq!(room.json("olga", &past)["since"], "2026-01-01T00:00:00Z");
    let empty = ["insights", "--since", "2026-02-01", "--until", "2026-01-01"];
    let said = room.refused("olga", &empty);
    assert!(said.contains("TIME_INVALID"), "{said}");
    // Another policy lets security read.
    let folder = room.data.path().with_file_name("policy");
    let file = folder.join("access.cedar");
    let mut text_of = std::fs::read_to_string(&file).expect("there");
    text_of.push_str(
        "\n@id(\"auditors\") permit (principal in Group::\"security\",\n  \
         action == Action::\"read_audit\", resource);\n",
    );
    std::fs::write(&file, text_of).expect("room");
    room.good("admin", &["policy", "put", text(&folder)]);
    assert_eq!(room.json("eve", &["insights"])["cases"], 0);
    let asked = room.refused("ada", &[&["insights"][..], &["--since", "1h"]].concat());
    assert!(asked.contains("AUDIT_NOT_ALLOWED"), "{asked}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_is_tried_on_what_happened() {
    let room = Room::new().await;
    let (granted, denied) = two_cases(&room);
    let folder = room.data.path().with_file_name("policy");
    let replay = ["policy", "replay", text(&folder)];
    let same = room.good("olga", &replay);
    assert!(
        same.contains("2 requests judged again") && same.contains("2 as before"),
        "{same}"
    );

    let file = folder.join("access.cedar");
    let access = std::fs::read_to_string(&file).expect("there");
    let stricter = access.replacen("\"security:1\"", "\"security:2\"", 1);
    std::fs::write(&file, stricter).expect("room");
    let said = room.refused("olga", &replay);
    assert!(
        said.contains("would still wait for 1 of security"),
        "{said}"
    );
    let output = room.run("olga", &[&replay[..], &["--json"]].concat());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        told["differences"][0]["case"].to_string(),
        granted,
        "{told}"
    );
    assert_eq!(told["differences"][0]["otherwise"], "waits", "{told}");
    assert_eq!(told["differences"][1]["case"].to_string(), denied, "{told}");
    assert_eq!(told["differences"][1]["otherwise"], "bound", "{told}");
    let none = room.good("olga", &[&replay[..], &["--since", "9998-01-01"]].concat());
    assert!(none.contains("0 requests judged again"), "{none}");

    let said = room.refused("ada", &replay);
    assert!(said.contains("ROLE_NOT_ALLOWED"), "{said}");
    std::fs::write(&file, "permit (").expect("room");
    let said = room.refused("olga", &replay);
    assert!(said.contains("access.cedar:1"), "{said}");
    room.end();
}
