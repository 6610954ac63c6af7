//! Every moment of a case, and who is told of it how: by a new message, or in the one that stands.

use countersign_proto::event::Known;
use countersign_proto::v1;

use crate::world::World;

/// `ada` asks and is a lead; `bo` is a lead and of security, `cy` of security, `fay` a manager.
/// Before the entry everybody was told of everything. Upper case is a new message, lower case the
/// one that stands.
fn told(world: &mut World, case: u64) -> String {
    let done = world.settle(case);
    let mut words: Vec<String> = done
        .iter()
        .filter(|(_, step)| *step != "rest")
        .map(|(who, step)| match *step {
            "post" => who.to_uppercase(),
            _ => who.to_lowercase(),
        })
        .collect();
    words.sort_by_key(|word| word.to_lowercase());
    words.join(" ")
}

/// Where a case stands before the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Pending,
    Scheduled,
    Active,
    Extending,
    Ended,
    Glass,
}

/// A case of ada at a stage, everything told; the case, its grant and its extension.
fn at(stage: Stage, channels: &[(&str, &str)]) -> (World, u64, u64, u64) {
    let mut world = World::new(channels);
    if stage == Stage::Glass {
        let case = world.glass("ada");
        let grant = world.issue(case, "ada");
        world.settle(case);
        return (world, case, grant, 0);
    }
    let case = world.ask("ada", &["security", "leads"]);
    world.settle(case);
    if stage == Stage::Pending {
        return (world, case, 0, 0);
    }
    world.review(case, case, "bo", "leads");
    world.review(case, case, "cy", "security");
    if stage == Stage::Scheduled {
        let start = world.stamp(600);
        let request = case;
        let grant = world.append(case, "ledger:main", v1::GrantScheduled { request, start });
        world.settle(case);
        return (world, case, grant, 0);
    }
    let grant = world.issue(case, "ada");
    let mut extension = 0;
    if stage == Stage::Extending {
        extension = world.extend(case, grant, "ada");
    }
    if stage == Stage::Ended {
        world.append(case, "ledger:main", v1::GrantExpired { grant });
    }
    world.settle(case);
    (world, case, grant, extension)
}

const fn of(stage: Stage) -> Stage {
    stage
}

/// Name, stage, actor, event, who is told without channels, and with a channel of security.
type Row = (
    &'static str,
    Stage,
    &'static str,
    Known,
    &'static str,
    &'static str,
);

/// Numbers in the events below: the case is 100, and what stands for the grant or the extension is
/// filled in.
const GRANT: u64 = 1;
const WISH: u64 = 2;

fn requests() -> Vec<Row> {
    let request = 100;
    let stage = of(Stage::Pending);
    let reason = String::new;
    let review = |person: &str, group: &str, decision: v1::Decision| v1::ReviewRecorded {
        request,
        person: person.to_owned(),
        decision: decision.into(),
        group: group.to_owned(),
        ..v1::ReviewRecorded::default()
    };
    let reminded = v1::ApproversReminded {
        request,
        number: 1,
        groups: vec!["security".to_owned()],
    };
    let escalated = v1::RequestEscalated {
        request,
        group: "managers".to_owned(),
    };
    let start = World::new(&[]).stamp(600);
    vec![
        (
            "reviewed",
            stage,
            "user:cy",
            review("cy", "security", v1::Decision::Approve).into(),
            "ada bo cy",
            "ada bo channel:c1",
        ),
        (
            "reminded",
            stage,
            "ledger:main",
            reminded.into(),
            "ada BO CY",
            "ada bo CHANNEL:C1",
        ),
        (
            "escalated",
            stage,
            "ledger:main",
            escalated.into(),
            "ada bo cy FAY",
            "ada bo channel:c1 FAY",
        ),
        (
            "denied",
            stage,
            "user:cy",
            v1::RequestDenied { request, review: 0 }.into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "cancelled",
            stage,
            "user:ada",
            v1::RequestCancelled {
                request,
                reason: reason(),
                evidence: None,
            }
            .into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "expired",
            stage,
            "ledger:main",
            v1::RequestExpired { request }.into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "scheduled",
            stage,
            "ledger:main",
            v1::GrantScheduled { request, start }.into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "issued later",
            Stage::Scheduled,
            "ledger:main",
            v1::GrantIssued {
                request,
                person: "ada".to_owned(),
                resource: "db".to_owned(),
                permission: "read".to_owned(),
                end: World::new(&[]).stamp(90_000),
                ..v1::GrantIssued::default()
            }
            .into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
    ]
}

fn grants() -> Vec<Row> {
    let grant = GRANT;
    let end = World::new(&[]).stamp(90_000);
    let stage = of(Stage::Active);
    let failed = |attempt| v1::ProvisioningFailed {
        grant,
        error: "no".to_owned(),
        attempt,
        ..v1::ProvisioningFailed::default()
    };
    vec![
        (
            "provisioned",
            stage,
            "provisioner:p",
            v1::GrantProvisioned {
                grant,
                ..v1::GrantProvisioned::default()
            }
            .into(),
            "ada bo cy",
            "ada bo channel:c1",
        ),
        (
            "provisioning failed",
            stage,
            "provisioner:p",
            failed(1).into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "provisioning failed again",
            stage,
            "provisioner:p",
            failed(2).into(),
            "ada bo cy",
            "ada bo channel:c1",
        ),
        (
            "end near",
            stage,
            "ledger:main",
            v1::ExpiryWarned { grant, end }.into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "expired",
            stage,
            "ledger:main",
            v1::GrantExpired { grant }.into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "revoked",
            stage,
            "user:cy",
            v1::GrantRevoked {
                grant,
                person: "cy".to_owned(),
                reason: "x".to_owned(),
                evidence: None,
            }
            .into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "finished",
            stage,
            "user:ada",
            v1::GrantFinished {
                grant,
                reason: String::new(),
                evidence: None,
            }
            .into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "drift",
            stage,
            "provisioner:p",
            v1::AccessDriftDetected::default().into(),
            "ADA BO CY",
            "ADA BO CHANNEL:C1",
        ),
    ]
}

fn extensions() -> Vec<Row> {
    let end = World::new(&[]).stamp(90_000);
    let wish = v1::ExtensionRequested {
        grant: GRANT,
        duration_seconds: 600,
        policy: 1,
        obligations: Some(crate::world::slots(&["security", "leads"])),
        ..v1::ExtensionRequested::default()
    };
    let stage = of(Stage::Extending);
    vec![
        (
            "extension asked",
            Stage::Active,
            "user:ada",
            wish.into(),
            "ada BO CY",
            "ada BO CHANNEL:C1",
        ),
        (
            "extended",
            stage,
            "ledger:main",
            v1::GrantExtended {
                grant: GRANT,
                extension: WISH,
                end,
            }
            .into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "extension denied",
            stage,
            "user:bo",
            v1::RequestDenied {
                request: WISH,
                review: 0,
            }
            .into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
        (
            "extension cancelled",
            stage,
            "user:ada",
            v1::RequestCancelled {
                request: WISH,
                reason: String::new(),
                evidence: None,
            }
            .into(),
            "ada bo cy",
            "ada bo channel:c1",
        ),
        (
            "extension expired",
            stage,
            "ledger:main",
            v1::RequestExpired { request: WISH }.into(),
            "ADA bo cy",
            "ADA bo channel:c1",
        ),
    ]
}

fn ends() -> Vec<Row> {
    let grant = GRANT;
    let removal = |attempt| v1::RemovalFailed {
        grant,
        error: "no".to_owned(),
        attempt,
        ..v1::RemovalFailed::default()
    };
    let feedback = |person: &str| v1::FeedbackSubmitted {
        person: person.to_owned(),
        access_sufficient: v1::Rating::Yes.into(),
        wait_acceptable: v1::Rating::Yes.into(),
        ..v1::FeedbackSubmitted::default()
    };
    let stage = of(Stage::Ended);
    let outcome = "used".to_owned();
    let entries = Vec::new();
    vec![
        (
            "removed",
            stage,
            "provisioner:p",
            v1::AccessRemoved {
                grant,
                ..v1::AccessRemoved::default()
            }
            .into(),
            "ada bo cy",
            "ada bo channel:c1",
        ),
        (
            "removal failed",
            stage,
            "provisioner:p",
            removal(1).into(),
            "ADA BO CY",
            "ADA BO CHANNEL:C1",
        ),
        (
            "removal failed again",
            stage,
            "provisioner:p",
            removal(2).into(),
            "ada bo cy",
            "ada bo channel:c1",
        ),
        (
            "feedback of the requester",
            stage,
            "user:ada",
            feedback("ada").into(),
            "ada",
            "ada",
        ),
        (
            "feedback of a reviewer",
            stage,
            "user:cy",
            feedback("cy").into(),
            "cy",
            "",
        ),
        (
            "closed",
            stage,
            "ledger:main",
            v1::CaseClosed { outcome, entries }.into(),
            "ada bo cy",
            "ada bo channel:c1",
        ),
    ]
}

fn glass() -> Vec<Row> {
    let request = 100;
    let stage = of(Stage::Glass);
    let escalated = |group: &str| v1::RequestEscalated {
        request,
        group: group.to_owned(),
    };
    vec![
        (
            "review afterwards due",
            stage,
            "ledger:main",
            v1::ApproversReminded {
                request,
                number: 1,
                groups: vec!["security".to_owned()],
            }
            .into(),
            "ada BO CY",
            "ada CHANNEL:C1",
        ),
        (
            "review afterwards late",
            stage,
            "ledger:main",
            escalated("security").into(),
            "ada BO CY",
            "ada CHANNEL:C1",
        ),
        (
            "others told that it is late",
            stage,
            "ledger:main",
            escalated("managers").into(),
            "ada bo cy FAY",
            "ada channel:c1 FAY",
        ),
        (
            "reviewed afterwards",
            stage,
            "user:cy",
            v1::RetroReviewRecorded {
                request,
                person: "cy".to_owned(),
                justified: true,
                reason: "x".to_owned(),
                evidence: None,
            }
            .into(),
            "ADA bo cy",
            "ADA channel:c1",
        ),
    ]
}

/// Fills the numbers of this case in.
fn numbered(mut event: Known, grant: u64, wish: u64) -> Known {
    match &mut event {
        Known::GrantProvisioned(event) => event.grant = grant,
        Known::ProvisioningFailed(event) => event.grant = grant,
        Known::AccessRemoved(event) => event.grant = grant,
        Known::RemovalFailed(event) => event.grant = grant,
        Known::ExpiryWarned(event) => event.grant = grant,
        Known::GrantExpired(event) => event.grant = grant,
        Known::GrantRevoked(event) => event.grant = grant,
        Known::GrantFinished(event) => event.grant = grant,
        Known::ExtensionRequested(event) => event.grant = grant,
        Known::GrantExtended(event) => (event.grant, event.extension) = (grant, wish),
        Known::RequestDenied(event) if event.request == WISH => event.request = wish,
        Known::RequestCancelled(event) if event.request == WISH => event.request = wish,
        Known::RequestExpired(event) if event.request == WISH => event.request = wish,
        _ => {}
    }
    event
}

#[test]
fn everybody_is_told_what_they_have_to_notice() {
    let rows = [requests(), grants(), extensions(), ends(), glass()].concat();
    for (name, stage, actor, event, people, channel) in rows {
        for (channels, expected) in [(&[][..], people), (&[("security", "C1")][..], channel)] {
            let (mut world, case, grant, wish) = at(stage, channels);
            assert_eq!(case, 100);
            world.append(case, actor, numbered(event.clone(), grant, wish));
            assert_eq!(told(&mut world, case), expected, "{name} {channels:?}");
        }
    }
}

#[test]
fn openings_reach_those_who_have_to_act() {
    let rows: [(&[(&str, &str)], &str, &str); 3] = [
        (&[], "ADA BO CY", "ADA BO CY"),
        (&[("security", "C1")], "ADA BO CHANNEL:C1", "ADA CHANNEL:C1"),
        (
            &[("security", "C1"), ("leads", "C1")],
            "ADA CHANNEL:C1",
            "ADA CHANNEL:C1",
        ),
    ];
    for (channels, asked, taken) in rows {
        let mut world = World::new(channels);
        let case = world.ask("ada", &["security", "leads"]);
        assert_eq!(told(&mut world, case), asked, "{channels:?}");
        let case = world.glass("ada");
        assert_eq!(told(&mut world, case), taken, "{channels:?}");
    }
}

#[test]
fn a_session_that_overruns_alarms_those_who_could_have_ended_it() {
    for (channels, expected) in [
        (&[][..], "ADA BO CY"),
        (&[("security", "C1")][..], "ADA BO CHANNEL:C1"),
    ] {
        let (mut world, case, grant, _) = at(Stage::Active, channels);
        let event = v1::SessionStarted {
            grant,
            person: "ada".to_owned(),
            ..v1::SessionStarted::default()
        };
        let session = world.append(case, "user:ada", event);
        assert_eq!(told(&mut world, case), "", "a session is no news");
        world.append(case, "ledger:main", v1::GrantExpired { grant });
        told(&mut world, case);
        let overran = v1::SessionOverran {
            session,
            ..v1::SessionOverran::default()
        };
        world.append(case, "ledger:main", overran);
        assert_eq!(told(&mut world, case), expected, "{channels:?}");
    }
}

#[test]
fn whoever_stands_in_for_a_reviewer_is_asked_too() {
    let mut world = World::new(&[]);
    let event = v1::DelegationChanged {
        from: "cy".to_owned(),
        to: "gus".to_owned(),
        start: world.stamp(0),
        end: world.stamp(3_600),
        ..v1::DelegationChanged::default()
    };
    world.append(0, "user:cy", event);
    let case = world.ask("ada", &["security"]);
    assert_eq!(told(&mut world, case), "ADA BO CY GUS");
    // An hour later the place is cy's own again.
    for _ in 0..60 {
        world.append(0, "ledger:main", v1::DiskLow::default());
    }
    let case = world.ask("ada", &["security"]);
    assert_eq!(told(&mut world, case), "ADA BO CY");
}

#[test]
fn whoever_asks_is_never_asked_to_decide() {
    let mut world = World::new(&[]);
    // bo is of both groups; robot, of security, is a program.
    let case = world.ask("bo", &["security", "leads"]);
    assert_eq!(told(&mut world, case), "ADA BO CY");
    let acts = |work: &countersign_chatbot::delivery::Work| work.card.actions.clone();
    let case = world.ask("bo", &["security", "leads"]);
    let own = world.work(case, "bo").expect("bo is told");
    assert_eq!(acts(&own).len(), 1, "bo can take it back, and nothing else");
}
