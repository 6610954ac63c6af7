//! Addresses that would take the bot's token away, or lead into its network.

use countersign_tests::wire::post;
use serde_json::json;
use tokio::net::TcpListener;

use crate::bot::Bot;

/// Addresses of the kinds that people have used against programs that call what they are told.
/// PORT is that of a listener that must never hear anything; OURS is the port of the connector.
const HOSTILE: [&str; 66] = [
    "http://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "https://localhost:PORT/",
    "http://[::1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://0.0.0.0:PORT/",
    "http://0:PORT/",
    "http://127.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.1:PORT/",
    "http://017700000001:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://127.0.0.2:PORT/",
    "http://127.0.0.1:PORT/teams/",
    "https://smba.trafficmanager.net:PORT/teams/",
    "https://smba.trafficmanager.net:443/teams/",
    "https://smba.trafficmanager.net:/teams/",
    "http://smba.trafficmanager.net/teams/",
    "https://smba.trafficmanager.net@127.0.0.1:PORT/",
    "http://smba.trafficmanager.net@127.0.0.1:PORT/",
    "https://user:pass@smba.trafficmanager.net/teams/",
    "https://user@smba.trafficmanager.net/teams/",
    "https://@smba.trafficmanager.net/teams/",
    "https://smba.trafficmanager.net%40127.0.0.1:PORT/",
    "https://smba.trafficmanager.net#@127.0.0.1:PORT/",
    "https://smba.trafficmanager.net?@127.0.0.1:PORT/",
    "https://smba.trafficmanager.net\\@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT\\@smba.trafficmanager.net/",
    "https:\\\\127.0.0.1:PORT/",
    "https:/127.0.0.1:PORT/",
    "https:127.0.0.1:PORT/",
    "https:///127.0.0.1:PORT/",
    "//127.0.0.1:PORT/",
    "///smba.trafficmanager.net/",
    "https://smba.trafficmanager.net.evil.example/teams/",
    "https://smba.trafficmanager.net./teams/",
    "https://evil-smba.trafficmanager.net/teams/",
    "https://evil.trafficmanager.net/teams/",
    "https://trafficmanager.net/teams/",
    "https://smba.trafficmanager.net\t.evil.example/",
    "https://smba.trafficmanager.net\n/teams/",
    "https://smba.trafficmanager.net\u{0}/teams/",
    " https://smba.trafficmanager.net/teams/",
    "https://smba.trafficmanager.net/teams/ ",
    "https://smba。trafficmanager。net/teams/",
    "https://ｓｍｂａ.trafficmanager.net/teams/",
    "https://smba.trafficmanаger.net/teams/",
    "https://xn--smba-.trafficmanager.net/",
    "https://smba.traffic\u{ad}manager.net/teams/",
    "https://smba.trafficmanager.net/teams/../../evil/",
    "https://smba.trafficmanager.net/teams/%2e%2e/",
    "https://smba.trafficmanager.net/./teams/",
    "https://smba.trafficmanager.net//127.0.0.1:PORT/",
    "https://smba.trafficmanager.net/teams/?x=1",
    "https://smba.trafficmanager.net/teams/#x",
    "https://169.254.169.254/metadata/",
    "http://169.254.169.254/metadata/identity/oauth2/token",
    "https://10.0.0.1/",
    "https://[fd00::1]/",
    "ftp://smba.trafficmanager.net/teams/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_x",
    "javascript:alert(1)",
    "http://localhost:OURS/teams/",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_token_goes_to_no_hostile_address() {
    let bot = Bot::start().await;
    let canary = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = canary.local_addr().expect("it is bound").port().to_string();
    let service = bot.microsoft.service();
    let ours = service.split([':', '/']).nth(4).expect("a port").to_owned();
    // The bot has its token already, so nothing but the address keeps it from going there.
    bot.write("ada", "help").await;
    let before = bot.microsoft.calls();
    let long = format!("https://smba.trafficmanager.net/{}", "x".repeat(600));
    let all = HOSTILE
        .iter()
        .map(|url| url.replace("PORT", &port).replace("OURS", &ours));
    let mut tried = 0;
    for url in all.chain([long, String::new()]) {
        for kind in ["message", "invoke", "conversationUpdate"] {
            let mut body = bot.activity("ada", kind);
            body["text"] = json!("help");
            body["name"] = json!("adaptiveCard/action");
            body["serviceUrl"] = json!(url);
            // Whoever could do this would have Microsoft's signature on the address.
            let token = bot.microsoft.token(&url);
            let reply = bot.post(Some(&format!("Bearer {token}")), &body).await;
            assert!([400, 403].contains(&reply.status), "{url:?}: {reply:?}");
        }
        tried += 1;
    }
    // The last word comes after all that was tried.
    bot.write("ada", "help").await;
    assert_eq!(
        bot.microsoft.calls(),
        before + 1,
        "nothing was said because of them"
    );
    let heard = tokio::select! {
        biased;
        heard = canary.accept() => Some(heard),
        () = std::future::ready(()) => None,
    };
    assert!(heard.is_none(), "somebody came: {heard:?}");
    println!("counted: {tried} hostile addresses, no connection");
    assert!(tried >= 60);
    bot.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_activity_are_refused() {
    let bot = Bot::start().await;
    let token = bot.microsoft.token(&bot.microsoft.service());
    let bearer = format!("Bearer {token}");
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let mut tried = 0;
    for body in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
        deep.clone(),
        "{\"type\":\"message\"}".to_owned(),
        format!("{{\"type\":\"invoke\",\"value\":{deep}}}"),
        "{\"type\":7}".to_owned(),
        "\u{0}".to_owned(),
    ] {
        let reply = bot.post_bytes(Some(&bearer), body).await;
        assert_eq!(reply.status, 400);
        tried += 1;
    }
    // Whoever refuses a body does not read it, which not every client takes well.
    let (headers, large) = (format!("Authorization: {bearer}\r\n"), " ".repeat(300_000));
    let refused = post(bot.port, "/api/messages", &headers, large.as_bytes()).await;
    assert_eq!(refused.status(), 413);
    // Ids that would lead elsewhere stay one part of the address.
    for id in ["..", ".", "a/../../../token", "a?b#c", &"x".repeat(300)] {
        let mut body = bot.activity("ada", "message");
        body["text"] = json!("help");
        body["conversation"]["id"] = json!(id);
        let reply = bot.post(Some(&bearer), &body).await;
        assert!([200, 400].contains(&reply.status), "{id}");
        tried += 1;
    }
    bot.write("ada", "help").await;
    let calls = bot.microsoft.inner.calls.lock().clone();
    let inside = |path: &str| path.starts_with("/teams/v3/conversations/");
    assert!(calls.iter().all(|call| inside(&call.path)), "{calls:#?}");
    assert_eq!(bot.microsoft.count("token"), 1);
    println!("counted: {tried} bodies");
    bot.end();
}
