//! Events of access cases: what was asked, decided, given, used and taken away.

use countersign_proto::event::Known;
use countersign_proto::v1;

use super::{at, digest};

fn evidence(platform: &str) -> Option<Box<v1::Evidence>> {
    Some(Box::new(v1::Evidence {
        platform: platform.into(),
        tenant: "T0123".into(),
        user: "U0456".into(),
        channel: "C0789".into(),
        message: "1790000000.000100".into(),
        card_sha256: digest(0xc1),
        callback_sha256: digest(0xc2),
        callback: "cb-7".into(),
        callback_time: at(5),
        verified_by: "slack-signature-v0".into(),
        link: 4,
        passkey: Some(v1::PasskeyAssertion {
            credential: vec![1, 2, 3].into(),
            authenticator_data: vec![4; 37].into(),
            client_data_json: b"{\"type\":\"webauthn.get\"}".to_vec().into(),
            signature: vec![5; 70].into(),
        }),
    }))
}

fn facts() -> Option<v1::Facts> {
    Some(v1::Facts {
        on_call: vec![v1::OnCall {
            group: "on-call".into(),
            people: vec!["bob".into(), "cem".into()],
        }],
        hour: 14,
        weekday: 3,
        zone: "Europe/Berlin".into(),
    })
}

fn obligations() -> Option<v1::Obligations> {
    let slot = |group: &str, count| v1::Slot {
        group: group.into(),
        count,
    };
    Some(v1::Obligations {
        policies: vec!["orders-db".into()],
        approvals: vec![slot("security", 1), slot("team-leads", 2)],
        max_duration_seconds: 7_200,
        request_ttl_seconds: 900,
        remind_seconds: 300,
        escalate_seconds: 600,
        escalate_group: "sre-managers".into(),
        record_session: true,
        record_input: true,
        warn_seconds: 300,
        max_extensions: 1,
        feedback_seconds: 86_400,
        retro_group: "security".into(),
        retro_seconds: 172_800,
        step_up: true,
    })
}

pub(super) fn of_requests() -> Vec<Known> {
    vec![
        v1::AccessRequested {
            policy: 3,
            person: "ada".into(),
            resource: "orders-db".into(),
            permission: "readonly".into(),
            duration_seconds: 3_600,
            reason: "why is \"order\" 77 stuck, ünïcode, and\na second line".into(),
            ticket: "INC-77".into(),
            severity: "sev2".into(),
            affected: vec!["shop".into(), "billing".into()],
            start: at(600),
            facts: facts(),
            obligations: obligations(),
            evidence: evidence("slack"),
        }
        .into(),
        v1::BreakGlassInvoked {
            policy: 3,
            person: "ada".into(),
            resource: "orders-db".into(),
            permission: "admin".into(),
            duration_seconds: 1_800,
            reason: "the shop is down".into(),
            ticket: "INC-78".into(),
            severity: "sev1".into(),
            affected: vec!["shop".into()],
            facts: facts(),
            obligations: obligations(),
            evidence: evidence("teams"),
        }
        .into(),
        v1::ExtensionRequested {
            grant: 9,
            duration_seconds: 900,
            reason: "not done yet".into(),
            policy: 3,
            facts: facts(),
            obligations: obligations(),
            evidence: evidence("web"),
        }
        .into(),
        v1::RequestDenied {
            request: 5,
            review: 6,
        }
        .into(),
        v1::RequestCancelled {
            request: 5,
            reason: "solved".into(),
            evidence: evidence("slack"),
        }
        .into(),
        v1::RequestExpired { request: 5 }.into(),
        v1::ApproversReminded {
            request: 5,
            number: 2,
            groups: vec!["security".into(), "team-leads".into()],
        }
        .into(),
        v1::RequestEscalated {
            request: 5,
            group: "sre-managers".into(),
        }
        .into(),
    ]
}

pub(super) fn of_reviews() -> Vec<Known> {
    vec![
        v1::ReviewRecorded {
            request: 5,
            person: "bob".into(),
            decision: v1::Decision::Approve.into(),
            group: "security".into(),
            reason: "fine".into(),
            delegate_of: "cem".into(),
            delegation: 4,
            facts: facts(),
            evidence: evidence("slack"),
        }
        .into(),
        v1::RetroReviewRecorded {
            request: 5,
            person: "bob".into(),
            justified: true,
            reason: "it was down".into(),
            evidence: evidence("slack"),
        }
        .into(),
        v1::ActionRefused {
            action: "review".into(),
            code: "SELF_APPROVAL".into(),
            message: "nobody decides on an access of their own".into(),
            target: 5,
            person: "ada".into(),
            evidence: evidence("slack"),
        }
        .into(),
        v1::FeedbackSubmitted {
            person: "ada".into(),
            access_sufficient: v1::Rating::Yes.into(),
            wait_acceptable: v1::Rating::Partly.into(),
            comment: "it took a while".into(),
            evidence: evidence("slack"),
        }
        .into(),
        v1::CaseClosed {
            outcome: "used".into(),
            entries: vec![5, 6, 7],
        }
        .into(),
        v1::DelegationChanged {
            from: "cem".into(),
            to: "bob".into(),
            start: at(0),
            end: at(3_600),
            reason: "holiday".into(),
            evidence: evidence("slack"),
        }
        .into(),
    ]
}

pub(super) fn of_grants() -> Vec<Known> {
    vec![
        v1::GrantScheduled {
            request: 5,
            start: at(600),
        }
        .into(),
        v1::GrantIssued {
            request: 5,
            person: "ada".into(),
            resource: "orders-db".into(),
            permission: "readonly".into(),
            end: at(3_600),
            record_session: true,
            record_input: true,
        }
        .into(),
        v1::GrantExtended {
            grant: 9,
            extension: 10,
            end: at(4_500),
        }
        .into(),
        v1::GrantRevoked {
            grant: 9,
            person: "bob".into(),
            reason: "enough".into(),
            evidence: evidence("slack"),
        }
        .into(),
        v1::GrantFinished {
            grant: 9,
            reason: "done".into(),
            evidence: evidence("slack"),
        }
        .into(),
        v1::GrantExpired { grant: 9 }.into(),
        v1::ExpiryWarned {
            grant: 9,
            end: at(3_600),
        }
        .into(),
    ]
}

pub(super) fn of_sessions() -> Vec<Known> {
    vec![
        v1::SessionStarted {
            grant: 9,
            person: "ada".into(),
            client: "psql".into(),
            source_address: "192.0.2.7".into(),
        }
        .into(),
        v1::CommandExecuted {
            session: 11,
            number: 1,
            command: "select * from orders where id = 77".into(),
            source: "psql".into(),
            directory: "/home/ada".into(),
            started_at: at(30),
            exit_status: Some(0),
            redactions: 1,
        }
        .into(),
        v1::SessionOutput {
            session: 11,
            part: 1,
            blob_sha256: digest(0xb1),
            blob_bytes: 512,
            encoding: "asciicast-v2+zstd".into(),
            output_bytes: 2_048,
            from_micros: 1,
            to_micros: 900_000,
            redactions: 2,
        }
        .into(),
        v1::SessionEnded {
            session: 11,
            reason: "exit".into(),
            exit_status: -1,
            recording: Some(v1::Recording {
                parts: 1,
                commands: 1,
                output_bytes: 2_048,
                redactions: 3,
            }),
        }
        .into(),
        v1::SessionOverran {
            session: 11,
            grant: 9,
        }
        .into(),
        v1::RecordingViewed {
            session: 11,
            purpose: "play".into(),
        }
        .into(),
    ]
}

pub(super) fn of_access() -> Vec<Known> {
    vec![
        v1::GrantProvisioned {
            grant: 9,
            target: "role cs_ada_9".into(),
            credential_sha256: digest(0xb2),
            valid_until: at(3_600),
        }
        .into(),
        v1::ProvisioningFailed {
            grant: 9,
            error: "connection refused".into(),
            attempt: 1,
        }
        .into(),
        v1::AccessRemoved {
            grant: 9,
            proof: "role cs_ada_9 does not exist".into(),
        }
        .into(),
        v1::RemovalFailed {
            grant: 9,
            error: "connection refused".into(),
            attempt: 3,
        }
        .into(),
        v1::AccessDriftDetected {
            resource: "orders-db".into(),
            target: "role mallory".into(),
            drift: v1::Drift::Unknown.into(),
            grant: 9,
            detail: "a role that nobody granted".into(),
            mended: true,
        }
        .into(),
    ]
}
