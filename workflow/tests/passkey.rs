//! Decisions that have to be signed: what a passkey proves, and that nothing else will do.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask, Caller, Command, NewPolicy};
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, EntryFacts};
use countersign_workflow::passkey::{AssertionError, Decision, Passkey, Verdict, check};
use countersign_workflow::policy::{Bundle, Facts, Policy, starter};
use countersign_workflow::state::State;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const RP: &str = "access.example.com";
const ORIGIN: &str = "https://access.example.com";
const REASON: &str = "fine";

/// An authenticator with one key.
struct Authenticator {
    key: SigningKey,
    rp: &'static str,
    origin: String,
    flags: u8,
    credential: Vec<u8>,
    client: Value,
}

impl Authenticator {
    fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).expect("a key"),
            rp: RP,
            origin: ORIGIN.to_owned(),
            flags: 0b101,
            credential: vec![seed; 16],
            client: json!({"type": "webauthn.get", "crossOrigin": false}),
        }
    }

    /// As the directory has it.
    fn passkey(&self) -> Passkey {
        let point = self.key.verifying_key().to_sec1_point(false);
        let point = URL_SAFE_NO_PAD.encode(point.as_bytes());
        let credential = URL_SAFE_NO_PAD.encode(&self.credential);
        Passkey::parse(&format!("{RP}:{credential}:{point}")).expect("a passkey")
    }

    fn sign(&self, challenge: &[u8]) -> v1::PasskeyAssertion {
        let mut client = self.client.clone();
        if client["challenge"].is_null() {
            client["challenge"] = URL_SAFE_NO_PAD.encode(challenge).into();
        }
        client["origin"] = self.origin.clone().into();
        let client = client.to_string().into_bytes();
        let mut data = Sha256::digest(self.rp).to_vec();
        data.push(self.flags);
        data.extend([0, 0, 0, 7]);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client));
        let signature: Signature = self.key.sign(&signed);
        v1::PasskeyAssertion {
            credential: self.credential.clone().into(),
            authenticator_data: data.into(),
            client_data_json: client.into(),
            signature: signature.to_der().as_bytes().to_vec().into(),
        }
    }
}

const fn decision() -> Decision<'static> {
    Decision {
        case: 7,
        opened: UnixMicros::EPOCH,
        requester: "bruno",
        resource: "payments-db",
        permission: "read-only",
        request: 7,
        verdict: Verdict::Approve,
        reviewer: "ada",
        reason: REASON,
    }
}

/// What is wrong with an assertion, and what is said of it.
type Wrong = (&'static str, fn(&mut Authenticator), AssertionError);

const WRONG: [Wrong; 16] = [
    (
        "unknown key",
        |a| a.credential = vec![9],
        AssertionError::Credential,
    ),
    (
        "made, not used",
        |a| a.client["type"] = "webauthn.create".into(),
        AssertionError::Type,
    ),
    (
        "no type",
        |a| a.client["type"] = Value::Null,
        AssertionError::Type,
    ),
    (
        "other challenge",
        |a| a.client["challenge"] = "AAAA".into(),
        AssertionError::Challenge,
    ),
    (
        "padded challenge",
        |a| a.client["challenge"] = "=".into(),
        AssertionError::Challenge,
    ),
    (
        "other site",
        |a| a.origin = "https://evil.example".to_owned(),
        AssertionError::Origin,
    ),
    (
        "suffix",
        |a| a.origin = "https://evilaccess.example.com".to_owned(),
        AssertionError::Origin,
    ),
    (
        "prefix",
        |a| a.origin = format!("{ORIGIN}.evil.example"),
        AssertionError::Origin,
    ),
    (
        "plain",
        |a| a.origin = "http://access.example.com".to_owned(),
        AssertionError::Origin,
    ),
    (
        "user info",
        |a| a.origin = format!("https://x@{RP}"),
        AssertionError::Origin,
    ),
    (
        "framed",
        |a| a.client["crossOrigin"] = true.into(),
        AssertionError::Origin,
    ),
    (
        "framed by",
        |a| a.client["topOrigin"] = ORIGIN.into(),
        AssertionError::Origin,
    ),
    (
        "other domain",
        |a| a.rp = "example.com",
        AssertionError::Domain,
    ),
    ("nobody there", |a| a.flags = 0b100, AssertionError::User),
    ("not verified", |a| a.flags = 0b001, AssertionError::User),
    ("no flags", |a| a.flags = 0, AssertionError::User),
];

#[test]
fn one_assertion_proves_one_decision_of_one_key() {
    let own = Authenticator::new(1);
    let challenge = decision().challenge();
    let good = own.sign(&challenge);
    let keys = [Authenticator::new(2).passkey(), own.passkey()];
    assert_eq!(check(&good, &keys, &challenge), Ok(()));
    let of = |change: fn(&mut Authenticator)| {
        let mut changed = Authenticator::new(1);
        change(&mut changed);
        check(&changed.sign(&challenge), &keys, &challenge)
    };
    for (name, change, error) in WRONG {
        assert_eq!(of(change), Err(error), "{name}");
    }
    assert_eq!(of(|a| a.origin = format!("{ORIGIN}:8443")), Ok(()));
    assert_eq!(
        of(|a| a.origin = format!("https://eu.{RP}")),
        Ok(()),
        "below"
    );
    assert_eq!(of(|a| a.flags = 0b1_1101), Ok(()), "a synced one");
}

#[test]
fn no_bit_of_an_assertion_can_change() {
    let own = Authenticator::new(1);
    let challenge = decision().challenge();
    let good = own.sign(&challenge);
    let keys = [own.passkey()];
    let mut harmed = 0;
    for part in 0..4 {
        let len = bytes(&good, part).len();
        for bit in 0..len * 8 {
            let mut changed = good.clone();
            let mut part_bytes = bytes(&good, part).to_vec();
            part_bytes[bit / 8] ^= 1 << (bit % 8);
            put(&mut changed, part, part_bytes);
            assert!(
                check(&changed, &keys, &challenge).is_err(),
                "part {part} bit {bit}"
            );
            harmed += 1;
        }
        for short in 0..len {
            let mut changed = good.clone();
            put(&mut changed, part, bytes(&good, part)[..short].to_vec());
            assert!(
                check(&changed, &keys, &challenge).is_err(),
                "part {part} to {short}"
            );
            harmed += 1;
        }
    }
    println!("counted: {harmed} harmed assertions: each refused");
    let swapped = Authenticator {
        credential: own.credential.clone(),
        ..Authenticator::new(3)
    };
    let forged = check(&swapped.sign(&challenge), &keys, &challenge);
    assert_eq!(forged, Err(AssertionError::Signature));
}

fn bytes(assertion: &v1::PasskeyAssertion, part: usize) -> &[u8] {
    match part {
        0 => &assertion.credential,
        1 => &assertion.authenticator_data,
        2 => &assertion.client_data_json,
        _ => &assertion.signature,
    }
}

fn put(assertion: &mut v1::PasskeyAssertion, part: usize, bytes: Vec<u8>) {
    let place = match part {
        0 => &mut assertion.credential,
        1 => &mut assertion.authenticator_data,
        2 => &mut assertion.client_data_json,
        _ => &mut assertion.signature,
    };
    *place = bytes.into();
}

#[test]
fn each_word_of_a_decision_is_signed() {
    let base = decision();
    let changed = [
        Decision { case: 8, ..base },
        Decision {
            opened: UnixMicros::new(1).expect("a time"),
            ..base
        },
        Decision {
            requester: "chen",
            ..base
        },
        Decision {
            resource: "orders-db",
            ..base
        },
        Decision {
            permission: "read-write",
            ..base
        },
        Decision { request: 9, ..base },
        Decision {
            verdict: Verdict::Justified,
            ..base
        },
        Decision {
            reviewer: "dana",
            ..base
        },
        Decision { reason: "", ..base },
        Decision {
            permission: "read-only\",\"7",
            ..base
        },
    ];
    for other in changed {
        assert_ne!(base.challenge(), other.challenge(), "{other:?}");
    }
}

#[test]
fn passkeys_come_back_as_they_were_written_and_others_are_refused() {
    let passkey = Authenticator::new(1).passkey();
    assert_eq!(Passkey::parse(&passkey.to_string()), Ok(passkey.clone()));
    let text = passkey.to_string();
    let (rest, _key) = text.rsplit_once(':').expect("three parts");
    for wrong in [
        String::new(),
        rest.to_owned(),
        format!("{text}:more"),
        text.replace(RP, "Access.example.com"),
        text.replace(RP, "a..b"),
        text.replace(RP, ""),
        format!("{RP}::{}", text.rsplit(':').next().expect("a key")),
        format!("{rest}:AAAA"),
        format!("{rest}:"),
        format!("{text}="),
    ] {
        assert!(Passkey::parse(&wrong).is_err(), "{wrong}");
    }
    let spki = [
        &[
            0x30, 0x59, 0x30, 0x13, 6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61,
        ][..],
        &[3, 1, 7, 3, 0x42, 0][..],
        Authenticator::new(1)
            .key
            .verifying_key()
            .to_sec1_point(false)
            .as_bytes(),
    ]
    .concat();
    assert_eq!(Passkey::made(RP, &[1; 16], &spki), Some(passkey));
    assert_eq!(Passkey::made(RP, &[1; 16], &spki[1..]), None);
    assert_eq!(Passkey::made(RP, &[], &spki), None);
}

/// A ledger of values, whose approvals need the passkey of whoever gives them.
struct World {
    state: State,
    at: At,
}

impl World {
    fn new(keys: &[(&str, &Authenticator)]) -> Self {
        let at = At {
            time: UnixMicros::new(1_790_000_000_000_000).expect("a time"),
            index: 1,
        };
        let mut world = Self {
            state: State::default(),
            at,
        };
        world.put(keys);
        world
    }

    fn put(&mut self, keys: &[(&str, &Authenticator)]) {
        let starter = starter();
        let files = starter.files().map(|(name, text)| {
            let text = match name {
                "entities.json" => with_keys(text, keys),
                _ => text.replace("@approvals(", "@step_up(\"passkey\") @approvals("),
            };
            (name.to_owned(), text)
        });
        let bundle = Bundle::new(files).expect("a bundle");
        let new = NewPolicy {
            packed: bundle.pack().expect("small"),
            policy: Arc::new(Policy::compile(&bundle).expect("sound")),
            bundle,
            force: false,
            expected: 0,
        };
        let put = self.act("admin:root", Action::PutPolicy(Box::new(new)), None);
        put.expect("taken");
    }

    fn act(
        &mut self,
        actor: &str,
        action: Action,
        passkey: Option<v1::PasskeyAssertion>,
    ) -> Result<u64, Reason> {
        let via =
            (!actor.starts_with("admin")).then(|| Principal::parse("bot:inbox").expect("one"));
        let command = Command {
            caller: Caller {
                actor: Principal::parse(actor).expect("a principal"),
                via,
            },
            action,
            facts: Facts::default(),
            evidence: Some(Box::new(v1::Evidence {
                platform: "web".to_owned(),
                passkey,
                ..v1::Evidence::default()
            })),
        };
        let index = self.at.index;
        let drafts = decide::decide(&self.state, &command, self.at);
        let drafts = drafts.map_err(|refused| {
            assert!(refused.record.is_some(), "the attempt is recorded");
            refused.refusal.reason
        })?;
        for draft in drafts {
            let actor = if draft.by == By::Caller {
                actor
            } else {
                "ledger"
            };
            if let Known::ReviewRecorded(review) = &draft.event {
                let evidence = review.evidence.as_ref().expect("the entry has it");
                let approves = review.decision() == v1::Decision::Approve;
                assert_eq!(evidence.passkey.is_some(), approves);
            }
            let entry = EntryFacts {
                index: self.at.index,
                time: self.at.time,
                case: draft.case,
                actor,
                via: "",
            };
            self.state.apply(&entry, &draft.event).expect("it fits");
            self.at.index += 1;
        }
        Ok(index)
    }

    fn ask(&mut self) -> u64 {
        let ask = Ask {
            resource: "orders-db".to_owned(),
            permission: "read-only".to_owned(),
            duration: 600,
            reason: "look".to_owned(),
            ticket: "T-1".to_owned(),
            ..Ask::default()
        };
        self.act("user:bruno", Action::Request(ask), None)
            .expect("allowed")
    }

    fn decision<'a>(&self, request: u64, reviewer: &'a str) -> Decision<'a> {
        Decision {
            case: request,
            opened: self.at.time,
            requester: "bruno",
            resource: "orders-db",
            permission: "read-only",
            request,
            verdict: Verdict::Approve,
            reviewer,
            reason: REASON,
        }
    }
}

fn with_keys(text: &str, keys: &[(&str, &Authenticator)]) -> String {
    let mut all: Value = serde_json::from_str(text).expect("json");
    for entity in all.as_array_mut().expect("a list") {
        let id = entity["uid"]["id"].as_str().expect("an id").to_owned();
        let own = keys.iter().filter(|(person, _)| *person == id);
        let own: Vec<String> = own.map(|(_, key)| key.passkey().to_string()).collect();
        if !own.is_empty() {
            entity["attrs"]["passkeys"] = own.into();
        }
    }
    all.to_string()
}

fn review(request: u64, approve: bool) -> Action {
    Action::Review {
        request,
        approve,
        group: None,
        reason: REASON.to_owned(),
    }
}

#[test]
fn a_bot_alone_approves_nothing() {
    let (ada, dana) = (Authenticator::new(1), Authenticator::new(2));
    let mut world = World::new(&[("ada", &ada), ("dana", &dana)]);
    let (first, second) = (world.ask(), world.ask());
    let own = world.decision(first, "ada");
    let attempts = [
        ("none", None, Reason::PasskeyNeeded),
        (
            "of another request",
            Some(ada.sign(&world.decision(second, "ada").challenge())),
            Reason::PasskeyInvalid,
        ),
        (
            "of another person",
            Some(dana.sign(&own.challenge())),
            Reason::PasskeyInvalid,
        ),
        (
            "of a stranger",
            Some(Authenticator::new(9).sign(&own.challenge())),
            Reason::PasskeyInvalid,
        ),
        (
            "with other words",
            Some(ada.sign(&Decision { reason: "", ..own }.challenge())),
            Reason::PasskeyInvalid,
        ),
    ];
    for (name, passkey, reason) in attempts {
        let refused = world.act("user:ada", review(first, true), passkey);
        assert_eq!(refused, Err(reason), "{name}");
    }
    let signed = Some(ada.sign(&own.challenge()));
    let approved = world.act("user:ada", review(first, true), signed.clone());
    assert!(approved.is_ok(), "{approved:?}");
    let again = world.act("user:ada", review(second, true), signed);
    assert_eq!(
        again,
        Err(Reason::PasskeyInvalid),
        "one signature, one decision"
    );
    let denied = world.act("user:ada", review(second, false), None);
    assert!(denied.is_ok(), "a no gives nothing: {denied:?}");
}

#[test]
fn a_passkey_that_was_taken_out_counts_for_nothing_that_waits() {
    let ada = Authenticator::new(1);
    let mut world = World::new(&[("ada", &ada)]);
    let request = world.ask();
    world.put(&[]);
    let signed = Some(ada.sign(&world.decision(request, "ada").challenge()));
    let refused = world.act("user:ada", review(request, true), signed);
    assert_eq!(refused, Err(Reason::PasskeyInvalid));
}
