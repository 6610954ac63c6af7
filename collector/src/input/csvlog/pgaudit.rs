//! Messages of pgaudit: `AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.t,select ...,<not logged>`.

use super::csv;
use crate::input::record::Understood;

const PREFIX: &str = "AUDIT: ";
/// Names after the documentation of pgaudit; `rows` is there with `pgaudit.log_rows`.
const NAMES: [&str; 10] = [
    "audit.type",
    "audit.statement_id",
    "audit.substatement_id",
    "audit.class",
    "audit.command",
    "audit.object_type",
    "audit.object_name",
    "audit.statement",
    "audit.parameter",
    "audit.rows",
];
/// Without `rows`.
const LEAST: usize = NAMES.len() - 1;

/// Reads the message if it is one of pgaudit. Fields that are empty are left out.
pub(super) fn read(message: &str, understood: &mut Understood) {
    let Some(record) = message.strip_prefix(PREFIX) else {
        return;
    };
    let fields = match csv::split(record.as_bytes()) {
        Ok(fields) => fields,
        Err(error) => return understood.complain(&format!("in the message of pgaudit: {error}")),
    };
    if !(LEAST..=NAMES.len()).contains(&fields.len()) {
        let (most, got) = (NAMES.len(), fields.len());
        let why = format!("expected {LEAST} to {most} fields of pgaudit, got {got}");
        return understood.complain(&why);
    }
    for (name, value) in NAMES.iter().zip(fields) {
        understood
            .fields
            .put_text(name, &String::from_utf8_lossy(&value));
    }
}
