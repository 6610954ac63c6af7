//! What could be done next about a case, as commands to paste.

use countersign_proto::v1;

use crate::words::{program, word};

/// Commands that make sense as the case stands, for one or another of those who take part.
pub(super) fn commands(case: &v1::Case) -> Vec<String> {
    let id = case.id;
    let mut all = vec![format!("show {id}")];
    if let Some(extension) = &case.extension {
        all.push(format!("review {} --approve", extension.id));
    }
    let mut issues = case.open_issues.iter();
    if case.break_glass && issues.any(|issue| issue.contains("break-glass")) {
        all.push(format!("retro-review {id} --justified --reason WHY"));
    }
    match case.status() {
        v1::CaseStatus::Pending => {
            all.push(format!("review {id} --approve"));
            all.push(format!("cancel {id}"));
        }
        v1::CaseStatus::Scheduled | v1::CaseStatus::Active => all.extend(of_grant(case)),
        v1::CaseStatus::Ended | v1::CaseStatus::Refused => {
            all.push(format!("feedback {id} --sufficient yes --wait-ok yes"));
        }
        v1::CaseStatus::Closed | v1::CaseStatus::Unspecified => {}
    }
    let program = program();
    all.into_iter()
        .map(|rest| format!("{program} access {rest}"))
        .collect()
}

fn of_grant(case: &v1::Case) -> Vec<String> {
    let Some(grant) = &case.grant else {
        return Vec::new();
    };
    let mut all = Vec::new();
    if grant.active {
        all.push(format!("check {}", word(&case.resource)));
    }
    all.push(format!("finish {}", grant.id));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_depends_on_where_the_case_stands() {
        let case = |status: v1::CaseStatus, grant| v1::Case {
            id: 12,
            status: status.into(),
            resource: "db prod".into(),
            grant,
            ..Default::default()
        };
        let told = |case: &v1::Case| commands(case).join("\n");
        let pending = told(&case(v1::CaseStatus::Pending, None));
        assert!(pending.contains(" access show 12\n"), "{pending}");
        assert!(pending.contains(" access cancel 12"), "{pending}");
        let grant = v1::Grant {
            id: 14,
            active: true,
            ..Default::default()
        };
        let active = told(&case(v1::CaseStatus::Active, Some(grant)));
        assert!(active.contains(" access check 'db prod'\n"), "{active}");
        assert!(active.contains(" access finish 14"), "{active}");
        let over = told(&case(v1::CaseStatus::Ended, None));
        assert!(over.contains(" access feedback 12 "), "{over}");
    }
}
