//! What Slack posts (`chatbot::slack::payload`), and what is made of a form that came back. Input:
//! mode; in mode 0 the body of a form, in mode 1 JSON, in mode 2 a payload as JSON, in mode 3 a
//! view, in mode 4 a modal's `private_metadata`.
#![no_main]

use countersign_chatbot::limits::{SLACK_ID, SLACK_LONG_ID};
use countersign_chatbot::slack::payload::who::Who;
use countersign_chatbot::slack::payload::{Inbound, Reply, Seen};
use countersign_chatbot::slack::submission::{answers, which};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

const CLICK: &str = r#"{"type":"block_actions","team":{"id":"T1"},"user":{"id":"U2","team_id":"T1"},
"container":{"message_ts":"1548261231.000200","channel_id":"D3"},"trigger_id":"1.2.abc",
"response_url":"https://hooks.slack.com/actions/1","actions":[{"action_id":"approve",
"block_id":"card:00","value":"1042","action_ts":"1548426417.840180"}]}"#;
const FORM: &str = r#"{"type":"view_submission","team":{"id":"T1"},"user":{"id":"U2"},
"trigger_id":"1.2","view":{"id":"V1","callback_id":"deny","private_metadata":"7 D1 1.2","state":
{"values":{"reason":{"reason":{"type":"plain_text_input","value":"no"}}}}}}"#;
const COMMAND: &str = "team_id=T1&user_id=U2&channel_id=C3&command=%2Faccess&text=list&\
                       response_url=https%3A%2F%2Fhooks.slack.com%2F1&trigger_id=1.2.abc";

fn plant() {
    let challenge = r#"{"type":"url_verification","challenge":"x"}"#;
    let view = r#"{"callback_id":"request","state":{"values":{"start":{"start":
        {"type":"datetimepicker","selected_date_time":7}}}}}"#;
    seeds::plant([
        [&[0], COMMAND.as_bytes()].concat(),
        [&[0], b"ssl_check=1&token=x".as_slice()].concat(),
        [
            &[0],
            b"payload=%7B%22type%22%3A%22shortcut%22%7D".as_slice(),
        ]
        .concat(),
        [&[1], challenge.as_bytes()].concat(),
        [&[2], CLICK.as_bytes()].concat(),
        [&[2], FORM.as_bytes()].concat(),
        [&[3], view.as_bytes()].concat(),
        [&[4], b"1042 D1 1.2".as_slice()].concat(),
    ]);
}

fn is_id(text: &str) -> bool {
    text.len() <= SLACK_ID && text.bytes().all(|b| b.is_ascii_graphic() && b != b'<')
}

fn told(who: &Who, reply: Option<&Reply>, trigger: &str) {
    let account = who.account("T1");
    assert!(is_id(&account.user) && !account.user.is_empty() && is_id(&account.tenant));
    assert!(!account.tenant.is_empty(), "an account of nowhere: {who:?}");
    assert!((1..=SLACK_LONG_ID).contains(&trigger.len()));
    if let Some(reply) = reply {
        assert!(is_id(&reply.channel) && is_id(&reply.user));
    }
}

fn look(inbound: Inbound) {
    match inbound {
        Inbound::Check | Inbound::Other => {}
        Inbound::Challenge(word) => assert!(word.len() <= SLACK_LONG_ID),
        Inbound::Command(command) => told(&command.who, Some(&command.reply), &command.trigger),
        Inbound::Shortcut(shortcut) => told(&shortcut.who, None, &shortcut.trigger),
        Inbound::Click(click) => {
            told(&click.who, Some(&click.reply), &click.trigger);
            if let Ok(action) = click.action
                && !click.seen.message.is_empty()
                && !click.seen.channel.is_empty()
            {
                let target = action.target.to_string();
                let kept = click.seen.keep(&target);
                assert_eq!(Seen::split(&kept), Some((target.as_str(), click.seen)));
            }
        }
        Inbound::Submission(submitted) => {
            told(&submitted.who, None, &submitted.trigger);
            assert!(is_id(&submitted.id));
            if let (Ok(_), Ok(answers)) = (which(&submitted.view), answers(&submitted.view)) {
                drop(answers);
            }
        }
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let mode = input.byte() % 5;
    let body = input.rest();
    match mode {
        0 => {
            if let Ok(inbound) = Inbound::parse("application/x-www-form-urlencoded", body) {
                look(inbound);
            }
        }
        1 => {
            if let Ok(inbound) = Inbound::parse("application/json", body) {
                look(inbound);
            }
        }
        2 => {
            let Ok(payload) = serde_json::from_slice(body) else { return };
            let read = [Inbound::interaction(&payload), Inbound::command(&payload)];
            for inbound in read.into_iter().flatten() {
                look(inbound);
            }
        }
        3 => {
            let Ok(view) = serde_json::from_slice(body) else { return };
            if let (Ok(_), Ok(answers)) = (which(&view), answers(&view)) {
                drop(answers);
            }
        }
        _ => {
            let Ok(text) = std::str::from_utf8(body) else { return };
            if let Some((target, seen)) = Seen::split(text) {
                assert_eq!(seen.keep(target), text, "what was kept comes back");
            }
        }
    }
});
