//! Policies, people and calendars as somebody wrote them: judged or refused, without a panic. The
//! first byte chooses the file.

#![no_main]

use countersign_workflow::policy::{Bundle, Feeds, Policy, starter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let name = ["access.cedar", "entities.json", "on-call.ics"][usize::from(choice % 3)];
    let text = String::from_utf8_lossy(text).into_owned();
    let files = starter();
    let files = files
        .files()
        .map(|(file, text)| (file.to_owned(), text.to_owned()));
    let files = files.filter(|(file, _text)| file != name);
    let Ok(bundle) = Bundle::new(files.chain([(name.to_owned(), text)])) else {
        return;
    };
    if let Ok(policy) = Policy::compile(&bundle) {
        drop(policy.on_call_at(1_790_000_000_000_000, &Feeds::new()));
    }
});
