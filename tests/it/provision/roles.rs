//! Temporary roles of a real PostgreSQL server.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use countersign_collector::agent::AgentConfig;
use countersign_collector::provision::{SystemClock, check};
use countersign_proto::event::Known;
use countersign_proto::v1::{AccessDriftDetected, Drift};
use countersign_tests::postgres::{PASSWORD, Postgres};
use tokio::time::Instant;

use crate::site::{Site, until};

pub(crate) const RESOURCES: &[(&str, &[&str])] = &[("orders-db", &["read-only", "operator"])];

pub(crate) fn database() -> Postgres {
    let server = Postgres::start();
    let made = server.admin("postgres", "CREATE DATABASE orders");
    assert_eq!(made, "");
    server.admin(
        "orders",
        "CREATE TABLE orders (id int); INSERT INTO orders VALUES (7); \
         CREATE TABLE secrets (id int); INSERT INTO secrets VALUES (1); \
         CREATE ROLE operators; GRANT INSERT, SELECT ON orders TO operators; \
         GRANT CREATE ON SCHEMA public TO operators",
    );
    server
}

pub(crate) fn config(server: &Postgres, dir: &std::path::Path, more: &str) -> String {
    format!(
        r#"
[[provision]]
name = "orders"
inspect_every = "1s"
deliver = {{ dir = "{dir}" }}
{more}
[provision.postgres]
host = "127.0.0.1"
port = {port}
user = "postgres"
password_file = "{password}"
known_roles = ["reporting"]
[[provision.postgres.access]]
resource = "orders-db"
permission = "read-only"
databases = [{{ name = "orders", tables = ["public.orders"] }}]
[[provision.postgres.access]]
resource = "orders-db"
permission = "operator"
member_of = ["operators"]
databases = [{{ name = "orders", schemas = ["public"] }}]
"#,
        dir = dir.display(),
        port = server.port(),
        password = server.password_file().display(),
    )
}

/// The role and the password that were delivered for a grant.
pub(crate) fn delivered(dir: &std::path::Path, grant: u64) -> (String, String) {
    let path: PathBuf = dir.join("ada").join(format!("orders_db-{grant}.pgpass"));
    let line = fs::read_to_string(path).expect("it was delivered");
    let mut fields = line.trim_end().split(':').skip(3);
    let role = fields.next().expect("a role").to_owned();
    (role, fields.next().expect("a password").to_owned())
}

fn exists(server: &Postgres, role: &str) -> bool {
    let count = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    server.admin("postgres", &count) == "1"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_lives_as_long_as_its_grant_and_may_what_was_granted() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&config(&server, dir.path(), "")).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    let made = site.made(grant).await;
    let (role, password) = delivered(dir.path(), grant);
    assert_eq!(made.target, format!("role {role}"));
    assert_eq!(role, format!("cs_ada_{grant}"));
    let proof = sha256(&password);
    assert_eq!(
        hex(&made.credential_sha256),
        proof,
        "the digest of what was delivered"
    );

    let ada = (role.as_str(), password.as_str());
    let read = server.run(ada, "orders", "SELECT id FROM orders");
    assert_eq!(read.stdout, b"7\n", "{read:?}");
    for denied in [
        "SELECT id FROM secrets",
        "INSERT INTO orders VALUES (8)",
        "CREATE TABLE t (i int)",
        "CREATE ROLE friend LOGIN",
    ] {
        let tried = server.run(ada, "orders", denied);
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(said.contains("permission denied"), "{denied}: {said}");
    }
    let log = "SELECT rolvaliduntil <= now() + interval '1 hour', rolinherit, rolconnlimit \
               FROM pg_roles WHERE rolname = 'ROLE'";
    assert_eq!(
        server.admin("postgres", &log.replace("ROLE", &role)),
        "t|f|4"
    );

    // A query runs when the time is over: it ends, and the role is gone.
    let mut query = server
        .psql(&role, &password, "orders")
        .args(["-c", "SELECT pg_sleep(600)"])
        .stderr(Stdio::null())
        .spawn()
        .expect("psql starts");
    let sleeping = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}' AND query LIKE '%sleep%'"
    );
    until("a query that runs", || {
        server.admin("postgres", &sleeping) == "1"
    })
    .await;
    let over = Instant::now();
    site.clock.pass(Duration::from_secs(3_600));
    let status = tokio::task::spawn_blocking(move || query.wait().expect("it ran")).await;
    assert!(!status.expect("waited").success());
    assert!(
        over.elapsed() < Duration::from_secs(1),
        "{:?}",
        over.elapsed()
    );
    let proof = site.removed(grant).await;
    assert!(
        proof.contains("dropped") && proof.contains("1 session ended"),
        "{proof}"
    );
    assert!(!exists(&server, &role));
    assert!(
        !dir.path()
            .join("ada")
            .join(format!("orders_db-{grant}.pgpass"))
            .exists()
    );
    assert_eq!(site.told().await, ["GrantProvisioned", "AccessRemoved"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_made_outlives_it_and_its_time_can_be_extended() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&config(&server, dir.path(), "")).await;
    let grant = site.grant("orders-db", "operator", 600).await;
    site.made(grant).await;
    let (role, password) = delivered(dir.path(), grant);
    let ada = (role.as_str(), password.as_str());
    let wrote = server.run(
        ada,
        "orders",
        "INSERT INTO orders VALUES (9); CREATE TABLE left_behind (i int); \
         GRANT SELECT ON left_behind TO operators",
    );
    assert!(wrote.status.success(), "{wrote:?}");
    let until_end = format!(
        "SELECT extract(epoch FROM rolvaliduntil)::bigint FROM pg_roles WHERE rolname = '{role}'"
    );
    let before: u64 = server
        .admin("postgres", &until_end)
        .parse()
        .expect("a time");
    site.extend(grant, 600).await;
    until("a later end", || {
        server.admin("postgres", &until_end).parse() == Ok(before + 600)
    })
    .await;
    site.clock.pass(Duration::from_secs(900));
    let read = server.run(ada, "orders", "SELECT count(*) FROM orders");
    assert_eq!(read.stdout, b"2\n", "the time of the extension: {read:?}");
    site.finish(grant).await;
    site.removed(grant).await;
    assert!(!exists(&server, &role));
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'left_behind'";
    assert_eq!(server.admin("orders", owner), "postgres");
    assert_eq!(site.told().await, ["GrantProvisioned", "AccessRemoved"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_ends_on_time_while_the_ledger_is_away() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let mut site = Site::new(RESOURCES).await;
    let running = site.provision(&config(&server, dir.path(), "")).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    site.made(grant).await;
    let (role, _) = delivered(dir.path(), grant);
    site.shut().await;
    site.clock.pass(Duration::from_secs(3_600));
    until("no role", || !exists(&server, &role)).await;
    site.serve().await;
    let proof = site.removed(grant).await;
    assert!(proof.contains(&role), "{proof}");
    assert_eq!(site.told().await, ["GrantProvisioned", "AccessRemoved"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_crashes_makes_one_role_and_a_server_that_is_away_is_waited_for() {
    let (mut server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let site = Site::new(RESOURCES).await;
    let text = config(&server, dir.path(), "");
    drop(site.provision(&text).await);
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    let running = site.provision(&text).await;
    site.made(grant).await;
    drop(running);
    let running = site.provision(&text).await;
    let (role, password) = delivered(dir.path(), grant);
    let read = server.run((&role, &password), "orders", "SELECT id FROM orders");
    assert_eq!(
        read.stdout, b"7\n",
        "the credential is still the one that was reported"
    );
    drop(running);

    // It is revoked while no agent runs and no server is there.
    site.revoke(grant).await;
    let mut running = None;
    server.restart_after(|| ());
    running.replace(site.provision(&text).await);
    site.removed(grant).await;
    assert!(!exists(&server, &role));
    assert_eq!(site.told().await, ["GrantProvisioned", "AccessRemoved"]);
    running.expect("it runs").stop().await;
}

/// The drift that names all that was changed of a role; an inspection may come in between.
async fn widened(site: &Site, role: &str) -> AccessDriftDetected {
    let changes = [
        "make databases",
        "for ever",
        "member of operators",
        "SELECT public.secrets",
    ];
    site.wait(|known| match known {
        Known::AccessDriftDetected(drift)
            if drift.target == format!("role {role}")
                && changes.iter().all(|change| drift.detail.contains(change)) =>
        {
            Some(drift.clone())
        }
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_told_once_and_removed_when_that_is_wanted() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&config(&server, dir.path(), "")).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    site.made(grant).await;
    let (role, password) = delivered(dir.path(), grant);
    server.admin(
        "postgres",
        "CREATE ROLE reporting LOGIN; CREATE ROLE mallory LOGIN",
    );
    server.admin("postgres", "CREATE ROLE cs_mallory_1 LOGIN SUPERUSER");
    server.admin(
        "orders",
        &format!(
            "ALTER ROLE {role} VALID UNTIL 'infinity' CREATEDB; GRANT operators TO {role}; \
             GRANT SELECT ON secrets TO {role}"
        ),
    );
    let stranger = site.drift("mallory").await;
    assert_eq!(stranger.drift(), Drift::Unknown);
    assert!(!stranger.mended);
    let alike = site.drift("role cs_mallory_1").await;
    assert_eq!(alike.drift(), Drift::Unknown);
    let widened = widened(&site, &role).await;
    assert_eq!(
        (widened.grant, widened.resource.as_str()),
        (grant, "orders-db")
    );
    running.stop().await;
    let told = site.told().await.len();

    // The same again, and this time it is to be mended.
    let running = site
        .provision(&config(&server, dir.path(), "on_drift = \"remove\"\n"))
        .await;
    let mended = format!(
        "SELECT rolcreatedb OR NOT isfinite(rolvaliduntil) FROM pg_roles WHERE rolname = '{role}'"
    );
    until("a role as it was granted", || {
        server.admin("postgres", &mended) == "f"
    })
    .await;
    let login =
        "SELECT bool_or(rolcanlogin) FROM pg_roles WHERE rolname IN ('mallory', 'cs_mallory_1')";
    until("nobody else", || server.admin("postgres", login) == "f").await;
    let read = server.run((&role, &password), "orders", "SELECT id FROM orders");
    assert_eq!(read.stdout, b"7\n", "what was granted stays: {read:?}");
    let secrets = server.run((&role, &password), "orders", "SELECT id FROM secrets");
    assert!(!secrets.status.success());
    server.admin("postgres", &format!("DROP OWNED BY {role}"));
    server.admin("orders", &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let missing = site
        .wait(|known| match known {
            Known::AccessDriftDetected(drift) if drift.drift() == Drift::Missing => {
                Some(drift.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!((missing.grant, missing.mended), (grant, false));
    assert!(site.told().await.len() > told);
    running.stop().await;
}

/// The configuration of an agent whose role on the server is no superuser.
fn with_createrole(server: &Postgres, dir: &std::path::Path) -> String {
    server.admin(
        "orders",
        &format!(
            "CREATE ROLE countersign LOGIN CREATEROLE PASSWORD '{PASSWORD}'; \
             GRANT SELECT ON orders TO countersign WITH GRANT OPTION; \
             GRANT USAGE ON SCHEMA public TO countersign WITH GRANT OPTION; \
             GRANT CONNECT ON DATABASE orders TO countersign WITH GRANT OPTION"
        ),
    );
    let text = config(server, dir, "");
    let text = text.replace("user = \"postgres\"", "user = \"countersign\"");
    text.replace("[\"reporting\"]", "[\"postgres\"]")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_superuser_gave_to_a_role_is_named_with_the_remedy_and_then_it_is_dropped() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let text = with_createrole(&server, dir.path());
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&text).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    site.made(grant).await;
    let (role, password) = delivered(dir.path(), grant);
    server.admin(
        "orders",
        &format!(
            "CREATE SCHEMA \"Back Office\"; GRANT USAGE ON SCHEMA \"Back Office\" TO {role}; \
             GRANT SELECT ON secrets TO {role}; GRANT UPDATE (id) ON orders TO {role}; \
             CREATE DOMAIN cents AS int; GRANT USAGE ON DOMAIN cents TO {role}"
        ),
    );
    site.revoke(grant).await;
    let failed = site
        .wait(|known| match known {
            Known::RemovalFailed(failed) if failed.grant == grant => Some(failed.error.clone()),
            _ => None,
        })
        .await;
    for held in [
        "for table public.secrets, given by postgres",
        "schema Back Office",
        "(id)",
        "type public.cents",
    ] {
        assert!(failed.contains(held), "expected {held}, got {failed}");
    }
    let entered = server.run((&role, &password), "orders", "SELECT 1");
    assert!(!entered.status.success(), "it is shut out: {entered:?}");
    until("no credential", || {
        fs::read_dir(dir.path().join("ada")).is_ok_and(|mut files| files.next().is_none())
    })
    .await;
    assert!(exists(&server, &role));

    // What the error says to run is enough.
    let remedies: Vec<&str> = failed.split('`').skip(1).step_by(2).collect();
    assert_eq!(remedies.len(), 4, "{failed}");
    for remedy in remedies {
        server.admin("orders", remedy);
    }
    site.removed(grant).await;
    assert!(!exists(&server, &role));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_createrole_is_enough() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let text = with_createrole(&server, dir.path());
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&text).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    site.made(grant).await;
    let (role, password) = delivered(dir.path(), grant);
    let read = server.run((&role, &password), "orders", "SELECT id FROM orders");
    assert_eq!(read.stdout, b"7\n", "{read:?}");
    site.revoke(grant).await;
    site.removed(grant).await;
    assert!(!exists(&server, &role));
    assert_eq!(
        site.told().await,
        ["GrantProvisioned", "AccessRemoved"],
        "and no drift"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_superuser_gave_while_a_grant_lasts_is_told_as_it_is_with_the_remedy() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let text = with_createrole(&server, dir.path());
    let text = text.replace("deliver = ", "on_drift = \"remove\"\ndeliver = ");
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&text).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    site.made(grant).await;
    let (role, password) = delivered(dir.path(), grant);
    server.admin(
        "orders",
        &format!("GRANT operators TO {role}; GRANT SELECT ON secrets TO {role}"),
    );
    // The membership goes, the right stays, and no entry says that it is gone.
    let left = "may SELECT public.secrets in orders";
    let mut told = Vec::new();
    site.wait(|known| {
        let Known::AccessDriftDetected(drift) = known else {
            return None;
        };
        told.push(drift.clone());
        (drift.detail == left).then_some(())
    })
    .await;
    assert!(told[0].detail.contains("member of operators"), "{told:?}");
    assert!(told.iter().all(|drift| !drift.mended), "{told:?}");
    let secrets = || server.run((&role, &password), "orders", "SELECT id FROM secrets");
    assert!(secrets().status.success());
    // What the status says to run is enough.
    let trouble = || {
        let all = site.troubles.all().into_iter();
        all.map(|one| one.error).find(|error| error.contains(left))
    };
    until("the remedy", || trouble().is_some()).await;
    let remedy = trouble().expect("it is there");
    assert!(remedy.contains("run as a superuser"), "{remedy}");
    server.admin("orders", remedy.split('`').nth(1).expect("a statement"));
    assert!(!secrets().status.success());
    until("no trouble", || trouble().is_none()).await;
    running.stop().await;
}

/// What `--dry-run` says of this configuration.
async fn checked(text: &str) -> Result<Vec<String>, String> {
    let file: AgentConfig = toml::from_str(text).expect("a configuration");
    match check(&file.provision, Arc::new(SystemClock)).await {
        Ok(all) => {
            let wrong: Vec<&str> = all
                .iter()
                .flat_map(|one| one.wrong.iter().map(String::as_str))
                .collect();
            if wrong.is_empty() {
                Ok(all.into_iter().flat_map(|one| one.lines).collect())
            } else {
                Err(wrong.join("\n"))
            }
        }
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_may_not_be_granted_is_left_out_of_a_whole_schema() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let text = with_createrole(&server, dir.path());
    let text = text.replace(
        "tables = [\"public.orders\"]",
        "all_tables_in = [\"public\"]",
    );
    let lines = checked(&text).await.expect("it can be used").join("\n");
    assert!(
        lines.contains("may not grant them: secrets in public"),
        "{lines}"
    );
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&text).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    site.made(grant).await;
    let (role, password) = delivered(dir.path(), grant);
    let read = |sql: &str| server.run((&role, &password), "orders", sql);
    assert_eq!(read("SELECT id FROM orders").stdout, b"7\n");
    assert!(!read("SELECT id FROM secrets").status.success());
    assert_eq!(site.told().await, ["GrantProvisioned"], "and no drift");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_lacks_is_said_before_access_is_made() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let text = with_createrole(&server, dir.path());
    checked(&text).await.expect("it is prepared");
    let table = "tables = [\"public.orders\"]";
    let deliver = format!("deliver = {{ dir = {:?} }}", dir.path());
    for (from, to, says) in [
        (
            table,
            "tables = [\"public.order\"]",
            "no table public.order in orders",
        ),
        (table, "schemas = [\"sales\"]", "no schema sales in orders"),
        (
            table,
            "tables = [\"public.secrets\"]",
            "ON \"public\".\"secrets\" TO \"countersign\" WITH",
        ),
        ("[\"operators\"]", "[\"operator\"]", "no role operator"),
        (&deliver, "", "no way to deliver it"),
        ("port = ", "port = 1 #", "127.0.0.1:1"),
    ] {
        assert!(text.contains(from), "{from}");
        let why = checked(&text.replace(from, to)).await.expect_err(to);
        assert!(why.contains(says), "{to}: {why}");
    }
}

fn sha256(text: &str) -> String {
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "printf %s \"$1\" | sha256sum | cut -d' ' -f1",
            "sh",
            text,
        ])
        .output()
        .expect("it starts");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim_end()
        .to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
