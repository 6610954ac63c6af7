//! How access went. The figures are the ledger's word: it reads them from entries, and so can
//! whoever doubts them.

use countersign_proto::v1;
use countersign_proto::v1::insights_service_client::InsightsServiceClient;
use tonic::transport::Channel;

use crate::call::{CallError, Repeat};
use crate::client::Client;
use crate::limits::MAX_ANSWER;

/// The insights service over a connection.
fn insights_service(channel: Channel) -> InsightsServiceClient<Channel> {
    InsightsServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER)
}

impl Client {
    /// How long each step took in the cases of a period, and the same by each of these dimensions.
    /// A bot asks for a person and names their principal in `on_behalf_of`; others leave it empty.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delays(
        &self,
        period: v1::Period,
        by: &[v1::Dimension],
        on_behalf_of: &str,
    ) -> Result<v1::GetDelaysResponse, CallError> {
        let request = v1::GetDelaysRequest {
            log: self.shared.log.clone(),
            period: Some(period),
            by: by.iter().map(|by| (*by).into()).collect(),
            on_behalf_of: on_behalf_of.to_owned(),
        };
        let call =
            |channel, request| async move { insights_service(channel).get_delays(request).await };
        self.caller()
            .call("GetDelays", Repeat::Safe, request, call)
            .await
    }

    /// What came of the cases of a period; `on_behalf_of` as in [`Client::delays`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn activity(
        &self,
        period: v1::Period,
        on_behalf_of: &str,
    ) -> Result<v1::GetActivityResponse, CallError> {
        let request = v1::GetActivityRequest {
            log: self.shared.log.clone(),
            period: Some(period),
            on_behalf_of: on_behalf_of.to_owned(),
        };
        let call =
            |channel, request| async move { insights_service(channel).get_activity(request).await };
        self.caller()
            .call("GetActivity", Repeat::Safe, request, call)
            .await
    }

    /// What waits for somebody now; `on_behalf_of` as in [`Client::delays`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn open_issues(
        &self,
        on_behalf_of: &str,
    ) -> Result<v1::GetOpenIssuesResponse, CallError> {
        let request = v1::GetOpenIssuesRequest {
            log: self.shared.log.clone(),
            on_behalf_of: on_behalf_of.to_owned(),
        };
        let call = |channel, request| async move {
            insights_service(channel).get_open_issues(request).await
        };
        self.caller()
            .call("GetOpenIssues", Repeat::Safe, request, call)
            .await
    }
}
