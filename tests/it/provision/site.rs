//! A ledger whose clock the test moves, people, and provisioners that follow it in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use countersign_client::{Client, Filter};
use countersign_collector::provision::{self, Clock as AgentClock, ProvisionConfig};
use countersign_collector::trouble::Troubles;
use countersign_ledger::clock::{Clock, SystemClock};
use countersign_ledger::identity::role::Role;
use countersign_ledger::node::NodeSettings;
use countersign_ledger::server::run::{ServeOptions, Server};
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_tests::folder::DataFolder;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest wait for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(60);

const POLICY: &str = r#"
@id("ask")
@approvals("owners:1")
@max_duration("8h")
@request_ttl("1h")
@max_extensions("2")
permit (principal in Group::"engineers", action == Action::"request", resource);

@id("reviewers")
permit (principal, action == Action::"approve", resource)
when { principal in context.group };
"#;

/// This machine's clock, moved on by the test; the ledger and the agent share it.
#[derive(Debug, Default)]
pub(crate) struct TestClock {
    system: SystemClock,
    ahead: Mutex<Duration>,
}

impl TestClock {
    pub(crate) fn pass(&self, time: Duration) {
        *self.ahead.lock() += time;
    }
}

impl Clock for TestClock {
    fn wall(&self) -> UnixMicros {
        let ahead = u64::try_from(self.ahead.lock().as_micros()).expect("small");
        UnixMicros::new(self.system.wall().get() + ahead).expect("in range")
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic() + *self.ahead.lock()
    }
}

/// The clock as the agent sees it.
#[derive(Debug)]
struct Seen(Arc<TestClock>);

impl AgentClock for Seen {
    fn wall(&self) -> UnixMicros {
        Clock::wall(self.0.as_ref())
    }
}

pub(crate) struct Site {
    pub(crate) data: DataFolder,
    pub(crate) clock: Arc<TestClock>,
    ada: PathBuf,
    eve: PathBuf,
    provisioner: PathBuf,
    address: SocketAddr,
    serving: Option<Serving>,
    /// What cannot be removed, as the provisioners say.
    pub(crate) troubles: Troubles,
}

struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Provisioners that run. Dropping it ends them at once, as a crash does.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.expect("it ran");
    }
}

/// A policy in which ada asks for these resources, each with these permissions.
fn entities(resources: &[(&str, &[&str])]) -> String {
    let mut all = vec![
        r#"{"uid": {"type": "Group", "id": "engineers"}, "attrs": {}, "parents": []}"#.to_owned(),
        r#"{"uid": {"type": "Group", "id": "owners"}, "attrs": {}, "parents": []}"#.to_owned(),
        r#"{"uid": {"type": "Settings", "id": "company"}, "attrs": {"zone": "UTC"}, "parents": []}"#
            .to_owned(),
    ];
    for (person, group) in [("ada", "engineers"), ("eve", "owners")] {
        all.push(format!(
            r#"{{"uid": {{"type": "Person", "id": "{person}"}}, "attrs": {{}},
                "parents": [{{"type": "Group", "id": "{group}"}}]}}"#
        ));
    }
    for (resource, permissions) in resources {
        all.push(format!(
            r#"{{"uid": {{"type": "Resource", "id": "{resource}"}}, "attrs": {{"environment":
                "production", "sensitivity": "high", "permissions": {permissions:?}}},
                "parents": []}}"#
        ));
    }
    format!("[{}]", all.join(","))
}

impl Site {
    pub(crate) async fn new(resources: &[(&str, &[&str])]) -> Self {
        let data = DataFolder::new().await;
        let ada = data.issue(Role::User, "ada").await;
        let eve = data.issue(Role::User, "eve").await;
        let provisioner = data.issue(Role::Provisioner, "prod").await;
        let mut site = Self {
            data,
            clock: Arc::default(),
            ada,
            eve,
            provisioner,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            serving: None,
            troubles: Troubles::default(),
        };
        site.serve().await;
        let file = |name: &str, text: String| v1::PolicyFile {
            name: name.to_owned(),
            text,
        };
        let put = v1::PutPolicyRequest {
            files: vec![
                file("access.cedar", POLICY.to_owned()),
                file("entities.json", entities(resources)),
            ],
            ..v1::PutPolicyRequest::default()
        };
        let admin = site.connect(&site.data.admin()).await;
        admin.put_policy(put).await.expect("a policy");
        site
    }

    /// Starts the ledger, on the same port as before.
    pub(crate) async fn serve(&mut self) {
        let node = NodeSettings::new(Arc::clone(&self.clock) as _).with_segment_bytes(1 << 20);
        let server = Server::start(ServeOptions {
            dir: self.data.path(),
            listen: self.address,
            http: None,
            hosts: Vec::new(),
            node,
            metrics: None,
        })
        .await
        .expect("a server");
        let endpoint = server.endpoint().grpc.clone();
        let port = endpoint
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        self.address.set_port(port.expect("a port"));
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stop = async move {
                // A sender that is gone means the same.
                drop(stopped.await);
                "request".to_owned()
            };
            server.run(stop).await.expect("an orderly end");
        });
        self.serving = Some(Serving { stop, task });
    }

    /// Stops the ledger.
    pub(crate) async fn shut(&mut self) {
        let serving = self.serving.take().expect("it serves");
        drop(serving.stop);
        serving.task.await.expect("it ran");
    }

    pub(crate) async fn connect(&self, identity: &Path) -> Client {
        self.data.connect(&self.url(), identity).await
    }

    /// Where the ledger is.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The identity of ada.
    pub(crate) fn ada(&self) -> &Path {
        &self.ada
    }

    /// Runs provisioners.
    pub(crate) async fn provision(&self, config: &str) -> Running {
        #[derive(serde::Deserialize)]
        struct File {
            provision: Vec<ProvisionConfig>,
        }
        let file: File = toml::from_str(config).expect("a configuration");
        let client = self.connect(&self.provisioner).await;
        let clock = Arc::new(Seen(Arc::clone(&self.clock)));
        let stop = CancellationToken::new();
        let (stopped, troubles) = (stop.clone(), self.troubles.clone());
        let task = tokio::spawn(async move {
            let ran = provision::run(&file.provision, client, clock, troubles, stopped).await;
            ran.expect("a configuration that works");
        });
        Running { stop, task }
    }

    /// Has ada ask for access and eve agree; the grant.
    pub(crate) async fn grant(&self, resource: &str, permission: &str, seconds: u64) -> u64 {
        let ask = v1::Ask {
            resource: resource.to_owned(),
            permission: permission.to_owned(),
            duration_seconds: seconds,
            reason: "to look".to_owned(),
            ..v1::Ask::default()
        };
        let request = v1::RequestAccessRequest {
            ask: Some(ask),
            ..v1::RequestAccessRequest::default()
        };
        let asked = self.connect(&self.ada).await.request_access(request).await;
        let case = asked.expect("it is allowed").case.expect("a case").id;
        self.approve(case).await.grant.expect("a grant").id
    }

    async fn approve(&self, request: u64) -> v1::Case {
        let review = v1::ReviewRequest {
            request,
            decision: v1::Decision::Approve.into(),
            ..v1::ReviewRequest::default()
        };
        let reviewed = self.connect(&self.eve).await.review(review).await;
        reviewed.expect("eve may").case.expect("a case")
    }

    /// Has ada ask for more time and eve agree.
    pub(crate) async fn extend(&self, grant: u64, seconds: u64) {
        let more = v1::ExtendGrantRequest {
            grant,
            duration_seconds: seconds,
            reason: "slow".to_owned(),
            ..v1::ExtendGrantRequest::default()
        };
        let asked = self.connect(&self.ada).await.extend_grant(more).await;
        let case = asked.expect("it is allowed").case.expect("a case");
        self.approve(case.extension.expect("one").id).await;
    }

    pub(crate) async fn revoke(&self, grant: u64) {
        let revoke = v1::RevokeGrantRequest {
            grant,
            reason: "enough".to_owned(),
            ..v1::RevokeGrantRequest::default()
        };
        self.connect(&self.eve)
            .await
            .revoke_grant(revoke)
            .await
            .expect("eve may");
    }

    pub(crate) async fn finish(&self, grant: u64) {
        let finish = v1::FinishGrantRequest {
            grant,
            reason: "done".to_owned(),
            ..v1::FinishGrantRequest::default()
        };
        self.connect(&self.ada)
            .await
            .finish_grant(finish)
            .await
            .expect("it is ada's");
    }

    /// Waits for an entry; what was chosen of it.
    pub(crate) async fn wait<T>(&self, mut choose: impl FnMut(&Known) -> Option<T>) -> T {
        let client = self.connect(&self.data.admin()).await;
        let mut follow = client.follow(0, Filter::default());
        let mut failures = Vec::new();
        let found = async {
            loop {
                let part = follow
                    .next()
                    .await
                    .expect("it goes on")
                    .expect("it is believed");
                for known in part.entries.iter().filter_map(|entry| entry.known().ok()) {
                    if let Some(found) = choose(&known) {
                        return found;
                    }
                    if let Known::ProvisioningFailed(_) | Known::RemovalFailed(_) = known {
                        failures.push(known);
                    }
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        assert!(
            found.is_ok(),
            "expected an entry, got failures: {failures:?}"
        );
        found.expect("it was looked at")
    }

    pub(crate) async fn made(&self, of: u64) -> v1::GrantProvisioned {
        self.wait(|known| match known {
            Known::GrantProvisioned(made) if made.grant == of => Some(made.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn removed(&self, of: u64) -> String {
        self.wait(|known| match known {
            Known::AccessRemoved(removed) if removed.grant == of => Some(removed.proof.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn drift(&self, about: &str) -> v1::AccessDriftDetected {
        self.wait(|known| match known {
            Known::AccessDriftDetected(drift) if drift.target.contains(about) => {
                Some(drift.clone())
            }
            _ => None,
        })
        .await
    }

    /// Names of all entries that provisioners wrote, in order.
    pub(crate) async fn told(&self) -> Vec<&'static str> {
        let client = self.connect(&self.data.admin()).await;
        let mut follow = client.follow(0, Filter::default());
        let mut told = Vec::new();
        loop {
            let part = follow
                .next()
                .await
                .expect("it goes on")
                .expect("it is believed");
            if part.entries.is_empty() {
                return told;
            }
            let known = part.entries.iter().filter_map(|entry| entry.known().ok());
            told.extend(known.filter_map(|known| {
                let provisioning = (80..=84).contains(&known.kind());
                provisioning.then(|| known.name())
            }));
        }
    }
}

/// Waits until something holds, which it does soon.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let all = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, all).await.is_ok(),
        "expected {what}"
    );
}
