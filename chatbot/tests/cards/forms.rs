//! Forms, and what comes back of them from Slack and from Teams.

use countersign_chatbot::card::action::{ACTS, Act, Action};
use countersign_chatbot::card::moment::Verdict;
use countersign_chatbot::card::span::Span;
use countersign_chatbot::form::Form;
use countersign_chatbot::form::answers::{Answer, Answers, FieldError};
use countersign_chatbot::form::offer::Offer;
use countersign_chatbot::form::submission::{Ask, Rating, Submission};
use countersign_chatbot::{slack, teams};
use serde_json::{Value, json};

use crate::scenes::{at, name};

fn offer(resource: &str, permission: &str, hours: u64) -> Offer {
    Offer {
        resource: name(resource),
        permission: name(permission),
        longest: Span::new(hours * 3_600).expect("within a year"),
    }
}

fn offers() -> Vec<Offer> {
    vec![
        offer("prod-db", "read", 4),
        offer("prod-db", "write", 1),
        offer("web-1", "shell", 8),
    ]
}

/// Every form, by its word.
pub(crate) fn forms() -> Vec<(&'static str, Form)> {
    let longest = Span::new(7_200).expect("two hours");
    let mut forms = vec![
        ("request", Form::request(offers()).expect("a form")),
        ("break-glass", Form::break_glass(offers()).expect("a form")),
    ];
    for act in ACTS {
        let action = Action { act, target: 1042 };
        forms.push((act.word(), Form::about(action, longest)));
    }
    forms
}

fn form(word: &str) -> Form {
    let mut forms = forms().into_iter();
    forms.find(|(of, _)| *of == word).expect("a form").1
}

/// The state that Slack sends for text, choices and times.
fn view(word: &str, metadata: &str, values: &[(&str, Value)]) -> Value {
    let values = values.iter().map(|(key, element)| {
        let block = json!({ *key: element });
        ((*key).to_owned(), block)
    });
    let values: serde_json::Map<String, Value> = values.collect();
    json!({"callback_id": word, "private_metadata": metadata, "state": {"values": values}})
}

fn text(value: &str) -> Value {
    json!({"type": "plain_text_input", "value": value})
}

fn selected(value: &str) -> Value {
    let option = json!({"text": {"type": "plain_text", "text": "x"}, "value": value});
    json!({"type": "static_select", "selected_option": option})
}

fn full_ask(start: bool) -> Ask {
    Ask {
        resource: name("prod-db"),
        permission: name("read"),
        duration: Span::new(7_200).expect("two hours"),
        reason: "Orders are stuck.".to_owned(),
        ticket: "OPS-311".to_owned(),
        severity: "sev2".to_owned(),
        affected: vec!["checkout".to_owned(), "billing".to_owned()],
        start: start.then(|| at(0)),
    }
}

#[test]
fn a_request_comes_back_from_slack() {
    let start = at(0).seconds();
    let view = view(
        "request",
        "",
        &[
            ("access", selected(&offers()[0].value())),
            ("duration", selected("7200")),
            ("reason", text(" Orders are stuck. ")),
            ("ticket", text("OPS-311")),
            ("severity", selected("sev2")),
            ("affected", text("checkout, ,billing,")),
            (
                "start",
                json!({"type": "datetimepicker", "selected_date_time": start}),
            ),
        ],
    );
    let which = slack::submission::which(&view);
    assert_eq!(which, Ok(slack::submission::Which::Request));
    let answers = slack::submission::answers(&view).expect("answers");
    let read = form("request").read(&answers);
    assert_eq!(read, Ok(Submission::Request(full_ask(true))));
    let read = form("break-glass").read(&answers);
    assert_eq!(read, Ok(Submission::BreakGlass(full_ask(false))));
}

#[test]
fn a_request_comes_back_from_teams() {
    let data = json!({
        "action": "request",
        "request.access": offers()[0].value(),
        "request.duration": "7200",
        "request.reason": "Orders are stuck.",
        "request.ticket": "OPS-311",
        "request.severity": "sev2",
        "request.affected": "checkout,billing",
        "request.start": "2026-11-27 06:40 UTC",
    });
    let clicked = teams::submission::clicked(Some("request"), &data);
    assert_eq!(clicked, Ok(teams::submission::Clicked::Request));
    let form = form("request");
    let answers = teams::submission::answers(&form, &data).expect("answers");
    assert_eq!(form.read(&answers), Ok(Submission::Request(full_ask(true))));
}

/// A form, what is filled in, and what is read.
type Filled = (&'static str, Vec<(&'static str, &'static str)>, Submission);

fn filled() -> [Filled; 5] {
    let action = |act| Action { act, target: 1042 };
    let reason = || "Because.".to_owned();
    [
        (
            "deny",
            vec![("reason", "Because.")],
            Submission::Act {
                action: action(Act::Deny),
                reason: reason(),
            },
        ),
        (
            "approve",
            vec![],
            Submission::Act {
                action: action(Act::Approve),
                reason: String::new(),
            },
        ),
        (
            "extend",
            vec![("duration", "1800"), ("reason", "Because.")],
            Submission::Extend {
                action: action(Act::Extend),
                duration: Span::new(1_800).expect("half an hour"),
                reason: reason(),
            },
        ),
        (
            "retro-review",
            vec![("verdict", "not-justified"), ("reason", "Because.")],
            Submission::RetroReview {
                action: action(Act::RetroReview),
                verdict: Verdict::NotJustified,
                reason: reason(),
            },
        ),
        (
            "feedback",
            vec![("sufficient", "yes"), ("wait", "partly"), ("comment", "")],
            Submission::Feedback {
                action: action(Act::Feedback),
                sufficient: Rating::Yes,
                wait: Rating::Partly,
                comment: String::new(),
            },
        ),
    ]
}

#[test]
fn the_other_forms_come_back_too() {
    for (word, fields, wanted) in filled() {
        let form = form(word);
        let states: Vec<_> = fields
            .iter()
            .map(|(key, value)| (*key, text(value)))
            .collect();
        let view = view(word, "1042", &states);
        assert!(slack::submission::which(&view).is_ok(), "{word}");
        let answers = slack::submission::answers(&view).expect("answers");
        assert_eq!(
            form.read(&answers).as_ref(),
            Ok(&wanted),
            "{word} from Slack"
        );
        let mut data = json!({"action": word, "target": "1042"});
        for (key, value) in fields {
            data[format!("{word}.{key}")] = json!(value);
        }
        assert!(
            teams::submission::clicked(Some(word), &data).is_ok(),
            "{word}"
        );
        let answers = teams::submission::answers(&form, &data).expect("answers");
        assert_eq!(
            form.read(&answers).as_ref(),
            Ok(&wanted),
            "{word} from Teams"
        );
    }
}

fn answers(fields: &[(&str, &str)]) -> Answers {
    let mut answers = Answers::default();
    for (key, value) in fields {
        answers.put(key, Answer::Words((*value).to_owned()));
    }
    answers
}

#[test]
fn what_is_wrong_is_said_at_its_field() {
    let access = offers()[1].value();
    let (hour, long) = (Span::new(3_600).expect("an hour"), "x".repeat(2_001));
    let many = vec!["x"; 33].join(",");
    let example = "2026-11-27 14:30 UTC";
    let cases = [
        ("access", "", FieldError::Empty),
        ("access", "0123", FieldError::Choice),
        ("duration", "7200", FieldError::TooLong { longest: hour }),
        ("duration", "7201", FieldError::Choice),
        ("duration", "-1", FieldError::Choice),
        ("reason", "  \n ", FieldError::Empty),
        (
            "reason",
            long.as_str(),
            FieldError::Long {
                length: 2_001,
                max: 2_000,
            },
        ),
        ("severity", "sev5", FieldError::Choice),
        (
            "affected",
            many.as_str(),
            FieldError::Many { count: 33, max: 32 },
        ),
        ("start", "tomorrow", FieldError::Instant { example }),
        (
            "start",
            "1969-12-31 23:59 UTC",
            FieldError::Instant { example },
        ),
    ];
    for (key, value, error) in cases {
        let good = [
            ("access", access.as_str()),
            ("duration", "3600"),
            ("reason", "x"),
        ];
        let mut answers = answers(&good);
        assert!(form("request").read(&answers).is_ok());
        answers.put(key, Answer::Words(value.to_owned()));
        let errors = form("request").read(&answers).expect_err("it is wrong");
        assert_eq!(errors.0, [(key, error)], "{key} {value}");
        let json = slack::submission::errors(&errors);
        assert_eq!(json["response_action"], "errors");
        assert!(json["errors"][key].is_string(), "{json}");
        let again = teams::form::again(&form("request"), &answers, &errors).to_string();
        assert!(again.contains("Attention"), "{again}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let errors = form("request")
        .read(&Answers::default())
        .expect_err("it is empty");
    let keys: Vec<&str> = errors.0.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["access", "duration", "reason"]);
}

#[test]
fn submissions_that_are_not_ours_are_refused() {
    let views = [
        json!({}),
        json!({"callback_id": 1}),
        json!({"callback_id": "own", "private_metadata": "1042"}),
        json!({"callback_id": "deny"}),
        json!({"callback_id": "deny", "private_metadata": "-1"}),
        json!({"callback_id": "deny", "private_metadata": "1042 1043"}),
    ];
    for view in views {
        assert!(slack::submission::which(&view).is_err(), "{view}");
    }
    let states = [
        json!({}),
        json!({"state": {"values": []}}),
        json!({"state": {"values": {"reason": {"other": {"type": "plain_text_input"}}}}}),
        json!({"state": {"values": {"reason": {"reason": {"type": "file_input"}}}}}),
        json!({"state": {"values": {"reason": {"reason": {
            "type": "plain_text_input", "value": 7}}}}}),
        json!({"state": {"values": {"start": {"start": {
            "type": "datetimepicker", "selected_date_time": -7}}}}}),
    ];
    for state in states {
        assert!(slack::submission::answers(&state).is_err(), "{state}");
    }
    let clicks = [
        (None, json!({})),
        (Some("deny"), json!({"action": "approve", "target": "1042"})),
        (Some("own"), json!({"action": "own", "target": "1042"})),
        (None, json!({"action": "deny"})),
        (None, json!({"action": "deny", "target": 1042})),
    ];
    for (verb, data) in clicks {
        assert!(teams::submission::clicked(verb, &data).is_err(), "{data}");
    }
    let data = json!({"deny.reason": {"a": 1}});
    assert!(teams::submission::answers(&form("deny"), &data).is_err());
}

#[test]
fn there_is_no_form_without_an_offer() {
    assert_eq!(Form::request(Vec::new()), None);
    assert_eq!(Form::break_glass(Vec::new()), None);
}

#[test]
fn many_offers_are_grouped_and_what_does_not_fit_is_said() {
    let many = |resources: usize, permissions: usize| {
        let offers = (0..resources).flat_map(|resource| {
            (0..permissions).map(move |permission| {
                offer(&format!("host-{resource}"), &format!("p{permission}"), 1)
            })
        });
        slack::modal::view(&Form::request(offers.collect()).expect("a form"))
    };
    let hundred = many(100, 1);
    let select = |view: &Value| view["blocks"][0]["element"].clone();
    assert_eq!(
        select(&hundred)["options"].as_array().map(Vec::len),
        Some(100)
    );
    let grouped = many(20, 30);
    assert_eq!(
        select(&grouped)["option_groups"].as_array().map(Vec::len),
        Some(20)
    );
    assert!(!grouped.to_string().contains("not shown"));
    let more = many(103, 2);
    assert_eq!(
        select(&more)["option_groups"].as_array().map(Vec::len),
        Some(100)
    );
    assert!(more.to_string().contains("6 more are not shown"));
}
