//! Bad input over real connections: every bad call is refused with a reason and a hint, changes
//! nothing, and harms nobody. What is exactly at a limit is taken.

#[path = "bad_input/access.rs"]
mod access;
#[path = "bad_input/admin.rs"]
mod admin;
#[path = "bad_input/append.rs"]
mod append;
#[path = "bad_input/cast.rs"]
mod cast;
#[path = "bad_input/door.rs"]
mod door;
#[path = "bad_input/forged.rs"]
mod forged;
#[path = "bad_input/identity.rs"]
mod identity;
#[path = "bad_input/read.rs"]
mod read;
#[path = "bad_input/recordings.rs"]
mod recordings;
#[path = "bad_input/table.rs"]
mod table;
#[path = "bad_input/wire.rs"]
mod wire;

use std::time::Duration;

use countersign_client::Filter;
use countersign_ledger::clock::Clock as _;
use countersign_ledger::identity::role::Role;
use countersign_proto::event::Known;
use countersign_proto::reason::reason_of;
use countersign_proto::v1::{EventDraft, GetEntryRequest};
use countersign_tests::folder::DataFolder;
use countersign_tests::pems::Pems;
use tonic::transport::{Certificate, ClientTlsConfig};

use crate::cast::{Cast, draft, of_event, sized};
use crate::door::{Caller, Door, request};
use crate::table::Table;

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_call_is_refused_with_a_reason_and_a_hint() {
    let door = Door::open().await;
    let cast = Cast::of(&door).await;
    let mut table = Table::new(&door);
    append::rows(&mut table, &cast).await;
    wire::rows(&mut table, &cast).await;
    read::rows(&mut table, &cast).await;
    admin::rows(&mut table, &cast).await;
    recordings::rows(&mut table, &cast).await;
    identity::rows(&mut table, &cast).await;
    table.finish("bad input");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_call_about_access_is_refused_with_a_reason_and_a_hint() {
    let door = Door::open().await;
    let mut table = Table::new(&door);
    access::rows(&mut table).await;
    table.finish("bad input about access");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_certificate_of_the_ledger_gets_no_connection() {
    let door = Door::open().await;
    let other = DataFolder::new().await;
    let good = Pems::read(&door.data.admin());
    let foreign = Pems {
        ca: good.ca.clone(),
        ..Pems::read(&other.admin())
    };
    let data = &door.data;
    let rows = [
        ("another ledger's", foreign),
        ("its owner's own", forged::self_signed(data)),
        ("one of the past", forged::between(data, (2020, 2021))),
        ("one of the future", forged::between(data, (2080, 2090))),
        ("one for servers", forged::for_servers(data)),
    ];
    let mut refused = 0;
    for (what, pems) in &rows {
        assert_refused(what, Caller::connect(&door.url, pems).await).await;
        refused += 1;
    }
    let none = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&good.ca));
    assert_refused("none", Caller::connect_as(&door.url, none).await).await;
    refused += 1;
    // The ledger of another CA is refused by the client.
    let astray = Pems {
        ca: Pems::read(&other.admin()).ca,
        ..good
    };
    let error = Caller::connect(&door.url, &astray).await.map(drop);
    assert!(
        error.is_err(),
        "a ledger without a certificate of the client's root"
    );
    door.admin.good().await.expect("nobody else noticed");
    println!("counted: bad certificates: {refused} handshakes, {refused} refused");
    door.close().await;
}

/// With TLS 1.3 a client learns what the server thinks of its certificate when it reads.
async fn assert_refused(what: &str, caller: Result<Caller, tonic::transport::Error>) {
    let Ok(caller) = caller else {
        return;
    };
    let status = caller.good().await.expect_err(what);
    assert_eq!(
        reason_of(&status),
        None,
        "{what}: the call came through: {status}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exactly_at_the_limits_is_taken_and_read_back() {
    let door = Door::open().await;
    let bot = door.caller(Role::Bot, &"b".repeat(251)).await;
    let actor = format!("user:{}", "u".repeat(250));
    let key = "k".repeat(64);
    let event = sized(49_152);
    let case = door.size() - 1;
    let full = EventDraft {
        case,
        idempotency_key: key.clone(),
        on_behalf_of: actor.clone(),
        ..of_event(event.clone())
    };
    let receipt = bot.append(full).await.expect("it is not above any limit");
    let call = GetEntryRequest {
        index: receipt.index,
        include_proof: true,
        ..GetEntryRequest::default()
    };
    let answer = door.admin.log().get_entry(request(call)).await;
    let entry = answer
        .expect("it is sealed")
        .into_inner()
        .entry
        .expect("it is there");
    assert_eq!(entry.event, Some(event));
    assert_eq!((entry.actor, entry.case), (actor, case));
    assert_eq!(entry.via, format!("bot:{}", "b".repeat(251)));
    assert_eq!(entry.idempotency_key, key);

    // 21 of these are below 1 MiB, 1,024 of the others are as many as a commit may hold.
    bot.batch(vec![of_event(sized(49_152)); 21])
        .await
        .expect("not too large");
    let many = (0..1_024).map(|n| draft(&n.to_string())).collect();
    bot.batch(many).await.expect("not too many");
    assert_eq!(door.size(), receipt.index + 1 + 21 + 1_024);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exactly_at_the_limits_of_access_is_taken() {
    let door = Door::open().await;
    access::limits::taken(&door).await;
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_far_off_is_recorded_and_breaks_no_order() {
    let door = Door::open().await;
    let agent = door.caller(Role::Agent, "load").await;
    let start = door.clock.wall().get();
    let hour = 3_600_000_000;
    // Back by a day, forth by two hours, and a wobble below what counts as a step.
    for (at, wall) in [
        start,
        start - 24 * hour,
        start + 2 * hour,
        start + 2 * hour - 900_000,
    ]
    .into_iter()
    .enumerate()
    {
        door.clock.set_wall(wall);
        let appended = agent.append(draft(&at.to_string())).await;
        appended.expect("a clock stops nobody");
        door.clock.pass(Duration::from_millis(1));
    }
    let client = door.data.connect(&door.url, &door.data.admin()).await;
    let mut pages = client.list(Filter::default());
    let (mut times, mut steps, mut said) = (Vec::new(), Vec::new(), Vec::new());
    // The client checks the chain, the order of times and the signatures on the way.
    while let Some(page) = pages.next().await.expect("an intact log") {
        for entry in &page.entries {
            times.push(entry.time().get());
            match entry.known().expect("a known event") {
                Known::ClockStepped(step) => steps.push((step.before, step.after)),
                Known::ExternalEvent(event) => said.push(event.raw),
                _ => {}
            }
        }
    }
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(said, ["0", "1", "2", "3"]);
    let seconds = |micros: u64| i64::try_from(micros / 1_000_000).expect("a time");
    let after: Vec<i64> = steps
        .iter()
        .map(|(_, after)| after.as_ref().expect("it says when").seconds)
        .collect();
    assert_eq!(
        after,
        [seconds(start - 24 * hour), seconds(start + 2 * hour)]
    );
    door.close().await;
}
