//! Why somebody else's server gave no answer.

/// An error with what is behind it, and without the address.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    if error.is_timeout() {
        words.push("no answer in time".to_owned());
    }
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    if words.is_empty() {
        words.push("no answer".to_owned());
    }
    words.join(": ")
}
