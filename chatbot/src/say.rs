//! What the ledger said no to, in words for whoever asked for it.

use countersign_client::CallError;
use countersign_proto::reason::Reason;

/// What is known of a command that had no answer.
pub(crate) const UNSURE: &str = "Whatever you sent may or may not have reached it; look at the \
                                 case before you repeat it.";

/// What the ledger said no to, in a sentence or two.
pub(crate) fn refused(error: &CallError) -> String {
    match error {
        CallError::Refused {
            reason, message, ..
        } => match reason {
            Some(reason) => with_ours(*reason, message),
            None => format!("The ledger refused: {}.", message.trim_end_matches('.')),
        },
        CallError::NoAnswer { .. } => format!("The ledger does not answer. {UNSURE}"),
        CallError::Unverified { .. } | CallError::Remember(_) => {
            "The ledger's answer does not match its signed log, so it is not shown. Tell the \
             operator of the ledger now."
                .to_owned()
        }
        CallError::Random(_) => {
            "The machine of the inbox is in trouble. Try again later.".to_owned()
        }
    }
}

fn with_ours(reason: Reason, message: &str) -> String {
    let said = message.trim_end_matches('.');
    match ours(reason) {
        Some(words) => words.to_owned(),
        None => {
            let summary = sentence(reason.summary());
            format!("{summary} The ledger says: {said}.")
        }
    }
}

/// Our own sentence where the ledger's speaks of commands.
const fn ours(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::SelfApproval => {
            "You cannot decide on an access of your own, also not through another account or in \
             somebody else's place. The attempt is in the log."
        }
        Reason::AlreadyDecided => {
            "This waits for no decision any more: it was decided before. The case shows how it \
             stands now."
        }
        Reason::AlreadyReviewed => "You have decided on this before; one decision each.",
        Reason::PasskeyNeeded => {
            "This approval has to be signed with your passkey. Open the case in the web inbox, \
             which asks for it. A no needs none."
        }
        Reason::PasskeyInvalid => {
            "The signature does not prove this approval: nothing was decided. Is your passkey in \
             the policy? The page Passkeys of the inbox shows the line for it."
        }
        Reason::NotAReviewer => "The policy does not ask you to decide on this.",
        Reason::NotYours => "Only the person whose access it is may do this.",
        Reason::GrantNotActive => {
            "This access is over, or has not begun. The case shows how it stands now."
        }
        Reason::ExtensionPending => "An extension of this access waits for decisions already.",
        Reason::ExtensionsUsedUp => {
            "The policy allows no further extension. Ask for access anew when you need more time."
        }
        Reason::FeedbackNotOpen => "No feedback is taken from you for this case now.",
        Reason::RetroNotOpen => "This case waits for no review any more.",
        Reason::PolicyMissing => {
            "No policy is in force, so nobody can ask for access yet. An administrator puts one \
             into force with `countersign policy put`."
        }
        Reason::PersonUnknown => {
            "The policy does not know you. An administrator adds people to its entities.json."
        }
        Reason::ClockBehind => {
            "The ledger's clock is behind its log, so no access is given now. Its operator has to \
             set the clock."
        }
        Reason::Replaying => "The ledger has just started. Try again in a moment.",
        Reason::ActorNotAllowed | Reason::RoleNotAllowed => {
            "The inbox is not set up to speak for people: its identity needs the role bot."
        }
        _ => return None,
    })
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_a_sentence() {
        for reason in Reason::ALL {
            let told = with_ours(*reason, "grant 7 was extended 2 times");
            assert!(
                told.starts_with(|c: char| c.is_uppercase()),
                "{reason}: {told}"
            );
            assert!(
                told.ends_with('.') && !told.contains(".."),
                "{reason}: {told}"
            );
            assert!(
                !told.contains(reason.as_str()),
                "{reason} is for programs: {told}"
            );
        }
    }

    #[test]
    fn a_refusal_keeps_what_the_ledger_said() {
        let told = with_ours(Reason::DurationTooLong, "at most 3600 s");
        assert!(told.ends_with("The ledger says: at most 3600 s."), "{told}");
    }
}
