//! What the check finds, one by one.

use countersign_workflow::policy::{Bundle, Policy, lockout};

use super::world::{APPROVE, ENTITIES, bundle, found, permit, permit_for, with_entities};

/// A bundle without faults.
fn sound() -> String {
    permit("ask", "@approvals(\"security:1\") @max_duration(\"1h\")") + APPROVE
}

fn assert_problem(bundle: &Bundle, expected: &str) {
    let (problems, _) = found(bundle);
    let there = problems.iter().any(|problem| problem.contains(expected));
    assert!(there, "{expected}\n{problems:#?}");
}

/// The one warning of a bundle that is a policy.
fn assert_warning(bundle: &Bundle, expected: &str) {
    let (problems, warnings) = found(bundle);
    assert_eq!(problems, [""; 0]);
    assert!(
        warnings.iter().any(|warning| warning.contains(expected)),
        "{expected}\n{warnings:#?}"
    );
}

#[test]
fn a_sound_bundle_has_no_faults() {
    assert_eq!(found(&bundle(&sound())), (Vec::new(), Vec::new()));
}

#[test]
fn groups_without_passkeys_cannot_sign() {
    let step_up = "@approvals(\"security:1\") @max_duration(\"1h\") @step_up(\"passkey\")";
    let asked = permit("ask", step_up) + APPROVE;
    let warning = "needs passkeys of 1 of group security, where 0 have one";
    assert_warning(&bundle(&asked), warning);
}

#[test]
fn a_group_names_its_channels() {
    let with = |attributes: &str| {
        let group = r#""id": "security"}, "attrs": {"#;
        with_entities(
            &sound(),
            &ENTITIES.replace(group, &format!("{group}{attributes}")),
        )
    };
    let bundle = with(r#""slack": "C0000001", "teams": "19:abc@thread.tacv2""#);
    let policy = Policy::compile(&bundle).expect("channels are fine");
    let facts = policy.group("security").expect("it is there");
    assert_eq!(facts.slack.as_deref(), Some("C0000001"));
    assert_eq!(facts.teams.as_deref(), Some("19:abc@thread.tacv2"));
    let long = format!(r#""slack": "{}""#, "C".repeat(257));
    for wrong in [r#""slack": """#, r##""teams": "# general""##, &long] {
        assert_problem(&with(wrong), "expected the id of a channel");
    }
    assert_problem(&with(r#""slack": 7"#), "entities.json");
}

#[test]
fn a_schema_without_channels_is_fine_until_a_group_has_one() {
    let schema = include_str!("../../starter/schema.cedarschema");
    let old = schema.replace(
        "  slack?: String,\n  teams?: String,\n};\n\nentity Person",
        "};\n\nentity Person",
    );
    assert_ne!(old, schema);
    let cedar = sound();
    let with = |entities: &str| {
        let files = [
            ("access.cedar", cedar.as_str()),
            ("entities.json", entities),
            ("own.cedarschema", &old),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Bundle::new(files).expect("names and sizes are fine")
    };
    assert_eq!(found(&with(ENTITIES)).0, [""; 0]);
    let group = r#""id": "security"}, "attrs": {"#;
    let channel = ENTITIES.replace(group, &format!(r#"{group}"slack": "C1""#));
    assert_problem(&with(&channel), "slack");
}

#[test]
fn problems_of_cedar_files_have_their_place() {
    let sound = sound();
    let rows = [
        (
            format!("{sound}\npermit (principal, action, resource"),
            "access.cedar:6:",
        ),
        (
            format!("{sound}permit (principal, action, resource);"),
            ":5:1: policy has no @id",
        ),
        (
            format!("{sound}{sound}"),
            "another policy has the @id \"ask\" too",
        ),
        (
            permit("a b", "@approvals(\"\")"),
            "access.cedar:1:1: @id \"a b\"",
        ),
        (
            permit_for("request", "a", "@approvals(\"\")", "principal.age > 3"),
            "access.cedar:2:",
        ),
        (
            permit_for("request", "a", "@approvals(\"\")", "resource.permissions"),
            "access.cedar:2:",
        ),
        (
            permit_for("reqest", "a", "@approvals(\"\")", "true"),
            "access.cedar:2:",
        ),
        (
            "@id(\"a\") permit (principal == ?principal, action, resource);".to_owned(),
            "policy is a template",
        ),
        (
            " ".repeat(70_000),
            "file has 70000 bytes; expected at most 65536",
        ),
    ];
    for (cedar, expected) in rows {
        assert_problem(&bundle(&cedar), expected);
    }
}

#[test]
fn files_that_must_be_there_are_missed() {
    let of = |files: &[(&str, &str)]| {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Bundle::new(files).expect("names are fine")
    };
    let sound = sound();
    assert_problem(&of(&[("a.md", "")]), "the bundle has no policies");
    assert_problem(
        &of(&[("access.cedar", &sound)]),
        "the bundle has no entities.json",
    );
    let two = [
        ("access.cedar", ""),
        ("a.cedarschema", ""),
        ("b.cedarschema", ""),
    ];
    assert_problem(
        &of(&two),
        "b.cedarschema: second schema beside a.cedarschema",
    );
}

#[test]
fn a_schema_of_ones_own_has_to_fit() {
    let built_in = include_str!("../../starter/schema.cedarschema");
    let with = |schema: &str| {
        let files = [
            ("access.cedar", sound()),
            ("entities.json", ENTITIES.to_owned()),
            ("own.cedarschema", schema.to_owned()),
        ];
        Bundle::new(files.map(|(name, text)| (name.to_owned(), text))).expect("names are fine")
    };
    let more = format!(
        "{}\nentity Team;\n",
        built_in.replace("email?", "badge?: Long, email?")
    );
    assert_eq!(found(&with(&more)), (Vec::new(), Vec::new()));
    let rows = [
        ("entity {".to_owned(), "own.cedarschema:1:8"),
        (String::new(), "schema has no entity type Person"),
        (
            built_in.replace("request, break_glass", "request"),
            "schema has no action break_glass",
        ),
        (
            built_in.replace("hour: Long", "hour: String"),
            "schema does not fit action request",
        ),
        (
            built_in.replace("  weekday: Long,\n};", "};"),
            "schema does not fit action request",
        ),
        (
            built_in.replace("group: Group,", ""),
            "schema does not fit action approve",
        ),
        (
            built_in.replace("bot?: Bool", "bot?: Long"),
            "schema does not fit our entities",
        ),
        (
            built_in.replace("context: {}", "context: {a: Long}"),
            "fit action read_audit",
        ),
    ];
    for (schema, expected) in rows {
        assert_problem(&with(&schema), expected);
    }
}

#[test]
fn problems_of_entities_have_their_line() {
    let group = "{\"uid\": {\"type\": \"Group\", \"id\": \"leads\"}";
    let engineers = "\"id\": \"engineers\"}, \"attrs\": {}, \"parents\": [";
    let cycle = format!("{engineers}{{\"type\": \"Group\", \"id\": \"leads\"}}");
    let rows = [
        (ENTITIES.replace(']', ""), "entities.json:"),
        ("{}".to_owned(), "file is no JSON list of entities"),
        (
            ENTITIES.replace("\"bot\": true", "\"bot\": 1"),
            "entities.json:13:3: ",
        ),
        (
            ENTITIES.replace("\"email\"", "\"mail\""),
            "entities.json:7:3: ",
        ),
        (
            ENTITIES.replace("\"sensitivity\": \"high\", ", ""),
            "entities.json:15:3: ",
        ),
        (
            ENTITIES.replace("\"id\": \"company\"", "\"id\": \"firm\""),
            "expected no settings but",
        ),
        (
            ENTITIES.replace("\"id\": \"db\"", "\"id\": \"d b\""),
            "\"d b\" cannot be a name",
        ),
        (
            ENTITIES.replace("\"read\", ", "\"r:1\", "),
            "\"r:1\" cannot be a name",
        ),
        (
            ENTITIES.replace("\"id\": \"cy\"", "\"id\": \"c y\""),
            "Person \"c y\"",
        ),
        (
            ENTITIES.replace("bot:bo", "bo"),
            "account \"bo\": principal has no colon",
        ),
        (
            ENTITIES.replace("bot:bo", "user:ada"),
            "user:ada stands for two people: ada and bo",
        ),
        (
            ENTITIES.replace("bot:bo", "user:ada@example.com"),
            "stands for two people: ada and bo",
        ),
        (
            ENTITIES.replace("\"id\": \"cy\"", "\"id\": \"bo\""),
            "duplicate",
        ),
        (ENTITIES.replace(engineers, &cycle), "cycle"),
        (
            ENTITIES.replace(group, &group.replace("leads", "engineers")),
            "duplicate",
        ),
        (
            ENTITIES.replace("\"UTC\"", "\"Mars/Olympus\""),
            "unknown time zone \"Mars/Olympus\"",
        ),
    ];
    for (entities, expected) in rows {
        assert_ne!(entities, ENTITIES, "{expected}");
        assert_problem(&with_entities(&sound(), &entities), expected);
    }
}

#[test]
fn names_that_there_are_not_are_warned_of() {
    let when = |condition: &str| permit_for("request", "b", GOOD, condition) + &sound();
    let rows = [
        (
            when("principal in Group::\"enginers\""),
            "names group \"enginers\"",
        ),
        (
            when("resource == Resource::\"dbx\""),
            "names resource \"dbx\", which there is not",
        ),
        (when("principal == Person::\"al\""), "names person \"al\""),
        (
            when("resource.environment == \"prodution\""),
            "did you mean \"production\"",
        ),
        (
            when("\"hih\" == resource.sensitivity"),
            "names sensitivity \"hih\", which no resource",
        ),
        (
            when("[\"red\", \"read\"].contains(context.permission)"),
            "permission \"red\"",
        ),
        (
            when("resource.permissions.contains(\"wirte\")"),
            "names permissions \"wirte\"",
        ),
        (
            when("context.severity == \"sev9\""),
            "names severity \"sev9\", which there is not",
        ),
        (
            permit("b", &format!("{GOOD} @permissions(\"raed\")")) + &sound(),
            "permission \"raed\"",
        ),
        (when("1 == 2"), "access.cedar:"),
    ];
    for (cedar, expected) in rows {
        assert_warning(&bundle(&cedar), expected);
    }
}

const GOOD: &str = "@approvals(\"security:1\") @max_duration(\"1h\")";

#[test]
fn weak_obligations_are_warned_of() {
    let empty = r#"{"uid": {"type": "Group", "id": "none"}, "attrs": {}, "parents": []}"#;
    let entities = ENTITIES.replacen('[', &format!("[{empty},"), 1);
    let lone = "{\"uid\": {\"type\": \"Person\", \"id\": \"di\"}, \"attrs\": {}, \
                \"parents\": [{\"type\": \"Group\", \"id\": \"none\"}]}";
    let one = entities.replacen('[', &format!("[{lone},"), 1);
    let asks = |group| {
        permit(
            "b",
            &format!("@approvals(\"{group}:1\") @max_duration(\"1h\")"),
        )
    };
    let glass = permit_for("break_glass", "b", "@retro_review(\"none:1h\")", "true");
    let rows = [
        (
            permit("b", "@approvals(\"security:1\")"),
            &entities,
            "permit has no @max_duration",
        ),
        (asks("none"), &entities, "asks group none, which is empty"),
        (asks("none"), &one, "asks group none, which is one person"),
        (
            permit("b", "@approvals(\"security:3\") @max_duration(\"1h\")"),
            &entities,
            "asks 3 of group security, which is 2",
        ),
        (
            permit("b", &format!("{GOOD} @escalate(\"5m none\")")),
            &entities,
            "escalates to group none, which is empty",
        ),
        (
            glass.clone(),
            &entities,
            "lets group none look at it, which is empty",
        ),
        (
            glass,
            &one,
            "lets group none look at it, which is one person",
        ),
    ];
    for (cedar, entities, expected) in rows {
        assert_warning(&with_entities(&(cedar + &sound()), entities), expected);
    }
}

#[test]
fn odd_entities_are_warned_of() {
    let ada = r#""ada@example.com"},
   "parents": [{"type": "Group", "id": "engineers"}]"#;
    let alone = r#""ada@example.com"}, "parents": []"#;
    let without_group = ENTITIES.replace(ada, alone);
    let of_cy = ENTITIES.split_once("\"cy\"").expect("cy is there");
    let ghost = format!("{}\"cy\"{}", of_cy.0, of_cy.1.replacen("leads", "leeds", 1));
    let settings = ENTITIES.lines().nth(1).expect("they are the second line");
    let twice = ENTITIES.replace("\"bot\": true", "\"email\": \"ada@example.com\"");
    let rows = [
        (without_group, "person ada is in no group"),
        (
            twice.clone(),
            "people ada and robot have the same e-mail ada@example.com",
        ),
        (ghost, "\"cy\" is in \"leeds\", which there is not; did"),
        (
            ENTITIES.replace(settings, ""),
            "there is no Settings \"company\"",
        ),
    ];
    for (entities, expected) in rows {
        assert_ne!(entities, ENTITIES, "{expected}");
        assert_warning(&with_entities(&sound(), &entities), expected);
    }
    // Whoever shares an address is not known by it.
    let policy = Policy::compile(&with_entities(&sound(), &twice)).expect("it is a policy");
    assert_eq!(policy.person_of("user:ada@example.com"), None);
    assert_eq!(policy.person_of("user:ada"), Some("ada"));
}

#[test]
fn resources_that_nobody_gets_are_warned_of() {
    let staging = r#"{"uid": {"type": "Resource", "id": "st"}, "parents": [],
      "attrs": {"environment": "staging", "sensitivity": "low", "permissions": ["read"]}}"#;
    let entities = ENTITIES.replacen('[', &format!("[{staging},"), 1);
    let production = "resource.environment == \"production\"";
    let cedar = permit_for("request", "a", GOOD, production) + APPROVE;
    assert_warning(
        &with_entities(&cedar, &entities),
        "nobody can ask for access to st",
    );
    let staging = "resource.environment == \"staging\"";
    let many = "@approvals(\"security:2, leads:2\") @max_duration(\"1h\")";
    let cedar = cedar + &permit_for("request", "b", many, staging);
    let expected = "too few people could agree to access to st";
    assert_warning(&with_entities(&cedar, &entities), expected);
}

#[test]
fn a_policy_that_locks_everyone_out_is_noticed() {
    let locked = |cedar: &str| {
        let policy = Policy::compile(&bundle(cedar)).expect("it is a policy");
        lockout(&policy)
    };
    let closed = Some("nobody could ask for any access".to_owned());
    let undecided = Some("whoever asks for access, too few people could agree".to_owned());
    assert_eq!(locked(&sound()), None);
    assert_eq!(locked(APPROVE), closed);
    assert_eq!(locked(&permit("a", GOOD)), undecided);
    assert_eq!(locked(&permit("a", "@approvals(\"\")")), None);
    // Two people in both groups cannot fill four seats.
    assert_eq!(
        locked(&(permit("a", "@approvals(\"leads:2, security:2\")") + APPROVE)),
        undecided
    );
    let forbid = "@id(\"f\") forbid (principal, action == Action::\"request\", resource);";
    assert_eq!(locked(&(sound() + forbid)), closed);
    for condition in [
        "context.ticket like \"OPS-*\" && context.severity == \"sev3\"",
        "context.ticket == \"X\"",
        "context.hour < 6 && context.weekday < 6",
        "context.weekday > 5",
        "context.affected.contains(\"shop\")",
        "principal == Person::\"cy\"",
    ] {
        let cedar = permit_for("request", "a", "@approvals(\"\")", condition);
        assert_eq!(locked(&cedar), None, "{condition}");
    }
    assert_warning(
        &bundle(APPROVE),
        "this policy locks everyone out: nobody could ask",
    );
}
