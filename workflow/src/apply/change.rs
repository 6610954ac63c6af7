//! The changes of one case, one for each event.

use super::{
    ApplyError, Case, Ended, EndedBy, EntryFacts, Extension, Grant, Known, Moment, Provisioning,
    RefusedAt, RefusedBy, Review, Round, Session, Stage, v1, wire,
};

impl Stage {
    /// Its name in messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled(_) => "scheduled",
            Self::Active(_) => "active",
            Self::Ended(_) => "ended",
            Self::Refused(_) => "refused",
        }
    }
}

impl Case {
    pub(super) const fn misfit(&self, event: &Known) -> ApplyError {
        ApplyError::Stage {
            event: event.name(),
            stage: self.stage.name(),
        }
    }

    pub(super) fn active(&mut self, event: &Known) -> Result<&mut Grant, ApplyError> {
        let misfit = self.misfit(event);
        match &mut self.stage {
            Stage::Active(grant) => Ok(grant),
            Stage::Pending | Stage::Scheduled(_) | Stage::Ended(_) | Stage::Refused(_) => {
                Err(misfit)
            }
        }
    }

    /// The round of a request or an extension that waits for decisions.
    fn open_round(&mut self, event: &Known, request: u64) -> Result<&mut Round, ApplyError> {
        let misfit = self.misfit(event);
        let round = match &mut self.stage {
            Stage::Pending => &mut self.round,
            Stage::Active(grant) => match &mut grant.extension {
                Some(extension) => &mut extension.round,
                None => return Err(misfit),
            },
            Stage::Scheduled(_) | Stage::Ended(_) | Stage::Refused(_) => return Err(misfit),
        };
        if round.id != request {
            return Err(ApplyError::Number {
                event: event.name(),
                number: request,
                expected: "what waits for decisions",
            });
        }
        Ok(round)
    }

    pub(super) fn reviewed(
        &mut self,
        entry: &EntryFacts<'_>,
        (event, message): (&Known, &v1::ReviewRecorded),
    ) -> Result<(), ApplyError> {
        let round = self.open_round(event, message.request)?;
        round.reviews.push(Review {
            index: entry.index,
            person: message.person.clone(),
            approve: message.decision() == v1::Decision::Approve,
            group: message.group.clone(),
            reason: message.reason.clone(),
            delegate_of: message.delegate_of.clone(),
        });
        Ok(())
    }

    /// A request or an extension that ends without what it asked for.
    pub(super) fn round_over(
        &mut self,
        event: &Known,
        request: u64,
        (by, at): (RefusedBy, Moment),
    ) -> Result<(), ApplyError> {
        self.open_round(event, request)?;
        if request == self.id {
            self.stage = Stage::Refused(RefusedAt { by, at });
        } else {
            self.active(event)?.extension = None;
        }
        Ok(())
    }

    pub(super) fn reminded(
        &mut self,
        event: &Known,
        message: &v1::ApproversReminded,
        now: Moment,
    ) -> Result<(), ApplyError> {
        // The next reminder counts from now: one that was slept through is not made up for.
        let next = self.obligations.remind.map(|seconds| now.after(seconds));
        if let Some(retro) = self.retro.as_mut().filter(|_| self.break_glass)
            && message.request == self.id
        {
            retro.remind = next;
            retro.reminders = retro.reminders.saturating_add(1);
            return Ok(());
        }
        let round = self.open_round(event, message.request)?;
        round.reminders = round.reminders.saturating_add(1);
        round.remind = next;
        Ok(())
    }

    pub(super) fn escalated(&mut self, event: &Known, request: u64) -> Result<(), ApplyError> {
        if let Some(retro) = self.retro.as_mut().filter(|_| self.break_glass)
            && request == self.id
        {
            retro.escalated = true;
            return Ok(());
        }
        self.open_round(event, request)?.escalate = None;
        Ok(())
    }

    pub(super) fn issued(
        &mut self,
        entry: &EntryFacts<'_>,
        (event, message): (&Known, &v1::GrantIssued),
        now: Moment,
    ) -> Result<(), ApplyError> {
        if !matches!(self.stage, Stage::Pending | Stage::Scheduled(_)) {
            return Err(self.misfit(event));
        }
        let end_time = wire::time(message.end.as_ref()).unwrap_or(entry.time);
        let micros = end_time.get().saturating_sub(entry.time.get());
        self.stage = Stage::Active(Grant {
            id: entry.index,
            issued: entry.time,
            since: now,
            end: now.after_micros(micros),
            end_time,
            warned: false,
            extended: 0,
            extension: None,
            provisioning: Provisioning::None,
        });
        Ok(())
    }

    pub(super) fn extended(
        &mut self,
        event: &Known,
        message: &v1::GrantExtended,
        _now: Moment,
    ) -> Result<(), ApplyError> {
        let grant = self.active(event)?;
        let Some(extension) = grant.extension.take() else {
            return Err(ApplyError::Number {
                event: event.name(),
                number: message.extension,
                expected: "an extension that waits for decisions",
            });
        };
        let end_time = wire::time(message.end.as_ref()).unwrap_or(grant.end_time);
        grant.end = grant.end.after(extension.duration);
        grant.end_time = end_time;
        grant.extended = grant.extended.saturating_add(1);
        grant.warned = false;
        Ok(())
    }

    pub(super) fn ended(
        &mut self,
        event: &Known,
        number: u64,
        by: EndedBy,
        (entry, at): (&EntryFacts<'_>, Moment),
    ) -> Result<(), ApplyError> {
        let wrong = ApplyError::Number {
            event: event.name(),
            number,
            expected: "the grant of this case",
        };
        let grant = match &self.stage {
            Stage::Active(grant) if grant.id == number => Some(Grant {
                extension: None,
                ..grant.clone()
            }),
            Stage::Scheduled(scheduled) if scheduled.id == number && by != EndedBy::Expired => None,
            Stage::Active(_) | Stage::Scheduled(_) => return Err(wrong),
            Stage::Pending | Stage::Ended(_) | Stage::Refused(_) => {
                return Err(self.misfit(event));
            }
        };
        self.stage = Stage::Ended(Ended {
            grant,
            by,
            at,
            time: entry.time,
        });
        Ok(())
    }

    pub(super) fn extension_asked(
        &mut self,
        entry: &EntryFacts<'_>,
        (event, message): (&Known, &v1::ExtensionRequested),
        now: Moment,
    ) -> Result<(), ApplyError> {
        let obligations = wire::obligations_of(message.obligations.as_ref());
        let round = Round::open(entry.index, &obligations, now);
        let misfit = self.misfit(event);
        let grant = self.active(event)?;
        if grant.extension.is_some() {
            return Err(misfit);
        }
        grant.extension = Some(Extension {
            duration: message.duration_seconds,
            reason: message.reason.clone(),
            facts: wire::facts_of(message.facts.as_ref()),
            obligations,
            round,
        });
        Ok(())
    }

    pub(super) fn session_started(
        &mut self,
        entry: &EntryFacts<'_>,
        (event, message): (&Known, &v1::SessionStarted),
    ) -> Result<(), ApplyError> {
        self.active(event)?;
        self.sessions.push(Session {
            id: entry.index,
            started: entry.time,
            ended: None,
            overran: false,
            client: message.client.clone(),
        });
        Ok(())
    }

    pub(super) fn session(&mut self, event: &Known, id: u64) -> Result<&mut Session, ApplyError> {
        let mut sessions = self.sessions.iter_mut();
        let session = sessions.find(|session| session.id == id && session.ended.is_none());
        session.ok_or(ApplyError::Number {
            event: event.name(),
            number: id,
            expected: "a session that runs",
        })
    }

    pub(super) fn provisioned(
        &mut self,
        event: &Known,
        provisioning: Provisioning,
    ) -> Result<(), ApplyError> {
        let misfit = self.misfit(event);
        let gone = [Provisioning::Removed, Provisioning::RemovalFailed];
        let grant = match &mut self.stage {
            Stage::Active(grant) if !gone.contains(&provisioning) => grant,
            Stage::Ended(Ended {
                grant: Some(grant), ..
            }) => grant,
            Stage::Pending
            | Stage::Scheduled(_)
            | Stage::Active(_)
            | Stage::Ended(_)
            | Stage::Refused(_) => return Err(misfit),
        };
        grant.provisioning = provisioning;
        Ok(())
    }
}
