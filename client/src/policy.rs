//! The policy by which access is judged. Putting one into force is an entry with a receipt; what
//! the ledger tells of policies is its word, which the digest of a bundle holds against the entry.

use countersign_proto::v1;
use countersign_proto::v1::policy_service_client::PolicyServiceClient;
use tonic::transport::Channel;

use crate::call::{CallError, Repeat};
use crate::client::Client;
use crate::limits::MAX_ANSWER;
use crate::receipt::ReceiptRun;
use crate::verify::VerifyError;

/// A policy that was put into force.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyPut {
    /// Receipt of its entry.
    pub run: ReceiptRun,
    /// The policy, as the ledger says.
    pub policy: v1::Policy,
    /// What the check found fit to say.
    pub warnings: Vec<String>,
}

/// The policy service over a connection.
fn policy_service(channel: Channel) -> PolicyServiceClient<Channel> {
    PolicyServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER)
}

impl Client {
    /// Puts a bundle into force. The log of the call is that of the client; an empty idempotency
    /// key is filled.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` carries the ledger's reason.
    pub async fn put_policy(
        &self,
        mut request: v1::PutPolicyRequest,
    ) -> Result<PolicyPut, CallError> {
        const CALL: &str = "PutPolicy";
        request.call = Some(self.spoken(request.call)?);
        let known = self.known().await;
        let answer = self
            .caller()
            .call(CALL, Repeat::Safe, request, |channel, request| async move {
                policy_service(channel).put_policy(request).await
            })
            .await?;
        let (run, _) = self.outcome(CALL, answer.outcome, known.as_ref()).await?;
        let missing = || CallError::unverified(CALL)(VerifyError::Missing("policy"));
        Ok(PolicyPut {
            run,
            policy: answer.policy.ok_or_else(missing)?,
            warnings: answer.warnings,
        })
    }

    /// A policy by the index of its entry, with its files; 0 means the one in force.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn policy(&self, index: u64) -> Result<(v1::Policy, Vec<v1::PolicyFile>), CallError> {
        const CALL: &str = "GetPolicy";
        let log = self.shared.log.clone();
        let answer = self
            .caller()
            .call(
                CALL,
                Repeat::Safe,
                v1::GetPolicyRequest { log, index },
                |channel, request| async move { policy_service(channel).get_policy(request).await },
            )
            .await?;
        let unverified = CallError::unverified(CALL);
        match answer.policy {
            Some(policy) if index != 0 && policy.index != index => Err(unverified(
                VerifyError::other("policy", index, policy.index),
            )),
            Some(policy) => Ok((policy, answer.files)),
            None => Err(unverified(VerifyError::Missing("policy"))),
        }
    }

    /// Policies that are or were in force, newest first.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn policies(&self) -> Result<Vec<v1::Policy>, CallError> {
        let log = self.shared.log.clone();
        let answer =
            self.caller()
                .call(
                    "ListPolicies",
                    Repeat::Safe,
                    v1::ListPoliciesRequest { log },
                    |channel, request| async move {
                        policy_service(channel).list_policies(request).await
                    },
                )
                .await?;
        Ok(answer.policies)
    }
}
