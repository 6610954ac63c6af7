//! Messages: larger than they may be, never finished, with large heads; answers that nobody takes;
//! frames that cost more than they carry.

use bytes::{BufMut as _, Bytes, BytesMut};
use countersign_proto::reason::reason_of;
use countersign_proto::v1::ListEntriesRequest;
use countersign_tests::process::is_long;
use h2::client::ResponseFuture;
use h2::{Reason, SendStream};
use prost::Message as _;
use tonic::Status;

use crate::attack::{Attack, Http2, Tally, Target};

const APPEND: &str = "/countersign.v1.LogService/Append";
const BATCH: &str = "/countersign.v1.LogService/AppendBatch";
const LIST: &str = "/countersign.v1.LogService/ListEntries";
const STREAM: &str = "/countersign.v1.LogService/AppendStream";
const WINDOW: u32 = 1 << 20;
const BLOCK: usize = 64 << 10;

/// The head of a call.
fn head(path: &str) -> http::Request<()> {
    http::Request::post(format!("https://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "1H")
        .body(())
        .expect("a request")
}

/// The prefix of a message of so many bytes.
fn prefix(bytes: u32) -> Bytes {
    let mut prefix = BytesMut::new();
    prefix.put_u8(0);
    prefix.put_u32(bytes);
    prefix.freeze()
}

type Begun = (ResponseFuture, SendStream<Bytes>);

/// Begins a call on a connection that is ready for one.
async fn begin(http2: &Http2, path: &str) -> Result<Begun, h2::Error> {
    http2.clone().ready().await?.send_request(head(path), false)
}

/// Sends bytes as the other side makes room for them; fails when it wants no more.
async fn send(stream: &mut SendStream<Bytes>, mut bytes: Bytes) -> Result<(), h2::Error> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let Some(room) = room.transpose()? else {
            return Err(Reason::CANCEL.into());
        };
        stream.send_data(bytes.split_to(room.min(bytes.len())), false)?;
    }
    Ok(())
}

/// Sends a prefix and so many blocks.
async fn send_blocks(
    stream: &mut SendStream<Bytes>,
    bytes: u32,
    blocks: usize,
) -> Result<(), h2::Error> {
    send(stream, prefix(bytes)).await?;
    let block = Bytes::from(vec![0; BLOCK]);
    for _ in 0..blocks {
        send(stream, block.clone()).await?;
    }
    Ok(())
}

/// Counts how a call was refused.
async fn refused(answer: ResponseFuture, tally: &Tally) {
    let answer = match answer.await {
        Ok(answer) => answer,
        Err(error) => return tally.count(&ended(&error)),
    };
    match Status::from_header_map(answer.headers()) {
        Some(status) => match reason_of(&status) {
            Some(reason) => tally.count(reason.as_str()),
            None => tally.count(&format!("? {:?}: {}", status.code(), status.message())),
        },
        None => tally.count(&format!("HTTP status {}", answer.status().as_u16())),
    }
}

/// How HTTP/2 ended a call or connection.
fn ended(error: &h2::Error) -> String {
    match error.reason() {
        Some(reason) => format!("HTTP/2 {reason:?}"),
        None => "connection lost".to_owned(),
    }
}

/// Messages that say they have 1 GiB or more, and 64 MiB that are really sent.
pub(crate) async fn huge_messages(target: Target) -> Attack {
    let mut attack = Attack::new();
    for bytes in [1 << 30, u32::MAX, 64 << 20] {
        let http2 = attack.http2(&target, &target.agent, WINDOW).await;
        for _ in 0..8 {
            let (http2, tally) = (http2.clone(), attack.tally.clone());
            attack.run(async move {
                loop {
                    let (answer, mut stream) = match begin(&http2, APPEND).await {
                        Ok(begun) => begun,
                        Err(error) => return tally.count(&ended(&error)),
                    };
                    // Fails when the server wants no more, which its answer says.
                    drop(send_blocks(&mut stream, bytes, 1_024).await);
                    refused(answer, &tally).await;
                }
            });
        }
    }
    attack.tally.reaches(48).await;
    attack
}

/// Messages just below the limit whose last bytes never come.
pub(crate) async fn unfinished_messages(target: Target) -> Attack {
    let mut attack = Attack::new();
    let (connections, calls) = (4, if is_long() { 100 } else { 15 });
    for _ in 0..connections {
        let http2 = attack.http2(&target, &target.agent, WINDOW).await;
        for _ in 0..calls {
            let (http2, tally) = (http2.clone(), attack.tally.clone());
            attack.run(async move {
                let begun = begin(&http2, BATCH).await;
                let (answer, mut stream) = begun.expect("within the calls of a client");
                if send_blocks(&mut stream, 4 << 20, 63).await.is_ok() {
                    tally.count("held");
                }
                refused(answer, &tally).await;
            });
        }
    }
    attack.tally.reaches(connections * calls).await;
    attack
}

/// Batches of two million drafts that say nothing: two bytes each on the wire, and a hundred when
/// they are decoded.
pub(crate) async fn empty_drafts(target: Target) -> Attack {
    let mut attack = Attack::new();
    let block = Bytes::from([0x12, 0].repeat(BLOCK / 2));
    for _ in 0..2 {
        let http2 = attack.http2(&target, &target.agent, WINDOW).await;
        for _ in 0..4 {
            let (http2, block, tally) = (http2.clone(), block.clone(), attack.tally.clone());
            attack.run(async move {
                loop {
                    let (answer, mut stream) = match begin(&http2, BATCH).await {
                        Ok(begun) => begun,
                        Err(error) => return tally.count(&ended(&error)),
                    };
                    let whole = async {
                        send(&mut stream, prefix(4 << 20)).await?;
                        for _ in 0..64 {
                            send(&mut stream, block.clone()).await?;
                        }
                        stream.send_data(Bytes::new(), true)
                    };
                    // Fails when the server wants no more, which its answer says.
                    drop(whole.await);
                    refused(answer, &tally).await;
                }
            });
        }
    }
    attack.tally.reaches(48).await;
    attack
}

/// Calls with a lot of metadata: more than is taken, and more than is read.
pub(crate) async fn huge_metadata(target: Target) -> Attack {
    let mut attack = Attack::new();
    for kib in [16, 48, 200] {
        let http2 = attack.http2(&target, &target.agent, WINDOW).await;
        for _ in 0..8 {
            let (http2, tally) = (http2.clone(), attack.tally.clone());
            attack.run(async move {
                loop {
                    let mut head = head(APPEND);
                    for n in 0..kib {
                        let name = http::HeaderName::try_from(format!("x-{n}")).expect("a name");
                        let value = http::HeaderValue::try_from("v".repeat(1_024));
                        head.headers_mut().insert(name, value.expect("a value"));
                    }
                    let begun = match http2.clone().ready().await {
                        Ok(mut ready) => ready.send_request(head, true),
                        Err(error) => Err(error),
                    };
                    match begun {
                        Ok((answer, _stream)) => refused(answer, &tally).await,
                        Err(error) => return tally.count(&ended(&error)),
                    }
                }
            });
        }
    }
    attack.tally.reaches(200).await;
    attack
}

/// The largest pages, of whose bytes none is taken.
pub(crate) async fn unread_pages(target: Target) -> Attack {
    let mut attack = Attack::new();
    let list = ListEntriesRequest {
        page_size: 1_000,
        ..ListEntriesRequest::default()
    };
    let list = list.encode_to_vec();
    let mut call = BytesMut::from(prefix(u32::try_from(list.len()).expect("small")));
    call.extend_from_slice(&list);
    let call = call.freeze();
    for _ in 0..4 {
        let http2 = attack.http2(&target, &target.auditor, 0).await;
        for _ in 0..50 {
            let (http2, call, tally) = (http2.clone(), call.clone(), attack.tally.clone());
            attack.run(async move {
                let begun = begin(&http2, LIST).await;
                let (answer, mut stream) = begun.expect("within the calls of a client");
                // Fails when it is refused already.
                drop(stream.send_data(call, true));
                // The head comes at once; what follows stays where it is.
                match answer.await {
                    Ok(answer) => match Status::from_header_map(answer.headers()) {
                        Some(status) => drop(tally.answer::<Bytes>(Err(status))),
                        None => {
                            tally.count("held");
                            std::future::pending::<()>().await;
                            drop(answer);
                        }
                    },
                    Err(error) => tally.count(&ended(&error)),
                }
            });
        }
    }
    attack.tally.reaches(200).await;
    attack
}

/// DATA frames without data, and streams that are reset as soon as they are opened.
pub(crate) async fn empty_frames(target: Target) -> Attack {
    let mut attack = Attack::new();
    for worker in 0..4 {
        let (target, tally) = (target.clone(), attack.tally.clone());
        attack.run(async move {
            loop {
                let opened = target.http2(&target.agent, WINDOW).await;
                let Some((http2, driver)) = opened else {
                    tally.count("closed");
                    continue;
                };
                let work = async {
                    if worker % 2 == 0 {
                        frames(&http2).await
                    } else {
                        resets(&http2).await
                    }
                };
                // The driver ends when the server has closed the connection.
                let ended = tokio::select! {
                    ended = work => ended,
                    () = driver => "HTTP/2 connection closed".to_owned(),
                };
                tally.count(&ended);
            }
        });
    }
    attack.tally.reaches(4).await;
    attack
}

/// How many frames or resets are tried before the server is believed to take them for ever.
const TRIES: usize = 1_000_000;

async fn frames(http2: &Http2) -> String {
    let (_answer, mut stream) = match begin(http2, STREAM).await {
        Ok(begun) => begun,
        Err(error) => return ended(&error),
    };
    for _ in 0..TRIES {
        if let Err(error) = stream.send_data(Bytes::new(), false) {
            return ended(&error);
        }
        // Lets the connection work.
        tokio::task::yield_now().await;
    }
    "not ended".to_owned()
}

async fn resets(http2: &Http2) -> String {
    for _ in 0..TRIES {
        match begin(http2, STREAM).await {
            Ok((_answer, mut stream)) => stream.send_reset(Reason::CANCEL),
            Err(error) => return ended(&error),
        }
        tokio::task::yield_now().await;
    }
    "not ended".to_owned()
}
