//! Questions as they are asked, answers as they may come.

use super::*;
use crate::provision::postgres::tests_support::grant;

fn standing(number: u64, expected: Expected) -> Standing {
    Standing {
        grant: grant(number, "ada"),
        expected,
        ended: None,
    }
}

#[test]
fn questions_say_all_that_is_needed() {
    let grant = grant(1_042, "ada");
    let json = |question: &Question<'_>| String::from_utf8(question.to_json().unwrap()).unwrap();
    let body = "{\"grant\":1042,\"case\":1041,\"person\":\"ada\",\"principal\":\"user:ada\",\
                \"resource\":\"orders-db\",\"permission\":\"read-only\",\
                \"end\":\"2033-05-18T03:33:20Z\",\"record_session\":false";
    assert_eq!(
        json(&Question::make(&grant)),
        format!("{{\"version\":1,\"action\":\"make\",\"grant\":{body}}}}}")
    );
    assert_eq!(
        json(&Question::remove(&grant, Ending::Revoked)),
        format!(
            "{{\"version\":1,\"action\":\"remove\",\"grant\":{body}}},\"ending\":\"revoked\"}}"
        )
    );
    assert_eq!(
        json(&Question::inspect(&[standing(1_042, Expected::There)])),
        format!(
            "{{\"version\":1,\"action\":\"inspect\",\"grants\":[{body},\"expected\":\"there\"}}]}}"
        )
    );
    let finding = Finding::new(Drift::Outlived, 7, "seat", "over");
    assert_eq!(
        json(&Question::mend(&finding, None)),
        "{\"version\":1,\"action\":\"mend\",\"finding\":{\"target\":\"seat\",\"grant\":7,\
         \"drift\":\"outlived\",\"detail\":\"over\"}}"
    );
    let id = Question::make(&grant).id().unwrap();
    assert_eq!(id, "make-1042-2033-05-18T03:33:20Z");
    assert_eq!(
        Question::mend(&finding, Some(&grant)).id(),
        None,
        "new each time"
    );
}

#[test]
fn answers_are_taken_as_they_should_be_and_no_secret_is_told() {
    let good =
        br#"{"target":"seat 7","credential":"hunter2","valid_until":"2033-05-18T03:33:20Z"}"#;
    let answer = made(good).unwrap();
    assert_eq!(
        (answer.target.as_str(), answer.valid_until),
        ("seat 7", Some(2_000_000_000))
    );
    assert_eq!(
        answer.credential.unwrap().parts[0].content.expose(),
        b"hunter2"
    );
    for bad in [
        r#"{"credential":"hunter2"}"#,
        r#"{"target":"","credential":"hunter2"}"#,
        r#"{"target":"x","credential":"hunter2","more":1}"#,
        r#"{"target":"x","credential":"hunter2","valid_until":"tomorrow"}"#,
        r#"{"target":"x","credential":["hunter2"]}"#,
        "hunter2",
        "",
    ] {
        let failed = made(bad.as_bytes()).expect_err(bad).to_string();
        assert!(!failed.contains("hunter2"), "{failed}");
    }
    assert!(
        removed(br#"{"found":true,"proof":"looked"}"#)
            .unwrap()
            .found
    );
    for bad in [r#"{"found":true,"proof":" "}"#, r#"{"proof":"x"}"#, "[]"] {
        assert!(removed(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(nothing(b"{}").is_ok() && nothing(b"").is_err() && nothing(b"[]").is_err());
}

#[test]
fn what_exists_is_compared_with_what_should() {
    let standing = [
        standing(1, Expected::There),
        standing(2, Expected::There),
        standing(3, Expected::Gone),
        standing(4, Expected::Either),
        standing(5, Expected::There),
    ];
    let answer = r#"{"existing":[{"target":"one","grant":1},
        {"target":"two","grant":2,"changed":"it may write"},{"target":"three","grant":3},
        {"target":"four","grant":4},{"target":"six","grant":6},{"target":"none"}]}"#;
    let found = existing(answer.as_bytes(), &standing).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|one| {
            (
                one.target.as_str(),
                one.drift,
                one.grant,
                one.detail.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("two", Drift::Changed, 2, "it may write"),
            ("three", Drift::Outlived, 3, "its grant is over"),
            ("six", Drift::Unknown, 6, "no grant of the log explains it"),
            ("none", Drift::Unknown, 0, "no grant of the log explains it"),
            (
                "access of grant 5",
                Drift::Missing,
                5,
                "it was made, and is gone"
            ),
        ]
    );
}
