//! Configurations as they are written, also in the documentation.

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provision: Vec<ProvisionConfig>,
}

fn read(text: &str) -> Vec<ProvisionConfig> {
    toml::from_str::<File>(text)
        .unwrap_or_else(|error| panic!("{error}: {text}"))
        .provision
}

const HOOK: &str = "[[provision]]\nname = \"a\"\n[provision.hook]\ncommand = [\"x\"]\n\
                    access = [{ resource = \"db\", permission = \"read\" }]\n";

#[test]
fn a_configuration_has_defaults() {
    let configs = read(HOOK);
    assert_eq!(configs[0].inspect_every.get(), INSPECT_EVERY);
    assert_eq!(configs[0].on_drift, OnDrift::Report);
    assert_eq!(configs[0].first_resource(), "db");
    assert_eq!(routes(&configs).unwrap().len(), 1);
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let other = HOOK.replace("\"a\"", "\"b\"");
    let both = HOOK.replace(
        "[provision.hook]",
        "[provision.webhook]\nurl = \"https://x\"\nsecret_file = \"x\"\naccess = []\n\
         [provision.hook]",
    );
    let cases = [
        (String::new(), "expected 1 to 64 provisioners, got 0"),
        (HOOK.repeat(2), "got \"a\""),
        (HOOK.replace("\"a\"", "\"A b\""), "got \"A b\""),
        (format!("{HOOK}{other}"), "read on db again"),
        (both, "exactly one of postgres"),
        (
            "[[provision]]\nname = \"a\"\n".to_owned(),
            "exactly one of postgres",
        ),
        (
            HOOK.replace("{ resource = \"db\", permission = \"read\" }", ""),
            "got none",
        ),
        (
            HOOK.replace("[provision.hook]", "deliver = {}\n[provision.hook]"),
            "dir and command",
        ),
    ];
    for (text, why) in cases {
        let configs = if text.is_empty() {
            Vec::new()
        } else {
            read(&text)
        };
        let error = routes(&configs).expect_err(&text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    for unknown in [
        "typo = 1\n",
        "on_drift = \"delete\"\n",
        "inspect_every = \"5\"\n",
    ] {
        let text = HOOK.replace("[provision.hook]", &format!("{unknown}[provision.hook]"));
        assert!(toml::from_str::<File>(&text).is_err(), "{text}");
    }
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    let page = include_str!("../../../../docs/provisioners.md");
    let mut examples = 0;
    for block in page.split("```toml\n").skip(1) {
        let (text, _) = block.split_once("```").unwrap();
        let configs = read(text);
        let routes = routes(&configs).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(!routes.is_empty());
        examples += 1;
    }
    assert!(examples >= 4, "one for each kind, got {examples}");
}
