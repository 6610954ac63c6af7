//! What stands in the outbox after one thing or another.

use countersign_chatbot::delivery::{Step, Who};
use countersign_proto::v1;

use crate::world::{World, empty, word};

/// Recipients and steps as one line.
fn due(world: &World, case: u64) -> String {
    let due = world.due(case);
    let words: Vec<String> = due
        .iter()
        .map(|(who, step)| format!("{who}:{step}"))
        .collect();
    words.join(" ")
}

fn notice(world: &World, case: u64, who: &str) -> String {
    let work = world.work(case, who).expect("something is to be told");
    format!("{:?}", work.card.notice)
}

/// A case that ada was told of, and that bo and cy have approved.
fn granted() -> (World, u64, u64) {
    let mut world = World::new(&[]);
    let case = world.ask("ada", &["security", "leads"]);
    world.settle(case);
    world.review(case, case, "bo", "leads");
    world.review(case, case, "cy", "security");
    let grant = world.issue(case, "ada");
    (world, case, grant)
}

#[test]
fn one_message_tells_what_happened_while_nothing_could_be_sent() {
    let mut world = World::new(&[]);
    let case = world.ask("ada", &["security", "leads"]);
    world.review(case, case, "bo", "leads");
    world.review(case, case, "cy", "security");
    let grant = world.issue(case, "ada");
    let event = v1::GrantProvisioned {
        grant,
        ..v1::GrantProvisioned::default()
    };
    let newest = world.append(case, "provisioner:p", event);
    let work = world.work(case, "ada").expect("ada is told");
    assert_eq!((word(&work), work.about), ("post", newest));
    let Step::Post(marks) = &work.step else {
        panic!("it is a new message");
    };
    let marks: Vec<u64> = marks.iter().map(|mark| mark.about).collect();
    assert_eq!(
        marks,
        [grant, case],
        "the newest that needs one comes first"
    );
    // That it was approved is said although access has been made since.
    assert!(notice(&world, case, "ada").contains("is approved"));
    world.deliver(&work);
    // Those who would have been asked see how it stands, and are asked for nothing.
    let asked = world.work(case, "cy").expect("cy is told");
    assert!(notice(&world, case, "cy").contains("is ready"));
    assert!(
        !asked
            .card
            .actions
            .iter()
            .any(|action| action.act.word() == "approve")
    );
    assert_eq!(due(&world, case), "bo:post cy:post");
    world.settle(case);
    assert_eq!(due(&world, case), "");
}

#[test]
fn an_outcome_is_told_although_the_case_is_closed_by_now() {
    let mut world = World::new(&[]);
    let case = world.ask("ada", &["security"]);
    world.settle(case);
    let review = world.review(case, case, "cy", "");
    let request = case;
    world.append(case, "user:cy", v1::RequestDenied { request, review });
    world.close(case);
    assert!(notice(&world, case, "ada").contains("was denied"));
    assert_eq!(due(&world, case), "ada:post bo:update cy:update");
    world.settle(case);
    assert_eq!(world.outbox.size(), (0, 0), "a case that is over leaves");
}

#[test]
fn a_newer_message_takes_the_buttons_from_the_one_before() {
    let (mut world, case, grant) = granted();
    let first = world.outbox.clone();
    let issued = world.work(case, "ada").expect("ada is told");
    world.deliver(&issued);
    let rest = world.work(case, "ada").expect("the first one is stale");
    assert_eq!(word(&rest), "rest");
    assert_eq!(rest.card.actions, []);
    assert!(notice(&world, case, "ada").contains("newer message"));
    world.deliver(&rest);
    assert!(world.work(case, "ada").is_none());
    // What happens now is shown in the newer one.
    world.append(case, "ledger:main", v1::GrantExpired { grant });
    let ended = world.work(case, "ada").expect("ada is told");
    let place = world.deliver(&ended);
    let second = world.work(case, "ada").expect("the second one is stale");
    assert_ne!(second.step, Step::Rest(place));
    assert_ne!(first, world.outbox);
}

#[test]
fn nothing_is_sent_that_a_message_shows_already() {
    let (mut world, case, _) = granted();
    world.settle(case);
    let work = |world: &World| {
        world
            .outbox
            .work(case, &Who::person("ada").expect("a name"))
    };
    assert_eq!(work(&world), None);
    // What the bot writes itself leads to nothing.
    let size = world.facts.len();
    assert_eq!(world.settle(case), []);
    assert_eq!(world.facts.len(), size);
}

#[test]
fn what_is_given_up_is_not_tried_again() {
    let (mut world, case, grant) = granted();
    let work = world.work(case, "ada").expect("ada is told");
    world.fail(&work, false);
    let again = world.work(case, "ada").expect("it is tried again");
    assert!(again.failed && !work.failed);
    assert_eq!((again.about, again.since), (work.about, work.since));
    world.fail(&again, true);
    let left = world.work(case, "ada");
    assert_eq!(left, None, "the message that stands came that far as well");
    // The next outcome is told.
    world.append(case, "ledger:main", v1::GrantExpired { grant });
    let ended = world.work(case, "ada").expect("ada is told");
    assert_eq!((word(&ended), ended.failed), ("post", false));
}

#[test]
fn a_message_that_is_gone_is_not_brought_up_to_date_any_more() {
    let (mut world, case, grant) = granted();
    let work = world.work(case, "cy").expect("cy's is stale");
    assert_eq!(word(&work), "update");
    world.fail(&work, true);
    world.append(case, "ledger:main", v1::GrantExpired { grant });
    assert!(world.work(case, "cy").is_none());
    let event = v1::RemovalFailed {
        grant,
        error: "no".to_owned(),
        attempt: 1,
    };
    world.append(case, "provisioner:p", event);
    let alarm = world
        .work(case, "cy")
        .expect("an alarm needs a new message");
    assert_eq!(word(&alarm), "post");
}

#[test]
fn what_others_tell_is_none_of_ours() {
    let mut world = World::new(&[]);
    let case = world.ask("ada", &["security"]);
    let before = world.outbox.clone();
    let work = world.work(case, "ada").expect("ada is told");
    let message = |platform: &str, tenant: &str| v1::NotificationDelivered {
        about: case,
        recipient: "ada".to_owned(),
        message: Some(v1::ChatMessage {
            platform: platform.to_owned(),
            tenant: tenant.to_owned(),
            channel: "D1".to_owned(),
            id: "1".to_owned(),
        }),
        card_sha256: work.card.digest().bytes().to_vec().into(),
        updated: false,
    };
    let failed = v1::NotificationFailed {
        about: case,
        recipient: "ada".to_owned(),
        platform: "teams".to_owned(),
        error: "no".to_owned(),
        attempt: 1,
        given_up: true,
    };
    world.append(case, "bot:chat", message("teams", "T1"));
    world.append(case, "bot:chat", message("slack", "T2"));
    world.append(case, "bot:chat", failed);
    assert_eq!(world.outbox, before);
    let mut stranger = message("slack", "T1");
    stranger.recipient = "nobody".to_owned();
    world.append(case, "bot:chat", stranger);
    world.append(77, "bot:chat", message("slack", "T1"));
    assert_eq!(world.work(case, "ada"), Some(work));
}

#[test]
fn a_bot_that_starts_leaves_what_is_long_over_alone() {
    let mut world = World::new(&[]);
    let start = |world: &mut World| {
        let case = world.ask("ada", &["security"]);
        let request = case;
        world.append(case, "ledger:main", v1::RequestExpired { request });
        world.close(case);
        world.facts.last().expect("one").time
    };
    start(&mut world);
    let open = world.ask("cy", &["security"]);
    let cases = |outbox: &countersign_chatbot::delivery::Outbox| outbox.cases().collect::<Vec<_>>();
    // Nobody was ever told of anything: what is over is none of a new bot's business.
    let mut new = world.outbox.clone();
    new.begin(world.facts[0].time);
    assert_eq!(cases(&new), [open]);
    world.settle(open);
    let late = start(&mut world);
    let recent = world.outbox.cases().last().expect("one");
    world.outbox.begin(late);
    assert_eq!(cases(&world.outbox), [open, recent]);
}

#[test]
fn people_without_an_account_keep_no_case_in_memory() {
    let mut world = World::new(&[]);
    let case = world.ask("ada", &["security"]);
    let bo = Who::person("bo").expect("a name");
    world.outbox.pass_over(case, &bo);
    assert_eq!(due(&world, case), "ada:post cy:post");
    world.outbox.look_again();
    assert_eq!(due(&world, case), "ada:post bo:post cy:post");
    world.outbox.pass_over(case, &bo);
    let request = case;
    world.append(case, "ledger:main", v1::RequestExpired { request });
    world.close(case);
    world.settle(case);
    assert_eq!(world.outbox.size(), (0, 0));
}

#[test]
fn entries_that_do_not_fit_change_nothing() {
    let mut world = World::new(&[]);
    let case = world.ask("ada", &["security"]);
    world.settle(case);
    let before = world.outbox.clone();
    for event in [
        v1::GrantExpired { grant: 5 }.into(),
        v1::GrantExtended::default().into(),
        countersign_proto::event::Known::from(v1::RetroReviewRecorded::default()),
    ] {
        world.append(case, "ledger:main", event);
    }
    world.close(999);
    world.append(0, "provisioner:p", v1::AccessDriftDetected::default());
    assert_eq!(world.outbox, before);
}

#[test]
fn an_outbox_is_what_the_log_says() {
    let (mut world, case, grant) = granted();
    world.settle(case);
    world.extend(case, grant, "ada");
    let glass = world.glass("cy");
    world.settle(glass);
    world.settle(case);
    let mut again = empty();
    for (at, fact) in world.facts.iter().enumerate() {
        again.take(fact, Some(world.rules.clone()));
        let mut prefix = empty();
        for fact in &world.facts[..=at] {
            prefix.take(fact, Some(world.rules.clone()));
        }
        assert_eq!(prefix, again, "entry {}", fact.index);
    }
    assert_eq!(again, world.outbox);
}
