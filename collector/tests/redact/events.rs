//! Events on their way through the outlet that takes secrets out.

use std::sync::Arc;

use countersign_chain::kind::Kind;
use countersign_client::Draft;
use countersign_collector::outlet::{Item, Outlet, OutletError};
use countersign_collector::redact::{COUNT_FIELD, RULES_FIELD, Redacting};
use countersign_proto::event::{Event, Known};
use countersign_proto::v1;
use parking_lot::Mutex;

use super::redactor;

/// Keeps what comes.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<Item>>>);

impl Outlet for Kept {
    async fn put(&self, item: Item) -> Result<(), OutletError> {
        self.0.lock().push(item);
        Ok(())
    }

    async fn durable(&self) -> Result<(), OutletError> {
        Ok(())
    }

    fn place(&self, input: &str) -> Option<String> {
        Some(format!("place of {input}"))
    }
}

async fn passed(items: Vec<Item>) -> Vec<Item> {
    let kept = Kept::default();
    let outlet = Redacting::new(kept.clone(), redactor());
    for item in items {
        outlet.put(item).await.expect("taken");
    }
    outlet.durable().await.expect("durable");
    assert_eq!(outlet.place("x").as_deref(), Some("place of x"));
    std::mem::take(&mut *kept.0.lock())
}

fn external(source: &str, raw: &str, fields: &[(&str, &str)]) -> v1::ExternalEvent {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    v1::ExternalEvent {
        source: source.to_owned(),
        raw: raw.to_owned().into(),
        fields: fields.collect(),
        ..Default::default()
    }
}

fn seen(item: &Item) -> v1::ExternalEvent {
    let event = match item.draft.event.known() {
        Ok(Known::ExternalEvent(event)) => Some(event),
        _ => None,
    };
    event.expect("an event from outside")
}

#[tokio::test]
async fn lines_and_fields_lose_their_secrets_and_tell_how_many() {
    let raw = "user=ada password=hunter2 token=a1B2c3D4e5F6 dsn=pg://a:pw@db";
    let fields = [
        ("user", "ada"),
        ("password", "two words"),
        ("token", "a1B2c3D4e5F6"),
        ("dsn", "pg://a:pw@db"),
    ];
    let draft = Draft::new(&external("s", raw, &fields))
        .in_case(7)
        .with_key("k");
    let item = Item::new(draft.clone()).at("input", "9");
    let passed = passed(vec![item]).await;
    let event = seen(&passed[0]);
    assert_eq!(
        String::from_utf8_lossy(&event.raw),
        "user=ada password=[redacted:password] token=[redacted:token] \
         dsn=pg://a:[redacted:url-password]@db"
    );
    for (name, value) in [
        ("user", "ada"),
        ("password", "[redacted:password]"),
        ("token", "[redacted:token]"),
        ("dsn", "pg://a:[redacted:url-password]@db"),
        (COUNT_FIELD, "6"),
        (RULES_FIELD, "password,token,url-password"),
    ] {
        assert_eq!(
            event.fields.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    let rest = &passed[0];
    assert_eq!(
        (rest.draft.case, rest.draft.idempotency_key.as_str()),
        (7, "k")
    );
    assert_eq!(rest.place.as_ref().unwrap().position, "9");
}

#[tokio::test]
async fn what_has_no_secret_keeps_its_bytes() {
    let gap = v1::SpoolGap {
        source: "password=hunter2".into(),
        ..Default::default()
    };
    let output = v1::SessionOutput {
        session: 4,
        ..Default::default()
    };
    let items = vec![
        Item::new(Draft::new(&external(
            "s",
            "an ordinary line\r\n",
            &[("a", "b")],
        ))),
        Item::new(Draft::new(&gap)),
        Item::new(Draft::new(&output)).with_blob("password=hunter2".into()),
    ];
    assert_eq!(passed(items.clone()).await, items);
}

#[tokio::test]
async fn commands_lose_their_secrets_and_tell_how_many() {
    let command = v1::CommandExecuted {
        session: 3,
        number: 1,
        command: "mysql -pHunter2 -e \"SET PASSWORD = 'x y'\"".into(),
        source: "bash".into(),
        redactions: 1,
        ..Default::default()
    };
    let passed = passed(vec![Item::new(Draft::new(&command))]).await;
    let Ok(Known::CommandExecuted(event)) = passed[0].draft.event.known() else {
        panic!("{passed:?}");
    };
    let expected = "mysql -p[redacted:mysql-password] -e \"SET PASSWORD = '[redacted:password]'\"";
    assert_eq!((event.command.as_str(), event.redactions), (expected, 3));
}

#[tokio::test]
async fn a_key_is_found_when_each_of_its_lines_is_an_event() {
    let line = "Ab0+".repeat(16);
    let begin = ["-----BEGIN PRIV", "ATE KEY-----"].concat();
    let end = ["-----END PRIV", "ATE KEY-----"].concat();
    let mut items = Vec::new();
    for text in [begin.as_str(), &line, &line, "Ab0=", &end, "after"] {
        items.push(Item::new(Draft::new(&external("a", text, &[]))));
        items.push(Item::new(Draft::new(&external("b", "between", &[]))));
    }
    let passed = passed(items).await;
    let raw = |source: &str| {
        let events = passed
            .iter()
            .map(seen)
            .filter(|event| event.source == source);
        let lines = events.map(|event| String::from_utf8_lossy(&event.raw).into_owned());
        lines.collect::<Vec<_>>()
    };
    let mark = "[redacted:private-key]";
    assert_eq!(raw("a"), [begin.as_str(), mark, mark, mark, &end, "after"]);
    assert_eq!(raw("b"), ["between"; 6]);
}

#[tokio::test]
async fn an_event_that_marks_would_make_too_large_has_short_ones() {
    let raw = "pwd=abcd ".repeat(3_600);
    let passed = passed(vec![Item::new(Draft::new(&external("s", &raw, &[])))]).await;
    let event = seen(&passed[0]);
    assert_eq!(event.raw, "pwd=* ".repeat(3_600).into_bytes());
    assert_eq!(
        event.fields.get(COUNT_FIELD).map(String::as_str),
        Some("3600")
    );
    let (_, payload) = passed[0].draft.event.parts().unwrap();
    assert!(payload.len() <= countersign_chain::limits::MAX_PAYLOAD);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_refused() {
    let outlet = Redacting::new(Kept::default(), redactor());
    let event = Event::new(Kind::new(140).unwrap(), vec![0xff, 0xff].into());
    let refused = outlet.put(Item::new(Draft::of(event))).await.unwrap_err();
    assert!(
        refused.to_string().starts_with("an event cannot be read: "),
        "{refused}"
    );
}
