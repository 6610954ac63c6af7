//! Connections: too many, without a word, opened and closed without end.

use countersign_proto::v1::GetCheckpointRequest;
use countersign_proto::v1::log_service_client::LogServiceClient;
use countersign_tests::process::is_long;
use tokio::io::AsyncReadExt as _;

use crate::attack::{Attack, Target, request};

/// Connections that are held after one question each.
pub(crate) async fn idle_connections(target: Target) -> Attack {
    let mut attack = Attack::new();
    let number: u64 = if is_long() { 1_000 } else { 300 };
    for _ in 0..number {
        let (target, tally) = (target.clone(), attack.tally.clone());
        attack.run(async move {
            let Some(channel) = target.channel(&target.agent).await else {
                return tally.count("closed");
            };
            let mut log = LogServiceClient::new(channel);
            let asked = log.get_checkpoint(request(GetCheckpointRequest::default()));
            tally.answer(asked.await);
            std::future::pending::<()>().await;
        });
    }
    attack.tally.reaches(number).await;
    attack
}

/// TCP connections whose handshake never begins, opened again when they are closed.
pub(crate) async fn half_open_handshakes(target: Target) -> Attack {
    let mut attack = Attack::new();
    let number: u64 = if is_long() { 600 } else { 300 };
    for _ in 0..number {
        let (target, tally) = (target.clone(), attack.tally.clone());
        attack.run(async move {
            loop {
                let Some(mut stream) = target.tcp().await else {
                    tally.count("closed");
                    continue;
                };
                tally.count("opened");
                // Ends when the server has had enough of the silence.
                drop(stream.read_u8().await);
            }
        });
    }
    attack.tally.reaches(number).await;
    attack
}

/// Connections that are opened and closed as fast as they can be.
pub(crate) async fn churn(target: Target) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..4 {
        let (target, tally) = (target.clone(), attack.tally.clone());
        attack.run(async move {
            loop {
                let opened = target.tls(&target.agent).await;
                tally.count(if opened.is_some() { "ok" } else { "closed" });
            }
        });
    }
    attack.tally.reaches(100).await;
    attack
}
