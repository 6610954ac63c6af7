//! Messages of one connection, or of one socket without connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::UnixDatagram;
use tokio_util::sync::CancellationToken;

use super::datagram::receive;
use super::message::{Arrival, parse_into};
use super::{Flaw, Frame, Frames, Habits};
use crate::input::clock;
use crate::input::push::Push;
use crate::input::record::{Fields, Record, Understood};
use crate::limits::{LISTEN_PAUSE, READ_BYTES};
use crate::outlet::{Outlet, OutletError};

/// Who sends, as far as it is known: nothing of it is the sender's own word.
#[derive(Debug, Clone, Default)]
pub(super) struct Sender {
    address: Option<SocketAddr>,
    certificate: Option<String>,
    uid: Option<u32>,
    pid: Option<i32>,
}

impl Sender {
    pub(super) fn at(address: SocketAddr) -> Self {
        Self {
            address: Some(address),
            ..Self::default()
        }
    }

    pub(super) fn local(uid: u32, pid: Option<i32>) -> Self {
        Self {
            uid: Some(uid),
            pid,
            ..Self::default()
        }
    }

    pub(super) fn named(self, certificate: Option<String>) -> Self {
        Self {
            certificate,
            ..self
        }
    }

    fn put(&self, fields: &mut Fields) {
        fields
            .put_some(
                "peer.address",
                self.address.map(|address| address.to_string()),
            )
            .put_some("peer.certificate", self.certificate.as_ref())
            .put_some("peer.uid", self.uid.map(|uid| uid.to_string()))
            .put_some("peer.pid", self.pid.map(|pid| pid.to_string()));
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.address, self.uid) {
            (Some(address), _) => address.fmt(f),
            (None, Some(uid)) => write!(f, "uid {uid}"),
            (None, None) => f.write_str("somebody"),
        }
    }
}

/// Takes the messages of a connection until it ends, says nothing for too long, or the input is
/// stopped. What was read is handed over in each case.
pub(super) async fn messages<S, O>(
    mut stream: S,
    sender: Sender,
    habits: &Habits,
    push: &Push<O>,
    stop: &CancellationToken,
) -> Result<(), OutletError>
where
    S: AsyncRead + Unpin,
    O: Outlet,
{
    let mut frames = Frames::new(habits.max_message);
    let mut buffer = vec![0; READ_BYTES];
    let mut number = 0_u64;
    loop {
        let read = tokio::select! {
            () = stop.cancelled() => break,
            read = tokio::time::timeout(habits.idle, stream.read(&mut buffer)) => read,
        };
        let mut piece = match read {
            Ok(Ok(0)) => break,
            Ok(Ok(len)) => &buffer[..len],
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                tracing::info!(%sender, "a syslog sender closed its connection without ending TLS");
                break;
            }
            Ok(Err(error)) => {
                // A sender that goes without a farewell: what is not whole says so.
                tracing::info!(%sender, %error, "a syslog connection broke off");
                break;
            }
            Err(_elapsed) => {
                tracing::info!(%sender, "closing a syslog connection that says nothing");
                break;
            }
        };
        while let Some(frame) = frames.next(&mut piece) {
            number += 1;
            push.record(record(frame, number, &sender, habits), None)
                .await?;
        }
    }
    if let Some(frame) = frames.finish() {
        number += 1;
        push.record(record(frame, number, &sender, habits), None)
            .await?;
    }
    Ok(())
}

/// Takes the messages of a datagram socket until the input is stopped.
pub(super) async fn datagrams<O: Outlet>(
    socket: &UnixDatagram,
    habits: &Habits,
    push: &Push<O>,
    stop: &CancellationToken,
) -> Result<(), OutletError> {
    // One byte more shows that a message is longer; how much, the system does not tell.
    let mut buffer = vec![0; habits.max_message + 1];
    let mut number = 0_u64;
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            received = receive(socket, &mut buffer) => received,
        };
        let (len, sender) = match received {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot take a syslog datagram");
                tokio::time::sleep(LISTEN_PAUSE).await;
                continue;
            }
        };
        let kept = len.min(habits.max_message);
        let flaw = (kept < len).then_some(Flaw::Cut { kept });
        let message = &buffer[..kept];
        let ending = message.iter().rev();
        let ending = ending.take_while(|byte| matches!(byte, b'\n' | 0)).count();
        let bytes = Bytes::copy_from_slice(&message[..kept - ending]);
        if bytes.is_empty() {
            continue;
        }
        number += 1;
        let frame = Frame { bytes, flaw };
        push.record(record(frame, number, &sender, habits), None)
            .await?;
    }
}

fn record(frame: Frame, number: u64, sender: &Sender, habits: &Habits) -> Record {
    let Frame { bytes, flaw } = frame;
    let arrival = Arrival {
        received: clock::now(),
        zone: &habits.zone,
    };
    let mut understood = Understood::default();
    // First, so that nothing the sender says leaves no room for it.
    sender.put(&mut understood.fields);
    parse_into(&bytes, arrival, &mut understood);
    if let Some(flaw) = flaw {
        understood.complain(&flaw.to_string());
    }
    Record {
        source: habits.source.clone(),
        position: number.to_string(),
        raw: bytes,
        understood,
    }
}
