//! A gRPC server that does nothing but send messages back, over the same mutual TLS: what calls and
//! streams cost by themselves.

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::raw::Raw;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::http::{Request as HttpRequest, Response as HttpResponse};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::transport::{
    Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig,
};
use tonic::{Request, Response, Status, Streaming};

use crate::UNARY;
use crate::common::{RUNS, now, since};
use crate::event::PAYLOAD;
use crate::measure::{Figures, Run, Table};

#[derive(Debug, Clone, Copy)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "echo.Echo";
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = std::future::Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        std::future::ready(Ok(Response::new(request.into_inner())))
    }
}

impl StreamingService<Bytes> for Echo {
    type Response = Bytes;
    type ResponseStream = Streaming<Bytes>;
    type Future = std::future::Ready<Result<Response<Streaming<Bytes>>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        std::future::ready(Ok(Response::new(request.into_inner())))
    }
}

impl Service<HttpRequest<Body>> for Echo {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = BoxFuture<HttpResponse<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        let streams = request.uri().path().ends_with("Stream");
        Box::pin(async move {
            let mut grpc = Grpc::new(Raw);
            Ok(if streams {
                grpc.streaming(Self, request).await
            } else {
                grpc.unary(Self, request).await
            })
        })
    }
}

/// Serves with the server certificate of a data folder, and connects with an identity of it.
async fn connect(data: &DataFolder, identity: &Path) -> Channel {
    let read = |path: &Path| std::fs::read(path).expect("an identity");
    let dir = data.path();
    let root = Certificate::from_pem(read(&identity.join("ca.pem")));
    let (cert, key) = (dir.join("tls/server.pem"), dir.join("tls/server.key"));
    let server = ServerTlsConfig::new()
        .identity(Identity::from_pem(read(&cert), read(&key)))
        .client_ca_root(root.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = Server::builder()
        .tls_config(server)
        .expect("a good certificate")
        .add_service(Echo)
        .serve_with_incoming(incoming);
    tokio::spawn(serving);
    let (cert, key) = (identity.join("cert.pem"), identity.join("key.pem"));
    let tls = ClientTlsConfig::new()
        .ca_certificate(root)
        .identity(Identity::from_pem(read(&cert), read(&key)));
    let endpoint = Endpoint::from_shared(format!("https://{address}")).expect("a URL");
    let endpoint = endpoint.tcp_nodelay(true).tls_config(tls).expect("PEM");
    endpoint.connect().await.expect("it serves")
}

async fn unary(channel: &Channel, callers: usize) -> Figures {
    let run = std::sync::Arc::new(Run::start());
    let mut tasks = tokio::task::JoinSet::new();
    let message = Bytes::from(vec![b'x'; PAYLOAD]);
    for _ in 0..callers {
        let (channel, run, message) = (channel.clone(), run.clone(), message.clone());
        tasks.spawn(async move {
            let mut client = tonic::client::Grpc::new(channel);
            let mut waits = Vec::new();
            while run.goes_on() {
                let sent = now();
                client.ready().await.expect("it serves");
                let path = PathAndQuery::from_static("/echo.Echo/Call");
                let answer = client.unary(Request::new(message.clone()), path, Raw).await;
                answer.expect("an echo");
                waits.push(since(sent));
            }
            waits
        });
    }
    let waits = tasks.join_all().await.concat();
    let run = std::sync::Arc::into_inner(run).expect("all tasks are over");
    run.end(waits.len(), waits)
}

/// Messages both ways, as fast as they come.
async fn stream(channel: &Channel) -> Figures {
    let run = Run::start();
    let (sender, receiver) = tokio::sync::mpsc::channel(1_024);
    let message = Bytes::from(vec![b'x'; PAYLOAD]);
    let sending = tokio::spawn(async move {
        let run = Run::start();
        let mut sent = 0_usize;
        while run.goes_on() {
            for _ in 0..32 {
                sender.send(message.clone()).await.expect("read");
                sent += 1;
            }
        }
        sent
    });
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.expect("it serves");
    let path = PathAndQuery::from_static("/echo.Echo/Stream");
    let stream: Pin<Box<dyn Stream<Item = Bytes> + Send>> = Box::pin(ReceiverStream::new(receiver));
    let answer = client.streaming(Request::new(stream), path, Raw).await;
    let mut answers = answer.expect("an echo").into_inner();
    let mut count = 0_usize;
    while answers.next().await.is_some() {
        count += 1;
    }
    assert_eq!(count, sending.await.expect("it ended"));
    run.end(count, Vec::new())
}

pub(crate) async fn rows(table: &mut Table) {
    let data = DataFolder::new().await;
    let identity = data.issue(Role::Agent, "echo").await;
    let channel = connect(&data, &identity).await;
    for callers in UNARY {
        let name = format!("unary echo, {callers} callers");
        if table.wants(&name) {
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                runs.push(unary(&channel, callers).await);
            }
            table.add(&name, &runs);
        }
    }
    let name = "stream echo, 1 stream";
    if table.wants(name) {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(stream(&channel).await);
        }
        table.add(name, &runs);
    }
}
