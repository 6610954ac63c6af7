//! What each reader can do at each moment, and that a card is the same wherever it is made.

use std::collections::BTreeMap;

use countersign_chatbot::card::action::{Act, Action};
use countersign_chatbot::card::audience::Audience;
use countersign_chatbot::card::moment::Moment;
use countersign_chatbot::card::render;
use countersign_chatbot::card::view::{CaseError, CaseView};
use countersign_chatbot::{plain, slack, teams};
use countersign_proto::v1;

use crate::scenes::{audiences, life, name, pending, view};

fn acts(moment: &Moment, case: &v1::Case, audience: &Audience) -> Vec<Act> {
    let card = render(&view(case), moment, audience);
    card.actions.iter().map(|action| action.act).collect()
}

#[test]
fn onlookers_have_no_buttons() {
    for (moment, case) in life("") {
        let acts = acts(&moment, &case, &Audience::Onlooker);
        assert_eq!(acts, [], "{}", moment.word());
    }
}

/// The case as it stands at a moment of its life.
fn at_the_moment(word: &str) -> v1::Case {
    let mut life = life("").into_iter();
    let found = life.find(|(moment, _)| moment.word() == word);
    found.expect("a moment").1
}

#[test]
fn what_is_said_goes_with_where_the_case_stands() {
    for (moment, case) in life("") {
        assert!(moment.fits(&view(&case)), "{}", moment.word());
    }
    for (moment, stands) in [
        ("opened", "issued"),
        ("opened", "cancelled"),
        ("reminded", "cancelled"),
        ("reviewed", "issued"),
        ("scheduled", "issued"),
        ("issued", "finished"),
        ("extension-asked", "extended"),
        ("extension-asked", "finished"),
        ("extended", "revoked"),
        ("extension-denied", "extension-asked"),
        ("break-glass", "retro-recorded"),
        ("retro-due", "retro-recorded"),
        ("feedback-asked", "closed"),
    ] {
        let mut life = life("").into_iter();
        let older = life.find(|(older, _)| older.word() == moment);
        let (older, _) = older.expect("a moment");
        let case = view(&at_the_moment(stands));
        assert!(!older.fits(&case), "{moment} while it stands at {stands}");
    }
}

#[test]
fn access_that_nobody_approved_is_not_called_approved() {
    let words = |case: &v1::Case, audience: &Audience| {
        let card = render(&view(case), &Moment::Issued, audience);
        plain::card(&card)
    };
    let [own, other, _] = audiences();
    let glass = at_the_moment("break-glass");
    let mine = words(&glass, &own);
    assert!(
        mine.contains("You took access without asking; it ends 2026-"),
        "{mine}"
    );
    let theirs = words(&glass, &other);
    assert!(
        theirs.contains("ada took access without asking; it ends 2026-"),
        "{theirs}"
    );
    let mut free = at_the_moment("issued");
    let approved = words(&free, &own);
    assert!(
        approved.contains("Your request is approved. Access ends"),
        "{approved}"
    );
    free.obligations
        .as_mut()
        .expect("they are there")
        .approvals
        .clear();
    let began = words(&free, &own);
    assert!(
        began.contains("Your access began; it ends 2026-"),
        "{began}"
    );
    for said in [mine, theirs, began] {
        assert!(!said.contains("is approved"), "{said}");
    }
}

#[test]
fn requesters_never_decide_on_their_own_case() {
    let groups = [name("security"), name("team-leads")];
    let person = name("ada");
    let own = [
        Audience::Requester(person.clone()),
        Audience::Reviewer {
            person,
            groups: groups.into(),
        },
    ];
    let never = [Act::Approve, Act::Deny, Act::Revoke, Act::RetroReview];
    for (moment, case) in life("") {
        for audience in &own {
            let acts = acts(&moment, &case, audience);
            let wrong = acts.iter().find(|act| never.contains(act));
            assert_eq!(wrong, None, "{} {audience:?}", moment.word());
        }
    }
}

#[test]
fn buttons_of_a_decision_are_there_until_it_is_made() {
    let [_, reviewer, _] = audiences();
    for (moment, case) in life("") {
        let open = case.status() == v1::CaseStatus::Pending || case.extension.is_some();
        let acts = acts(&moment, &case, &reviewer);
        for act in [Act::Approve, Act::Deny] {
            assert_eq!(acts.contains(&act), open, "{act:?} at {}", moment.word());
        }
    }
}

#[test]
fn an_approval_that_is_to_be_signed_has_no_button_and_says_where() {
    let [_, reviewer, _] = audiences();
    for (moment, mut case) in life("") {
        let open = case.status() == v1::CaseStatus::Pending || case.extension.is_some();
        case.obligations.as_mut().expect("all have some").step_up = true;
        let found = acts(&moment, &case, &reviewer);
        assert!(!found.contains(&Act::Approve), "{}", moment.word());
        assert_eq!(found.contains(&Act::Deny), open, "{}", moment.word());
        let view = CaseView::parse(&case, &BTreeMap::new()).expect("a case");
        let card = render(&view, &moment, &reviewer);
        let told = card.facts.iter().any(|fact| fact.label == "To approve");
        assert_eq!(told, open, "{}", moment.word());
        // Where the inbox has an address, every drawing leads there.
        let digest = card.digest();
        let leading = card.leading_to(Some("https://inbox.example.com"));
        assert_eq!(leading.digest(), digest, "it says nothing about the case");
        for drawn in [
            plain::card(&leading),
            slack::message::message(&leading).json().to_string(),
            teams::card::adaptive(&leading).to_string(),
        ] {
            let leads = drawn.contains("https://inbox.example.com/case/1042");
            assert_eq!(leads, open, "{}: {drawn}", moment.word());
        }
    }
}

#[test]
fn whoever_decided_or_has_no_place_left_cannot_approve() {
    let half = life("").remove(1).1;
    let reviewer = |person: &str, group: &str| Audience::Reviewer {
        person: name(person),
        groups: [name(group)].into(),
    };
    let cases = [
        (reviewer("grace", "security"), vec![]),
        (reviewer("grace", "team-leads"), vec![]),
        (reviewer("barbara", "security"), vec![Act::Deny]),
        (
            reviewer("barbara", "team-leads"),
            vec![Act::Approve, Act::Deny],
        ),
        (reviewer("barbara", "others"), vec![]),
    ];
    for (audience, wanted) in cases {
        let acts = acts(&Moment::Reminded { number: 1 }, &half, &audience);
        assert_eq!(acts, wanted, "{audience:?}");
    }
}

#[test]
fn a_channel_offers_what_its_groups_can_do() {
    let channel = |group: &str| Audience::Channel {
        groups: [name(group)].into(),
    };
    let wanted = |moment: &str, group: &str| {
        let found = life("").into_iter().find(|(at, _)| at.word() == moment);
        let (moment, case) = found.expect("a moment of the life");
        acts(&moment, &case, &channel(group))
    };
    let rows = [
        ("opened", "security", vec![Act::Approve, Act::Deny]),
        ("opened", "others", vec![]),
        // Its place is filled: it can still say no.
        ("reminded", "security", vec![Act::Deny]),
        ("reminded", "team-leads", vec![Act::Approve, Act::Deny]),
        ("issued", "security", vec![Act::Revoke]),
        (
            "break-glass",
            "security",
            vec![Act::RetroReview, Act::Revoke],
        ),
        ("break-glass", "team-leads", vec![]),
        ("denied", "security", vec![]),
        ("grant-expired", "security", vec![]),
        ("closed", "security", vec![]),
    ];
    for (moment, group, expected) in rows {
        assert_eq!(wanted(moment, group), expected, "{moment} {group}");
    }
}

#[test]
fn an_extension_is_decided_under_its_own_number() {
    let [requester, reviewer, _] = audiences();
    let (moment, case) = life("")
        .into_iter()
        .find(|(moment, _)| *moment == Moment::ExtensionAsked)
        .expect("it is there");
    let of_reviewer = render(&view(&case), &moment, &reviewer).actions;
    let on = |act, target| Action { act, target };
    let wanted = [
        on(Act::Approve, 1050),
        on(Act::Deny, 1050),
        on(Act::Revoke, 1045),
    ];
    assert_eq!(of_reviewer, wanted);
    let of_requester = render(&view(&case), &moment, &requester).actions;
    assert_eq!(of_requester, [on(Act::Finish, 1045), on(Act::Cancel, 1050)]);
}

#[test]
fn every_moment_is_told_and_fits_a_screen() {
    let mut screens = 0;
    for (moment, case) in life("It went well.") {
        for audience in audiences() {
            let card = render(&view(&case), &moment, &audience);
            assert!(!card.notice.is_empty(), "{} is not told", moment.word());
            let screen = plain::card(&card);
            assert!(screen.lines().count() <= 40, "{screen}");
            screens += 1;
        }
    }
    println!("counted: {screens} cards are told and fit a screen");
}

#[test]
fn the_digest_changes_with_what_is_seen() {
    let [requester, reviewer, onlooker] = audiences();
    let digest = |case: &v1::Case, audience: &Audience| {
        render(&view(case), &Moment::Opened, audience)
            .digest()
            .to_string()
    };
    let case = pending();
    let mut seen = vec![
        digest(&case, &requester),
        digest(&case, &reviewer),
        digest(&case, &onlooker),
    ];
    let changes: [fn(&mut v1::Case); 6] = [
        |case| case.reason.push('.'),
        |case| case.duration_seconds += 60,
        |case| case.permission = "write".to_owned(),
        |case| case.id += 1,
        |case| case.policy += 1,
        |case| case.affected.clear(),
    ];
    for change in changes {
        let mut other = pending();
        change(&mut other);
        seen.push(digest(&other, &reviewer));
    }
    assert_eq!(digest(&case, &reviewer), seen[1], "it is stable");
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count, "two cards have the same digest");
}

/// What is done to a case, and how.
type Damage = (&'static str, fn(&mut v1::Case));

#[test]
fn a_case_that_does_not_parse_is_refused() {
    let cases: [Damage; 10] = [
        ("no person", |case| case.person.clear()),
        ("a person of 257 bytes", |case| {
            case.person = "x".repeat(257)
        }),
        ("no obligations", |case| case.obligations = None),
        ("no time", |case| case.opened = None),
        ("an unknown status", |case| case.status = 99),
        ("no status", |case| case.status = 0),
        ("two years", |case| case.duration_seconds = 2 * 366 * 86_400),
        ("a long reason", |case| case.reason = "x".repeat(2_001)),
        ("a time before 1970", |case| {
            case.opened = Some(prost_types::Timestamp {
                seconds: -1,
                nanos: 0,
            });
        }),
        ("a review that says nothing", |case| {
            case.reviews.push(v1::ReviewState {
                person: "grace".to_owned(),
                ..v1::ReviewState::default()
            });
        }),
    ];
    let read = |case: &v1::Case| -> Result<CaseView, CaseError> {
        CaseView::parse(case, &BTreeMap::new())
    };
    assert!(read(&pending()).is_ok());
    for (what, damage) in cases {
        let mut case = pending();
        damage(&mut case);
        assert!(read(&case).is_err(), "{what} was taken");
    }
}
