//! The user of a request, and what of a case is theirs to see and to do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use countersign_proto::v1;

use super::Inbox;
use super::form::Form;
use super::guard::secret_of;
use super::passkeys;
use super::sign_in::{Session, same};
use super::trouble::Trouble;
use super::way;
use crate::bot::shelf::Rules;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    pub(super) session: Session,
    /// The secret of the cookie, which ends the session.
    pub(super) secret: String,
}

impl FromRequestParts<Arc<Inbox>> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        inbox: &Arc<Inbox>,
    ) -> Result<Self, Self::Rejection> {
        let now = inbox.bot.clock().seconds();
        let secret = secret_of(&parts.headers, inbox.place.is_secure(&parts.headers));
        let found = secret.and_then(|secret| {
            let session = inbox.desk.session(secret, now)?;
            let secret = secret.to_owned();
            Some(Self { session, secret })
        });
        found.ok_or_else(|| way::unknown(parts))
    }
}

impl Viewer {
    /// The principal, for example `user:ada@example.com`.
    pub(super) fn principal(&self) -> &str {
        self.session.user.as_str()
    }

    /// The person whom the policy knows, or the principal, as the ledger does.
    pub(super) fn person<'a>(&'a self, rules: &'a Rules) -> &'a str {
        let known = rules.policy.person_of(self.principal());
        known.unwrap_or_else(|| self.principal())
    }

    /// Reads a form that this session's page has sent, and nothing else.
    pub(super) async fn form(&self, inbox: &Inbox, body: &[u8]) -> Result<Form, Trouble> {
        let form = Form::parse(body).ok_or(Trouble::Form)?;
        if !same(form.get("csrf"), &self.session.csrf) {
            return Err(Trouble::Forged);
        }
        if let Some(serial) = &self.session.serial
            && inbox.is_revoked(serial).await?
        {
            inbox.desk.end(&self.secret);
            return Err(Trouble::Revoked);
        }
        Ok(form)
    }

    /// Under which the ledger knows a repeat. The user is in it, so that nobody's form repeats what
    /// somebody else did.
    pub(super) fn call(&self, form: &Form) -> v1::Call {
        let both = format!("{}\n{}", self.principal(), form.get("key"));
        let key = countersign_chain::hash::digest(both.as_bytes()).to_string();
        v1::Call {
            log: String::new(),
            idempotency_key: key.chars().take(48).collect(),
            on_behalf_of: self.principal().to_owned(),
            evidence: Some(Box::new(self.evidence(form))),
        }
    }

    /// What is known about who sent a form.
    fn evidence(&self, form: &Form) -> v1::Evidence {
        v1::Evidence {
            platform: "web".to_owned(),
            user: self.principal().to_owned(),
            callback_sha256: form
                .sent()
                .map_or_else(Default::default, |sent| sent.as_bytes().to_vec().into()),
            callback: form.get("key").chars().take(64).collect(),
            verified_by: self.session.by.proof().to_owned(),
            passkey: passkeys::assertion(form),
            ..v1::Evidence::default()
        }
    }
}

/// What somebody may do about a case, as far as can be told before it is tried; the ledger decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for a form of its own"
)]
pub(super) struct May {
    pub(super) see: bool,
    pub(super) review: bool,
    pub(super) retro: bool,
    pub(super) cancel: bool,
    pub(super) extend: bool,
    pub(super) finish: bool,
    pub(super) revoke: bool,
    pub(super) feedback: bool,
    /// Whether a yes has to be signed with a passkey.
    pub(super) sign: bool,
    /// Look at what its sessions showed.
    pub(super) watch: bool,
}

impl May {
    /// Of this person, of whom the ledger says whether they could decide now.
    pub(super) fn of(case: &v1::Case, person: &str, rules: &Rules, may_decide: bool) -> Self {
        let policy = &rules.policy;
        let member = |group: &str| policy.members_of(group).any(|member| member == person);
        let asked = case.obligations.clone().unwrap_or_default();
        let is_own = case.person == person;
        let approver = asked.approvals.iter().any(|slot| member(&slot.group));
        let overseer = case.break_glass && member(&asked.retro_group);
        let decided = reviews(case).any(|review| review.person == person);
        let took_part = is_own || decided || overseer;
        let status = case.status();
        let waits = status == v1::CaseStatus::Pending || case.extension.is_some();
        let runs = matches!(status, v1::CaseStatus::Active | v1::CaseStatus::Scheduled);
        let is_over = matches!(status, v1::CaseStatus::Ended | v1::CaseStatus::Refused);
        Self {
            see: took_part
                || approver
                || may_decide
                || member(&asked.escalate_group)
                || policy.may_read_audit(person),
            review: may_decide && waits && !is_own,
            retro: overseer && !is_own && case.retro_review_open,
            cancel: is_own && waits,
            extend: is_own
                && status == v1::CaseStatus::Active
                && case.extension.is_none()
                && asked.max_extensions > 0,
            finish: is_own && runs,
            revoke: !is_own && runs && (approver || overseer || decided),
            feedback: is_over && took_part,
            sign: false,
            watch: is_own || policy.may_read_audit(person),
        }
    }
}

/// Decisions on the request and on its extension.
fn reviews(case: &v1::Case) -> impl Iterator<Item = &v1::ReviewState> {
    let later = case
        .extension
        .iter()
        .flat_map(|extension| &extension.reviews);
    case.reviews.iter().chain(later)
}

#[cfg(test)]
mod tests {
    use countersign_workflow::policy::{Policy, starter};
    use jiff::tz::TimeZone;

    use super::*;

    fn rules() -> Rules {
        Rules {
            policy: Policy::compile(&starter()).unwrap(),
            zone: TimeZone::UTC,
        }
    }

    fn case(status: v1::CaseStatus) -> v1::Case {
        let approvals = vec![v1::Slot {
            group: "team-leads".to_owned(),
            count: 1,
        }];
        let obligations = v1::Obligations {
            approvals,
            max_extensions: 1,
            ..v1::Obligations::default()
        };
        v1::Case {
            id: 7,
            status: status.into(),
            person: "bruno".to_owned(),
            obligations: Some(obligations),
            ..v1::Case::default()
        }
    }

    #[test]
    fn buttons_fit_who_looks() {
        let rules = rules();
        let pending = case(v1::CaseStatus::Pending);
        let own = May::of(&pending, "bruno", &rules, false);
        assert!(own.see && own.cancel && !own.review && !own.finish && !own.revoke);
        let lead = May::of(&pending, "ada", &rules, true);
        assert!(lead.see && lead.review && !lead.cancel && !lead.revoke);
        let active = case(v1::CaseStatus::Active);
        let own = May::of(&active, "bruno", &rules, false);
        assert!(own.extend && own.finish && !own.cancel && !own.revoke);
        let lead = May::of(&active, "ada", &rules, false);
        assert!(lead.revoke && !lead.review && !lead.finish);
        let over = May::of(&case(v1::CaseStatus::Ended), "bruno", &rules, false);
        assert!(over.feedback && !over.finish && !over.extend);
    }

    #[test]
    fn a_case_is_shown_to_those_whose_business_it_is() {
        let (rules, pending) = (rules(), case(v1::CaseStatus::Pending));
        assert!(!May::of(&pending, "chen", &rules, false).see, "a colleague");
        assert!(!May::of(&pending, "user:nobody", &rules, false).see);
        assert!(
            May::of(&pending, "chen", &rules, true).see,
            "in a lead's place"
        );
        assert!(May::of(&pending, "dana", &rules, false).see, "read_audit");
    }

    #[test]
    fn a_break_glass_is_judged_by_others() {
        let mut taken = case(v1::CaseStatus::Active);
        taken.break_glass = true;
        taken.obligations = Some(v1::Obligations {
            retro_group: "security".to_owned(),
            ..v1::Obligations::default()
        });
        taken.retro_review_open = true;
        assert!(May::of(&taken, "dana", &rules(), true).retro);
        assert!(!May::of(&taken, "bruno", &rules(), false).retro);
        taken.retro_review_open = false;
        assert!(!May::of(&taken, "dana", &rules(), true).retro, "it is done");
    }
}
