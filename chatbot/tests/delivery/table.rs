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

/// Who is told of each entry of [`entries`]: without channels, and when security has one.
const TOLD: &str = "
reviewed                     | ada bo cy     | ada bo channel:c1
reminded                     | ada BO CY     | ada bo CHANNEL:C1
escalated                    | ada bo cy FAY | ada bo channel:c1 FAY
denied                       | ADA bo cy     | ADA bo channel:c1
cancelled                    | ADA bo cy     | ADA bo channel:c1
expired undecided            | ADA bo cy     | ADA bo channel:c1
scheduled                    | ADA bo cy     | ADA bo channel:c1
issued later                 | ADA bo cy     | ADA bo channel:c1
provisioned                  | ada bo cy     | ada bo channel:c1
provisioning failed          | ADA bo cy     | ADA bo channel:c1
provisioning failed again    | ada bo cy     | ada bo channel:c1
end near                     | ADA bo cy     | ADA bo channel:c1
time ran out                 | ADA bo cy     | ADA bo channel:c1
revoked                      | ADA bo cy     | ADA bo channel:c1
finished                     | ADA bo cy     | ADA bo channel:c1
drift                        | ADA BO CY     | ADA BO CHANNEL:C1
extension asked              | ada BO CY     | ada BO CHANNEL:C1
extended                     | ADA bo cy     | ADA bo channel:c1
extension denied             | ADA bo cy     | ADA bo channel:c1
extension cancelled          | ada bo cy     | ada bo channel:c1
extension expired            | ADA bo cy     | ADA bo channel:c1
removed                      | ada bo cy     | ada bo channel:c1
removal failed               | ADA BO CY     | ADA BO CHANNEL:C1
removal failed again         | ada bo cy     | ada bo channel:c1
feedback of the requester    | ada           | ada
feedback of a reviewer       | cy            |
closed                       | ada bo cy     | ada bo channel:c1
review afterwards due        | ada BO CY     | ada CHANNEL:C1
review afterwards late       | ada BO CY     | ada CHANNEL:C1
others told that it is late  | ada bo cy FAY | ada channel:c1 FAY
reviewed afterwards          | ADA bo cy     | ADA channel:c1
";

/// A name, where the case stands before, who acts, and what happens.
type Row = (&'static str, Stage, &'static str, Known);

/// The case is the first one; what stands for its grant and its extension is filled in.
const CASE: u64 = 100;
const GRANT: u64 = 1;
const WISH: u64 = 2;

const LEDGER: &str = "ledger:main";
const MAKER: &str = "provisioner:p";

fn entries() -> Vec<Row> {
    [requests(), grants(), extensions(), ends(), glass()].concat()
}

fn soon() -> Option<prost_types::Timestamp> {
    World::new(&[]).stamp(90_000)
}

fn reminded(group: &str) -> Known {
    let groups = vec![group.to_owned()];
    let (request, number) = (CASE, 1);
    v1::ApproversReminded {
        request,
        number,
        groups,
    }
    .into()
}

fn escalated(group: &str) -> Known {
    let group = group.to_owned();
    let request = CASE;
    v1::RequestEscalated { request, group }.into()
}

fn cancelled(request: u64) -> Known {
    let event = v1::RequestCancelled::default();
    v1::RequestCancelled { request, ..event }.into()
}

fn denied(request: u64) -> Known {
    v1::RequestDenied { request, review: 0 }.into()
}

fn requests() -> Vec<Row> {
    let (stage, request) = (Stage::Pending, CASE);
    let review = v1::ReviewRecorded {
        request,
        person: "cy".to_owned(),
        decision: v1::Decision::Approve.into(),
        group: "security".to_owned(),
        ..v1::ReviewRecorded::default()
    };
    let issued = v1::GrantIssued {
        request,
        person: "ada".to_owned(),
        resource: "db".to_owned(),
        permission: "read".to_owned(),
        end: soon(),
        ..v1::GrantIssued::default()
    };
    let expired = v1::RequestExpired { request };
    let start = soon();
    let scheduled = v1::GrantScheduled { request, start };
    vec![
        ("reviewed", stage, "user:cy", review.into()),
        ("reminded", stage, LEDGER, reminded("security")),
        ("escalated", stage, LEDGER, escalated("managers")),
        ("denied", stage, "user:cy", denied(CASE)),
        ("cancelled", stage, "user:ada", cancelled(CASE)),
        ("expired undecided", stage, LEDGER, expired.into()),
        ("scheduled", stage, LEDGER, scheduled.into()),
        ("issued later", Stage::Scheduled, LEDGER, issued.into()),
    ]
}

fn grants() -> Vec<Row> {
    let (stage, grant, end) = (Stage::Active, GRANT, soon());
    let failed = |attempt| v1::ProvisioningFailed {
        grant,
        error: "no".to_owned(),
        attempt,
    };
    let revoked = v1::GrantRevoked {
        grant,
        person: "cy".to_owned(),
        reason: "x".to_owned(),
        evidence: None,
    };
    let provisioned = v1::GrantProvisioned::default();
    let finished = v1::GrantFinished::default();
    let drift = v1::AccessDriftDetected::default();
    let (warned, expired) = (v1::ExpiryWarned { grant, end }, v1::GrantExpired { grant });
    vec![
        ("provisioned", stage, MAKER, provisioned.into()),
        ("provisioning failed", stage, MAKER, failed(1).into()),
        ("provisioning failed again", stage, MAKER, failed(2).into()),
        ("end near", stage, LEDGER, warned.into()),
        ("time ran out", stage, LEDGER, expired.into()),
        ("revoked", stage, "user:cy", revoked.into()),
        ("finished", stage, "user:ada", finished.into()),
        ("drift", stage, MAKER, drift.into()),
    ]
}

fn extensions() -> Vec<Row> {
    let wish = v1::ExtensionRequested {
        grant: GRANT,
        duration_seconds: 600,
        policy: 1,
        obligations: Some(crate::world::slots(&["security", "leads"])),
        ..v1::ExtensionRequested::default()
    };
    let (stage, grant, extension) = (Stage::Extending, GRANT, WISH);
    let end = soon();
    let extended = v1::GrantExtended {
        grant,
        extension,
        end,
    };
    let expired = v1::RequestExpired { request: WISH };
    vec![
        ("extension asked", Stage::Active, "user:ada", wish.into()),
        ("extended", stage, LEDGER, extended.into()),
        ("extension denied", stage, "user:bo", denied(WISH)),
        ("extension cancelled", stage, "user:ada", cancelled(WISH)),
        ("extension expired", stage, LEDGER, expired.into()),
    ]
}

fn ends() -> Vec<Row> {
    let (stage, grant) = (Stage::Ended, GRANT);
    let failed = |attempt| v1::RemovalFailed {
        grant,
        error: "no".to_owned(),
        attempt,
    };
    let said = |person: &str| v1::FeedbackSubmitted {
        person: person.to_owned(),
        ..v1::FeedbackSubmitted::default()
    };
    let (ada, cy) = (said("ada").into(), said("cy").into());
    let removed = v1::AccessRemoved::default();
    let closed = v1::CaseClosed::default();
    vec![
        ("removed", stage, MAKER, removed.into()),
        ("removal failed", stage, MAKER, failed(1).into()),
        ("removal failed again", stage, MAKER, failed(2).into()),
        ("feedback of the requester", stage, "user:ada", ada),
        ("feedback of a reviewer", stage, "user:cy", cy),
        ("closed", stage, LEDGER, closed.into()),
    ]
}

fn glass() -> Vec<Row> {
    let stage = Stage::Glass;
    let reviewed = v1::RetroReviewRecorded {
        request: CASE,
        person: "cy".to_owned(),
        justified: true,
        reason: "x".to_owned(),
        evidence: None,
    };
    let others = escalated("managers");
    vec![
        ("review afterwards due", stage, LEDGER, reminded("security")),
        (
            "review afterwards late",
            stage,
            LEDGER,
            escalated("security"),
        ),
        ("others told that it is late", stage, LEDGER, others),
        ("reviewed afterwards", stage, "user:cy", reviewed.into()),
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
    let lines: Vec<&str> = TOLD.lines().filter(|line| !line.is_empty()).collect();
    let rows = entries();
    assert_eq!(lines.len(), rows.len());
    for (line, (name, stage, actor, event)) in lines.iter().zip(rows) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(columns[0], name);
        let channels = [
            (&[][..], columns[1]),
            (&[("security", "C1")][..], columns[2]),
        ];
        for (channels, expected) in channels {
            let (mut world, case, grant, wish) = at(stage, channels);
            assert_eq!(case, CASE);
            world.append(case, actor, numbered(event.clone(), grant, wish));
            assert_eq!(told(&mut world, case), expected, "{name} {channels:?}");
        }
    }
}

#[test]
fn openings_reach_those_who_have_to_act() {
    let rows = [
        (vec![], "ADA BO CY", "ADA BO CY"),
        (vec!["security"], "ADA BO CHANNEL:C1", "ADA CHANNEL:C1"),
        (
            vec!["security", "leads"],
            "ADA CHANNEL:C1",
            "ADA CHANNEL:C1",
        ),
    ];
    for (groups, asked, taken) in rows {
        let channels: Vec<(&str, &str)> = groups.iter().map(|group| (*group, "C1")).collect();
        let mut world = World::new(&channels);
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
