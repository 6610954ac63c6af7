//! Which moment an entry is.

use countersign_chatbot::card::moment::{ExtensionOver, Moment};
use countersign_chatbot::card::span::Span;
use countersign_proto::event::Known;
use countersign_proto::v1;

use crate::scenes::{at, name, pending, view};

fn of(event: &Known, case: &v1::Case) -> Option<Moment> {
    Moment::of(event, at(0), &view(case)).expect("the event is whole")
}

#[test]
fn what_ends_a_request_or_an_extension_is_told_apart() {
    let denied = |request| Known::RequestDenied(v1::RequestDenied { request, review: 1 });
    let expired = |request| Known::RequestExpired(v1::RequestExpired { request });
    let how = |how| Some(Moment::ExtensionOver { how });
    let case = pending();
    assert_eq!(of(&denied(1042), &case), Some(Moment::Denied));
    assert_eq!(of(&denied(1050), &case), how(ExtensionOver::Denied));
    assert_eq!(of(&expired(1042), &case), Some(Moment::RequestExpired));
    assert_eq!(of(&expired(1050), &case), how(ExtensionOver::Expired));
}

#[test]
fn reminders_of_break_glass_ask_for_its_review() {
    let reminded = Known::ApproversReminded(v1::ApproversReminded {
        request: 1042,
        number: 2,
        groups: Vec::new(),
    });
    let group = "managers".to_owned();
    let escalated = Known::RequestEscalated(v1::RequestEscalated {
        request: 1042,
        group,
    });
    let mut case = pending();
    assert_eq!(of(&reminded, &case), Some(Moment::Reminded { number: 2 }));
    let group = name("managers");
    assert_eq!(of(&escalated, &case), Some(Moment::Escalated { group }));
    case.break_glass = true;
    assert_eq!(of(&reminded, &case), Some(Moment::RetroDue));
    assert_eq!(of(&escalated, &case), Some(Moment::RetroDue));
}

#[test]
fn a_warning_says_how_much_time_is_left() {
    let warned = |minutes: i64| {
        let end = Some(countersign_proto::convert::timestamp(at(minutes)));
        Known::ExpiryWarned(v1::ExpiryWarned { grant: 1045, end })
    };
    let left = |seconds| Span::new(seconds).map(|left| Moment::EndNear { left });
    assert_eq!(of(&warned(10), &pending()), left(600));
    assert_eq!(of(&warned(-10), &pending()), left(0));
}

#[test]
fn events_that_say_too_little_are_refused() {
    let events = [
        Known::ExpiryWarned(v1::ExpiryWarned::default()),
        Known::GrantExtended(v1::GrantExtended::default()),
        Known::GrantScheduled(v1::GrantScheduled::default()),
        Known::ReviewRecorded(v1::ReviewRecorded::default()),
        Known::RequestEscalated(v1::RequestEscalated::default()),
        Known::RetroReviewRecorded(v1::RetroReviewRecorded::default()),
    ];
    for event in events {
        let moment = Moment::of(&event, at(0), &view(&pending()));
        assert!(moment.is_err(), "{event:?}");
    }
}

#[test]
fn what_nobody_needs_to_see_is_no_moment() {
    let started = Known::SessionStarted(v1::SessionStarted::default());
    let viewed = Known::RecordingViewed(v1::RecordingViewed::default());
    for event in [started, viewed] {
        assert_eq!(of(&event, &pending()), None);
    }
}
