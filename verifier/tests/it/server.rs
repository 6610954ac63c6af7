//! A server that shows a log over gRPC, honestly or not, and the verifier as its client.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::VerifierKey;
use countersign_chain::proof::{self, HashReader};
use countersign_proto::convert;
use countersign_proto::v1;
use countersign_proto::v1::log_service_server::{LogService, LogServiceServer};
use countersign_verifier::check::{Request, check};
use countersign_verifier::report::Report;
use countersign_verifier::source::SourceError;
use countersign_verifier::source::server::{Address, Server};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::codegen::BoxStream;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use tonic::{Request as Call, Response, Status};

use super::folder::{Log, assert_damage, damage, key};

/// What is wrong with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    None,
    /// Entry 4 has another time.
    Changed,
    /// Entry 4 is left out.
    LeftOut,
    /// Entry 4 reads differently than its record says.
    Misread,
    /// Checkpoints of commits are kept back: only the newest is shown.
    OneCheckpoint,
}

/// The log that is shown.
struct Shown {
    records: Vec<Bytes>,
    notes: Vec<(u64, String)>,
    lie: Lie,
}

impl Shown {
    fn of(log: &Log, lie: Lie) -> Self {
        let mut records = Vec::new();
        for at in &log.commits {
            let bytes = fs::read(log.segment_path(at.segment)).expect("readable");
            for (start, len) in &at.records {
                records.push(Bytes::copy_from_slice(&bytes[*start..start + len]));
            }
        }
        let notes = log.commits.iter();
        let notes = notes.map(|at| (at.size, at.checkpoint.text().to_owned()));
        let notes = notes.collect();
        Self {
            records,
            notes,
            lie,
        }
    }

    fn size(&self) -> u64 {
        u64::try_from(self.records.len()).expect("small")
    }

    fn note(&self, size: u64) -> String {
        let found = self.notes.iter().find(|(at, _)| *at == size);
        found.map(|(_, note)| note.clone()).unwrap_or_default()
    }

    fn entry(&self, index: usize) -> v1::Entry {
        let mut record = self.records[index].to_vec();
        if index == 4 && self.lie == Lie::Changed {
            record[19] ^= 1;
        }
        let mut entry = convert::entry(&Bytes::from(record)).expect("a record");
        if index == 4 && self.lie == Lie::Misread {
            entry.actor = "user:mallory".into();
        }
        entry
    }
}

impl HashReader for Shown {
    type Error = Infallible;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        let Some(below) = level.checked_sub(1) else {
            return Ok(hash::leaf(
                &self.records[usize::try_from(index).expect("small")],
            ));
        };
        let left = self.subtree(below, index * 2)?;
        Ok(hash::node(&left, &self.subtree(below, index * 2 + 1)?))
    }
}

/// The service: what the verifier does not call is not there.
struct Service(Arc<Shown>);

fn absent<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not part of this test"))
}

#[tonic::async_trait]
impl LogService for Service {
    type AppendStreamStream = BoxStream<v1::AppendStreamResponse>;
    type FollowStream = BoxStream<v1::FollowResponse>;

    async fn append(
        &self,
        _: Call<v1::AppendRequest>,
    ) -> Result<Response<v1::AppendResponse>, Status> {
        absent()
    }

    async fn append_batch(
        &self,
        _: Call<v1::AppendBatchRequest>,
    ) -> Result<Response<v1::AppendBatchResponse>, Status> {
        absent()
    }

    async fn append_stream(
        &self,
        _: Call<tonic::Streaming<v1::AppendStreamRequest>>,
    ) -> Result<Response<Self::AppendStreamStream>, Status> {
        absent()
    }

    async fn get_sequence(
        &self,
        _: Call<v1::GetSequenceRequest>,
    ) -> Result<Response<v1::GetSequenceResponse>, Status> {
        absent()
    }

    async fn follow(
        &self,
        _: Call<v1::FollowRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        absent()
    }

    async fn get_receipt(
        &self,
        _: Call<v1::GetReceiptRequest>,
    ) -> Result<Response<v1::GetReceiptResponse>, Status> {
        absent()
    }

    async fn get_entry(
        &self,
        call: Call<v1::GetEntryRequest>,
    ) -> Result<Response<v1::GetEntryResponse>, Status> {
        let index = call.into_inner().index;
        let (size, checkpoint) = self
            .0
            .notes
            .iter()
            .find(|(size, _)| index < *size)
            .expect("in");
        let Ok(hashes) = proof::inclusion(index, *size, self.0.as_ref()) else {
            return absent();
        };
        let inclusion_proof = Some(v1::InclusionProof {
            index,
            tree_size: *size,
            hashes: convert::hash_list(&hashes),
        });
        Ok(Response::new(v1::GetEntryResponse {
            entry: Some(self.0.entry(usize::try_from(index).expect("small"))),
            checkpoint: checkpoint.clone(),
            inclusion_proof,
        }))
    }

    async fn list_entries(
        &self,
        call: Call<v1::ListEntriesRequest>,
    ) -> Result<Response<v1::ListEntriesResponse>, Status> {
        let shown = &self.0;
        let from = call.into_inner().page_token.parse::<usize>().unwrap_or(0);
        // Pages end inside commits, as they do in life.
        let end = (from + 3).min(shown.records.len());
        let left_out = |index: &usize| shown.lie == Lie::LeftOut && *index == 4;
        let indexes = (from..end).filter(|index| !left_out(index));
        let entries: Vec<_> = indexes.map(|index| shown.entry(index)).collect();
        let first = u64::try_from(from).expect("small");
        let last = u64::try_from(end).expect("small");
        let mut checkpoints = Vec::new();
        for (size, note) in shown.notes.iter().filter(|(size, _)| first < *size) {
            if shown.lie == Lie::OneCheckpoint && *size != shown.size() {
                continue;
            }
            checkpoints.push(note.clone());
            if *size >= last {
                break;
            }
        }
        let more = end < shown.records.len();
        Ok(Response::new(v1::ListEntriesResponse {
            entries,
            checkpoints,
            next_page_token: if more { end.to_string() } else { String::new() },
        }))
    }

    async fn get_checkpoint(
        &self,
        _: Call<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let size = self.0.size();
        let checkpoint = self.0.note(size);
        Ok(Response::new(v1::GetCheckpointResponse {
            checkpoint,
            size,
        }))
    }

    async fn get_inclusion_proof(
        &self,
        call: Call<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        let v1::GetInclusionProofRequest {
            index, tree_size, ..
        } = call.into_inner();
        let Ok(hashes) = proof::inclusion(index, tree_size, self.0.as_ref()) else {
            return absent();
        };
        let leaf = self.0.subtree(0, index).unwrap_or(Hash::ZERO);
        Ok(Response::new(v1::GetInclusionProofResponse {
            proof: Some(v1::InclusionProof {
                index,
                tree_size,
                hashes: convert::hash_list(&hashes),
            }),
            leaf_hash: convert::hash_bytes(&leaf),
            checkpoint: self.0.note(tree_size),
        }))
    }

    async fn get_consistency_proof(
        &self,
        call: Call<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        let v1::GetConsistencyProofRequest {
            old_size, new_size, ..
        } = call.into_inner();
        let new_size = if new_size == 0 {
            self.0.size()
        } else {
            new_size
        };
        let Ok(hashes) = proof::consistency(old_size, new_size, self.0.as_ref()) else {
            return absent();
        };
        Ok(Response::new(v1::GetConsistencyProofResponse {
            hashes: convert::hash_list(&hashes),
            new_size,
            checkpoint: self.0.note(new_size),
        }))
    }
}

/// A server in a thread of its own, and the identity that it accepts.
struct Running {
    address: SocketAddr,
    identity: tempfile::TempDir,
    // The server stops when this goes.
    _runtime: tokio::runtime::Runtime,
}

fn serve(shown: Shown) -> Running {
    let identity = tempfile::tempdir().expect("a folder");
    let mut root = CertificateParams::new(Vec::new()).expect("no names");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().expect("a key");
    let root = CertifiedIssuer::self_signed(root, root_key).expect("a root");
    let issue = |name: &str| {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let cert = params.signed_by(&key, &root).expect("signed");
        (cert.pem(), key.serialize_pem())
    };
    let (cert, secret) = issue("auditor");
    for (name, text) in [
        ("cert.pem", &cert),
        ("key.pem", &secret),
        ("ca.pem", &root.pem()),
    ] {
        fs::write(identity.path().join(name), text).expect("written");
    }
    let (cert, secret) = issue("localhost");
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(cert, secret))
        .client_ca_root(Certificate::from_pem(root.pem()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let incoming = {
        let _inside = runtime.enter();
        let address = "127.0.0.1:0".parse().expect("an address");
        tonic::transport::server::TcpIncoming::bind(address).expect("a port")
    };
    let address = incoming.local_addr().expect("bound");
    let service = LogServiceServer::new(Service(Arc::new(shown)));
    let mut server = tonic::transport::Server::builder()
        .tls_config(tls)
        .expect("TLS");
    runtime.spawn(server.add_service(service).serve_with_incoming(incoming));
    Running {
        address,
        identity,
        _runtime: runtime,
    }
}

fn verify_with(
    running: &Running,
    key: Option<&VerifierKey>,
    remembered: Option<&str>,
) -> Result<Report, SourceError> {
    let host = format!("localhost:{}", running.address.port());
    let mut server = Server::connect(&Address {
        host: &host,
        log: "main",
        identity: running.identity.path(),
        key,
        remembered: remembered.map(str::as_bytes),
    })?;
    let request = Request {
        key: key.cloned(),
        remembered: remembered.map(|note| ("remembered".to_owned(), note.as_bytes().to_vec())),
        ..Request::default()
    };
    Ok(check(&mut server, &request, &mut |_| {}).expect("can be checked"))
}

fn log() -> Log {
    Log::of(&[&[1, 4, 2], &[1]])
}

#[test]
fn an_honest_server_is_intact() {
    let log = log();
    let running = serve(Shown::of(&log, Lie::None));
    let report = verify_with(&running, None, None).expect("answers");
    assert_damage(&report, &[], "not pinned");
    assert_eq!(report.trust.to_string(), "key from the server (not pinned)");
    assert_eq!(report.root, Some(log.head.frontier().root()));
    assert_eq!((report.checked.commits, report.checked.entries), (4, 8));
    assert!(report.complete);
    let key = log.key.verifier();
    for at in &log.commits {
        let old = at.checkpoint.text();
        let report = verify_with(&running, Some(key), Some(old)).expect("answers");
        assert_damage(&report, &[], "remembered");
        assert_eq!(report.promised.map(|newest| newest.size()), Some(8));
    }
}

#[test]
fn a_server_that_lies_about_entries_is_found() {
    let cases = [
        (Lie::Changed, "chain-broken", Some(5)),
        (Lie::LeftOut, "index-gap", Some(4)),
        (Lie::Misread, "bad-entry", None),
    ];
    for (lie, code, index) in cases {
        let log = log();
        let running = serve(Shown::of(&log, lie));
        let report = verify_with(&running, Some(log.key.verifier()), None).expect("answers");
        assert_eq!(
            damage(&report)[0],
            (code, index),
            "{lie:?}: {:?}",
            report.findings
        );
        assert!(!report.complete, "{lie:?}");
    }
}

#[test]
fn a_server_that_shows_one_checkpoint_for_all_is_taken_by_its_word() {
    // Nothing is proved wrong: the entries are those that the one signature covers.
    let log = log();
    let running = serve(Shown::of(&log, Lie::OneCheckpoint));
    let report = verify_with(&running, None, None).expect("answers");
    assert_damage(&report, &[], "one commit");
    assert_eq!((report.checked.commits, report.size), (1, 8));
}

#[test]
fn a_rolled_back_or_forked_server_is_found_by_who_remembers() {
    let (long, fork) = (
        Log::of(&[&[1, 4, 2], &[1, 1]]),
        Log::seeded(&[&[1, 4, 2], &[1]], 9),
    );
    let log = log();
    let key = log.key.verifier();
    let newest = long.commits[4].checkpoint.text();
    let running = serve(Shown::of(&log, Lie::None));
    let report = verify_with(&running, Some(key), Some(newest)).expect("answers");
    assert_damage(&report, &[("log-cut", Some(8))], "rolled back");
    let running = serve(Shown::of(&fork, Lie::None));
    let old = log.commits[1].checkpoint.text();
    let report = verify_with(&running, Some(key), Some(old)).expect("answers");
    assert_damage(
        &report,
        &[("bad-proof", None), ("forked", Some(4))],
        "forked",
    );
}

#[test]
fn a_server_of_another_key_is_a_finding_and_no_server_is_unknown() {
    let log = log();
    let running = serve(Shown::of(&log, Lie::None));
    let report = verify_with(&running, Some(key(8).verifier()), None).expect("answers");
    assert_eq!(damage(&report)[0], ("no-known-signature", None));
    let nobody = tempfile::tempdir().expect("a folder");
    let refused = Server::connect(&Address {
        host: "localhost:1",
        log: "main",
        identity: nobody.path(),
        key: None,
        remembered: None,
    });
    assert!(matches!(refused, Err(SourceError::Server { .. })));
}
