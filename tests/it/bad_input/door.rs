//! A ledger in this process, on a clock that the test moves, and callers with connections of their
//! own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_ledger::clock::{Clock as _, ManualClock, SystemClock};
use countersign_ledger::identity::csr;
use countersign_ledger::identity::role::Role;
use countersign_ledger::node::{Node, NodeSettings};
use countersign_ledger::server::run::{ServeError, ServeOptions, Server};
use countersign_proto::v1;
use countersign_proto::v1::access_service_client::AccessServiceClient;
use countersign_proto::v1::admin_service_client::AdminServiceClient;
use countersign_proto::v1::log_service_client::LogServiceClient;
use countersign_proto::v1::policy_service_client::PolicyServiceClient;
use countersign_proto::v1::recording_service_client::RecordingServiceClient;
use countersign_tests::folder::DataFolder;
use countersign_tests::pems::Pems;
use countersign_tests::raw::Raw;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Error};
use tonic::{Request, Response, Status};

/// Long enough for a busy machine, short enough to end a test that hangs.
const DEADLINE: Duration = Duration::from_secs(60);
const DAY: u64 = 86_400;

/// A ledger that accepts calls.
pub(crate) struct Door {
    pub(crate) data: DataFolder,
    /// Both the ledger's clocks.
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) admin: Caller,
    pub(crate) node: Arc<Node>,
    pub(crate) url: String,
    stop: oneshot::Sender<String>,
    ended: JoinHandle<Result<(), ServeError>>,
}

impl Door {
    /// A new ledger, whose clock stands still at the present time.
    pub(crate) async fn open() -> Self {
        let data = DataFolder::new().await;
        // The callers judge the ledger's certificate by the real time.
        let clock = Arc::new(ManualClock::at(SystemClock::new().wall().get()));
        let options = ServeOptions {
            dir: data.path(),
            listen: "127.0.0.1:0".parse().expect("an address"),
            http: None,
            hosts: Vec::new(),
            node: NodeSettings::new(Arc::clone(&clock) as _).with_segment_bytes(1 << 20),
            metrics: None,
        };
        let server = Server::start(options).await.expect("a new folder");
        let (node, url) = (Arc::clone(server.node()), server.endpoint().grpc.clone());
        let (stop, stopped) = oneshot::channel();
        let until = async { stopped.await.unwrap_or_default() };
        let ended = tokio::spawn(server.run(until));
        let admin = Caller::connect(&url, &Pems::read(&data.admin())).await;
        Self {
            admin: admin.expect("an administrator is let in"),
            data,
            clock,
            node,
            url,
            stop,
            ended,
        }
    }

    /// Number of durable entries.
    pub(crate) fn size(&self) -> u64 {
        let main = self.node.main().expect("every ledger has it");
        main.accepted_size()
    }

    /// A certificate for a new key, valid for so many seconds, and its serial number.
    pub(crate) async fn issue(&self, role: Role, name: &str, seconds: u64) -> (Pems, String) {
        let (key, csr_pem) = csr::new_key_and_csr().expect("a key");
        let order = v1::IssueCertificateRequest {
            csr_pem,
            role: role.to_string(),
            name: name.to_owned(),
            valid_seconds: seconds,
        };
        let issued = self.admin.admin().issue_certificate(request(order)).await;
        let issued = issued.expect("an administrator may").into_inner();
        let pems = Pems {
            cert: issued.chain_pem,
            key: key.to_string(),
            ca: issued.root_pem,
        };
        (pems, issued.certificate.expect("it says which").serial)
    }

    /// A connected caller of its own, for a day.
    pub(crate) async fn caller(&self, role: Role, name: &str) -> Caller {
        let (pems, _serial) = self.issue(role, name, DAY).await;
        let caller = Caller::connect(&self.url, &pems).await;
        caller.expect("the certificate is good")
    }

    /// Stops the ledger in order.
    pub(crate) async fn close(self) -> DataFolder {
        self.stop.send("test".to_owned()).expect("it runs");
        let ended = self.ended.await.expect("no panic");
        ended.expect("a healthy disk");
        self.data
    }
}

/// Passes bytes on, and counts connections.
async fn relay(listener: TcpListener, to: String, count: Arc<AtomicUsize>) {
    while let Ok((mut near, _address)) = listener.accept().await {
        count.fetch_add(1, Ordering::SeqCst);
        let to = to.clone();
        drop(tokio::spawn(async move {
            if let Ok(mut far) = TcpStream::connect(to).await {
                // Ends when either side does, however it does.
                drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
            }
        }));
    }
}

/// A client with a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    channel: Channel,
    connections: Arc<AtomicUsize>,
}

impl Caller {
    /// Connects with an identity, through a relay that counts connections.
    pub(crate) async fn connect(url: &str, pems: &Pems) -> Result<Self, Error> {
        Self::connect_as(url, pems.tls()).await
    }

    /// Connects with any settings of TLS.
    pub(crate) async fn connect_as(url: &str, tls: ClientTlsConfig) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let connections = Arc::new(AtomicUsize::new(0));
        let to = url.strip_prefix("https://").expect("TLS").to_owned();
        drop(tokio::spawn(relay(listener, to, Arc::clone(&connections))));
        let endpoint = Endpoint::from_shared(format!("https://{address}"))?;
        let channel = endpoint.tls_config(tls)?.connect().await?;
        Ok(Self {
            channel,
            connections,
        })
    }

    /// How often it had to connect.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn log(&self) -> LogServiceClient<Channel> {
        LogServiceClient::new(self.channel.clone())
    }

    pub(crate) fn recordings(&self) -> RecordingServiceClient<Channel> {
        RecordingServiceClient::new(self.channel.clone())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
    }

    pub(crate) fn access(&self) -> AccessServiceClient<Channel> {
        AccessServiceClient::new(self.channel.clone())
    }

    pub(crate) fn policy(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel.clone())
    }

    /// A call that everyone with a good certificate may make.
    pub(crate) async fn good(&self) -> Result<(), Status> {
        let call = request(v1::GetCheckpointRequest::default());
        self.log().get_checkpoint(call).await.map(drop)
    }

    /// Appends and waits until the entry is sealed.
    pub(crate) async fn append(&self, draft: v1::EventDraft) -> Result<v1::Receipt, Status> {
        let call = v1::AppendRequest {
            draft: Some(draft),
            wait_for: v1::AckLevel::Sealed.into(),
            ..v1::AppendRequest::default()
        };
        let answer = self.log().append(request(call)).await?;
        Ok(answer
            .into_inner()
            .receipt
            .expect("an answer has a receipt"))
    }

    pub(crate) async fn batch(&self, drafts: Vec<v1::EventDraft>) -> Result<(), Status> {
        let call = v1::AppendBatchRequest {
            drafts,
            ..v1::AppendBatchRequest::default()
        };
        self.log().append_batch(request(call)).await.map(drop)
    }

    /// Sends these events as a stream and reads its answers to their end.
    pub(crate) async fn stream(&self, calls: Vec<v1::AppendStreamRequest>) -> Result<(), Status> {
        let calls = Request::new(tokio_stream::iter(calls));
        let mut answers = self.log().append_stream(calls).await?.into_inner();
        while answers.message().await?.is_some() {}
        Ok(())
    }

    /// Follows until the first answer.
    pub(crate) async fn follow(&self, call: v1::FollowRequest) -> Result<(), Status> {
        let mut answers = self.log().follow(Request::new(call)).await?.into_inner();
        answers.message().await.map(drop)
    }

    /// Sends these bytes as a unary call.
    pub(crate) async fn raw(&self, path: &str, call: Request<Vec<u8>>) -> Result<(), Status> {
        let path = PathAndQuery::try_from(path).expect("a path");
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready()
            .await
            .map_err(|error| Status::unknown(error.to_string()))?;
        let answer: Result<Response<Bytes>, Status> =
            grpc.unary(call.map(Bytes::from), path, Raw).await;
        answer.map(drop)
    }

    /// A unary call without any message.
    pub(crate) async fn silent(&self, path: &str) -> Result<(), Status> {
        let path = PathAndQuery::try_from(path).expect("a path");
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready()
            .await
            .map_err(|error| Status::unknown(error.to_string()))?;
        let nothing = request(tokio_stream::empty::<Bytes>());
        let answer: Result<Response<Bytes>, Status> =
            grpc.client_streaming(nothing, path, Raw).await;
        answer.map(drop)
    }
}

/// A call with a deadline.
pub(crate) fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}
