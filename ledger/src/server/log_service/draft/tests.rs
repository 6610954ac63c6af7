//! Drafts of every role, good and bad.

use bytes::Bytes;
use countersign_chain::kind::Kind;
use countersign_proto::event::Event;
use countersign_proto::v1::{AgentStarted, ExternalEvent};

use super::*;

fn peer(role: Role, name: &str) -> Peer {
    Peer {
        principal: Principal::parse(&format!("{role}:{name}")).expect("a principal"),
        role,
        serial: "01".to_owned(),
        not_after: u64::MAX,
    }
}

fn external() -> Event {
    Event::from_message(&ExternalEvent {
        source: "test".to_owned(),
        ..ExternalEvent::default()
    })
}

fn draft(event: Event) -> EventDraft {
    EventDraft {
        event: Some(event),
        ..EventDraft::default()
    }
}

fn kind(number: u16) -> Kind {
    Kind::new(number).expect("a kind")
}

#[test]
fn an_agent_acts_in_its_own_name() {
    let entry = entry(
        Some(EventDraft {
            case: 7,
            idempotency_key: "key-1".to_owned(),
            ..draft(external())
        }),
        &peer(Role::Agent, "db"),
    )
    .expect("a good draft");
    assert_eq!(
        (entry.actor(), entry.carrier(), entry.case()),
        ("agent:db", "", 7)
    );
    assert_eq!(
        (entry.kind().get(), entry.idem().as_bytes()),
        (140, &b"key-1"[..])
    );
    let event = external();
    assert_eq!(
        Some(entry.payload()),
        event.parts().ok().map(|(_, payload)| payload)
    );
}

#[test]
fn the_bytes_of_an_event_are_kept() {
    // Field 1 twice, and a field that this version does not know: a decoder would change both.
    let payload = Bytes::from_static(b"\x0a\x01a\x0a\x01b\xfa\x01\x01x");
    let event = Event::new(kind(140), payload.clone());
    let entry = entry(Some(draft(event)), &peer(Role::Agent, "db")).expect("well-formed");
    assert_eq!(*entry.payload(), payload);
}

#[test]
fn a_bot_speaks_for_users_only() {
    let speak = |role: Role, name: &str, actor: &str| {
        let draft = EventDraft {
            on_behalf_of: actor.to_owned(),
            ..draft(external())
        };
        entry(Some(draft), &peer(role, name))
    };
    let spoken = speak(Role::Bot, "slack", "user:ada@example.com").expect("allowed");
    assert_eq!(
        (spoken.actor(), spoken.carrier()),
        ("user:ada@example.com", "bot:slack")
    );
    for actor in [
        "agent:db",
        "admin:operator",
        "ledger",
        "bot:slack",
        "bot:teams",
    ] {
        let refused = speak(Role::Bot, "slack", actor).expect_err(actor);
        assert!(
            matches!(refused, DraftError::NotAUser { .. }),
            "{actor}: {refused}"
        );
    }
    for role in [Role::Admin, Role::User, Role::Agent, Role::Provisioner] {
        let refused = speak(role, "ada@example.com", "user:ada@example.com").expect_err("no bot");
        assert!(
            matches!(refused, DraftError::NotABot { .. }),
            "{role}: {refused}"
        );
    }
    let refused = speak(Role::Bot, "slack", "ada").expect_err("no principal");
    assert!(matches!(refused, DraftError::Actor(_)));
}

#[test]
fn each_role_has_its_kinds() {
    let started = Event::from_message(&AgentStarted::default());
    let append = |role: Role, event: &Event| entry(Some(draft(event.clone())), &peer(role, "x"));
    assert!(append(Role::Agent, &started).is_ok());
    let refused = append(Role::User, &started).expect_err("not for users");
    let (role, name) = (Role::User, "AgentStarted");
    assert_eq!(refused, DraftError::KindNotAllowed { role, name });
    // The kinds of the log itself are refused before anyone looks at their bytes.
    for number in [1, 2, 5, 6, 7, 8, 9] {
        for role in Role::ALL {
            let own = Event::new(kind(number), Bytes::from_static(b"\xff"));
            let refused = append(role, &own).expect_err("the ledger's own");
            assert!(
                matches!(refused, DraftError::KindNotAllowed { .. }),
                "{role} {number}"
            );
        }
    }
    let future = Event::new(kind(150), Bytes::new());
    let refused = append(Role::Admin, &future).expect_err("unknown");
    assert_eq!(
        refused,
        DraftError::Event(EventError::UnknownKind { field: 150 })
    );
}

#[test]
fn what_is_no_event_is_refused() {
    let agent = peer(Role::Agent, "db");
    assert_eq!(
        entry(None, &agent).expect_err("nothing"),
        DraftError::Missing
    );
    let refused = entry(Some(EventDraft::default()), &agent).expect_err("no event");
    assert_eq!(refused, DraftError::Event(EventError::Missing));
    for payload in [&b""[..], b"\xff", b"\x0a\x05a"] {
        let event = Event::new(kind(140), Bytes::from_static(payload));
        let refused = entry(Some(draft(event)), &agent).expect_err("malformed");
        assert!(matches!(refused, DraftError::Event(_)), "{refused}");
    }
}

#[test]
fn sizes_have_limits() {
    let agent = peer(Role::Agent, "db");
    let keyed = |bytes: usize| EventDraft {
        idempotency_key: "k".repeat(bytes),
        ..draft(external())
    };
    assert!(entry(Some(keyed(64)), &agent).is_ok());
    assert_eq!(
        entry(Some(keyed(65)), &agent).expect_err("long"),
        DraftError::Key(65)
    );
    let sized = |bytes: usize| {
        let message = ExternalEvent {
            source: "s".to_owned(),
            raw: vec![b'x'; bytes].into(),
            ..ExternalEvent::default()
        };
        entry(Some(draft(Event::from_message(&message))), &agent)
    };
    // Tag and length of `source` and `raw` take 3 + 4 bytes.
    assert!(sized(49_152 - 7).is_ok());
    let refused = sized(49_152 - 6).expect_err("one byte too many");
    assert_eq!(
        refused,
        DraftError::Entry(NewEntryError::PayloadTooLong(49_153))
    );
}

#[test]
fn a_batch_names_the_draft_at_fault() {
    let agent = peer(Role::Agent, "db");
    let keyed = |key: &str| EventDraft {
        idempotency_key: key.to_owned(),
        ..draft(external())
    };
    let good = vec![keyed("a"), keyed(""), keyed("b"), keyed("")];
    assert_eq!(entries(good, &agent).map(|entries| entries.len()), Ok(4));
    let bad = vec![keyed("a"), EventDraft::default()];
    let (position, _) = entries(bad, &agent).map(|_| ()).expect_err("no event");
    assert_eq!(position, 1);
    let twice = vec![keyed(""), keyed("a"), keyed("b"), keyed("a")];
    let refused = entries(twice, &agent)
        .map(|_| ())
        .expect_err("one key twice");
    assert_eq!(refused, (3, DraftError::KeyTwice { first: 1 }));
}

#[test]
fn two_users_of_a_bot_may_use_one_key() {
    let bot = peer(Role::Bot, "slack");
    let spoken = |actor: &str| EventDraft {
        idempotency_key: "a".to_owned(),
        on_behalf_of: actor.to_owned(),
        ..draft(external())
    };
    assert!(entries(vec![spoken("user:ada"), spoken("user:eve")], &bot).is_ok());
    assert!(entries(vec![spoken("user:ada"), spoken("user:ada")], &bot).is_err());
}
