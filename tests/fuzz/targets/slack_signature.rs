//! The signature of what Slack posts (`chatbot::slack::signature`). Input: the two headers, each
//! behind a byte that is its length, and the body. Nobody guesses a signature, so what is believed
//! is a defect.
#![no_main]

use countersign_chatbot::slack::signature::{SignatureError, verify};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_531_420_618;

fn plant() {
    let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let time = NOW.to_string();
    let length = |text: &str| u8::try_from(text.len()).expect("short");
    let seed = [
        &[length(&time)],
        time.as_bytes(),
        &[length(signature)],
        signature.as_bytes(),
        b"token=x",
    ];
    seeds::plant([seed.concat()]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let mut header = || {
        let length = usize::from(input.byte());
        let bytes: Vec<u8> = (0..length).map(|_| input.byte()).collect();
        String::from_utf8(bytes).ok()
    };
    let (time, signature) = (header(), header());
    let judged = verify(
        "a secret that is in no input",
        (time.as_deref(), signature.as_deref()),
        input.rest(),
        NOW,
    );
    assert!(matches!(
        judged,
        Err(SignatureError::Header(_) | SignatureError::Wrong)
    ));
});
