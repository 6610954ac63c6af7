//! Certificates of a real OpenSSH server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use countersign_proto::v1::Drift;
use countersign_tests::sshd::{Sshd, keygen, me};
use tokio::time::Instant;

use crate::site::{Site, until};

const RESOURCES: &[(&str, &[&str])] = &[("bastion", &["shell", "uptime"])];
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../docs/examples/countersign-principals"
);

struct Bastion {
    folder: tempfile::TempDir,
    sshd: Sshd,
}

impl Bastion {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (ca, state) = (folder.path().join("ca"), folder.path().join("state"));
        keygen(&ca);
        fs::create_dir(&state).expect("room");
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-k", "-f"])
            .arg(state.join("revoked.krl"))
            .status();
        assert!(made.expect("it starts").success());
        // The server wants a program that nobody else can replace; a shell is one anywhere.
        let command = format!("/bin/sh {SCRIPT} {} %s %u", state.display());
        let sshd = Sshd::start(&[
            format!("TrustedUserCAKeys {}.pub", ca.display()),
            format!("RevokedKeys {}", state.join("revoked.krl").display()),
            format!("AuthorizedPrincipalsCommand {command}"),
            format!("AuthorizedPrincipalsCommandUser {}", me()),
        ]);
        Self { folder, sshd }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, more: &str) -> String {
        format!(
            r#"
[[provision]]
name = "bastion"
inspect_every = "1s"
deliver = {{ dir = "{folder}/out" }}
{more}
[provision.ssh]
ca_key = "{folder}/ca"
state = "{folder}/state"
keys = "{folder}/keys"
sshd_config = "{sshd}"
watch = [{{ path = "{folder}/authorized_keys" }}]
[[provision.ssh.access]]
resource = "bastion"
permission = "shell"
accounts = ["{me}"]
[[provision.ssh.access]]
resource = "bastion"
permission = "uptime"
accounts = ["{me}"]
force_command = "echo forced"
source_address = ["127.0.0.0/8"]
permit = []
"#,
            folder = self.folder.path().display(),
            sshd = self.sshd.config().display(),
            me = me(),
        )
    }

    fn identity(&self, grant: u64) -> PathBuf {
        self.path("out/ada").join(format!("bastion-{grant}.key"))
    }

    /// What a command in a session says; `None` when the session is refused.
    fn says(&self, identity: &Path, command: &[&str]) -> Option<String> {
        let ran = self.sshd.ssh(&me(), identity).args(command).output();
        let ran = ran.expect("ssh starts");
        let said = String::from_utf8(ran.stdout).expect("text");
        ran.status.success().then_some(said)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_opens_until_its_grant_is_over_and_its_sessions_end_then() {
    let bastion = Bastion::new();
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&bastion.config("")).await;
    let grant = site.grant("bastion", "shell", 3_600).await;
    let made = site.made(grant).await;
    assert_eq!(made.target, format!("certificate {grant} for {}", me()));
    let identity = bastion.identity(grant);
    assert_eq!(
        bastion.says(&identity, &["echo", "in"]).as_deref(),
        Some("in\n")
    );
    let log = bastion.sshd.log();
    let id = format!("ID countersign grant {grant} person ada");
    assert!(
        log.contains(&id) && log.contains(&format!("(serial {grant})")),
        "{log}"
    );

    // Two sessions: one that runs something, which leaves something behind, and one that only
    // forwards.
    let pid = bastion.path("pid");
    let leave = format!(
        "setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600' & \
         trap '' TERM; sleep 600",
        pid.display()
    );
    let mut busy = bastion
        .sshd
        .ssh(&me(), &identity)
        .arg(&leave)
        .spawn()
        .expect("ssh starts");
    let mut idle = bastion.sshd.ssh(&me(), &identity);
    let mut idle = idle
        .arg("-N")
        .stderr(Stdio::null())
        .spawn()
        .expect("ssh starts");
    until("a session that works", || pid.exists()).await;
    let accepted = |log: &str| log.matches("Accepted publickey").count();
    until("both sessions", || accepted(&bastion.sshd.log()) >= 3).await;

    let over = Instant::now();
    site.revoke(grant).await;
    for session in [&mut busy, &mut idle] {
        until("the end of a session", || {
            session.try_wait().expect("it ran").is_some()
        })
        .await;
    }
    assert!(
        over.elapsed() < Duration::from_secs(3),
        "{:?}",
        over.elapsed()
    );
    let proof = site.removed(grant).await;
    assert!(
        proof.contains("2 connections ended") && proof.contains("revoked.krl"),
        "{proof}"
    );
    let left = fs::read_to_string(&pid).expect("it said who it is");
    let left = PathBuf::from("/proc").join(left.trim()).join("stat");
    until("nothing left behind", || {
        fs::read_to_string(&left).map_or(true, |stat| stat.contains(") Z"))
    })
    .await;
    assert!(!identity.exists(), "what was delivered is taken back");
    assert_eq!(site.told().await, ["GrantProvisioned", "AccessRemoved"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_refused_after_its_end_and_after_it_was_revoked() {
    let bastion = Bastion::new();
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&bastion.config("")).await;
    // The person left a key, so that none is handed over.
    let mine = bastion.path("mine");
    keygen(&mine);
    fs::create_dir(bastion.path("keys")).expect("room");
    fs::copy(mine.with_extension("pub"), bastion.path("keys/ada.pub")).expect("room");
    let certificate = |grant: u64| {
        let from = bastion
            .path("out/ada")
            .join(format!("bastion-{grant}.key-cert.pub"));
        fs::copy(from, bastion.path("mine-cert.pub")).expect("it was delivered");
    };
    let forced = site.grant("bastion", "uptime", 3_600).await;
    site.made(forced).await;
    assert!(!bastion.identity(forced).exists(), "no key is made");
    certificate(forced);
    assert_eq!(
        bastion.says(&mine, &["echo", "in"]).as_deref(),
        Some("forced\n")
    );
    // The agent's clock is ahead: it closes the door although the certificate is still valid.
    site.clock.pass(Duration::from_secs(3_600));
    site.removed(forced).await;
    assert_eq!(
        bastion.says(&mine, &["echo", "in"]),
        None,
        "its grant is over"
    );

    let revoked = site.grant("bastion", "shell", 7_200).await;
    site.made(revoked).await;
    certificate(revoked);
    assert_eq!(
        bastion.says(&mine, &["echo", "in"]).as_deref(),
        Some("in\n")
    );
    site.extend(revoked, 600).await;
    let before = fs::read(bastion.path("mine-cert.pub")).expect("there");
    until("a certificate that lasts longer", || {
        certificate(revoked);
        fs::read(bastion.path("mine-cert.pub")).expect("there") != before
    })
    .await;
    assert_eq!(
        bastion.says(&mine, &["echo", "in"]).as_deref(),
        Some("in\n")
    );
    site.revoke(revoked).await;
    site.removed(revoked).await;
    assert_eq!(bastion.says(&mine, &["echo", "in"]), None);
    // Also where only the list is asked.
    let grants = bastion.path("state/grants");
    fs::write(grants.join(revoked.to_string()), format!("{}\n", me())).expect("room");
    assert_eq!(bastion.says(&mine, &["echo", "in"]), None);
    assert!(
        bastion.sshd.log().contains("revoked"),
        "{}",
        bastion.sshd.log()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_nobody_granted_are_found_and_removed() {
    let bastion = Bastion::new();
    let site = Site::new(RESOURCES).await;
    let running = site
        .provision(&bastion.config("on_drift = \"remove\"\n"))
        .await;
    let grant = site.grant("bastion", "shell", 3_600).await;
    site.made(grant).await;
    let state = bastion.path("state");
    fs::write(state.join("grants/999999"), "root\n").expect("room");
    fs::write(
        state.join("grants").join(grant.to_string()),
        "root\nother\n",
    )
    .expect("room");
    let keys = bastion.path("authorized_keys");
    keygen(&bastion.path("strange"));
    fs::copy(bastion.path("strange.pub"), &keys).expect("room");
    let unknown = site.drift("grants/999999").await;
    assert_eq!((unknown.drift(), unknown.mended), (Drift::Unknown, true));
    let changed = site.drift(&format!("grants/{grant}")).await;
    assert_eq!((changed.drift(), changed.mended), (Drift::Changed, true));
    assert!(changed.detail.contains("root, other"), "{}", changed.detail);
    let key = site.drift("authorized_keys").await;
    assert_eq!((key.drift(), key.mended), (Drift::Unknown, true));
    assert_eq!(fs::read_to_string(&keys).expect("there"), "");
    let opens = fs::read_to_string(state.join("grants").join(grant.to_string()));
    assert_eq!(opens.expect("there"), format!("{}\n", me()));

    fs::remove_file(state.join("revoked.krl")).expect("there");
    let list = site.drift("revoked.krl").await;
    assert!(list.mended, "{list:?}");
    // Somebody has the server trust nobody any more.
    let config = fs::read_to_string(bastion.sshd.config()).expect("there");
    let without = config
        .lines()
        .filter(|line| !line.starts_with("TrustedUserCAKeys"));
    fs::write(
        bastion.sshd.config(),
        without.collect::<Vec<_>>().join("\n"),
    )
    .expect("room");
    let trust = site.drift("TrustedUserCAKeys").await;
    assert_eq!((trust.drift(), trust.mended), (Drift::Changed, false));
    running.stop().await;
}
