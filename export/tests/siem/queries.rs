//! The questions of docs/siem/queries.md over a log whose answers are known.

use std::fs::File;
use std::path::Path;

use countersign_chain::tree::Frontier;
use countersign_export::native::Native;
use countersign_export::preset::{End, Preset, Sheet, Start};
use countersign_export::sheet::Out;
use countersign_proto::event::Kinded;
use countersign_proto::v1;
use serde_json::json;

use super::judges::judged;
use super::samples::Samples;

fn put<M: Kinded>(samples: &mut Samples, event: &M) {
    samples.push(M::KIND, &event.encode_to_vec(), M::NAME);
}

/// Entries 0 to 12: the log, a policy, and an access as it should be.
fn as_it_should_be(log: &mut Samples) {
    let opened = v1::LogOpened {
        origin: "example.com/log".into(),
        vkey: "a key".into(),
        format: 1,
    };
    put(log, &opened);
    let policy = v1::PolicyChanged {
        digest: vec![1; 32].into(),
        bundle: b"packed".to_vec().into(),
        changes: vec!["the first one".into()],
        ..v1::PolicyChanged::default()
    };
    put(log, &policy);
    let request = v1::AccessRequested {
        policy: 1,
        person: "ada".into(),
        resource: "db-prod".into(),
        permission: "admin".into(),
        duration_seconds: 3_600,
        reason: "index is broken".into(),
        ticket: "INC-7".into(),
        ..v1::AccessRequested::default()
    };
    put(log, &request);
    put(log, &review(2, "bob", v1::Decision::Approve, "go ahead"));
    put(log, &grant(2, "ada", "db-prod", "admin"));
    let target = "role cs_ada_4".into();
    let made = v1::GrantProvisioned {
        grant: 4,
        target,
        ..v1::GrantProvisioned::default()
    };
    put(log, &made);
    let session = v1::SessionStarted {
        grant: 4,
        person: "ada".into(),
        client: "psql".into(),
        source_address: "192.0.2.7".into(),
    };
    put(log, &session);
    for (number, command, status) in [(1, "reindex index i", 0), (2, "select 1/0", 1)] {
        let command = v1::CommandExecuted {
            session: 6,
            number,
            command: command.into(),
            source: "psql".into(),
            exit_status: Some(status),
            ..v1::CommandExecuted::default()
        };
        put(log, &command);
    }
    let session = 6;
    put(
        log,
        &v1::SessionEnded {
            session,
            ..v1::SessionEnded::default()
        },
    );
    put(log, &v1::GrantExpired { grant: 4 });
    let proof = "no such role".into();
    put(log, &v1::AccessRemoved { grant: 4, proof });
    let closed = v1::CaseClosed {
        outcome: "used".into(),
        entries: (2..12).collect(),
    };
    put(log, &closed);
}

/// Entries 13 to 16: access without approval, which is not taken away.
fn break_glass(log: &mut Samples) {
    let broke = v1::BreakGlassInvoked {
        policy: 1,
        person: "eve".into(),
        resource: "vault".into(),
        permission: "root".into(),
        reason: "everything is down".into(),
        ..v1::BreakGlassInvoked::default()
    };
    put(log, &broke);
    put(log, &grant(13, "eve", "vault", "root"));
    let revoked = v1::GrantRevoked {
        grant: 14,
        person: "bob".into(),
        reason: "it is up again".into(),
        evidence: None,
    };
    put(log, &revoked);
    let failed = v1::RemovalFailed {
        grant: 14,
        error: "vault does not answer".into(),
        attempt: 1,
    };
    put(log, &failed);
}

/// Entries 17 to 24: a refusal, a denial, and who changed, read and lost what.
fn as_it_should_not_be(log: &mut Samples) {
    let request = v1::AccessRequested {
        policy: 1,
        person: "mal".into(),
        resource: "db-prod".into(),
        permission: "admin".into(),
        ..v1::AccessRequested::default()
    };
    put(log, &request);
    let refused = v1::ActionRefused {
        action: "review".into(),
        code: "SELF_APPROVAL".into(),
        message: "nobody approves for themselves".into(),
        target: 17,
        person: "mal".into(),
        evidence: None,
    };
    put(log, &refused);
    put(log, &review(17, "bob", v1::Decision::Deny, "no ticket"));
    let (request, review) = (17, 19);
    put(log, &v1::RequestDenied { request, review });
    let policy = v1::PolicyChanged {
        digest: vec![2; 32].into(),
        bundle: b"packed".to_vec().into(),
        previous: 1,
        changes: vec!["mal may approve".into()],
        forced: true,
    };
    put(log, &policy);
    let purpose = "play".into();
    put(
        log,
        &v1::RecordingViewed {
            session: 6,
            purpose,
        },
    );
    let export = v1::ExportCreated {
        preset: "native".into(),
        first: 0,
        end: 22,
        entries: 22,
        manifest_sha256: vec![3; 32].into(),
        files: 1,
        ..v1::ExportCreated::default()
    };
    put(log, &export);
    let gap = v1::SpoolGap {
        source: "sshd".into(),
        lost_events: 3,
        reason: "the disk was full".into(),
        ..v1::SpoolGap::default()
    };
    put(log, &gap);
}

fn review(request: u64, person: &str, decision: v1::Decision, reason: &str) -> v1::ReviewRecorded {
    v1::ReviewRecorded {
        request,
        person: person.into(),
        decision: decision.into(),
        reason: reason.into(),
        ..v1::ReviewRecorded::default()
    }
}

fn grant(request: u64, person: &str, resource: &str, permission: &str) -> v1::GrantIssued {
    v1::GrantIssued {
        request,
        person: person.into(),
        resource: resource.into(),
        permission: permission.into(),
        end: Some(prost_types::Timestamp {
            seconds: 1_790_003_600,
            nanos: 0,
        }),
        ..v1::GrantIssued::default()
    }
}

#[test]
fn ten_questions_of_auditors_are_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = Samples::empty(1_000_000);
    as_it_should_be(&mut log);
    break_glass(&mut log);
    as_it_should_not_be(&mut log);
    let items = log.items();
    let native = Native::new(Samples::key().verifier().clone());
    // Two files, so that rows of one case are in both.
    for (first, some) in [(0, &items[..9]), (9, &items[9..])] {
        let out = File::create_new(folder.path().join(format!("{first}.parquet")));
        let start = Start {
            first,
            day: None,
            frontier: Some(Frontier::new()),
        };
        let mut sheet = native
            .begin(Out::new(out.expect("a file")), &start)
            .expect("a sheet");
        for shelved in native.rows(some).expect("rows") {
            sheet.write(&shelved.rows).expect("written");
        }
        let end = End {
            end: first + some.len() as u64,
            checkpoint: String::new(),
        };
        sheet
            .finish(&end)
            .expect("finished")
            .close()
            .expect("closed");
    }
    let answers = json!({
        "1": [
            [4, "ada", "db-prod", "admin", "index is broken", "INC-7", "bob"],
            [14, "eve", "vault", "root", "everything is down", null, null],
        ],
        "2": [[4, "ada", "expired", 6], [14, "eve", "revoked", 1]],
        "3": [[14, "revoked", "vault does not answer"]],
        "4": [[13, "eve", "vault", "everything is down", "not looked at"]],
        "5": [
            ["ada", "psql", "192.0.2.7", 1, "reindex index i", 0],
            ["ada", "psql", "192.0.2.7", 2, "select 1/0", 1],
        ],
        "6": [["mal", "review", "SELF_APPROVAL", "nobody approves for themselves"]],
        "7": [[17, "mal", "db-prod", "bob", "no ticket"]],
        "8": [
            [1, "admin:root", null, "the first one"],
            [21, "admin:root", "forced", "mal may approve"],
        ],
        "9": [
            [22, "agent:db-prod-1", "RecordingViewed", "session 6, to play it"],
            [23, "auditor:jo", "ExportCreated", "22 entries of 0 to 21 as native in 1 file"],
        ],
        "10": [[0, 0, 0, 1]],
    });
    let path = folder.path().join("answers.json");
    std::fs::write(&path, answers.to_string()).expect("written");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/siem/queries.md");
    let files = folder.path().join("*.parquet");
    print!("{}", judged("queries.py", &[&page, &files, &path]));
}
