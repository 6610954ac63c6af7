//! Access cases: asking, deciding, using, giving back, and seeing where a case stands.
//!
//! Every change carries an idempotency key, so that a repeat after an unknown outcome returns the
//! first outcome. Its receipt is verified as that of a batch is. What a case looks like, and
//! whether somebody may use a resource, is the ledger's word: the entries say it too, signed, and
//! `verify` replays them.

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_proto::v1;
use countersign_proto::v1::access_service_client::AccessServiceClient;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::call::{CallError, Repeat};
use crate::client::Client;
use crate::draft::Level;
use crate::key::next_key;
use crate::limits::MAX_ANSWER;
use crate::receipt::ReceiptRun;
use crate::verify::VerifyError;

/// What a change of a case led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Receipt of the entries that were written.
    pub run: ReceiptRun,
    /// The case after it, as the ledger says; none when it is closed by now, as [`Client::case`]
    /// shows.
    pub case: Option<v1::Case>,
}

/// The access service over a connection.
fn access_service(channel: Channel) -> AccessServiceClient<Channel> {
    AccessServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER)
}

/// Makes the table below into one method for each change of a case.
macro_rules! changes {
    ($($(#[$doc:meta])* $method:ident $call:literal $request:ident;)*) => {
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// The log of the call is that of the client; an empty idempotency key is filled.
                ///
                /// # Errors
                /// [`CallError`]; `Refused` carries the ledger's reason.
                pub async fn $method(
                    &self,
                    mut request: v1::$request,
                ) -> Result<Changed, CallError> {
                    request.call = Some(self.spoken(request.call)?);
                    let (run, case) = self
                        .change($call, request, |channel, request| async move {
                            let answer = access_service(channel).$method(request).await?;
                            let (meta, answer, extensions) = answer.into_parts();
                            Ok(Response::from_parts(meta, answer.outcome, extensions))
                        })
                        .await?;
                    let case = of_run(&run, case).map_err(CallError::unverified($call))?;
                    Ok(Changed { run, case })
                }
            )*
        }
    };
}

changes! {
    /// Asks for access, which opens a case.
    request_access "RequestAccess" RequestAccessRequest;
    /// Takes access at once, to be looked at afterwards; it opens a case.
    break_glass "BreakGlass" BreakGlassRequest;
    /// Approves or denies a request or an extension.
    review "Review" ReviewRequest;
    /// Judges a break-glass access afterwards.
    retro_review "RetroReview" RetroReviewRequest;
    /// Takes back a request or an extension of one's own.
    cancel_request "CancelRequest" CancelRequestRequest;
    /// Asks for more time.
    extend_grant "ExtendGrant" ExtendGrantRequest;
    /// Ends somebody's access.
    revoke_grant "RevokeGrant" RevokeGrantRequest;
    /// Ends one's own access early.
    finish_grant "FinishGrant" FinishGrantRequest;
    /// Says that a grant is being used.
    start_session "StartSession" StartSessionRequest;
    /// Says that a session is over.
    end_session "EndSession" EndSessionRequest;
    /// Says what became of access that was to be made or taken away.
    report_provisioning "ReportProvisioning" ReportProvisioningRequest;
    /// Says how it was.
    submit_feedback "SubmitFeedback" SubmitFeedbackRequest;
}

impl Client {
    /// Gives one's place as a reviewer to somebody else for a time; it belongs to no case.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` carries the ledger's reason.
    pub async fn delegate(
        &self,
        mut request: v1::DelegateRequest,
    ) -> Result<ReceiptRun, CallError> {
        request.call = Some(self.spoken(request.call)?);
        let (run, _) = self
            .change("Delegate", request, |channel, request| async move {
                let answer = access_service(channel).delegate(request).await?;
                let (meta, answer, extensions) = answer.into_parts();
                Ok(Response::from_parts(meta, answer.outcome, extensions))
            })
            .await?;
        Ok(run)
    }

    /// Whether somebody may use a resource now; an empty person means the caller.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn check_access(
        &self,
        mut request: v1::CheckAccessRequest,
    ) -> Result<v1::CheckAccessResponse, CallError> {
        request.log.clone_from(&self.shared.log);
        self.caller()
            .call(
                "CheckAccess",
                Repeat::Safe,
                request,
                |channel, request| async move {
                    access_service(channel).check_access(request).await
                },
            )
            .await
    }

    /// A case, by its number or that of anything that belongs to it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn case(&self, id: u64) -> Result<v1::Case, CallError> {
        const CALL: &str = "GetCase";
        let log = self.shared.log.clone();
        let answer = self
            .caller()
            .call(
                CALL,
                Repeat::Safe,
                v1::GetCaseRequest { log, id },
                |channel, request| async move { access_service(channel).get_case(request).await },
            )
            .await?;
        let missing = || CallError::unverified(CALL)(VerifyError::Missing("case"));
        answer.case.ok_or_else(missing)
    }

    /// One page of cases that are not closed, newest first. The token of the answer asks for the
    /// next one.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn cases(
        &self,
        mut request: v1::ListCasesRequest,
    ) -> Result<v1::ListCasesResponse, CallError> {
        request.log.clone_from(&self.shared.log);
        self.caller()
            .call(
                "ListCases",
                Repeat::Safe,
                request,
                |channel, request| async move { access_service(channel).list_cases(request).await },
            )
            .await
    }

    /// What would come of a request; nothing is written.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn simulate(
        &self,
        mut request: v1::SimulateRequest,
    ) -> Result<v1::SimulateResponse, CallError> {
        request.log.clone_from(&self.shared.log);
        self.caller()
            .call(
                "Simulate",
                Repeat::Safe,
                request,
                |channel, request| async move { access_service(channel).simulate(request).await },
            )
            .await
    }

    /// What every change carries: this client's log, and a key.
    pub(crate) fn spoken(&self, call: Option<v1::Call>) -> Result<v1::Call, CallError> {
        let mut call = call.unwrap_or_default();
        call.log.clone_from(&self.shared.log);
        if call.idempotency_key.is_empty() {
            call.idempotency_key = next_key().map_err(CallError::Random)?;
        }
        Ok(call)
    }

    /// Makes a change, and verifies the receipt in its outcome.
    async fn change<Q, F, S>(
        &self,
        call: &'static str,
        request: Q,
        send: S,
    ) -> Result<(ReceiptRun, Option<v1::Case>), CallError>
    where
        Q: Clone,
        F: Future<Output = Result<Response<Option<v1::Outcome>>, Status>>,
        S: Fn(Channel, Request<Q>) -> F,
    {
        let known = self.known().await;
        let outcome = self
            .caller()
            .call(call, Repeat::Safe, request, send)
            .await?;
        self.outcome(call, outcome, known.as_ref()).await
    }

    /// Verifies the receipt of an outcome; `known` is what was known before the call.
    pub(crate) async fn outcome(
        &self,
        call: &'static str,
        outcome: Option<v1::Outcome>,
        known: Option<&Arc<SignedCheckpoint>>,
    ) -> Result<(ReceiptRun, Option<v1::Case>), CallError> {
        let outcome = outcome.unwrap_or_default();
        let run = outcome
            .run
            .ok_or(VerifyError::Missing("outcome.run"))
            .and_then(|run| {
                ReceiptRun::verify(&run, &self.shared.log, Level::Accepted, &mut self.notary())
            });
        let run = self.heed(call, run, known).await?;
        Ok((run, outcome.case))
    }
}

/// The case that these entries belong to: none of them is older than the one that opened it.
fn of_run(run: &ReceiptRun, case: Option<v1::Case>) -> Result<Option<v1::Case>, VerifyError> {
    let Some(case) = case else {
        return Ok(None);
    };
    let count = u64::try_from(run.count()).unwrap_or(u64::MAX);
    let end = run.first_index.saturating_add(count);
    if case.id >= end {
        let expected = format!("a number below {end}");
        return Err(VerifyError::other("case", expected, case.id));
    }
    Ok(Some(case))
}

#[cfg(test)]
mod tests {
    use countersign_proto::convert::hash_run_bytes;

    use super::*;
    use crate::verify::Notary;
    use crate::verify::testing::Log;

    #[test]
    fn a_case_is_not_younger_than_its_entries() {
        let log = Log::of(5);
        let leaves = [log.leaf(2), log.leaf(3)];
        let run = v1::ReceiptRun {
            log: "main".into(),
            first_position: 0,
            first_index: 2,
            count: 2,
            leaf_hashes: hash_run_bytes(&leaves),
            level: Level::Accepted.to_wire(),
            checkpoint: log.checkpoint(5).text().into(),
            repeated: false,
        };
        let mut notary = Notary::new(log.key.verifier().clone());
        let run = ReceiptRun::verify(&run, "main", Level::Accepted, &mut notary).unwrap();
        let case = |id| {
            Some(v1::Case {
                id,
                ..Default::default()
            })
        };
        for id in [1, 2, 3] {
            assert_eq!(of_run(&run, case(id)).unwrap(), case(id));
        }
        assert!(of_run(&run, case(4)).is_err());
        assert_eq!(of_run(&run, None).unwrap(), None);
    }
}
