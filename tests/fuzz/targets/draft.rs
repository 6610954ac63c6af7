//! What callers want to append, as far as the ledger judges it without the log. Input: role, and an
//! `AppendBatchRequest`.
#![no_main]

use bytes::Bytes;
use countersign_chain::limits::{MAX_IDEM, MAX_PAYLOAD, MAX_RECORD};
use countersign_chain::principal::Principal;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use countersign_ledger::identity::peer::Peer;
use countersign_ledger::identity::role::{Role, may_append};
use countersign_ledger::log::NewEntry;
use countersign_ledger::{identity, log};
use countersign_proto::event::{Event, Known};
use countersign_proto::v1;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

#[path = "../../../ledger/src/server/log_service"]
mod server {
    //! The place that the source file expects around itself.
    #![allow(dead_code, reason = "only a part of the file is under test")]
    mod draft;

    use super::{NewEntry, Peer, v1};

    /// The entries, or the position of the draft that is none.
    pub fn entries(drafts: Vec<v1::EventDraft>, peer: &Peer) -> Result<Vec<NewEntry>, usize> {
        draft::entries(drafts, peer).map_err(|(position, error)| {
            assert!(!error.to_string().is_empty());
            position
        })
    }
}

fn plant() {
    let event = v1::ExternalEvent {
        source: "sshd".to_owned(),
        raw: Bytes::from_static(b"line"),
        ..v1::ExternalEvent::default()
    };
    let draft = |key: &str| v1::EventDraft {
        event: Some(Event::from_message(&event)),
        idempotency_key: key.to_owned(),
        ..v1::EventDraft::default()
    };
    let other = v1::EventDraft {
        on_behalf_of: "user:ada".to_owned(),
        ..draft("b")
    };
    for drafts in [vec![draft("a"), draft("b")], vec![draft(""), other]] {
        let request = v1::AppendBatchRequest {
            log: "main".to_owned(),
            drafts,
            ..v1::AppendBatchRequest::default()
        };
        for role in 0..7 {
            seeds::plant([[&[role], request.encode_to_vec().as_slice()].concat()]);
        }
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let role = Role::ALL[usize::from(input.byte()) % Role::ALL.len()];
    let peer = Peer {
        principal: Principal::parse(&format!("{role}:x")).expect("a principal"),
        role,
        serial: "01".to_owned(),
        not_after: 0,
    };
    let Ok(request) = v1::AppendBatchRequest::decode(Bytes::copy_from_slice(input.rest())) else {
        return;
    };
    let count = request.drafts.len();
    match server::entries(request.drafts, &peer) {
        Ok(entries) => {
            assert_eq!(entries.len(), count);
            entries.iter().for_each(|entry| accepted(entry, &peer));
        }
        Err(position) => assert!(position < count),
    }
});

fn accepted(entry: &NewEntry, peer: &Peer) {
    let kind = entry.kind();
    assert!(
        may_append(peer.role, kind),
        "{} appended kind {kind}",
        peer.role
    );
    assert!(Known::decode(kind.get(), entry.payload()).is_ok());
    assert!(entry.payload().len() <= MAX_PAYLOAD && entry.record_len() <= MAX_RECORD);
    assert!(entry.idem().as_bytes().len() <= MAX_IDEM);
    let caller = peer.principal.as_str();
    if entry.actor() != caller {
        // Only a bot speaks for others, only for users, and both names are recorded.
        assert_eq!((peer.role, entry.carrier()), (Role::Bot, caller));
        assert!(entry.actor().starts_with("user:"));
    }
}
