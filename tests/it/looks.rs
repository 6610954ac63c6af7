//! What people look at in the inbox: how access went, and recordings. The ledger asks the policy.

#[path = "inbox/local.rs"]
mod local;

use countersign_client::{CallError, Filter};
use countersign_ledger::identity::role::Role;
use countersign_proto::event::Kinded as _;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_tests::browser::Browser;
use countersign_tests::folder::DataFolder;

use crate::local::Local;

fn reason<T: std::fmt::Debug>(answer: Result<T, CallError>) -> Option<Reason> {
    answer.expect_err("a refusal").reason()
}

/// Access without asking, on the spot; the number of its case.
async fn break_glass(browser: &mut Browser) -> u64 {
    let asked = [
        ("what", "orders-db break-glass"),
        ("duration", "30m"),
        ("reason", "it burns"),
        ("ticket", "T-1"),
        ("severity", "sev1"),
        ("affected", "orders"),
        ("confirm", "yes"),
        ("step", "send"),
    ];
    let sent = browser.fill("/break-glass", "/break-glass", &asked).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let case = sent.location().split(['/', '?']).nth(2).unwrap_or_default();
    case.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn how_access_went_is_shown_to_whom_the_policy_permits_it() {
    let local = Local::start(&["bruno", "dana"], |_, _| {}).await;
    let (mut bruno, mut dana) = (local.browser(0).await, local.browser(1).await);
    let case = break_glass(&mut bruno).await;
    let filter = Filter {
        kinds: vec![v1::BreakGlassInvoked::KIND],
        ..Filter::default()
    };
    let mut sealed = local.bot.client().follow(0, filter);
    while let Some(part) = sealed.next().await {
        if !part.expect("an answer").entries.is_empty() {
            break;
        }
    }
    let home = dana.get("/").await;
    assert!(home.body.contains("href=\"/insights\""), "{}", home.body);
    let page = dana.get("/insights?days=7").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for words in [
        "<svg",
        "Days as a table",
        "Hours as a table",
        "break-glass waits for review",
        &format!("<td class=\"n\">{case}</td>"),
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let scripts = page.body.matches("<script").count();
    assert!(
        scripts == 1 && !page.body.contains("style=\""),
        "{}",
        page.body
    );
    assert_eq!(dana.get("/insights?days=-1").await.status, 200);

    let home = bruno.get("/").await;
    assert!(!home.body.contains("/insights"), "{}", home.body);
    let refused = bruno.get("/insights").await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(!refused.body.contains("<svg"), "{}", refused.body);

    // The ledger decides, whatever a bot shows.
    let bot = local.bot.client();
    let period = v1::Period::default();
    assert_eq!(
        reason(bot.delays(period, &[], "").await),
        Some(Reason::ActorNotAllowed)
    );
    let bruno = "user:bruno";
    assert_eq!(
        reason(bot.delays(period, &[], bruno).await),
        Some(Reason::AuditNotAllowed)
    );
    assert_eq!(
        reason(bot.activity(period, bruno).await),
        Some(Reason::AuditNotAllowed)
    );
    assert_eq!(
        reason(bot.open_issues(bruno).await),
        Some(Reason::AuditNotAllowed)
    );
    let nobody = bot.open_issues("user:nobody").await;
    assert_eq!(reason(nobody), Some(Reason::AuditNotAllowed));
    let other = bot.open_issues("auditor:eve").await;
    assert_eq!(reason(other), Some(Reason::ActorNotAllowed));
    bot.open_issues("user:dana").await.expect("she may");
    assert_eq!(local.entries("BreakGlassInvoked")[0]["actor"], "user:bruno");
    local.later(12 * 3_600);
    assert_eq!(
        dana.get("/insights").await.location(),
        "/sign-in?next=%2Finsights"
    );
    local.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_bot_looks_for_somebody_else() {
    let data = DataFolder::new().await;
    let auditor = data.issue(Role::Auditor, "eve").await;
    let server = countersign_tests::process::Served::start(&data.path(), "127.0.0.1:0", &[]);
    let server = server.expect("a server");
    let client = data.connect(&server.endpoint.grpc, &auditor).await;
    let refused = client.open_issues("user:dana").await;
    assert_eq!(reason(refused), Some(Reason::ActorNotAllowed));
    client.open_issues("").await.expect("in its own name");
    assert!(server.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_what_runs_has_the_own_ones_behind_any_number_of_others() {
    let local = Local::start(&["bruno", "dana", "gustav"], |_, _| {}).await;
    let take = async |who: &str, number: usize| {
        let ask = v1::Ask {
            resource: "orders-db".to_owned(),
            permission: "break-glass".to_owned(),
            duration_seconds: 1_800,
            reason: "it burns".to_owned(),
            ticket: "T-1".to_owned(),
            severity: "sev1".to_owned(),
            affected: vec!["orders".to_owned()],
            start: None,
        };
        let call = v1::Call {
            idempotency_key: format!("{who} {number}"),
            on_behalf_of: format!("user:{who}"),
            ..v1::Call::default()
        };
        let request = v1::BreakGlassRequest {
            call: Some(call),
            ask: Some(ask),
        };
        let taken = local.bot.client().break_glass(request).await;
        taken.expect("it burns");
    };
    take("bruno", 0).await;
    // More than a page of the ledger.
    for number in 0..510 {
        take("chen", number).await;
    }
    let active = async |number: usize| {
        let mut browser = local.browser(number).await;
        let page = browser.get("/").await;
        let (_, rest) = page.body.split_once("<h2>Active").expect("the list");
        rest.split("</section>")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let own = active(0).await;
    assert!(
        own.starts_with(" (1)</h2>") && own.contains("<strong>bruno"),
        "{own}"
    );
    let all = active(1).await;
    assert!(
        all.starts_with(" (100)</h2>") && all.contains("There are more"),
        "{all}"
    );
    assert!(active(2).await.contains("Nobody of yours"));
    local.end().await;
}
