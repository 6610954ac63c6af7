//! What an operator says about rules, as it stands in a settings file.

use serde::Deserialize;

/// Changes to the rules that are there without settings. The default changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// More rules. They are asked before those of this program.
    pub rules: Vec<RuleSettings>,
    /// Names of rules of this program that are not used.
    pub off: Vec<String>,
    /// Patterns of secrets that stay: a value in which one is found is not taken out. Without `^`
    /// and `$` it may be found anywhere in the value.
    pub allow: Vec<String>,
}

/// A rule of the settings. It looks at one line at a time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSettings {
    /// Its name, which stands in the place of what it took out: 1 to 40 of `a-z0-9-`.
    pub name: String,
    /// A regular expression in the syntax of the `regex` crate.
    pub pattern: String,
    /// The group to take out; without it, all that the pattern matched.
    #[serde(default)]
    pub group: usize,
    /// Texts of which one is in every line that holds such a secret, in any case of letters. With
    /// them the rule costs nothing on other lines; without them it is tried on every line.
    #[serde(default)]
    pub keywords: Vec<String>,
}

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Too many rules or allowed patterns.
    #[error(
        "expected at most {} rules and allowed patterns, got {got}",
        crate::limits::MAX_REDACT_RULES
    )]
    TooMany {
        /// How many there are.
        got: usize,
    },
    /// No name of a rule.
    #[error("rule '{name}': expected a name of 1 to 40 characters of a-z, 0-9 and '-'")]
    Name {
        /// The name.
        name: String,
    },
    /// Two rules of one name.
    #[error("rule '{name}': the name is taken by another rule; choose another one")]
    Taken {
        /// The name.
        name: String,
    },
    /// No rule of this program has that name.
    #[error("off: there is no rule '{name}'; docs/redaction.md lists them")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The pattern is no regular expression, or too large.
    #[error("rule '{name}': the pattern cannot be used: {why}")]
    Pattern {
        /// Name of the rule.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The pattern matches where there is nothing.
    #[error("rule '{name}': the pattern also matches an empty text; let it need a character")]
    Empty {
        /// Name of the rule.
        name: String,
    },
    /// The pattern has no such group.
    #[error("rule '{name}': expected a group from 0 to {last}, got {group}")]
    Group {
        /// Name of the rule.
        name: String,
        /// The group that was asked for.
        group: usize,
        /// The last one that the pattern has.
        last: usize,
    },
    /// A keyword that every line has.
    #[error("rule '{name}': a keyword is empty; leave it out, or all of them")]
    Keyword {
        /// Name of the rule.
        name: String,
    },
    /// An allowed pattern is no regular expression, or too large.
    #[error("allow: the pattern '{pattern}' cannot be used: {why}")]
    Allow {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// The keywords of all rules are too many for one automaton.
    #[error("the keywords of all rules cannot be used together: {why}")]
    Keywords {
        /// What is wrong with them.
        why: String,
    },
}
