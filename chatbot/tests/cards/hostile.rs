//! Words that try to be more than words, in every field: no drawing breaks a limit, and in none of
//! them is anybody's text where a program would look for markup.

use countersign_chatbot::card::action::Act;
use countersign_chatbot::card::audience::Audience;
use countersign_chatbot::card::moment::Moment;
use countersign_chatbot::card::span::Span;
use countersign_chatbot::card::{Card, render};
use countersign_chatbot::form::Form;
use countersign_chatbot::form::answers::{Answer, Answers, FormErrors};
use countersign_chatbot::form::offer::Offer;
use countersign_chatbot::limits::{INBOX_URL, TEAMS_MESSAGE};
use countersign_chatbot::teams::activity::Audience as Hearers;
use countersign_chatbot::{plain, slack, teams};
use countersign_proto::v1;
use proptest::prelude::*;
use serde_json::Value;

use crate::scenes::{audiences, life, name, pending, view};

/// What others put into fields.
const HOSTILE: [&str; 34] = [
    "<!channel>",
    "<!here|here>",
    "<@U012AB3CD>",
    "<#C024BE7LR>",
    "<!subteam^SAZ94GDB8>",
    "<!date^1392734382^{date}|soon>",
    "<https://example.org|Approve>",
    "https://example.org/?a=b&c=d",
    "*bold* _italic_ ~gone~ `code`",
    "```\ncode\n```",
    "> quoted\n>>> and all of it",
    "&lt;!channel&gt; &amp;amp;",
    "&&&&<<<<>>>>",
    ":tada: :rotating_light:",
    "@here @everyone @channel #general",
    "[Approve](https://example.org)",
    "![image](https://example.org/a.png)",
    "# Heading\n- list\n1. list",
    "**bold** __bold__ \\*escaped\\*",
    "{{DATE(2030-01-01T00:00:00Z, SHORT)}}",
    "{{{TIME(2030-01-01T00:00:00Z)}}}",
    "${$root.secret} {name}",
    "<at>everyone</at>",
    "<script>alert(1)</script>",
    "\",\"type\":\"section\",\"x\":\"",
    "\\\"\\u0000\\n\\\\",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "abc\u{202e}dessorppA\u{202c}",
    "zero\u{200b}width\u{2060}\u{feff}",
    "\0\u{1}\u{7f}\u{85}\u{2028}x",
    "😀👨‍👩‍👧🏳️‍🌈",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
    "日本語 العربية עברית",
    "\u{e0041}\u{e0042}tags",
];

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn texts_of<'a>(value: &'a Value, found: &mut Vec<&'a serde_json::Map<String, Value>>) {
    match value {
        Value::Object(object) => {
            found.push(object);
            object.values().for_each(|value| texts_of(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| texts_of(value, found)),
        _ => {}
    }
}

fn objects(value: &Value) -> Vec<&serde_json::Map<String, Value>> {
    let mut found = Vec::new();
    texts_of(value, &mut found);
    found
}

fn text<'a>(object: &'a serde_json::Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The longest address of an inbox.
fn inbox() -> String {
    format!("https://{}", "a".repeat(INBOX_URL - 8))
}

/// Whether a link leads to the inbox and nowhere else.
fn is_ours(url: &str) -> bool {
    let case = url.strip_prefix(&inbox());
    let case = case.and_then(|rest| rest.strip_prefix("/case/"));
    case.is_some_and(|case| case.bytes().all(|b| b.is_ascii_digit()))
}

/// Slack: only objects that are not parsed, and all limits.
fn check_slack(message: &slack::message::Message) {
    let json = message.json();
    let all = json.to_string();
    assert!(units(&all) <= 10_000, "{} units: {all}", units(&all));
    assert!(message.blocks.len() <= 50);
    for object in objects(&json) {
        match text(object, "type") {
            "plain_text" => {
                assert_eq!(object["emoji"], false);
                assert!((1..=3_000).contains(&units(text(object, "text"))));
            }
            "text" => assert!(!text(object, "text").is_empty(), "{object:?}"),
            "header" => {
                assert!(units(text(object["text"].as_object().expect("a text"), "text")) <= 150)
            }
            "button" => assert!(units(text(object, "value")) <= 20),
            "date" => assert!(object["timestamp"].is_u64()),
            "actions" => assert!(object["elements"].as_array().is_some_and(|e| e.len() <= 25)),
            "link" => assert!(is_ours(text(object, "url")), "{object:?}"),
            "" | "context" | "rich_text" | "rich_text_section" | "rich_text_quote" => {}
            other => assert_eq!(other, "", "it could be parsed: {object:?}"),
        }
    }
    check_fallback(&message.text);
}

/// The fallback text: all that stands in angle brackets is a date of ours.
fn check_fallback(fallback: &str) {
    assert!(!fallback.is_empty() && units(fallback) <= 4_000);
    let mut rest = fallback;
    while let Some(at) = rest.find(['<', '>', '&', '*', '_', '~', '`']) {
        let here = &rest[at..];
        let entity = ["&amp;", "&lt;", "&gt;"]
            .iter()
            .find(|e| here.starts_with(**e));
        let length = match entity {
            Some(entity) => entity.len(),
            None => {
                assert!(here.starts_with("<!date^"), "{here} in {fallback}");
                let end = here.find('>').expect("it ends");
                let inside = &here[7..end];
                let (seconds, rest) = inside.split_once('^').expect("a format");
                assert!(seconds.bytes().all(|b| b.is_ascii_digit()), "{inside}");
                assert!(rest.starts_with("{date_short_pretty} {time}|"), "{inside}");
                end + 1
            }
        };
        rest = &here[length..];
    }
}

/// Teams: what is Markdown is ours, no function is called by anybody else, and the size.
fn check_teams(card: &Value) {
    let all = card.to_string();
    assert!(
        units(&all) * 2 <= 28 * 1_024,
        "{} units: {all}",
        units(&all)
    );
    for object in objects(card) {
        match text(object, "type") {
            "TextBlock" => check_time(text(object, "text")),
            "TextRun" => {
                assert!(!text(object, "text").contains("{{"), "{object:?}");
                assert!(!text(object, "text").is_empty(), "{object:?}");
            }
            "Action.Execute" | "Action.Submit" => {
                let data = object["data"].as_object().expect("data");
                assert!(data.keys().all(|key| key == "action" || key == "target"));
            }
            "Action.OpenUrl" => assert!(is_ours(text(object, "url")), "{object:?}"),
            "Action.ShowCard" | "Input.Text" | "Input.ChoiceSet" => {}
            "" | "AdaptiveCard" | "RichTextBlock" | "Container" => {}
            other => assert_eq!(other, "", "it is not drawn here: {object:?}"),
        }
    }
}

/// `**Label:** {{DATE(time, SHORT)}} {{TIME(time)}}`, the label and the time being ours.
fn check_time(text: &str) {
    let functions = match text.strip_prefix("**") {
        Some(labelled) => labelled.split_once(":** ").expect("a label").1,
        None => text,
    };
    let inside = functions
        .strip_prefix("{{DATE(")
        .and_then(|text| text.strip_suffix(")}}"));
    let (date, time) = inside
        .and_then(|text| text.split_once(", SHORT)}} {{TIME("))
        .expect(text);
    assert_eq!(date, time, "{text}");
    assert!(
        date.bytes()
            .all(|b| b.is_ascii_digit() || b"-:TZ.".contains(&b)),
        "{text}"
    );
}

fn check_plain(screen: &str) {
    for line in screen.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(
            !line.contains(['\u{202e}', '\u{200b}', '\u{feff}']),
            "{line:?}"
        );
    }
}

/// What goes out is more than the card: the digest at each button, a way to look again, and the
/// activity around it.
fn check_activity(card: &Card) {
    let mut numbered = card.clone();
    numbered.case = u64::MAX;
    for audience in [Hearers::Alone, Hearers::Many] {
        let dressed = teams::dress::dressed(&numbered, audience);
        let activity = teams::dress::with_card(&dressed).to_string();
        assert!(
            units(&activity) * 2 <= TEAMS_MESSAGE,
            "{}",
            units(&activity)
        );
    }
}

/// Every drawing of a card; with the longest link to the inbox, too, which stands only where there
/// is nothing to approve with.
fn check(card: &Card) {
    check_drawn(card);
    if card.actions.iter().all(|action| action.act != Act::Approve) {
        let inbox = format!("{}/case/{}", inbox(), u64::MAX);
        let leading = Card {
            inbox: Some(inbox),
            ..card.clone()
        };
        check_drawn(&leading);
    }
}

fn check_drawn(card: &Card) {
    check_slack(&slack::message::message(card));
    check_teams(&teams::card::adaptive(card));
    check_activity(card);
    check_plain(&plain::card(card));
}

/// A field of a case, and how words get into it.
type Field = (&'static str, fn(&mut v1::Case, &str));

fn first(text: &str, max: usize) -> String {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = end.take_while(|end| *end <= max).last().unwrap_or_default();
    let cut = &text[..end];
    if cut.is_empty() {
        "x".to_owned()
    } else {
        cut.to_owned()
    }
}

const FIELDS: [Field; 13] = [
    ("person", |case, text| case.person = first(text, 256)),
    ("resource", |case, text| case.resource = first(text, 256)),
    ("permission", |case, text| {
        case.permission = first(text, 256)
    }),
    ("reason", |case, text| case.reason = first(text, 2_000)),
    ("ticket", |case, text| case.ticket = first(text, 256)),
    ("severity", |case, text| case.severity = first(text, 256)),
    ("affected", |case, text| {
        case.affected = vec![first(text, 256); 32]
    }),
    ("rules", |case, text| {
        if let Some(obligations) = &mut case.obligations {
            obligations.policies = vec![first(text, 256); 20];
        }
    }),
    ("groups", |case, text| {
        if let Some(obligations) = &mut case.obligations {
            let group = first(text, 256);
            obligations.approvals = vec![v1::Slot { group, count: 1 }; 8];
        }
    }),
    ("reviews", |case, text| {
        let review = v1::ReviewState {
            index: 1043,
            person: first(text, 256),
            decision: v1::Decision::Approve.into(),
            group: first(text, 256),
            reason: first(text, 2_000),
            delegate_of: first(text, 256),
        };
        case.reviews = vec![review; 20];
    }),
    ("extension", |case, text| {
        if let Some(extension) = &mut case.extension {
            extension.reason = first(text, 2_000);
        }
    }),
    ("outcome", |case, text| case.outcome = first(text, 256)),
    ("open issues", |case, text| {
        case.open_issues = vec![first(text, 256); 3]
    }),
];

#[test]
fn hostile_words_in_every_field_stay_words() {
    let (mut cards, mut texts) = (0, 0);
    for hostile in HOSTILE {
        for text in [hostile.to_owned(), hostile.repeat(2_000 / hostile.len())] {
            texts += 1;
            for (_, put) in FIELDS {
                let mut case = pending();
                put(&mut case, &text);
                for audience in audiences() {
                    check(&render(&view(&case), &Moment::Opened, &audience));
                    cards += 1;
                }
            }
        }
    }
    println!(
        "counted: {texts} hostile texts in {} fields of a case, {cards} cards, three times drawn",
        FIELDS.len()
    );
}

#[test]
fn hostile_words_in_all_fields_at_once_stay_words_at_every_moment() {
    let mut cards = 0;
    for (number, hostile) in HOSTILE.into_iter().enumerate() {
        let long = hostile.repeat(2_000 / hostile.len());
        // A sixth of the moments each: every moment meets at least five of the texts.
        for (moment, mut case) in life(&long).into_iter().skip(number % 6).step_by(6) {
            FIELDS.iter().for_each(|(_, put)| put(&mut case, &long));
            for audience in readers(&case) {
                check(&render(&view(&case), &moment, &audience));
                cards += 1;
            }
        }
    }
    println!("counted: {cards} cards of nothing but hostile words, all drawn three times");
}

/// Those whose buttons and names make the card as large as it gets.
fn readers(case: &v1::Case) -> Vec<Audience> {
    let obligations = case.obligations.as_ref().expect("they are there");
    let retro = std::iter::once(obligations.retro_group.as_str());
    let groups = obligations.approvals.iter().map(|slot| slot.group.as_str());
    let groups = groups.chain(retro).filter(|group| !group.is_empty());
    vec![
        Audience::Requester(name(&case.person)),
        Audience::Reviewer {
            person: name("barbara"),
            groups: groups.map(name).collect(),
        },
        Audience::Onlooker,
    ]
}

/// A form whose offers have these names, and everything that was filled in.
fn check_form(text: &str) {
    let offer = |number: u64| Offer {
        resource: name(&first(&format!("{number}{text}"), 256)),
        permission: name(&first(text, 256)),
        longest: Span::new(3_600 * number).expect("within a year"),
    };
    let form = Form::request((1..130).map(offer).collect()).expect("a form");
    let view = slack::modal::view(&form);
    for object in objects(&view) {
        if text_type(object) == "plain_text" {
            assert!((1..=2_000).contains(&units(self::text(object, "text"))));
        }
        assert_ne!(text_type(object), "mrkdwn");
        if let Some(value) = object.get("value") {
            let words = object["text"].as_object().expect("an option has a text");
            assert!(units(self::text(words, "text")) <= 75, "{object:?}");
            assert!(
                value.as_str().is_some_and(|value| value.len() <= 75),
                "{object:?}"
            );
        }
        for list in ["options", "option_groups"] {
            let list = object.get(list).and_then(Value::as_array);
            assert!(list.is_none_or(|list| (1..=100).contains(&list.len())));
        }
    }
    let mut answers = Answers::default();
    for field in &form.fields {
        answers.put(field.key, Answer::Words(text.repeat(3)));
    }
    let none = FormErrors(Vec::new());
    let errors = form.read(&answers).err().unwrap_or(none);
    check_teams(&teams::form::again(&form, &answers, &errors));
    check_teams(&teams::form::adaptive(&form));
}

fn text_type(object: &serde_json::Map<String, Value>) -> &str {
    text(object, "type")
}

#[test]
fn hostile_words_in_forms_stay_words() {
    for hostile in HOSTILE {
        check_form(hostile);
        check_form(&hostile.repeat(2_000 / hostile.len()));
    }
    println!("counted: {} hostile texts in forms", 2 * HOSTILE.len());
}

#[test]
fn what_is_not_cut_is_there_to_the_letter() {
    let mut case = pending();
    case.reason = "a <b> & *c* {d}".to_owned();
    let card = render(&view(&case), &Moment::Opened, &Audience::Onlooker);
    let in_slack = slack::message::message(&card).json();
    let is_it = |object: &&serde_json::Map<String, Value>| text(object, "text") == case.reason;
    assert_eq!(objects(&in_slack).iter().filter(|o| is_it(o)).count(), 1);
    let in_teams = teams::card::adaptive(&card);
    assert_eq!(objects(&in_teams).iter().filter(|o| is_it(o)).count(), 1);
    assert!(plain::card(&card).contains(&case.reason));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_words_in_any_fields_stay_words(
        words in prop::collection::vec(any_words(), FIELDS.len()),
        at in 0usize..64,
    ) {
        let mut life = life(&words[0]);
        let (moment, mut case) = life.swap_remove(at % life.len());
        for ((_, put), text) in FIELDS.iter().zip(&words) {
            put(&mut case, text);
        }
        for audience in readers(&case) {
            check(&render(&view(&case), &moment, &audience));
        }
    }

    #[test]
    fn any_words_in_a_form_stay_words(words in any_words()) {
        check_form(&words);
    }
}

fn any_words() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[<>&*_~`{}|^@!#:\"\\\\ \n]{0,2000}",
        "\\PC{0,600}",
        prop::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned),
    ]
}
