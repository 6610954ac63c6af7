//! The table of moves and the diagram in docs/workflow.md are what the code does.
//!
//! `COUNTERSIGN_REGENERATE=1 cargo test -p countersign-workflow --test moves` writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::case::Stage;
use countersign_workflow::draft::EntryFacts;
use countersign_workflow::state::State;
use countersign_workflow::wire;

const START: u64 = 1_790_000_000_000_000;
const MARKS: [&str; 2] = ["<!-- moves -->\n", "<!-- end of moves -->\n"];

fn time(seconds: u64) -> UnixMicros {
    UnixMicros::new(START + seconds * 1_000_000).expect("a time")
}

/// Applies an event as the next entry of case 10, or opens it.
fn apply(state: &mut State, index: u64, event: &Known) -> bool {
    let entry = EntryFacts {
        index,
        time: time(index),
        case: 10,
        actor: "ledger",
        via: "",
    };
    state.apply(&entry, event).is_ok()
}

fn stage(state: &State) -> &'static str {
    let Some(case) = state.case(10) else {
        return "closed";
    };
    match &case.stage {
        Stage::Pending => "pending",
        Stage::Scheduled(_) => "scheduled",
        Stage::Active(grant) if grant.extension.is_some() => "active, extension pending",
        Stage::Active(_) => "active",
        Stage::Ended(_) => "ended",
        Stage::Refused(_) => "refused",
    }
}

fn asked() -> Known {
    let obligations = v1::Obligations {
        retro_group: "security".to_owned(),
        retro_seconds: 60,
        ..v1::Obligations::default()
    };
    v1::BreakGlassInvoked {
        obligations: Some(obligations),
        ..v1::BreakGlassInvoked::default()
    }
    .into()
}

/// One event of each kind of a case, about what the states below hold.
fn events(request: u64) -> Vec<Known> {
    let mut all = of_decisions(request);
    all.extend(of_the_grant());
    all
}

fn of_decisions(request: u64) -> Vec<Known> {
    let end = Some(wire::timestamp(time(1_000)));
    vec![
        v1::ReviewRecorded {
            request,
            decision: v1::Decision::Approve.into(),
            ..v1::ReviewRecorded::default()
        }
        .into(),
        v1::RequestDenied { request, review: 0 }.into(),
        v1::RequestCancelled {
            request,
            ..v1::RequestCancelled::default()
        }
        .into(),
        v1::RequestExpired { request }.into(),
        v1::GrantScheduled {
            request: 10,
            start: end,
        }
        .into(),
        v1::GrantIssued {
            request: 10,
            end,
            ..v1::GrantIssued::default()
        }
        .into(),
    ]
}

fn of_the_grant() -> Vec<Known> {
    let end = Some(wire::timestamp(time(1_000)));
    vec![
        v1::ExtensionRequested {
            grant: 11,
            ..v1::ExtensionRequested::default()
        }
        .into(),
        v1::GrantExtended {
            grant: 11,
            extension: 12,
            end,
        }
        .into(),
        v1::ExpiryWarned { grant: 11, end }.into(),
        v1::GrantExpired { grant: 11 }.into(),
        v1::GrantRevoked {
            grant: 11,
            ..v1::GrantRevoked::default()
        }
        .into(),
        v1::GrantFinished {
            grant: 11,
            ..v1::GrantFinished::default()
        }
        .into(),
        v1::SessionStarted {
            grant: 11,
            ..v1::SessionStarted::default()
        }
        .into(),
        v1::GrantProvisioned {
            grant: 11,
            ..v1::GrantProvisioned::default()
        }
        .into(),
        v1::ProvisioningFailed {
            grant: 11,
            ..v1::ProvisioningFailed::default()
        }
        .into(),
        v1::AccessRemoved {
            grant: 11,
            ..v1::AccessRemoved::default()
        }
        .into(),
        v1::RemovalFailed {
            grant: 11,
            ..v1::RemovalFailed::default()
        }
        .into(),
        v1::RetroReviewRecorded {
            request: 10,
            ..v1::RetroReviewRecorded::default()
        }
        .into(),
        v1::FeedbackSubmitted::default().into(),
        v1::CaseClosed {
            outcome: "used".to_owned(),
            ..v1::CaseClosed::default()
        }
        .into(),
    ]
}

/// A case in every state, with what waits for decisions there.
fn states() -> Vec<(State, u64)> {
    let by_name = |request: u64| {
        let all = events(request);
        move |name: &str| {
            let mut found = all.iter().filter(|event| event.name() == name);
            found.next().cloned().expect("a known name")
        }
    };
    let event = by_name(10);
    let mut pending = State::default();
    assert!(apply(&mut pending, 10, &asked()));
    let mut scheduled = pending.clone();
    assert!(apply(&mut scheduled, 11, &event("GrantScheduled")));
    let mut active = pending.clone();
    assert!(apply(&mut active, 11, &event("GrantIssued")));
    let mut extending = active.clone();
    assert!(apply(&mut extending, 12, &event("ExtensionRequested")));
    let mut ended = active.clone();
    assert!(apply(&mut ended, 12, &event("GrantExpired")));
    let mut refused = pending.clone();
    assert!(apply(&mut refused, 11, &event("RequestDenied")));
    vec![
        (pending, 10),
        (scheduled, 10),
        (active, 10),
        (extending, 12),
        (ended, 10),
        (refused, 10),
    ]
}

fn page() -> String {
    let states = states();
    let mut table = String::from("| event |");
    for (state, _request) in &states {
        write!(table, " {} |", stage(state)).expect("memory");
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(states.len()));
    table.push('\n');
    let mut moves: BTreeSet<(String, String, String)> = BTreeSet::new();
    for place in 0..events(10).len() {
        let name = events(10)[place].name();
        write!(table, "| {name} |").expect("memory");
        for (state, request) in &states {
            let mut after = state.clone();
            let (from, event) = (stage(state), &events(*request)[place]);
            let cell = match apply(&mut after, 20, event) {
                true if stage(&after) == from => "stays".to_owned(),
                true => stage(&after).to_owned(),
                false => String::new(),
            };
            if !cell.is_empty() && cell != "stays" {
                moves.insert((from.to_owned(), cell.clone(), name.to_owned()));
            }
            write!(table, " {cell} |").expect("memory");
        }
        table.push('\n');
    }
    let mut diagram = String::from("```mermaid\nstateDiagram-v2\n");
    let id = |name: &str| name.replace([',', ' '], "_").replace("__", "_");
    diagram.push_str("    [*] --> pending: AccessRequested, BreakGlassInvoked\n");
    let pairs: BTreeSet<(&str, &str)> = moves
        .iter()
        .map(|(from, to, _name)| (from.as_str(), to.as_str()))
        .collect();
    for (from, to) in pairs {
        let names = moves.iter().filter(|(a, b, _name)| a == from && b == to);
        let names: Vec<&str> = names.map(|(.., name)| name.as_str()).collect();
        let to = if to == "closed" {
            "[*]".to_owned()
        } else {
            id(to)
        };
        writeln!(diagram, "    {} --> {to}: {}", id(from), names.join(", ")).expect("memory");
    }
    diagram.push_str("```\n");
    format!("\n{table}\n{diagram}\n")
}

#[test]
fn the_page_shows_the_moves_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/workflow.md");
    let text = std::fs::read_to_string(&path).expect("docs/workflow.md can be read");
    let [from, to] = MARKS;
    let (head, rest) = text.split_once(from).expect("the page has its marks");
    let (found, tail) = rest.split_once(to).expect("the page has its marks");
    let page = page();
    if std::env::var_os("COUNTERSIGN_REGENERATE").is_some_and(|value| value == "1") {
        let text = format!("{head}{from}{page}{to}{tail}");
        std::fs::write(&path, text).expect("docs/workflow.md can be written");
        return;
    }
    assert!(
        found == page,
        "docs/workflow.md is stale; its last lines say how to write it anew"
    );
}

#[test]
fn an_entry_that_does_not_fit_changes_nothing() {
    let mut misfits = 0;
    for event in [10, 12, 99].into_iter().flat_map(events) {
        for place in 0..states().len() {
            // Nobody else holds the case, so it would be changed where it is.
            let (mut state, _request) = states().swap_remove(place);
            let before = format!("{state:?}");
            if !apply(&mut state, 20, &event) {
                assert_eq!(format!("{state:?}"), before, "{}", event.name());
                misfits += 1;
            }
        }
    }
    assert!(misfits > 100, "{misfits} entries did not fit");
}
