//! Several permits: their order does not matter, and one more never loosens.

use countersign_workflow::policy::{AskKind, Obligations, Policy};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_oneof, proptest};

use super::world::{ask, compile, facts, permit};

fn annotations() -> impl Strategy<Value = String> {
    let duration = || prop_oneof!["[1-9]m", "[1-9][0-9]m", "[1-3]h"];
    let maybe = |name: &'static str, text: prop::strategy::BoxedStrategy<String>| {
        prop::option::of(text)
            .prop_map(move |text| text.map_or(String::new(), |text| format!("@{name}({text:?}) ")))
    };
    let groups = prop_oneof![
        Just(String::new()),
        "security:[1-3]",
        "leads:[1-3]",
        "security:[1-3], leads:[1-3]",
    ];
    let deadline = (duration(), "(security|leads|engineers)");
    let deadline = deadline.prop_map(|(after, group)| format!("{after} {group}"));
    let parts = (
        groups.prop_map(|groups| format!("@approvals({groups:?}) ")),
        maybe("max_duration", duration().boxed()),
        maybe("request_ttl", duration().boxed()),
        maybe("remind", duration().boxed()),
        maybe("escalate", deadline.boxed()),
        maybe("session_recording", "(required|optional)".boxed()),
        maybe("input_recording", "(on|off)".boxed()),
        maybe(
            "warn",
            prop_oneof![Just("off".to_owned()), duration()].boxed(),
        ),
        maybe("max_extensions", "[0-9]".boxed()),
        maybe("feedback", duration().boxed()),
    );
    parts.prop_map(|(a, b, c, d, e, f, g, h, i, j)| [a, b, c, d, e, f, g, h, i, j].concat())
}

fn judge(policy: &Policy) -> Obligations {
    let facts = facts(0, 1, &[]);
    let mut ask = ask(&facts, "ada", "db", "read");
    ask.duration_seconds = 1;
    policy.judge(AskKind::Request, &ask).expect("it is allowed")
}

fn together(permits: &[(usize, String)]) -> Obligations {
    let texts = permits
        .iter()
        .map(|(number, text)| permit(&format!("p{number}"), text));
    judge(&compile(&texts.collect::<String>()).expect("it is a policy"))
}

/// Whether the first is at least as strict as the second, in every way.
fn as_strict(a: &Obligations, b: &Obligations) -> bool {
    let approvals = b.approvals.iter();
    let mut approvals = approvals.map(|(group, count)| a.approvals.get(group) >= Some(count));
    let sooner = |a: Option<u64>, b: Option<u64>| b.is_none_or(|b| a.is_some_and(|a| a <= b));
    let after = |o: &Obligations| o.escalate.as_ref().map(|escalate| escalate.after);
    approvals.all(|strict| strict)
        && a.max_duration <= b.max_duration
        && a.request_ttl <= b.request_ttl
        && sooner(a.remind, b.remind)
        && sooner(after(a), after(b))
        && a.record_session >= b.record_session
        && a.record_input >= b.record_input
        && a.warn >= b.warn
        && a.max_extensions <= b.max_extensions
        && a.feedback <= b.feedback
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_order_of_permits_does_not_matter(
        (permits, shuffled) in prop::collection::vec(annotations(), 1..5)
            .prop_map(|texts| texts.into_iter().enumerate().collect::<Vec<_>>())
            .prop_flat_map(|permits| (Just(permits.clone()), Just(permits).prop_shuffle()))
    ) {
        assert_eq!(together(&permits), together(&shuffled));
    }

    #[test]
    fn another_permit_never_loosens(texts in prop::collection::vec(annotations(), 2..5)) {
        let permits: Vec<(usize, String)> = texts.into_iter().enumerate().collect();
        let all = together(&permits);
        for end in 1..permits.len() {
            let fewer = together(&permits[..end]);
            assert!(as_strict(&all, &fewer), "{all:?}\n{fewer:?}");
        }
        for one in &permits {
            let alone = together(std::slice::from_ref(one));
            assert!(as_strict(&all, &alone), "{all:?}\n{alone:?}");
            assert_eq!(all.clone().strictest(&alone), all);
        }
    }
}
