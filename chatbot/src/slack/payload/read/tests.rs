//! Bodies as Slack sends them, and as nobody should.

use serde_json::json;

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

fn parse(body: &str) -> Result<Inbound, PayloadError> {
    Inbound::parse(FORM, body.as_bytes())
}

fn encoded(payload: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("payload", &payload.to_string()).finish()
}

/// A click as Slack documents it.
fn block_actions() -> Value {
    json!({
        "type": "block_actions",
        "team": {"id": "T1", "domain": "example"},
        "user": {"id": "U2", "username": "eve", "team_id": "T1"},
        "api_app_id": "A1",
        "container": {"type": "message", "message_ts": "1548261231.000200", "channel_id": "D3"},
        "trigger_id": "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
        "channel": {"id": "D3", "name": "directmessage"},
        "message": {"ts": "1548261231.000200"},
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{
            "action_id": "approve",
            "block_id": format!("{CARD}{}", "ab".repeat(32)),
            "value": "1042",
            "type": "button",
            "action_ts": "1548426417.840180",
        }],
    })
}

fn view_submission() -> Value {
    json!({
        "type": "view_submission",
        "team": {"id": "T1"},
        "user": {"id": "U2", "team_id": "T1"},
        "trigger_id": "1.2.3",
        "view": {"id": "V1", "callback_id": "request", "state": {"values": {}}},
    })
}

/// The payload with one field set, by its JSON pointer.
fn with(mut payload: Value, pointer: &str, value: Value) -> Value {
    *payload.pointer_mut(pointer).unwrap() = value;
    payload
}

#[test]
fn a_click_says_who_on_what_and_where() {
    let Ok(Inbound::Click(click)) = parse(&encoded(&block_actions())) else {
        panic!("a click");
    };
    assert_eq!(click.action.unwrap().to_string(), "approve 1042");
    assert_eq!(click.who.account("T1").user, "U2");
    assert_eq!(
        (click.seen.channel.as_str(), click.reply.user.as_str()),
        ("D3", "U2")
    );
    assert_eq!(click.seen.message, "1548261231.000200");
    assert_eq!(click.seen.card.unwrap().to_string(), "ab".repeat(32));
    assert_eq!(click.at, "1548426417.840180");
}

#[test]
fn what_a_card_was_is_kept_through_a_form() {
    let Ok(Inbound::Click(click)) = parse(&encoded(&block_actions())) else {
        panic!("a click");
    };
    let kept = click.seen.keep("1042");
    assert_eq!(Seen::split(&kept), Some(("1042", click.seen)));
    assert_eq!(Seen::default().keep("7"), "7");
    assert_eq!(Seen::split("7"), Some(("7", Seen::default())));
    for bad in ["7 D1", "7 D1 1.2 zz", "7 D1 1.2 x y", "7  1.2", "7 <D> 1.2"] {
        assert_eq!(Seen::split(bad), None, "{bad}");
    }
}

#[test]
fn a_click_that_no_card_has_is_told_as_such() {
    for (pointer, value, error) in [
        ("/actions/0/action_id", json!("drop"), ActionError::Act),
        ("/actions/0/action_id", Value::Null, ActionError::Act),
        ("/actions/0/value", json!("-1"), ActionError::Target),
        ("/actions/0/value", json!(1042), ActionError::Target),
        ("/actions/0/value", Value::Null, ActionError::Target),
    ] {
        let read = parse(&encoded(&with(block_actions(), pointer, value)));
        let Ok(Inbound::Click(click)) = read else {
            panic!("a click: {read:?}");
        };
        assert_eq!(click.action, Err(error), "{pointer}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let long = "x".repeat(1_000);
    for (pointer, value, field) in [
        ("/user/id", json!("U 2"), "user.id"),
        ("/user/id", json!("<@U2>"), "user.id"),
        ("/user/id", json!(long), "user.id"),
        ("/user", Value::Null, "user.id"),
        ("/team", Value::Null, "team or enterprise"),
        ("/trigger_id", json!(""), "trigger_id"),
        ("/trigger_id", json!(long), "trigger_id"),
        ("/actions", json!([]), "action"),
        ("/actions", json!([{}, {}]), "action"),
        ("/actions/0/action_ts", Value::Null, "action_ts"),
        ("/type", json!(7), "type"),
    ] {
        let read = parse(&encoded(&with(block_actions(), pointer, value)));
        assert_eq!(read, Err(PayloadError::Field(field)), "{pointer}");
    }
    let read = parse(&encoded(&with(view_submission(), "/view/id", Value::Null)));
    assert_eq!(read, Err(PayloadError::Field("view.id")));
}

#[test]
fn an_app_of_a_whole_enterprise_has_no_team() {
    let mut payload = with(view_submission(), "/team", Value::Null);
    payload["enterprise"] = json!({"id": "E1", "name": "example"});
    let Ok(Inbound::Submission(submitted)) = parse(&encoded(&payload)) else {
        panic!("a submission");
    };
    assert_eq!(submitted.who.enterprise.as_deref(), Some("E1"));
    assert_eq!(
        submitted.who.account("E1").tenant,
        "T1",
        "the account's own is another one"
    );
}

#[test]
fn a_command_is_a_form_of_flat_fields() {
    let body = "token=x&team_id=T1&user_id=U2&channel_id=C3&command=%2Faccess&text=+list+\
                &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1&trigger_id=1.2.abc";
    let Ok(Inbound::Command(command)) = parse(body) else {
        panic!("a command");
    };
    assert_eq!(
        (command.text.as_str(), command.reply.channel.as_str()),
        ("list", "C3")
    );
    assert_eq!(
        command.reply.url.as_deref(),
        Some("https://hooks.slack.com/commands/1")
    );
    let json = json!({"team_id": "T1", "user_id": "U2", "text": "list", "trigger_id": "1.2.abc"});
    assert!(matches!(Inbound::command(&json), Ok(Inbound::Command(_))));
    for (bad, field) in [
        (
            body.replace("user_id=U2", "user_id=U2&user_id=U3"),
            "user_id",
        ),
        (body.replace("user_id=U2&", ""), "user_id"),
        (body.replace("team_id=T1&", ""), "team_id or enterprise_id"),
        (body.replace("1.2.abc", ""), "trigger_id"),
    ] {
        assert_eq!(parse(&bad), Err(PayloadError::Field(field)), "{bad}");
    }
}

#[test]
fn what_is_no_callback_is_refused() {
    assert_eq!(parse("ssl_check=1&token=x"), Ok(Inbound::Check));
    assert_eq!(
        parse("payload=%7B&payload=%7B"),
        Err(PayloadError::Field("payload"))
    );
    assert_eq!(parse("payload=%7B"), Err(PayloadError::Json("payload")));
    assert_eq!(
        Inbound::parse(FORM, b"payload=\xff"),
        Err(PayloadError::Text)
    );
    let deep = "[".repeat(100_000);
    assert_eq!(
        parse(&format!("payload={deep}")),
        Err(PayloadError::Json("payload"))
    );
    let event = |text: &str| Inbound::parse("application/json; charset=utf-8", text.as_bytes());
    let challenge = r#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#;
    assert_eq!(
        event(challenge),
        Ok(Inbound::Challenge("3eZbrw1aB".to_owned()))
    );
    assert_eq!(
        event(r#"{"type":"event_callback","event":{}}"#),
        Ok(Inbound::Other)
    );
    assert_eq!(event("{"), Err(PayloadError::Json("the body")));
    let other = json!({"type": "view_closed"});
    assert_eq!(parse(&encoded(&other)), Ok(Inbound::Other));
}
