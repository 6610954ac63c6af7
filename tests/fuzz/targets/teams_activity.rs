//! Activities of Teams, with what is read out of them. Input: the bytes of a body.
#![no_main]

use countersign_chatbot::limits::TEAMS_ID;
use countersign_chatbot::teams::activity::{Activity, Kind};
use countersign_chatbot::teams::command::Command;
use countersign_chatbot::teams::dress::digest_in;
use countersign_chatbot::teams::service::{ServiceHosts, same};
use countersign_chatbot::teams::submission::clicked;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

const HOST: &str = "smba.example.com";

fn plant() {
    let place = r#""serviceUrl":"https://smba.example.com/teams/","channelId":"msteams","id":"f:1",
        "from":{"id":"29:1","aadObjectId":"AA"},"recipient":{"id":"28:b"},
        "conversation":{"id":"a:1","tenantId":"t","conversationType":"personal"},
        "channelData":{"tenant":{"id":"t"}},"timestamp":"2026-11-27T09:00:00.123Z""#;
    let button = r#"{"action":{"verb":"approve","data":{"action":"approve","target":"7"}}}"#;
    seeds::plant([
        format!(r#"{{"type":"message","text":"<at>bot</at> case #7",{place}}}"#).into_bytes(),
        format!(r#"{{"type":"invoke","name":"adaptiveCard/action","value":{button},{place}}}"#)
            .into_bytes(),
        format!(r#"{{"type":"conversationUpdate","membersAdded":[{{"id":"28:b"}}],{place}}}"#)
            .into_bytes(),
        format!(r#"{{"type":"installationUpdate","action":"remove",{place}}}"#).into_bytes(),
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let Ok(activity) = Activity::parse(data) else {
        return;
    };
    let needed = [&activity.service_url, &activity.channel, &activity.conversation];
    assert!(needed.iter().all(|text| !text.is_empty()));
    let ids = [&activity.id, &activity.from, &activity.object, &activity.recipient];
    let more = [&activity.conversation, &activity.reply_to];
    assert!(ids.iter().chain(&more).all(|id| id.len() <= TEAMS_ID));
    if matches!(activity.kind, Kind::Message | Kind::Invoke) {
        assert!(!activity.id.is_empty() && !activity.from.is_empty());
    }
    // What is read back is what was read.
    if let Command::Case(number) = Command::parse(&activity.text) {
        assert_eq!(Command::parse(&format!("case {number}")), Command::Case(number));
    }
    let action = &activity.value["action"];
    for (verb, data) in [(action["verb"].as_str(), &action["data"]), (None, &activity.value)] {
        drop(clicked(verb, data));
        assert!(digest_in(data).is_none_or(|digest| digest.len() == 32));
    }
    let hosts = ServiceHosts::new(&[HOST.to_owned()]).expect("a name");
    if let Ok(service) = hosts.admit(&activity.service_url) {
        let text = service.as_str();
        assert!(text.starts_with("https://smba.example.com/") && text.ends_with('/'), "{text}");
        assert_eq!(hosts.admit(text).as_ref(), Ok(&service), "one spelling");
        assert!(same(text, &activity.service_url), "{text}");
    }
});
