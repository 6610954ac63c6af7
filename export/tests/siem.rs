//! What is written for SIEMs, for every kind of event, and what others' programs say of it.
#![expect(clippy::panic, reason = "tests stop at the first surprise")]

mod siem {
    mod messages;
    mod samples;

    mod files;
    mod judges;
    mod lines;
    mod mapping;
    mod queries;
}
