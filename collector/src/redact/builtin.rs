//! The rules that are there without any settings, written from the forms that their vendors
//! document. A rule that says more of a secret stands before one that says less: where both find
//! it, the first one names it.

mod cloud;
mod forms;
mod general;
mod services;

use super::judge::Pair;

/// A rule of this program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Builtin {
    pub(super) name: &'static str,
    /// What it takes out, for the documents.
    pub(super) what: &'static str,
    /// Texts of which one stands at the beginning of what the rule finds, in any case of letters.
    pub(super) keywords: &'static [&'static str],
    pub(super) form: Form,
}

/// How a rule finds a secret, from the first byte of a keyword on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// What the pattern finds, or its group; the first byte of the pattern's match is that of the
    /// keyword.
    Pattern(&'static str),
    /// As `Pattern`, when the secret passes.
    Judged(&'static str, fn(&[u8]) -> bool),
    /// As `Pattern`, from so many bytes before the keyword on.
    Before(&'static str, usize),
    /// As `Pattern`, from the beginning of the word with the keyword on.
    Word(&'static str),
    /// The value behind what the pattern finds, when the pair of name and value passes.
    Value(&'static str, fn(&Pair<'_>) -> bool),
    /// What is secret of the header whose name and sign the pattern finds.
    Header(&'static str),
    /// The rest of the line behind what the pattern finds, up to a quote.
    Line(&'static str),
    /// Numbers of payment cards; it has no keywords.
    Card,
    /// Private keys over many lines; it has no keywords.
    Block,
}

const fn rule(
    name: &'static str,
    what: &'static str,
    keywords: &'static [&'static str],
    form: Form,
) -> Builtin {
    Builtin {
        name,
        what,
        keywords,
        form,
    }
}

/// All rules, the first ones first.
pub(super) fn all() -> impl Iterator<Item = &'static Builtin> {
    let parts = [forms::RULES, cloud::RULES, services::RULES, general::RULES];
    parts.into_iter().flatten()
}
