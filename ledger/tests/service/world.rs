//! A served log, and callers of every role. Who calls is said in a header, where the guard would
//! take it from a certificate.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::key::{SigningKey, VerifierKey};
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use countersign_chain::proof::verify_inclusion;
use countersign_ledger::clock::{Clock, ManualClock};
use countersign_ledger::fs::Fs;
use countersign_ledger::fs::real::RealFs;
use countersign_ledger::identity::ca::{self, Ca};
use countersign_ledger::identity::clock::UnixClock;
use countersign_ledger::identity::desk::CertificateDesk;
use countersign_ledger::identity::peer::Peer;
use countersign_ledger::identity::registry::Registry;
use countersign_ledger::identity::role::Role;
use countersign_ledger::log::{Log, LogSettings, folder};
use countersign_ledger::server::access_service::AccessService;
use countersign_ledger::server::admin_service::AdminService;
use countersign_ledger::server::insights_service::InsightsService;
use countersign_ledger::server::log_service::LogService;
use countersign_ledger::server::policy_service::PolicyService;
use countersign_ledger::server::readers::Readers;
use countersign_ledger::server::recording_service::RecordingService;
use countersign_ledger::server::world::World as Surroundings;
use countersign_ledger::server::{Logs, Offer, Services, Standing};
use countersign_proto::convert::{Inclusion, hash, record};
use countersign_proto::event::Event;
use countersign_proto::reason::{Reason, reason_of};
use countersign_proto::v1;
use countersign_proto::v1::admin_service_client::AdminServiceClient;
use countersign_proto::v1::log_service_client::LogServiceClient;
use countersign_proto::v1::recording_service_client::RecordingServiceClient;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptorLayer;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

pub(crate) const START: u64 = 1_790_000_000_000_000;
const SERIAL: &str = "0a";

/// The server, and what a test looks at behind its back.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) log: Arc<Log>,
    pub(crate) key: VerifierKey,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) service: LogService,
    channel: Channel,
}

/// A peer as the guard makes it. Everyone's certificate has the same serial number.
pub(crate) fn peer(principal: &str) -> Peer {
    let principal = Principal::parse(principal).expect("a principal");
    Peer {
        role: Role::parse(principal.role()).expect("a role"),
        principal,
        serial: SERIAL.to_owned(),
        not_after: START / 1_000_000 + 3_600,
    }
}

/// The serial number of the certificate of [`peer`].
pub(crate) fn revoke(registry: &Registry) {
    let event = v1::CertificateRevoked {
        serial: SERIAL.to_owned(),
        principal: "user:someone".to_owned(),
        reason: "test".to_owned(),
    };
    registry.apply_revoked(1, &event);
}

fn identify(mut request: Request<()>) -> Result<Request<()>, Status> {
    let caller = request.metadata().get("caller").cloned();
    if let Some(caller) = caller {
        let caller = caller.to_str().expect("ASCII");
        request.extensions_mut().insert(Arc::new(peer(caller)));
    }
    Ok(request)
}

/// A request of this caller.
pub(crate) fn by<T>(caller: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let caller = caller.parse().expect("ASCII");
    request.metadata_mut().insert("caller", caller);
    request
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let origin = Origin::parse("example.com/log").expect("an origin");
        let key = SigningKey::from_seed(origin.clone(), &[9; 32]).expect("a key");
        let clock = Arc::new(ManualClock::at(START));
        let log = empty_log(folder.path().join("log"), &key, Arc::clone(&clock) as _).await;
        ca::init(folder.path(), &origin, &[], clock.wall()).expect("a CA");
        let ca = Arc::new(Ca::load(folder.path()).expect("the CA"));
        let registry = Arc::new(Registry::new());
        let desk = CertificateDesk::new(
            ca,
            Arc::clone(&registry),
            Arc::clone(&log),
            Arc::clone(&clock) as _,
        );
        let logs = BTreeMap::from([("main".to_owned(), Arc::clone(&log))]);
        let logs = Logs::new(Arc::new(logs));
        let seconds = Arc::clone(&clock);
        let unix = UnixClock::new(move || seconds.wall().seconds());
        let standing = Standing::new(Arc::clone(&registry), unix);
        let shutdown = CancellationToken::new();
        let service = LogService::new(
            logs.clone(),
            standing.clone(),
            shutdown.clone(),
            Readers::default(),
        );
        let wall: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let offer = Offer {
            log: service.clone(),
            admin: AdminService::new(logs.clone(), desk),
            access: AccessService::new(
                logs.clone(),
                standing.clone(),
                Surroundings::new(Arc::clone(&wall)),
                Readers::default(),
            ),
            policy: PolicyService::new(
                logs.clone(),
                standing.clone(),
                Surroundings::new(Arc::clone(&wall)),
            ),
            insights: InsightsService::new(
                logs.clone(),
                standing.clone(),
                wall,
                Readers::default(),
            ),
            recording: RecordingService::new(logs, standing, Readers::default()),
        };
        let services = Services::new(offer).await;
        let channel = serve(services.expect("descriptors")).await;
        Self {
            folder,
            log,
            key: key.verifier().clone(),
            registry,
            clock,
            shutdown,
            service,
            channel,
        }
    }

    pub(crate) fn client(&self) -> LogServiceClient<Channel> {
        LogServiceClient::new(self.channel.clone())
    }

    pub(crate) fn recordings(&self) -> RecordingServiceClient<Channel> {
        RecordingServiceClient::new(self.channel.clone())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
    }

    /// A connection of its own.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Opens a checkpoint under the log's key.
    pub(crate) fn checkpoint(&self, text: &str) -> SignedCheckpoint {
        SignedCheckpoint::open(text, &self.key).expect("signed by the log")
    }

    /// Appends so many events of `agent:db` in batches, and waits until they are sealed.
    pub(crate) async fn fill(&self, count: usize) {
        let all: Vec<_> = (0..count).map(|n| draft(&format!("fill {n}"))).collect();
        for drafts in all.chunks(100) {
            let request = v1::AppendBatchRequest {
                drafts: drafts.to_vec(),
                wait_for: v1::AckLevel::Sealed.into(),
                ..v1::AppendBatchRequest::default()
            };
            let appended = self.client().append_batch(by("agent:db", request)).await;
            appended.expect("a good batch");
        }
    }

    /// Checks that every entry is what its record says and stands below a signed checkpoint.
    pub(crate) fn check(&self, entries: &[v1::Entry], checkpoints: &[String]) {
        let signed: Vec<_> = checkpoints
            .iter()
            .map(|text| self.checkpoint(text))
            .collect();
        assert!(signed.is_sorted_by(|one, next| one.size() < next.size()));
        for entry in entries {
            let (record, leaf) = record(entry).expect("the record's own reading");
            let index = record.index().get();
            let covering = signed.iter().find(|checkpoint| checkpoint.size() > index);
            let covering = covering.expect("a checkpoint");
            let (size, root) = (covering.size(), covering.root());
            let proof = self
                .log
                .tree()
                .inclusion(index, size, &root)
                .expect("in its tree");
            assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        }
        let needed = |checkpoint: &SignedCheckpoint| {
            entries.iter().any(|entry| {
                let covering = signed.iter().find(|signed| signed.size() > entry.index);
                covering.map(SignedCheckpoint::size) == Some(checkpoint.size())
            })
        };
        assert!(
            signed.iter().all(needed),
            "a checkpoint of a commit without an entry here"
        );
    }

    /// Segment files of the log.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("log/segments");
        let files = std::fs::read_dir(folder).expect("a folder");
        files.map(|file| file.expect("a file").path()).collect()
    }
}

async fn empty_log(path: PathBuf, key: &SigningKey, clock: Arc<dyn Clock>) -> Arc<Log> {
    std::fs::create_dir(&path).expect("a free name");
    let fs = RealFs::open(&path).expect("a folder");
    folder::create(fs.as_ref(), key).expect("an empty folder");
    let settings = LogSettings {
        name: "main".to_owned(),
        folder: path,
        segment_bytes: 4 << 20,
        clock,
    };
    let log = Log::open(fs as Arc<dyn Fs>, settings).await;
    log.expect("an empty log")
}

async fn serve(services: Services) -> Channel {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = Server::builder()
        .layer(InterceptorLayer::new(identify))
        .add_routes(services.routes)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("the server listens")
}

/// A draft of an `ExternalEvent` with this position.
pub(crate) fn draft(position: &str) -> v1::EventDraft {
    let event = v1::ExternalEvent {
        source: "test".to_owned(),
        position: position.to_owned(),
        ..v1::ExternalEvent::default()
    };
    v1::EventDraft {
        event: Some(Event::from_message(&event)),
        ..v1::EventDraft::default()
    }
}

/// The same with an idempotency key.
pub(crate) fn keyed(position: &str, key: &str) -> v1::EventDraft {
    v1::EventDraft {
        idempotency_key: key.to_owned(),
        ..draft(position)
    }
}

/// Verifies a proof and returns its hashes.
pub(crate) fn verified(
    proof: Option<&v1::InclusionProof>,
    leaf: &[u8],
    checkpoint: &SignedCheckpoint,
) -> Vec<Hash> {
    let proof = Inclusion::try_from(proof.expect("a proof")).expect("well-formed");
    assert_eq!(proof.tree_size, checkpoint.size());
    let (leaf, root) = (hash(leaf).expect("32 bytes"), checkpoint.root());
    verify_inclusion(&leaf, proof.index, proof.tree_size, &proof.hashes, &root).expect("it holds");
    proof.hashes
}

/// Checks why a call was refused.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, reason: Reason) -> Status {
    let status = answer.expect_err("to be refused");
    assert_eq!(reason_of(&status), Some(reason), "{status:?}");
    status
}

/// A fact that a refusal carries.
pub(crate) fn fact(status: &Status, key: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.remove(key)
}

/// The request field that a refusal names.
pub(crate) fn field(status: &Status) -> Option<String> {
    let violations = status.get_details_bad_request()?.field_violations;
    violations
        .into_iter()
        .next()
        .map(|violation| violation.field)
}
