//! The moment that an entry is.

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;

use crate::card::moment::{ExtensionOver, Moment, Repair, Verdict};
use crate::card::name::Name;
use crate::card::span::Span;
use crate::card::view::{CaseError, CaseView, Way, name, time};

impl Moment {
    /// What an entry of a case means to those who look at its card; none when it means nothing to
    /// them. `when` is the time of the entry, and the case is as it stands after it.
    ///
    /// # Errors
    /// [`CaseError`] for an event that says less than its kind has to.
    pub fn of(event: &Known, when: UnixMicros, case: &CaseView) -> Result<Option<Self>, CaseError> {
        if let Some(moment) = of_the_request(event, case)? {
            return Ok(Some(moment));
        }
        if let Some(moment) = of_the_grant(event, when)? {
            return Ok(Some(moment));
        }
        of_the_access(event)
    }
}

fn of_the_request(event: &Known, case: &CaseView) -> Result<Option<Moment>, CaseError> {
    let over = |request: u64, moment: Moment, how: ExtensionOver| match request == case.id {
        true => moment,
        false => Moment::ExtensionOver { how },
    };
    let moment = match event {
        Known::AccessRequested(_) => Moment::Opened,
        Known::BreakGlassInvoked(_) => Moment::BrokeGlass,
        Known::ExtensionRequested(_) => Moment::ExtensionAsked,
        Known::ReviewRecorded(event) => Moment::Reviewed {
            person: name("reviewer", &event.person)?,
        },
        Known::RequestDenied(event) => over(event.request, Moment::Denied, ExtensionOver::Denied),
        Known::RequestCancelled(event) => {
            let reason = event.reason.clone();
            let cancelled = Moment::Cancelled { reason };
            over(event.request, cancelled, ExtensionOver::Cancelled)
        }
        Known::RequestExpired(event) => over(
            event.request,
            Moment::RequestExpired,
            ExtensionOver::Expired,
        ),
        // What waits in a break-glass case is the review afterwards, unless it is an extension.
        Known::ApproversReminded(v1::ApproversReminded { request, .. })
        | Known::RequestEscalated(v1::RequestEscalated { request, .. })
            if case.way == Way::BreakGlass && *request == case.id =>
        {
            Moment::RetroDue
        }
        Known::ApproversReminded(event) => Moment::Reminded {
            number: event.number,
        },
        Known::RequestEscalated(event) => Moment::Escalated {
            group: name("group", &event.group)?,
        },
        Known::RetroReviewRecorded(event) => Moment::RetroRecorded {
            person: name("reviewer", &event.person)?,
            verdict: match event.justified {
                true => Verdict::Justified,
                false => Verdict::NotJustified,
            },
            reason: event.reason.clone(),
        },
        _ => return Ok(None),
    };
    Ok(Some(moment))
}

fn of_the_grant(event: &Known, when: UnixMicros) -> Result<Option<Moment>, CaseError> {
    let needed = |field, stamp: &Option<prost_types::Timestamp>| {
        time(field, stamp.as_ref())?.ok_or(CaseError::Missing(field))
    };
    let moment = match event {
        Known::GrantScheduled(event) => Moment::Scheduled {
            start: needed("start", &event.start)?,
        },
        Known::GrantIssued(_) => Moment::Issued,
        Known::GrantExtended(event) => Moment::Extended {
            end: needed("end", &event.end)?,
        },
        Known::ExpiryWarned(event) => {
            let end = needed("end", &event.end)?;
            let seconds = end.seconds().saturating_sub(when.seconds());
            let left = Span::new(seconds).ok_or(CaseError::Span {
                field: "time left",
                seconds,
            })?;
            Moment::EndNear { left }
        }
        Known::GrantExpired(_) => Moment::GrantExpired,
        Known::GrantRevoked(event) => Moment::Revoked {
            person: Name::new(&event.person),
            reason: event.reason.clone(),
        },
        Known::GrantFinished(event) => Moment::Finished {
            reason: event.reason.clone(),
        },
        Known::FeedbackSubmitted(_) => Moment::FeedbackGiven,
        Known::CaseClosed(_) => Moment::Closed,
        _ => return Ok(None),
    };
    Ok(Some(moment))
}

fn of_the_access(event: &Known) -> Result<Option<Moment>, CaseError> {
    let moment = match event {
        Known::GrantProvisioned(event) => Moment::Provisioned {
            target: event.target.clone(),
        },
        Known::ProvisioningFailed(event) => Moment::ProvisioningFailed {
            error: event.error.clone(),
            attempt: event.attempt,
        },
        Known::AccessRemoved(event) => Moment::Removed {
            proof: event.proof.clone(),
        },
        Known::RemovalFailed(event) => Moment::RemovalFailed {
            error: event.error.clone(),
            attempt: event.attempt,
        },
        Known::SessionOverran(_) => Moment::SessionOverran,
        Known::AccessDriftDetected(event) => Moment::Drifted {
            target: event.target.clone(),
            detail: drift(event),
            repair: match event.mended {
                true => Repair::Mended,
                false => Repair::Open,
            },
        },
        _ => return Ok(None),
    };
    Ok(Some(moment))
}

/// How it differs, and what else was said about it.
fn drift(event: &v1::AccessDriftDetected) -> String {
    let how = match event.drift() {
        v1::Drift::Unspecified => "it differs",
        v1::Drift::Unknown => "no grant explains it",
        v1::Drift::Outlived => "its grant is over",
        v1::Drift::Missing => "it was granted and is gone",
        v1::Drift::Changed => "it allows something else than what was granted",
    };
    match event.detail.trim() {
        "" => how.to_owned(),
        detail => format!("{how}, {detail}"),
    }
}
