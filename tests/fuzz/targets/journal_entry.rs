//! Lines of `journalctl -o json` (`collector::input::journald`). Input: mode; in mode 0 a line, in
//! mode 1 a message that is written as journalctl writes it and must come back.
#![no_main]

use countersign_collector::input::journald::Entry;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fn plant() {
    for line in [
        r#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1790000000000","MESSAGE":"x","_PID":"7"}"#,
        r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":[255],"_PID":["7",null,[0]]}"#,
        r#"{"__CURSOR":"s=1","_TRANSPORT":"driver","N_DROPPED":"7",
            "MESSAGE_ID":"a596d6fe7bfa4994828e72309e95d61e"}"#,
        r#"{"__CURSOR":"s=1","MESSAGE":null}"#,
    ] {
        seeds::plant([
            [&[0], line.as_bytes()].concat(),
            [&[1], line.as_bytes()].concat(),
        ]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let fields = ["_PID".to_owned(), "_COMM".to_owned()];
    if input.byte().is_multiple_of(2) {
        if let Ok(entry) = Entry::parse(input.rest(), &fields) {
            // It stands on a command line.
            assert!(entry.cursor.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        return;
    }
    let message = input.rest();
    let value = match std::str::from_utf8(message) {
        Ok(text) => json!(text),
        Err(_) => json!(message),
    };
    let line = json!({"__CURSOR": "s=1", "__REALTIME_TIMESTAMP": "7", "MESSAGE": value});
    let entry = Entry::parse(line.to_string().as_bytes(), &fields).expect("an entry");
    assert_eq!(entry.message, message);
    assert_eq!(entry.understood.malformed, "");
});
