//! Settings that work, and settings that do not.

use super::*;

fn rule(name: &str, pattern: &str) -> RuleSettings {
    RuleSettings {
        name: name.into(),
        pattern: pattern.into(),
        group: 0,
        keywords: Vec::new(),
    }
}

fn refused(settings: &Settings) -> String {
    Rules::new(settings).unwrap_err().to_string()
}

#[test]
fn the_rules_of_this_program_have_names_and_patterns_that_work() {
    let rules = Rules::new(&Settings::default()).unwrap();
    assert!(rules.rules.len() > 60 && rules.card.is_some() && rules.block.is_some());
    let names: BTreeSet<&str> = Rules::builtin().map(|(name, _)| name).collect();
    assert_eq!(names.len(), rules.rules.len());
    for (name, what) in Rules::builtin() {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(
            name.bytes().all(fits) && name.len() <= 40 && !what.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn wrong_settings_are_refused_with_the_rule_and_the_reason() {
    let one = |rule: RuleSettings| Settings {
        rules: vec![rule],
        ..Settings::default()
    };
    for (settings, told) in [
        (one(rule("a b", "x")), "rule 'a b': expected a name"),
        (one(rule("", "x")), "rule '': expected a name"),
        (one(rule("jwt", "x")), "rule 'jwt': the name is taken"),
        (one(rule("a", "(x")), "rule 'a': the pattern cannot be used"),
        (
            one(rule("a", r"\w{1000}{100}")),
            "rule 'a': the pattern cannot be used",
        ),
        (
            one(rule("a", "x*")),
            "rule 'a': the pattern also matches an empty",
        ),
        (
            one(RuleSettings {
                group: 2,
                ..rule("a", "(x)")
            }),
            "rule 'a': expected a group from 0 to 1, got 2",
        ),
        (
            one(RuleSettings {
                keywords: vec![String::new()],
                ..rule("a", "x")
            }),
            "rule 'a': a keyword is empty",
        ),
        (
            Settings {
                off: vec!["nothing".into()],
                ..Settings::default()
            },
            "off: there is no rule 'nothing'",
        ),
        (
            Settings {
                allow: vec!["[".into()],
                ..Settings::default()
            },
            "allow: the pattern '[' cannot be used",
        ),
        (
            Settings {
                rules: vec![rule("a", "x"); 2],
                ..Settings::default()
            },
            "rule 'a': the name is taken",
        ),
        (
            Settings {
                rules: vec![rule("a", "x"); 300],
                ..Settings::default()
            },
            "expected at most 256 rules",
        ),
    ] {
        let got = refused(&settings);
        assert!(got.starts_with(told), "{got}\n{told}");
    }
}

#[test]
fn patterns_that_may_match_white_space_are_known() {
    for (pattern, may) in [
        ("abc", false),
        (r"[^\s]+", false),
        (r"\S+", false),
        (r"a\sb", true),
        ("a b", true),
        ("[^x]", true),
        (r"(?s-u:.)", true),
        ("a.b", true),
        ("(a|b )+", true),
    ] {
        assert_eq!(matches_space(pattern), may, "{pattern}");
    }
}
