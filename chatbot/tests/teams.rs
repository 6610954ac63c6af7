//! The bot in Teams as the follower sees it that tells people: what is posted where, and what it
//! means when Microsoft does not take it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use countersign_chain::time::UnixMicros;
use countersign_chatbot::Clock;
use countersign_chatbot::account::{Account, Platform};
use countersign_chatbot::card::action::{Act, Action};
use countersign_chatbot::card::{Badge, Card};
use countersign_chatbot::surface::{Mark, Place, Recipient, SendError, Surface as _};
use countersign_chatbot::teams::settings::TeamsSettings;
use countersign_chatbot::teams::surface::Teams;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const APP: &str = "66666666-7777-8888-9999-000000000000";
const ADA: &str = "aaaaaaaa-0000-0000-0000-000000000001";

/// Method, path and body of what came, and answers to give in place of the usual ones.
#[derive(Default)]
struct Heard {
    calls: Mutex<Vec<(Method, String, Value)>>,
    script: Mutex<VecDeque<Response>>,
    tokens: Mutex<usize>,
}

async fn answer(
    State(heard): State<Arc<Heard>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path() == "/token" {
        *heard.tokens.lock() += 1;
        // Others that need it have time to come.
        tokio::task::yield_now().await;
        return json!({"access_token": "pass", "expires_in": 3_600})
            .to_string()
            .into_response();
    }
    assert_eq!(headers["authorization"], "Bearer pass");
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let path = uri.path().to_owned();
    let number = {
        let mut calls = heard.calls.lock();
        calls.push((method, path.clone(), body));
        calls.len()
    };
    if let Some(scripted) = heard.script.lock().pop_front() {
        return scripted;
    }
    let id = match path.ends_with("/v3/conversations") {
        true => format!("a:chat-{number}"),
        false => format!("m{number}"),
    };
    (StatusCode::CREATED, json!({"id": id}).to_string()).into_response()
}

fn scripted(status: u16, headers: &[(&'static str, &str)], body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let mut response = (status, body.to_string()).into_response();
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(*name, value.parse().expect("a value"));
    }
    response
}

fn teams(base: &str, service: &str) -> Arc<Teams> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "hush").expect("room");
    let text = format!(
        "tenant = \"{TENANT}\"\napp_id = \"{APP}\"\nclient_secret_file = \"secret\"\n\
         openid_url = \"{base}/openid\"\ntoken_url = \"{base}/token\"\n\
         service_url = \"{service}\"\n"
    );
    let mut settings: TeamsSettings = toml::from_str(&text).expect("settings");
    settings
        .settle(Path::new(folder.path()))
        .expect("they are good");
    let clock = Clock::new(|| UnixMicros::new(1_800_000_000_000_000).expect("a time"));
    Teams::new(&settings, None, clock).expect("HTTPS works here")
}

async fn start() -> (Arc<Teams>, Arc<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("it is bound"));
    let heard = Arc::new(Heard::default());
    let app = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&heard));
    drop(tokio::spawn(axum::serve(listener, app).into_future()));
    (teams(&base, &format!("{base}/teams/")), heard)
}

fn card() -> Card {
    Card {
        case: 7,
        title: "ada asks for orders-db".to_owned(),
        badge: Badge::Pending,
        notice: Vec::new(),
        facts: Vec::new(),
        reason: "**because**".to_owned(),
        approvals: String::new(),
        history: Vec::new(),
        more_time: None,
        actions: vec![
            Action {
                act: Act::Approve,
                target: 7,
            },
            Action {
                act: Act::Deny,
                target: 7,
            },
        ],
        inbox: None,
    }
}

fn mark() -> Mark {
    Mark {
        about: 7,
        recipient: "ada".to_owned(),
    }
}

fn account(tenant: &str, user: &str) -> Recipient {
    Recipient::Account(Account {
        platform: Platform::Teams,
        tenant: tenant.to_owned(),
        user: user.to_owned(),
    })
}

#[tokio::test]
async fn a_card_goes_to_the_chat_that_teams_makes_and_stays_there() {
    let (teams, heard) = start().await;
    let ada = account(TENANT, &ADA.to_uppercase());
    let first = teams
        .post(&ada, &card(), &mark())
        .await
        .expect("it is taken");
    let second = teams
        .post(&ada, &card(), &mark())
        .await
        .expect("it is taken");
    assert_eq!(
        (first.channel.as_str(), second.channel.as_str()),
        ("a:chat-1", "a:chat-1")
    );
    assert_ne!(first.id, second.id);
    teams.update(&first, &card()).await.expect("it is taken");
    let calls = heard.calls.lock().clone();
    let paths: Vec<String> = calls
        .iter()
        .map(|(m, path, _)| format!("{m} {path}"))
        .collect();
    assert_eq!(
        paths,
        [
            "POST /teams/v3/conversations".to_owned(),
            "POST /teams/v3/conversations/a:chat-1/activities".to_owned(),
            "POST /teams/v3/conversations/a:chat-1/activities".to_owned(),
            format!(
                "PUT /teams/v3/conversations/a:chat-1/activities/{}",
                first.id
            ),
        ]
    );
    assert_eq!(
        calls[0].2["members"],
        json!([{"id": ADA}]),
        "ids have no case"
    );
    let sent = &calls[1].2["attachments"][0];
    assert_eq!(
        sent["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    let digest = card().digest().to_string();
    let actions = &sent["content"]["actions"];
    assert_eq!(actions[0]["data"]["card"], json!(digest));
    assert_eq!(
        actions[1]["card"]["actions"][0]["data"]["card"],
        json!(digest)
    );
    assert_eq!(
        sent["content"]["refresh"]["userIds"],
        json!([]),
        "only when somebody asks"
    );
    assert_eq!(teams.find(&ada, &mark()).await, Ok(None));
}

#[tokio::test]
async fn a_card_in_a_channel_shows_everyone_their_own() {
    let (teams, heard) = start().await;
    let channel = Recipient::Channel("19:abc@thread.tacv2".to_owned());
    let place = teams
        .post(&channel, &card(), &mark())
        .await
        .expect("it is taken");
    assert_eq!(place.channel, "19:abc@thread.tacv2");
    let (_, path, body) = heard.calls.lock()[0].clone();
    assert_eq!(
        path,
        "/teams/v3/conversations/19:abc@thread.tacv2/activities"
    );
    let refresh = &body["attachments"][0]["content"]["refresh"];
    assert_eq!(refresh["userIds"], Value::Null, "everyone who looks");
    assert_eq!(
        refresh["action"]["data"],
        json!({"action": "show", "target": "7"})
    );
}

#[tokio::test]
async fn a_chat_that_is_gone_is_made_anew_once() {
    let (teams, heard) = start().await;
    let ada = account(TENANT, ADA);
    teams
        .post(&ada, &card(), &mark())
        .await
        .expect("it is taken");
    let gone = json!({"error": {"code": "ConversationNotFound", "message": "gone"}});
    heard.script.lock().push_back(scripted(404, &[], &gone));
    let place = teams
        .post(&ada, &card(), &mark())
        .await
        .expect("it is taken");
    assert_eq!(place.channel, "a:chat-4");
}

#[tokio::test]
async fn what_microsoft_says_decides_whether_it_is_tried_again() {
    let (teams, heard) = start().await;
    let place = Place {
        channel: "a:1".to_owned(),
        id: "m1".to_owned(),
    };
    let mut tried = 0;
    for (status, headers, expected) in [
        (429, &[("retry-after", "17")][..], "later 17"),
        (429, &[][..], "later"),
        (429, &[("retry-after", "soon")][..], "later"),
        (429, &[("retry-after", "999999999")][..], "later 3600"),
        (412, &[][..], "later"),
        (502, &[][..], "later"),
        (503, &[("retry-after", "2")][..], "later 2"),
        (504, &[][..], "later"),
        (500, &[][..], "unknown"),
        (307, &[("location", "/elsewhere")][..], "unknown"),
        (400, &[][..], "never"),
        (403, &[][..], "never"),
        (404, &[][..], "never"),
        (413, &[][..], "never"),
    ] {
        let body = json!({"error": {"code": "Code", "message": "words"}});
        heard
            .script
            .lock()
            .push_back(scripted(status, headers, &body));
        let said = match teams.update(&place, &card()).await {
            Ok(()) => "taken".to_owned(),
            Err(SendError::Later {
                after: Some(after), ..
            }) => format!("later {}", after.as_secs()),
            Err(SendError::Later { after: None, .. }) => "later".to_owned(),
            Err(SendError::Unknown { .. }) => "unknown".to_owned(),
            Err(SendError::Never { why }) => {
                assert!(why.contains("Code: words"), "{why}");
                "never".to_owned()
            }
        };
        assert_eq!(said, expected, "{status} {headers:?}");
        tried += 1;
    }
    assert_eq!(heard.calls.lock().len(), tried, "each was asked once");
    heard
        .script
        .lock()
        .push_back(scripted(201, &[], &json!({})));
    let channel = Recipient::Channel("19:x".to_owned());
    let posted = teams.post(&channel, &card(), &mark()).await;
    assert!(
        matches!(posted, Err(SendError::Unknown { .. })),
        "no id: {posted:?}"
    );
    println!("counted: {tried} answers of the connector, each read for what it means");
}

#[tokio::test]
async fn one_token_is_fetched_for_all_who_wait_for_it() {
    let (teams, heard) = start().await;
    let posts = (0..20).map(|number| {
        let teams = Arc::clone(&teams);
        tokio::spawn(async move {
            let channel = Recipient::Channel(format!("19:{number}"));
            teams.post(&channel, &card(), &mark()).await
        })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.expect("it ends").expect("it is taken");
    }
    assert_eq!((*heard.tokens.lock(), heard.calls.lock().len()), (1, 20));
}

#[tokio::test]
async fn nothing_is_asked_for_people_of_others_and_impossible_places() {
    let (teams, heard) = start().await;
    let never = |sent: &Result<Place, SendError>| matches!(sent, Err(SendError::Never { .. }));
    let foreign = teams.post(&account(APP, ADA), &card(), &mark()).await;
    assert!(never(&foreign), "{foreign:?}");
    for channel in ["", "..", &"x".repeat(300)] {
        let channel = Recipient::Channel(channel.to_owned());
        let posted = teams.post(&channel, &card(), &mark()).await;
        assert!(never(&posted), "{channel:?} {posted:?}");
    }
    assert!(heard.calls.lock().is_empty());
}

/// A connector that is away has taken nothing; one that goes away in the middle may have.
#[tokio::test]
async fn a_connection_that_ends_before_the_answer_leaves_it_unknown() {
    let (_, heard) = start().await;
    drop(heard);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let base = format!("http://{address}");
    let serving = tokio::spawn(async move {
        let token = r#"{"access_token":"pass","expires_in":3600}"#;
        let length = token.len();
        let mut asked = 0;
        while asked < 2 {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut bytes = vec![0; 64 * 1024];
            let read = stream.read(&mut bytes).await.expect("words");
            asked += 1;
            if bytes[..read].starts_with(b"POST /token") {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n");
                let answer = format!("{head}connection: close\r\n\r\n{token}");
                stream
                    .write_all(answer.as_bytes())
                    .await
                    .expect("it is read");
            }
        }
    });
    let teams = teams(&base, &format!("{base}/teams/"));
    let channel = Recipient::Channel("19:x".to_owned());
    let lost = teams.post(&channel, &card(), &mark()).await;
    assert!(matches!(lost, Err(SendError::Unknown { .. })), "{lost:?}");
    serving.await.expect("it ends");
    // Now nobody listens there.
    let (card, mark) = (card(), mark());
    let away = teams.post(&channel, &card, &mark);
    let away = tokio::time::timeout(Duration::from_secs(30), away);
    let away = away.await.expect("an end");
    assert!(matches!(away, Err(SendError::Later { .. })), "{away:?}");
}
