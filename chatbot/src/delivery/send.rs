//! One thing told: sent, and written into the log.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use countersign_client::{CallError, Client, Draft, Level};
use countersign_proto::reason::Reason;

use crate::delivery::outbox::{Step, Work};
use crate::delivery::record::{Home, Shown};
use crate::limits::{AGAIN_FIRST, SEND_TIME};
use crate::surface::{Mark, Place, Recipient, SendError, Surface};

/// Something to be sent.
pub(super) struct Job<S> {
    pub(super) client: Client,
    pub(super) surface: Arc<S>,
    pub(super) home: Arc<Home>,
    pub(super) work: Work,
    pub(super) to: Recipient,
    /// Whether it may have been posted before.
    pub(super) look: bool,
    /// Whether a failure is the last one.
    pub(super) last: bool,
    /// 1 for the first try.
    pub(super) attempt: u32,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Sent {
    /// The entry with this index says that it was told.
    Told(u64),
    /// The entry with this index says that it was given up.
    GivenUp(u64),
    /// It is tried again.
    Again {
        /// What the platform asks for.
        after: Option<Duration>,
        /// Whether it may have been posted.
        unknown: bool,
    },
    /// A message that should lose its buttons is gone.
    Gone(Place),
    /// The log cannot be written.
    Broken(CallError),
}

impl<S: Surface> Job<S> {
    pub(super) async fn run(self) -> Sent {
        match self.send().await {
            Ok(shown) => match self.write(self.home.delivered(&self.work, &shown)).await {
                Ok(index) => Sent::Told(index),
                Err(error) => Sent::Broken(error),
            },
            Err(error) => self.fail(error).await,
        }
    }

    async fn fail(&self, error: SendError) -> Sent {
        let (case, who, attempt) = (self.work.case, &self.work.who, self.attempt);
        tracing::debug!(case, %who, attempt, %error, "somebody could not be told");
        let never = matches!(error, SendError::Never { .. });
        if let (Step::Rest(place), true) = (&self.work.step, never || self.last) {
            return Sent::Gone(place.clone());
        }
        let given_up = never || self.last;
        if given_up {
            tracing::warn!(case, %who, attempt, %error, "somebody is not told");
        }
        if given_up || !self.work.failed {
            let why = error.to_string();
            let draft = self.home.failed(&self.work, (&why, attempt), given_up);
            match self.write(draft).await {
                Ok(index) if given_up => return Sent::GivenUp(index),
                Ok(_) => {}
                Err(error) => return Sent::Broken(error),
            }
        }
        match error {
            SendError::Later { after, .. } => Sent::Again {
                after,
                unknown: false,
            },
            SendError::Unknown { .. } | SendError::Never { .. } => Sent::Again {
                after: None,
                unknown: true,
            },
        }
    }

    async fn send(&self) -> Result<Shown, SendError> {
        let about = self.work.about;
        match &self.work.step {
            Step::Update(place) | Step::Rest(place) => {
                self.update(place).await?;
                Ok(Shown {
                    place: place.clone(),
                    about,
                    mark: None,
                })
            }
            Step::Post(marks) => self.post(marks).await,
        }
    }

    async fn post(&self, marks: &[Mark]) -> Result<Shown, SendError> {
        if self.look
            && let Some(found) = self.find(marks).await?
        {
            return Ok(found);
        }
        let Some(mark) = marks.first() else {
            let why = "there is nothing to tell".to_owned();
            return Err(SendError::Never { why });
        };
        let post = self.surface.post(&self.to, &self.work.card, mark);
        let place = in_time(post, |why| SendError::Unknown { why }).await?;
        Ok(Shown {
            place,
            about: self.work.about,
            mark: Some(mark.clone()),
        })
    }

    /// A message that was posted before its entry could be written. It is brought up to date, so
    /// that the entry says what it shows.
    async fn find(&self, marks: &[Mark]) -> Result<Option<Shown>, SendError> {
        for (age, mark) in marks.iter().enumerate() {
            let find = self.surface.find(&self.to, mark);
            let place = match in_time(find, later).await {
                Ok(Some(place)) => place,
                Ok(None) => continue,
                // There is no place in which it could be.
                Err(SendError::Never { .. }) => return Ok(None),
                Err(SendError::Unknown { why }) => return Err(later(why)),
                Err(error) => return Err(error),
            };
            match self.update(&place).await {
                Ok(()) => {}
                // Somebody has removed it in between.
                Err(SendError::Never { .. }) => continue,
                Err(error) => return Err(error),
            }
            // An older one leaves what happened after it to be noticed.
            let about = if age == 0 {
                self.work.about
            } else {
                mark.about
            };
            return Ok(Some(Shown {
                place,
                about,
                mark: Some(mark.clone()),
            }));
        }
        Ok(None)
    }

    async fn update(&self, place: &Place) -> Result<(), SendError> {
        in_time(self.surface.update(place, &self.work.card), later).await
    }

    /// Writes an entry; its index. It is tried for as long as the ledger may come back.
    async fn write(&self, draft: Draft) -> Result<u64, CallError> {
        loop {
            let key = draft.idempotency_key.clone();
            match self.client.append(draft.clone(), Level::Sealed).await {
                Ok(receipt) => return Ok(receipt.index),
                Err(CallError::NoAnswer { last, .. }) => {
                    tracing::warn!(last, "what was told is not in the log yet");
                }
                // Another program told it before, under the same identity.
                Err(error) if error.reason() == Some(Reason::IdempotencyKeyReused) => {
                    let (case, who) = (self.work.case, &self.work.who);
                    tracing::warn!(case, %who, "told by another bot, too; run one of them only");
                    match self.client.receipt_of_key(&key).await {
                        Ok(receipt) => return Ok(receipt.index),
                        Err(error) if error.reason() == Some(Reason::ReceiptUnknown) => {
                            // It was accepted a moment ago, and readers do not see it yet.
                            tokio::time::sleep(AGAIN_FIRST).await;
                        }
                        Err(CallError::NoAnswer { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn later(why: String) -> SendError {
    SendError::Later { after: None, why }
}

/// Waits for a platform, but not for ever.
async fn in_time<T>(
    call: impl Future<Output = Result<T, SendError>>,
    late: impl FnOnce(String) -> SendError,
) -> Result<T, SendError> {
    match tokio::time::timeout(SEND_TIME, call).await {
        Ok(answer) => answer,
        Err(_) => Err(late(format!("no answer within {SEND_TIME:?}"))),
    }
}
