//! What could be done next about a case, as commands to paste.

use countersign_proto::v1;

use crate::words::{program, word};

/// A command, and who may give it; nobody in particular without.
type Step = (String, &'static str);

const REVIEWER: &str = "those who decide";
const REQUESTER: &str = "who asked";

/// Commands that make sense as the case stands, for one or another of those who take part.
pub(super) fn commands(case: &v1::Case) -> Vec<String> {
    let id = case.id;
    let mut all = vec![(format!("show {id}"), "")];
    if let Some(extension) = &case.extension {
        all.push((format!("review {} --approve", extension.id), REVIEWER));
    }
    if case.retro_review_open {
        let judge = format!("retro-review {id} --justified --reason WHY");
        all.push((judge, "somebody else"));
    }
    match case.status() {
        v1::CaseStatus::Pending => {
            all.push((format!("review {id} --approve"), REVIEWER));
            all.push((format!("cancel {id}"), REQUESTER));
        }
        v1::CaseStatus::Scheduled | v1::CaseStatus::Active => all.extend(of_grant(case)),
        v1::CaseStatus::Ended | v1::CaseStatus::Refused => {
            let good = format!("feedback {id} --sufficient yes --wait-ok yes");
            all.push((good, "those who took part"));
        }
        v1::CaseStatus::Closed | v1::CaseStatus::Unspecified => {}
    }
    let program = program();
    let width = all.iter().map(|(rest, _)| rest.len()).max().unwrap_or(0);
    let line = |(rest, who): Step| match who {
        "" => format!("{program} access {rest}"),
        // A comment of the shell, so that the line can be pasted whole.
        who => format!("{program} access {rest:<width$}  # {who}"),
    };
    all.into_iter().map(line).collect()
}

fn of_grant(case: &v1::Case) -> Vec<Step> {
    let Some(grant) = &case.grant else {
        return Vec::new();
    };
    let mut all = Vec::new();
    if grant.active {
        all.push((format!("check {}", word(&case.resource)), REQUESTER));
    }
    all.push((format!("finish {}", grant.id), REQUESTER));
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
        assert!(active.contains(" access check 'db prod'"), "{active}");
        assert!(active.contains(" access finish 14"), "{active}");
        let over = told(&case(v1::CaseStatus::Ended, None));
        assert!(over.contains(" access feedback 12 "), "{over}");
    }
}
