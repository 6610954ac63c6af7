//! Frames of Slack's Socket Mode (`chatbot::slack::socket`). Input: the text of a frame.
#![no_main]

use countersign_chatbot::slack::desk::Ack;
use countersign_chatbot::slack::socket::Frame;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fn plant() {
    seeds::plant_texts([
        r#"{"type":"hello","num_connections":1}"#,
        r#"{"type":"disconnect","reason":"link_disabled"}"#,
        r#"{"type":"slash_commands","envelope_id":"e-1","accepts_response_payload":true,"payload":
           {"team_id":"T1","user_id":"U2","text":"list","trigger_id":"1.2.x"}}"#,
        r#"{"type":"interactive","envelope_id":"e-2","payload":{"type":"view_submission"}}"#,
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(Frame::Envelope(envelope)) = Frame::parse(text) else { return };
    drop(envelope.inbound());
    for ack in [Ack::Empty, Ack::Json(json!({"text": "x"}))] {
        let answer = envelope.acknowledged(&ack).expect("only a busy desk gives none");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["envelope_id"], envelope.id.as_str());
        let shows = envelope.takes_answer && ack != Ack::Empty;
        assert_eq!(answer.get("payload").is_some(), shows);
    }
    assert_eq!(envelope.acknowledged(&Ack::Busy), None);
});
