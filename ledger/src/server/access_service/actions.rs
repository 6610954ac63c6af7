//! Requests as commands.

use countersign_chain::time::UnixMicros;
use countersign_proto::convert;
use countersign_proto::reason::{Reason, field_violation};
use countersign_proto::v1::{self, report_provisioning_request};
use countersign_workflow::command::{Action, Ask, Report};
use prost_types::Timestamp;
use tonic::Status;

type Made = Result<Action, Status>;

/// A time of a request, when there is one.
pub(in crate::server) fn time(
    field: &'static str,
    time: Option<&Timestamp>,
) -> Result<Option<UnixMicros>, Status> {
    let Some(time) = time else {
        return Ok(None);
    };
    let read = convert::unix_micros_ceil(time);
    read.map(Some).map_err(|error| {
        let hint = "give a time from 1970 on, in UTC";
        field_violation(Reason::TimeInvalid, field, error.to_string(), hint)
    })
}

pub(super) fn ask(ask: Option<v1::Ask>) -> Result<Ask, Status> {
    let ask = ask.unwrap_or_default();
    let start = time("ask.start", ask.start.as_ref())?;
    Ok(Ask {
        resource: ask.resource,
        permission: ask.permission,
        duration: ask.duration_seconds,
        reason: ask.reason,
        ticket: ask.ticket,
        severity: ask.severity,
        affected: ask.affected,
        start,
    })
}

pub(super) fn request(request: v1::RequestAccessRequest) -> Made {
    ask(request.ask).map(Action::Request)
}

pub(super) fn break_glass(request: v1::BreakGlassRequest) -> Made {
    ask(request.ask).map(Action::BreakGlass)
}

pub(super) fn review(request: v1::ReviewRequest) -> Made {
    let approve = match request.decision() {
        v1::Decision::Approve => true,
        v1::Decision::Deny => false,
        v1::Decision::Unspecified => {
            return Err(field_violation(
                Reason::TextInvalid,
                "decision",
                "expected approve or deny".to_owned(),
                "say which",
            ));
        }
    };
    Ok(Action::Review {
        request: request.request,
        approve,
        group: Some(request.group).filter(|group| !group.is_empty()),
        reason: request.reason,
    })
}

pub(super) fn retro_review(request: v1::RetroReviewRequest) -> Made {
    Ok(Action::RetroReview {
        request: request.request,
        justified: request.justified,
        reason: request.reason,
    })
}

pub(super) fn cancel(request: v1::CancelRequestRequest) -> Made {
    Ok(Action::Cancel {
        request: request.request,
        reason: request.reason,
    })
}

pub(super) fn extend(request: v1::ExtendGrantRequest) -> Made {
    Ok(Action::Extend {
        grant: request.grant,
        duration: request.duration_seconds,
        reason: request.reason,
    })
}

pub(super) fn revoke(request: v1::RevokeGrantRequest) -> Made {
    Ok(Action::Revoke {
        grant: request.grant,
        reason: request.reason,
    })
}

pub(super) fn finish(request: v1::FinishGrantRequest) -> Made {
    Ok(Action::Finish {
        grant: request.grant,
        reason: request.reason,
    })
}

pub(super) fn start_session(request: v1::StartSessionRequest) -> Made {
    Ok(Action::StartSession {
        grant: request.grant,
        client: request.client,
        source_address: request.source_address,
    })
}

pub(super) fn end_session(request: v1::EndSessionRequest) -> Made {
    Ok(Action::EndSession {
        session: request.session,
        reason: request.reason,
        exit_status: request.exit_status,
        recording: request.recording,
    })
}

pub(super) fn report(request: v1::ReportProvisioningRequest) -> Made {
    use report_provisioning_request::Report as Sent;
    let report = match request.report {
        Some(Sent::Provisioned(report)) => Report::Provisioned(report),
        Some(Sent::Failed(report)) => Report::Failed(report),
        Some(Sent::Removed(report)) => Report::Removed(report),
        Some(Sent::RemovalFailed(report)) => Report::RemovalFailed(report),
        None => {
            return Err(field_violation(
                Reason::TextInvalid,
                "report",
                "expected a report, got none".to_owned(),
                "say what became of the access",
            ));
        }
    };
    Ok(Action::Report(report))
}

pub(super) fn feedback(request: v1::SubmitFeedbackRequest) -> Made {
    Ok(Action::Feedback {
        case: request.case,
        access: request.access_sufficient(),
        wait: request.wait_acceptable(),
        comment: request.comment,
    })
}

pub(super) fn delegate(request: v1::DelegateRequest) -> Made {
    let end = time("end", request.end.as_ref())?;
    let end = end.ok_or_else(|| {
        field_violation(
            Reason::DelegationInvalid,
            "end",
            "expected an end, got none".to_owned(),
            "a place is given away for a time; a past end takes it back",
        )
    })?;
    Ok(Action::Delegate {
        to: request.to,
        start: time("start", request.start.as_ref())?,
        end,
        reason: request.reason,
    })
}

#[cfg(test)]
mod tests {
    use countersign_proto::v1;
    use countersign_workflow::command::Action;

    use super::*;
    use crate::identity::role;

    /// Each call with the command that it gives; a policy takes a bundle, and is left out.
    fn calls() -> Vec<(&'static str, Made)> {
        let gone = report_provisioning_request::Report::Removed(v1::AccessRemoved::default());
        let report_it = v1::ReportProvisioningRequest {
            report: Some(gone),
            ..v1::ReportProvisioningRequest::default()
        };
        let yes = v1::ReviewRequest {
            decision: v1::Decision::Approve.into(),
            ..v1::ReviewRequest::default()
        };
        let until = v1::DelegateRequest {
            end: Some(Timestamp::default()),
            ..v1::DelegateRequest::default()
        };
        vec![
            (
                "RequestAccess",
                request(v1::RequestAccessRequest::default()),
            ),
            ("BreakGlass", break_glass(v1::BreakGlassRequest::default())),
            ("Review", review(yes)),
            (
                "RetroReview",
                retro_review(v1::RetroReviewRequest::default()),
            ),
            ("CancelRequest", cancel(v1::CancelRequestRequest::default())),
            ("ExtendGrant", extend(v1::ExtendGrantRequest::default())),
            ("RevokeGrant", revoke(v1::RevokeGrantRequest::default())),
            ("FinishGrant", finish(v1::FinishGrantRequest::default())),
            (
                "StartSession",
                start_session(v1::StartSessionRequest::default()),
            ),
            ("EndSession", end_session(v1::EndSessionRequest::default())),
            ("ReportProvisioning", report(report_it)),
            (
                "SubmitFeedback",
                feedback(v1::SubmitFeedbackRequest::default()),
            ),
            ("Delegate", delegate(until)),
        ]
    }

    #[test]
    fn the_replay_knows_the_roles_of_the_table_of_calls() {
        let reads = ["CheckAccess", "GetCase", "ListCases", "Simulate"];
        let service = "/countersign.v1.AccessService/";
        let written = role::METHODS
            .iter()
            .filter_map(|method| method.path.strip_prefix(service));
        let written = written.filter(|name| !reads.contains(name)).count();
        assert_eq!(calls().len(), written, "a call is missing here");
        for (name, made) in calls() {
            let action: Action = made.expect("a command");
            let method = role::method(&format!("{service}{name}")).expect("a known call");
            let roles: Vec<&str> = method.roles.iter().map(|role| role.as_str()).collect();
            assert_eq!(roles, action.roles(), "{name}");
        }
    }
}
