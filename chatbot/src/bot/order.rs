//! What a person has said becomes a command. The ledger judges it, whatever a card has shown.

use countersign_client::{CallError, Changed, Filter};
use countersign_proto::convert::timestamp;
use countersign_proto::v1;
use tokio::time::timeout;

use crate::bot::Bot;
use crate::card::action::{Act, Action};
use crate::card::moment::Verdict;
use crate::form::submission::{Ask, Rating, Submission};
use crate::limits::SEALED;

impl Bot {
    /// Waits until what was written is sealed, within bounds: before that it is in no list, and
    /// what is shown of the case is a step behind.
    pub async fn settled(&self, changed: &Changed) {
        let first = changed.run.first_index;
        let mut follow = self.client.follow(first, Filter::default());
        if timeout(SEALED, follow.next()).await.is_err() {
            tracing::debug!(
                index = first,
                "not sealed yet; what is shown may be a step behind"
            );
        }
    }

    /// Gives the command of a form that was filled in well.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` carries the ledger's reason.
    pub async fn order(&self, call: v1::Call, said: Submission) -> Result<Changed, CallError> {
        let (client, call) = (&self.client, Some(call));
        match said {
            Submission::Request(wish) => {
                let ask = Some(ask(wish));
                client
                    .request_access(v1::RequestAccessRequest { call, ask })
                    .await
            }
            Submission::BreakGlass(wish) => {
                let ask = Some(ask(wish));
                client
                    .break_glass(v1::BreakGlassRequest { call, ask })
                    .await
            }
            Submission::Extend {
                action,
                duration,
                reason,
            } => {
                let request = v1::ExtendGrantRequest {
                    call,
                    grant: action.target,
                    duration_seconds: duration.seconds(),
                    reason,
                };
                client.extend_grant(request).await
            }
            Submission::RetroReview {
                action,
                verdict,
                reason,
            } => {
                let request = v1::RetroReviewRequest {
                    call,
                    request: action.target,
                    justified: verdict == Verdict::Justified,
                    reason,
                };
                client.retro_review(request).await
            }
            Submission::Feedback {
                action,
                sufficient,
                wait,
                comment,
            } => {
                let request = v1::SubmitFeedbackRequest {
                    call,
                    case: action.target,
                    access_sufficient: rating(sufficient).into(),
                    wait_acceptable: rating(wait).into(),
                    comment,
                };
                client.submit_feedback(request).await
            }
            Submission::Act { action, reason } => self.act(call, action, reason).await,
        }
    }

    async fn act(
        &self,
        call: Option<v1::Call>,
        Action { act, target }: Action,
        reason: String,
    ) -> Result<Changed, CallError> {
        let client = &self.client;
        match act {
            Act::Cancel => {
                let request = v1::CancelRequestRequest {
                    call,
                    request: target,
                    reason,
                };
                client.cancel_request(request).await
            }
            Act::Finish => {
                let request = v1::FinishGrantRequest {
                    call,
                    grant: target,
                    reason,
                };
                client.finish_grant(request).await
            }
            Act::Revoke => {
                let request = v1::RevokeGrantRequest {
                    call,
                    grant: target,
                    reason,
                };
                client.revoke_grant(request).await
            }
            // What is left are decisions: the others have forms of their own.
            decided => {
                let decision = match decided {
                    Act::Approve => v1::Decision::Approve,
                    _ => v1::Decision::Deny,
                };
                let request = v1::ReviewRequest {
                    call,
                    request: target,
                    decision: decision.into(),
                    reason,
                    group: String::new(),
                };
                client.review(request).await
            }
        }
    }
}

fn ask(wish: Ask) -> v1::Ask {
    v1::Ask {
        resource: wish.resource.as_str().to_owned(),
        permission: wish.permission.as_str().to_owned(),
        duration_seconds: wish.duration.seconds(),
        reason: wish.reason,
        ticket: wish.ticket,
        severity: wish.severity,
        affected: wish.affected,
        start: wish.start.map(timestamp),
    }
}

const fn rating(rating: Rating) -> v1::Rating {
    match rating {
        Rating::Yes => v1::Rating::Yes,
        Rating::Partly => v1::Rating::Partly,
        Rating::No => v1::Rating::No,
    }
}
