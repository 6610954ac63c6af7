//! Buttons on cards.

use std::pin::pin;

use countersign_client::CallError;
use serde_json::Value;
use tokio::time::sleep;

use super::{Asker, Desk, NO_BUTTON, Proof, slack_time};
use crate::bot::sight::SightError;
use crate::card::action::{Act, Action};
use crate::card::span::Span;
use crate::form::Form;
use crate::form::submission::Submission;
use crate::limits::SLACK_PATIENCE;
use crate::say;
use crate::slack::modal;
use crate::slack::payload::{Click, Seen};
use crate::slack::words::{SLOW, STALE, Said};
use crate::surface::{Place, Surface as _};

impl Desk {
    pub(super) async fn click(&self, click: Click, proof: Proof) {
        match click.action.clone() {
            Err(error) => {
                tracing::info!(%error, "a click in Slack is none of ours");
                self.say(&click.reply, NO_BUTTON).await;
            }
            // An approval can be given without a word; everything else asks for some.
            Ok(action) if action.act == Act::Approve => {
                let mut work = pin!(self.approve(&click, action, proof));
                let said = tokio::select! {
                    said = &mut work => said,
                    () = sleep(SLACK_PATIENCE) => {
                        self.say(&click.reply, SLOW).await;
                        work.await
                    }
                };
                if let Some(said) = said {
                    self.say(&click.reply, said).await;
                }
            }
            Ok(action) => {
                let Some(id) = self.open(&click.trigger, Some(&click.reply)).await else {
                    return;
                };
                let view = self.words_for(&click, action).await;
                self.show(&id, &view).await;
            }
        }
    }

    /// Approves; what is to be said when the card does not show it.
    async fn approve(&self, click: &Click, action: Action, mut proof: Proof) -> Option<Said> {
        let asker = match self.asker(&click.who).await {
            Ok(asker) => asker,
            Err(said) => return Some(said),
        };
        proof.time = slack_time(&click.at).or(proof.time);
        let evidence = asker.evidence(&click.trigger, &click.seen, &proof);
        let key = asker.key(&["click", &click.trigger, &click.at]);
        let call = self.bot.call(&asker.owner, &key, evidence);
        let reason = String::new();
        let said = Submission::Act { action, reason };
        match self.bot.order(call, said).await {
            Ok(_) => {
                let shown = self.refresh(&asker, action.target, &click.seen).await;
                let words = "Your decision is in the log.";
                (!shown).then(|| words.into())
            }
            Err(error) => {
                if matches!(error, CallError::Refused { .. }) {
                    self.refresh(&asker, action.target, &click.seen).await;
                }
                Some(say::refused(&error).into())
            }
        }
    }

    /// The form in which somebody says more about an action, or why there is none.
    async fn words_for(&self, click: &Click, action: Action) -> Value {
        let asker = match self.asker(&click.who).await {
            Ok(asker) => asker,
            Err(said) => return modal::said("Not possible", &said),
        };
        let form = match self.form_about(&asker, action).await {
            Ok(form) => form,
            Err(error) => return modal::notice("Not possible", &in_words(&error)),
        };
        match form {
            Some(form) => modal::view_from(&form, &click.seen),
            None => {
                self.refresh(&asker, action.target, &click.seen).await;
                modal::notice("Not possible", STALE)
            }
        }
    }

    /// The form of an action that somebody can do now; none for one that they cannot.
    pub(super) async fn form_about(
        &self,
        asker: &Asker,
        action: Action,
    ) -> Result<Option<Form>, SightError> {
        let sight = self.bot.sight(action.target).await?;
        let audience = self.bot.audience(&sight, asker.person()).await?;
        let card = audience.map(|audience| sight.card(&audience));
        let card = card.filter(|card| card.actions.contains(&action));
        let longest = |card: &crate::card::Card| card.more_time.unwrap_or(Span::ZERO);
        Ok(card.map(|card| Form::about(action, longest(&card))))
    }

    /// Brings the card up to date that somebody has before them in a conversation with the bot;
    /// whether it is. What stands in a channel is for many eyes, and the follower that tells people
    /// knows which.
    pub(super) async fn refresh(&self, asker: &Asker, target: u64, seen: &Seen) -> bool {
        if !seen.channel.starts_with('D') || seen.message.is_empty() {
            return false;
        }
        let card = async {
            let sight = self.bot.sight(target).await?;
            let audience = self.bot.audience(&sight, asker.person()).await?;
            Ok::<_, SightError>(audience.map(|audience| sight.card(&audience)))
        };
        let card = match card.await {
            Ok(Some(card)) => card,
            Ok(None) => return false,
            Err(error) => {
                tracing::info!(%error, "a card was not brought up to date");
                return false;
            }
        };
        let place = Place {
            channel: seen.channel.clone(),
            id: seen.message.clone(),
        };
        match self.slack.update(&place, &card).await {
            Ok(()) => true,
            Err(error) => {
                tracing::info!(%error, "a card was not brought up to date");
                false
            }
        }
    }
}

/// Why a case cannot be shown, in words.
pub(super) fn in_words(error: &SightError) -> String {
    match error {
        SightError::Call(error) => say::refused(error),
        SightError::Rules(error) => super::no_rules(error),
        SightError::Case(error) => {
            tracing::error!(%error, "a case cannot be shown");
            "This program cannot show the case. Tell the operator of the bot.".to_owned()
        }
    }
}
