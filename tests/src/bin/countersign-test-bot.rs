//! A bot that does nothing but deliver, to the chat platform of the tests, until it is killed.
//!
//! Arguments: address of the ledger, identity folder, address of the platform.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_chatbot::Clock;
use countersign_chatbot::bot::Bot;
use countersign_chatbot::delivery::deliver;
use countersign_client::{Client, Config};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_tests::talk::Wire;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [ledger, identity, platform] = words.as_slice() else {
        return Err("expected the addresses of a ledger, an identity and a platform".into());
    };
    let mut config = Config::new(vec![ledger.clone()], Path::new(identity));
    config.timeout = Duration::from_secs(60);
    let client = Client::connect(config).await?;
    let time = SystemClock::new();
    let bot = Bot::open(client, Clock::new(move || time.wall())).await?;
    let surface = Wire {
        platform: platform.parse()?,
    };
    deliver(Arc::clone(&bot), surface, &CancellationToken::new()).await?;
    Ok(())
}
