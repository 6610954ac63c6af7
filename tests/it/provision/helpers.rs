//! The servers that the other tests use do what they are started for.

use std::fs;

use countersign_tests::postgres::{PASSWORD, Postgres};
use countersign_tests::sshd::{Sshd, keygen, me};

#[test]
fn postgres_lets_in_who_knows_the_password() {
    let mut server = Postgres::start();
    assert_eq!(server.admin("postgres", "SELECT 1"), "1");
    let wrong = server.run(("postgres", "wrong"), "postgres", "SELECT 1");
    assert!(!wrong.status.success());
    let stored = "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = 'postgres'";
    assert_eq!(server.admin("postgres", stored), "SCRAM-SHA-256$");
    assert!(
        server
            .sockets()
            .join(format!(".s.PGSQL.{}", server.port()))
            .exists()
    );
    let kept = fs::read_to_string(server.password_file()).expect("there");
    assert_eq!(kept, PASSWORD);
    server.restart_after(|| ());
    assert_eq!(server.admin("postgres", "SELECT 2"), "2");
}

#[test]
fn sshd_lets_in_who_has_a_certificate_of_its_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, key) = (folder.path().join("ca"), folder.path().join("key"));
    keygen(&ca);
    keygen(&key);
    let server = Sshd::start(&[format!("TrustedUserCAKeys {}.pub", ca.display())]);
    let refused = server
        .ssh(&me(), &key)
        .arg("true")
        .status()
        .expect("it starts");
    assert!(!refused.success());
    let signed = std::process::Command::new("ssh-keygen")
        .args(["-q", "-I", "test", "-n", &me(), "-s"])
        .arg(&ca)
        .arg(key.with_extension("pub"))
        .status()
        .expect("it starts");
    assert!(signed.success());
    let said = server.ssh(&me(), &key).args(["echo", "in"]).output();
    let said = said.expect("it starts");
    assert_eq!(said.stdout, b"in\n", "{}", server.log());
    assert!(server.config().exists() && server.port() > 0);
}
