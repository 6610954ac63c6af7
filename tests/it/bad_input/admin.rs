//! Rows of the admin service.

use countersign_ledger::identity::csr;
use countersign_ledger::identity::role::Role;
use countersign_proto::reason::Reason;
use countersign_proto::v1::{IssueCertificateRequest, RevokeCertificateRequest};

use crate::cast::Cast;
use crate::door::request;
use crate::table::Table;

pub(crate) async fn rows(table: &mut Table<'_>, cast: &Cast) {
    issue(table, cast).await;
    revoke(table, cast).await;
}

/// Orders for a certificate that are refused.
fn bad_orders() -> Vec<(&'static str, Reason, IssueCertificateRequest)> {
    let (_key, csr_pem) = csr::new_key_and_csr().expect("a key");
    let good = IssueCertificateRequest {
        csr_pem: csr_pem.clone(),
        role: "agent".to_owned(),
        name: "new".to_owned(),
        valid_seconds: 60,
    };
    let with = |change: &dyn Fn(&mut IssueCertificateRequest)| {
        let mut order = good.clone();
        change(&mut order);
        order
    };
    let csr = |text: &str| with(&|order| order.csr_pem = text.to_owned());
    let role = |text: &str| with(&|order| order.role = text.to_owned());
    let name = |text: &str| with(&|order| order.name = text.to_owned());
    let valid = |seconds| with(&|order| order.valid_seconds = seconds);
    // The signature of the request does not fit any more.
    let mut changed: Vec<String> = csr_pem.lines().map(str::to_owned).collect();
    changed[1] = changed[1].chars().rev().collect();
    let (changed, large) = (changed.join("\n"), csr_pem.repeat(100));
    let control = "a name with a control character";
    vec![
        ("no certificate request", Reason::CsrInvalid, csr("")),
        ("no PEM", Reason::CsrInvalid, csr("please")),
        ("a changed request", Reason::CsrInvalid, csr(&changed)),
        ("a request above 16 KiB", Reason::CsrInvalid, csr(&large)),
        ("no role", Reason::RoleInvalid, role("")),
        ("the role ledger", Reason::RoleInvalid, role("ledger")),
        ("the role Admin", Reason::RoleInvalid, role("Admin")),
        ("no name", Reason::NameInvalid, name("")),
        ("a name with a space", Reason::NameInvalid, name("a b")),
        (control, Reason::NameInvalid, name("a\u{7f}")),
        ("a long name", Reason::NameInvalid, name(&"n".repeat(256))),
        ("398 days", Reason::ValidityInvalid, valid(398 * 86_400)),
        ("for ever", Reason::ValidityInvalid, valid(u64::MAX)),
    ]
}

async fn issue(table: &mut Table<'_>, cast: &Cast) {
    for (what, reason, order) in bad_orders() {
        let call = async { cast.admin.admin().issue_certificate(request(order)).await };
        let what = format!("a certificate: {what}");
        table.row(&what, &cast.admin, reason, call).await;
    }
}

async fn revoke(table: &mut Table<'_>, cast: &Cast) {
    let order = |serial: &str, reason: &str| RevokeCertificateRequest {
        serial: serial.to_owned(),
        reason: reason.to_owned(),
    };
    let (_pems, gone) = table.door.issue(Role::Agent, "gone", 60).await;
    let revoked = cast
        .admin
        .admin()
        .revoke_certificate(request(order(&gone, "test")))
        .await;
    revoked.expect("it is valid");
    let (_pems, other) = table.door.issue(Role::Agent, "other", 60).await;
    let long = "r".repeat(50_000);
    let rows = [
        (
            "no serial number",
            Reason::CertificateUnknown,
            order("", "test"),
        ),
        (
            "a serial number of nobody",
            Reason::CertificateUnknown,
            order("00ff", "test"),
        ),
        (
            "a serial number in capitals",
            Reason::CertificateUnknown,
            order("FF", "test"),
        ),
        (
            "a certificate that was revoked",
            Reason::AlreadyRevoked,
            order(&gone, "test"),
        ),
        (
            "a reason of 50,000 bytes",
            Reason::PayloadTooLarge,
            order(&other, &long),
        ),
    ];
    for (what, reason, call) in rows {
        let call = async { cast.admin.admin().revoke_certificate(request(call)).await };
        table.row(what, &cast.admin, reason, call).await;
    }
}
