//! Rows of the policy service.

use countersign_proto::reason::Reason;
use countersign_proto::v1::{self, PolicyFile, PutPolicyRequest};

use super::cases::{People, starter};
use super::{call, long};
use crate::door::request;
use crate::table::Table;

fn file(name: &str, text: impl Into<String>) -> PolicyFile {
    PolicyFile {
        name: name.to_owned(),
        text: text.into(),
    }
}

/// The starter, with some text of one of its files changed.
fn changed(name: &str, from: &str, to: &str) -> Vec<PolicyFile> {
    let mut files = starter();
    let file = files.iter_mut().find(|file| file.name == name);
    let file = file.expect("a file of the starter");
    assert!(file.text.contains(from), "{name} has no {from:?}");
    file.text = file.text.replacen(from, to, 1);
    files
}

/// The starter with another file.
fn with(name: &str, text: impl Into<String>) -> Vec<PolicyFile> {
    let mut files = starter();
    files.push(file(name, text));
    files
}

/// Letters that do not pack well.
fn noise(bytes: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let letters = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + u8::try_from(state % 90).expect("small"))
    });
    letters.take(bytes).collect()
}

/// What is wrong, and the files.
type Wrong = (&'static str, Vec<PolicyFile>);

/// Files that are no bundle.
fn no_bundles() -> Vec<Wrong> {
    let without = |name: &str| {
        let files = starter().into_iter();
        files.filter(|file| file.name != name).collect::<Vec<_>>()
    };
    let many = (0..64).map(|n| file(&format!("f{n}"), "")).collect();
    let packed = noise(60_000);
    vec![
        ("no files", Vec::new()),
        ("65 files", [vec![file("a.cedar", "")], many].concat()),
        ("a file without a name", with("", "x")),
        ("a file in a folder", with("policies/more.cedar", "x")),
        ("a file above its folder", with("../more.cedar", "x")),
        ("a file in capitals", with("README.md", "x")),
        ("a file of 65 letters", with(&long(65), "x")),
        ("a file of 100,000 letters", with(&long(100_000), "x")),
        ("a file twice", with("access.cedar", "x")),
        ("1 MiB and more", with("more.md", long(1 << 20))),
        ("more than 44 KiB when packed", with("more.md", packed)),
        ("no policies", without("access.cedar")),
        ("no people", without("entities.json")),
    ]
}

/// The starter with one thing wrong: what, in which file, and the texts before and after.
const SLIPS: [(&str, &str, &str, &str); 16] = [
    (
        "a text without end",
        "access.cedar",
        "@id(\"auditors\")",
        "@id(\"auditors",
    ),
    ("no id", "access.cedar", "@id(\"auditors\")\n", ""),
    (
        "an id twice",
        "access.cedar",
        "@id(\"auditors\")",
        "@id(\"staging\")",
    ),
    (
        "an annotation of no meaning",
        "access.cedar",
        "@max_extensions(",
        "@max_extension(",
    ),
    (
        "a duration of no unit",
        "access.cedar",
        "@max_duration(\"8h\")",
        "@max_duration(\"8\")",
    ),
    (
        "a duration of nothing",
        "access.cedar",
        "@max_duration(\"8h\")",
        "@max_duration(\"0s\")",
    ),
    (
        "a duration beyond all",
        "access.cedar",
        "@max_duration(\"8h\")",
        "@max_duration(\"91d\")",
    ),
    (
        "approvals of nobody",
        "access.cedar",
        "security:1, team-leads:1",
        "security:0",
    ),
    (
        "approvals of no group",
        "access.cedar",
        "security:1, team-leads:1",
        "nobody:1",
    ),
    (
        "an attribute of no meaning",
        "access.cedar",
        "context.has_ticket",
        "context.has_tickets",
    ),
    ("people that are no JSON", "entities.json", "[", "{"),
    (
        "people of no type",
        "entities.json",
        "\"Person\", \"id\": \"ada\"",
        "\"Cat\", \"id\": \"a\"",
    ),
    (
        "a zone of nowhere",
        "entities.json",
        "Europe/Berlin",
        "Europe/Atlantis",
    ),
    (
        "a calendar that is not there",
        "entities.json",
        "on-call.ics",
        "off-call.ics",
    ),
    (
        "a calendar that breaks off",
        "on-call.ics",
        "END:VCALENDAR",
        "",
    ),
    (
        "an account of two people",
        "entities.json",
        "user:chen.wei@example.com",
        "user:ada",
    ),
];

fn bundles() -> Vec<Wrong> {
    let deep = format!("{}true{}", "(".repeat(200), ")".repeat(200));
    let mut all = no_bundles();
    let slips = SLIPS.map(|(what, file, from, to)| (what, changed(file, from, to)));
    all.extend(slips);
    let large = format!("// {}", long(65 << 10));
    all.push(("policies of 65 KiB", with("more.cedar", large)));
    let deep = changed("access.cedar", "context.has_ticket", &deep);
    all.push(("brackets without end", deep));
    all
}

fn put(files: Vec<PolicyFile>) -> PutPolicyRequest {
    PutPolicyRequest {
        call: call(),
        files,
        ..PutPolicyRequest::default()
    }
}

/// Bundles that are none, or that nobody could want.
pub(crate) async fn bad_bundles(table: &mut Table<'_>, people: &People) {
    let admin = &people.admin;
    for (what, files) in bundles() {
        let answer = async { admin.policy().put_policy(request(put(files))).await };
        let what = format!("put_policy: {what}");
        table.row(&what, admin, Reason::PolicyInvalid, answer).await;
    }
    let large = put(with("more.md", long(5 << 20)));
    let answer = async { admin.policy().put_policy(request(large)).await };
    let what = "put_policy: 5 MiB";
    table
        .row(what, admin, Reason::MessageTooLarge, answer)
        .await;
    let expected = PutPolicyRequest {
        expected: 7,
        ..put(starter())
    };
    let answer = async { admin.policy().put_policy(request(expected)).await };
    let what = "put_policy: instead of one that is not there";
    table.row(what, admin, Reason::PolicyConflict, answer).await;
    let locked = starter().into_iter().map(|mut file| {
        if file.name == "entities.json" {
            file.text = file
                .text
                .replace("\"environment\": \"", "\"environment\": \"old-");
        }
        file
    });
    let locked = put(locked.collect());
    let answer = async { admin.policy().put_policy(request(locked)).await };
    let what = "put_policy: nobody gets anything";
    table
        .told(what, admin, Reason::PolicyLocksOut, answer)
        .await;
}

/// What there is to refuse once a policy is in force.
pub(crate) async fn rows(table: &mut Table<'_>, people: &People) {
    let admin = &people.admin;
    let same = put(starter());
    let answer = async { admin.policy().put_policy(request(same)).await };
    let what = "put_policy: what is in force";
    table
        .row(what, admin, Reason::PolicyUnchanged, answer)
        .await;
    let stale = PutPolicyRequest {
        expected: 1,
        ..put(with("more.md", "more"))
    };
    let answer = async { admin.policy().put_policy(request(stale)).await };
    let what = "put_policy: instead of another one";
    table.row(what, admin, Reason::PolicyConflict, answer).await;
    for (what, index) in [("the first entry", 1), ("the last index", u64::MAX)] {
        let call = v1::GetPolicyRequest {
            index,
            ..v1::GetPolicyRequest::default()
        };
        let answer = async { admin.policy().get_policy(request(call)).await };
        let what = format!("get_policy: {what}");
        table.row(&what, admin, Reason::IdUnknown, answer).await;
    }
}
