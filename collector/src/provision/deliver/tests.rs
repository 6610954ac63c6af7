//! Files reach their person, once, and nobody else.

use std::time::Duration;

use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::provision::config::Interval;
use crate::provision::credential::Part;
use crate::provision::postgres::tests_support::grant;

fn files(dir: &Path) -> Files {
    Files {
        dir: dir.to_path_buf(),
        config: DeliverConfig {
            dir: Some(dir.to_path_buf()),
            accounts: [("ada".to_owned(), "nobody".to_owned())].into(),
            command: None,
            time_limit: Interval::of(Duration::from_secs(5)),
        },
    }
}

#[tokio::test]
async fn a_credential_is_written_for_its_person_alone_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let root = geteuid().is_root();
    let person = if root { "ada" } else { "no-such-account" };
    let grant = grant(1_042, person);
    for content in ["one", "two"] {
        let credential = Credential::of("key", Secret::new(content.as_bytes().to_vec()));
        files.deliver(&grant, &credential).await.unwrap();
        let path = folder.path().join(person).join("orders_db-1042.key");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            content,
            "the newest one counts"
        );
        let facts = fs::metadata(&path).unwrap();
        assert_eq!(facts.mode() & 0o7777, 0o600);
        if root {
            assert_eq!(
                facts.uid(),
                65_534,
                "the account that the configuration names"
            );
        }
    }
    let neighbour = folder.path().join(person).join("orders_db-10421.key");
    fs::write(&neighbour, "").unwrap();
    files.withdraw(&grant).await.unwrap();
    files.withdraw(&grant).await.unwrap();
    let left = fs::read_dir(folder.path().join(person)).unwrap().count();
    assert!(
        left == 1 && neighbour.exists(),
        "that of another grant stays"
    );
}

#[test]
fn folders_stay_where_they_belong_whatever_people_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    for (person, fine) in [
        ("ada", true),
        ("ada.l@example.com", true),
        ("..", false),
        ("../../etc", false),
        ("", false),
        ("a/b", false),
        (".ssh", false),
    ] {
        let path = files.folder(person);
        assert_eq!(path.parent(), Some(folder.path()), "{person}");
        assert_eq!(path == folder.path().join(person), fine, "{person}");
    }
    assert_ne!(
        files.folder("a/b"),
        files.folder("a b"),
        "they are told apart"
    );
}

#[tokio::test]
async fn a_program_gets_the_credential_on_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let config = DeliverConfig {
        dir: None,
        accounts: [].into(),
        command: Some(vec![
            "/bin/sh".into(),
            "-c".into(),
            format!("cat > {}", out.display()),
        ]),
        time_limit: Interval::of(Duration::from_secs(20)),
    };
    let delivery = of(&config).unwrap();
    let parts = vec![Part {
        name: "pgpass".into(),
        content: Secret::new(b"opensesame".to_vec()),
    }];
    let credential = Credential::new(parts, b"opensesame");
    delivery
        .deliver(&grant(1_042, "ada"), &credential)
        .await
        .unwrap();
    let given: serde_json::Value = serde_json::from_slice(&fs::read(out).unwrap()).unwrap();
    assert_eq!(given["action"], "deliver");
    assert_eq!(given["grant"]["grant"], 1_042);
    assert_eq!(given["credential"][0]["name"], "pgpass");
    assert_eq!(given["credential"][0]["content_base64"], "b3BlbnNlc2FtZQ==");
}
