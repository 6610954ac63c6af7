//! What the bot says in words.

/// It goes on, and will be seen.
pub(super) const LATER: &str = "The ledger takes longer than usual. It goes on, and this card \
                                will show what came of it; you do not have to click again.";
/// Too many at a time.
pub(super) const BUSY: &str = "Too much is going on at once. Nothing was done; try again in a \
                               moment.";
/// Somebody asks in public.
pub(super) const ALONE: &str = "That is between the two of us: write to me in a chat of our own.";
/// A button of another program, or of an older card.
pub(super) const BUTTON: &str = "I do not know this button. Look at a newer card.";
/// Not theirs to see.
pub(super) const NOT_YOURS: &str = "You have no part in this case, so it is not shown to you.";
/// Teams did not say who it was.
pub(super) const WHO: &str =
    "Teams did not say who you are, so nothing was done. Try again in a chat of our own.";
/// A policy that cannot be asked.
pub(super) const POLICY: &str =
    "The policy cannot be read now, so nothing was done. Try again in a moment.";
/// It was taken, and cannot be shown.
pub(super) const TAKEN: &str = "It is in the log.";
/// Nothing to ask for.
pub(super) const NO_OFFER: &str =
    "The policy offers you nothing that you could ask for this way. An administrator can tell why.";

/// What the bot can do.
pub(super) const HELP: [&str; 5] = [
    "request – ask for access",
    "break-glass – take access at once, in an emergency; others look at it afterwards",
    "list – your cases, and those that wait for your decision",
    "case 1042 – a case by its number",
    "help – this",
];

/// For somebody whose account nobody is known to have: how it becomes known. `link` leads to the
/// page of the inbox on which they can say so themselves.
pub(super) fn unlinked(tenant: &str, object: &str, link: Option<&str>) -> String {
    let oneself = match link {
        Some(url) => format!(
            " Or say in the inbox that it is yours: once, within ten minutes, and only by a link \
             that you have asked for: {url}"
        ),
        None => String::new(),
    };
    format!(
        "I do not know whose Teams account this is, so nothing was done. Ask an administrator to \
         add it to the directory of the policy: teams = {object}, in the tenant {tenant}.{oneself}"
    )
}
