//! Whether a value behind a name is a secret, or a placeholder, a word of prose or a piece of code.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD};

use crate::limits::REDACT_VALUE;

/// Base64 of the header, with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Values that say that there is none, and words that follow a name in prose.
const WORDS: [&str; 47] = [
    "and",
    "any",
    "authentication",
    "bool",
    "boolean",
    "bytes",
    "changed",
    "char",
    "empty",
    "enter",
    "expired",
    "false",
    "for",
    "hidden",
    "incorrect",
    "int",
    "invalid",
    "is",
    "masked",
    "missing",
    "must",
    "new",
    "nil",
    "no",
    "none",
    "not",
    "null",
    "number",
    "off",
    "on",
    "or",
    "prompt",
    "redacted",
    "removed",
    "required",
    "str",
    "string",
    "text",
    "the",
    "true",
    "undefined",
    "unset",
    "varchar",
    "was",
    "wrong",
    "yes",
    "expected",
];

/// Ends of names whose value is about a secret and is none.
const ABOUT: [&str; 41] = [
    "algorithm",
    "age",
    "arn",
    "attempts",
    "auth",
    "authentication",
    "count",
    "created",
    "dir",
    "encryption",
    "endpoint",
    "expires",
    "expiry",
    "field",
    "file",
    "format",
    "hint",
    "id",
    "label",
    "len",
    "length",
    "limit",
    "manager",
    "max",
    "min",
    "name",
    "names",
    "path",
    "policy",
    "prompt",
    "ref",
    "required",
    "rotation",
    "size",
    "store",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "version",
];

/// Words in a name before `key` or `token` that make it none of a secret.
const HARMLESS: [&str; 17] = [
    "pkeyopt",
    "pub",
    "public",
    "primary",
    "foreign",
    "partition",
    "sort",
    "cache",
    "idempotency",
    "page",
    "next",
    "continuation",
    "resume",
    "row",
    "object",
    "group",
    "finger",
];

/// Words in a name that make a `key` one of a secret.
const SECRET: [&str; 26] = [
    "access", "account", "admin", "api", "app", "auth", "client", "cred", "crypt", "deploy",
    "hmac", "host", "license", "master", "merchant", "passw", "private", "secret", "server",
    "service", "session", "shared", "sign", "storage", "webhook", "write",
];

/// A name and its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    /// The whole name, of which the keyword is a part.
    pub(super) name: &'a [u8],
    /// What stands between name and value.
    pub(super) sign: &'a [u8],
    /// Whether the name is an option of a command.
    pub(super) option: bool,
    /// The quote around the value.
    pub(super) quote: Option<u8>,
    /// At most [`REDACT_VALUE`] bytes of the value.
    pub(super) value: &'a [u8],
}

/// A password: anything that is not plainly something else.
pub(super) fn password(pair: &Pair<'_>) -> bool {
    let signed = pair
        .sign
        .iter()
        .any(|byte| matches!(byte, b'=' | b':' | b'(' | b'>'));
    // `passwd(1)` is a page of a manual.
    let page = pair.sign.contains(&b'(') && pair.quote.is_none();
    let set = signed && !page || pair.option || pair.quote == Some(b'\'');
    set && !is_about(pair.name) && is_value(pair)
}

/// As [`password`], for short names that are also those of a folder, `PWD`, or words of prose.
pub(super) fn short_password(pair: &Pair<'_>) -> bool {
    let path = matches!(pair.value, [b'/' | b'~'])
        || [&b"/"[..], b"~/", b"./", b"../"]
            .iter()
            .any(|start| pair.value.starts_with(start))
        || matches!(pair.value, [_, b':', b'\\' | b'/', ..]);
    // Tests pass so many times, and time may pass: both are said without quotes.
    let count = pair.value.len() < 6 && pair.value.iter().all(u8::is_ascii_digit);
    let said = pair.quote.is_none()
        && pair.sign.ends_with(b" ")
        && pair.value.iter().all(u8::is_ascii_alphabetic);
    !path && !count && !said && password(pair)
}

/// A secret or a token: a value of eight characters or more that nobody would use as a word.
pub(super) fn token(pair: &Pair<'_>) -> bool {
    let name = pair.name.to_ascii_lowercase();
    let signed = pair
        .sign
        .iter()
        .any(|byte| matches!(byte, b'=' | b':' | b'(' | b'>'));
    (signed || pair.option)
        && !is_about(pair.name)
        && !HARMLESS.iter().any(|word| contains(&name, word))
        && is_value(pair)
        && is_random(pair.value)
}

/// A key: as a token, when its name says that it is one; otherwise nothing but a long value of
/// capital and small letters and digits.
pub(super) fn key(pair: &Pair<'_>) -> bool {
    let named = |name: &[u8]| SECRET.iter().any(|word| contains(name, word));
    let has = |is: fn(&u8) -> bool| pair.value.iter().any(is);
    token(pair)
        && !is_verifier(pair.value)
        && (named(&pair.name.to_ascii_lowercase())
            || pair.value.len() >= 20
                && has(u8::is_ascii_uppercase)
                && has(u8::is_ascii_lowercase)
                && entropy(pair.value) >= 3.5)
}

/// Whether this is the verifier key of a signed note, which everybody may know:
/// `name+1f2e3d4c+base64`.
fn is_verifier(value: &[u8]) -> bool {
    let mut parts = value.splitn(3, |byte| *byte == b'+');
    let (name, id) = (parts.next(), parts.next());
    name.is_some_and(|name| !name.is_empty())
        && id.is_some_and(|id| id.len() == 8 && id.iter().all(u8::is_ascii_hexdigit))
        && parts.next().is_some_and(|data| data.starts_with(b"A"))
}

/// What follows `IDENTIFIED BY`: SQL in capitals, or a text in SQL's quotes; others say in prose
/// that something is identified by something.
pub(super) fn sql(pair: &Pair<'_>) -> bool {
    let capitals = pair.name.iter().all(u8::is_ascii_uppercase);
    is_value(pair) && (capitals || pair.quote == Some(b'\''))
}

/// A word behind `bearer`.
pub(super) fn bearer(pair: &Pair<'_>) -> bool {
    pair.value.len() >= 16 && is_value(pair) && is_random(pair.value)
}

/// Base64 of `user:password`.
pub(super) fn basic(pair: &Pair<'_>) -> bool {
    is_basic(pair.value)
}

/// Whether this is the base64 of `user:password`.
pub(super) fn is_basic(value: &[u8]) -> bool {
    let value = match value.len() {
        // What is judged of a long one may end within a group of four.
        REDACT_VALUE.. => &value[..REDACT_VALUE],
        _ => value,
    };
    LENIENT
        .decode(value)
        .or_else(|_| STANDARD.decode(value))
        .is_ok_and(|text| {
            let colon = text.iter().position(|byte| *byte == b':');
            colon.is_some_and(|colon| colon + 1 < text.len())
                && std::str::from_utf8(&text).is_ok_and(|text| !text.chars().any(char::is_control))
        })
}

/// Anything that is no placeholder.
pub(super) fn any(pair: &Pair<'_>) -> bool {
    is_value(pair)
}

/// A password of a command line, which is no number of a user or port.
pub(super) fn argument(pair: &Pair<'_>) -> bool {
    is_value(pair) && !pair.value.iter().all(u8::is_ascii_digit)
}

/// Whether characters look drawn at random: eight or more, letters with digits or many different
/// ones, and no path.
pub(super) fn is_random(value: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    // A name of joined words has fewer capitals.
    let capitals = || {
        value
            .iter()
            .filter(|byte| byte.is_ascii_uppercase())
            .count()
    };
    let mixed =
        || value.len() >= 20 && has(u8::is_ascii_lowercase) && capitals() * 10 >= value.len() * 3;
    let path = || matches!(value, [b'/' | b'~' | b'.' | b'@', ..]) || contains(value, "://");
    let needed = if value.len() < 16 { 2.5 } else { 3.0 };
    value.len() >= 8
        && (has(u8::is_ascii_digit) || mixed())
        && has(u8::is_ascii_alphabetic)
        && !value.contains(&b' ')
        && !path()
        && entropy(value) >= needed
}

/// Shannon's entropy in bits per byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let all = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let counts = counts.iter().filter(|count| **count > 0);
    let shares = counts.map(|count| f64::from(*count) / all);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

fn contains(text: &[u8], word: &str) -> bool {
    memchr::memmem::find(text, word.as_bytes()).is_some()
}

/// Whether the name is that of something about a secret: `PASSWORD_FILE`, `token_type`, `keyId`.
fn is_about(name: &[u8]) -> bool {
    let last = name
        .iter()
        .rposition(|byte| matches!(byte, b'_' | b'-' | b'.'))
        .map_or(0, |at| at + 1);
    let word = &name[last..];
    // A capital within a word begins the last one.
    let hump = word.iter().rposition(u8::is_ascii_uppercase).filter(|at| {
        at.checked_sub(1)
            .is_some_and(|before| word[before].is_ascii_lowercase())
    });
    let word = word[hump.unwrap_or(0)..].to_ascii_lowercase();
    ABOUT.iter().any(|about| about.as_bytes() == word)
}

/// Whether the value is there, and is no placeholder and no code.
fn is_value(pair: &Pair<'_>) -> bool {
    let value = pair.value;
    let Some((first, last)) = value.first().zip(value.last()) else {
        return false;
    };
    let word = value.to_ascii_lowercase();
    let word = word.trim_ascii_end();
    let word = word.strip_suffix(b".").unwrap_or(word);
    let filled = value.iter().all(|byte| byte == first)
        && matches!(first, b'*' | b'x' | b'X' | b'.' | b'-' | b'#' | b'?' | b'_');
    let marked = matches!(value, [b'[', b'r' | b'R', b'e' | b'E', b'd' | b'D', ..]);
    let variable = match first {
        b'$' => value.get(1).is_some_and(|next| {
            matches!(next, b'{' | b'(') || next.is_ascii_uppercase() && is_name(&value[1..])
        }),
        b'{' => value.starts_with(b"{{"),
        b'<' => *last == b'>',
        b'(' => pair.quote.is_none() && pair.sign.ends_with(b" "),
        b'%' => matches!(value, b"%s" | b"%d" | b"%v" | b"%q" | b"%(s" | b"%p"),
        b'=' | b'|' | b'&' | b':' => true,
        _ => false,
    };
    let said = pair.quote.is_none() && WORDS.iter().any(|other| other.as_bytes() == word);
    !(filled || marked || variable || said || pair.quote.is_none() && is_code(value, pair.sign))
}

fn is_name(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Whether a value without quotes is a call, an index, a field or a type of a program.
fn is_code(value: &[u8], sign: &[u8]) -> bool {
    let head = value
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':')))
        .unwrap_or(value.len());
    let names = &value[..head];
    let named = names
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let bracket = |byte: Option<&u8>| matches!(byte, Some(b'(' | b'['));
    let macros = value.get(head) == Some(&b'!') && bracket(value.get(head + 1));
    let call = named && (macros || bracket(value.get(head)));
    let lower = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    // Assignments of a shell have no spaces around the sign.
    let spaced = sign.ends_with(b" ") || sign.contains(&b'(');
    let parts = names.split(|byte| *byte == b'.');
    let field = head == value.len()
        && names.contains(&b'.')
        && parts
            .clone()
            .all(|part| !part.is_empty() && part.iter().all(lower));
    let reference = matches!(value, [b'&' | b'*', ..]) && is_name(&value[1..]);
    let path = named && contains(names, "::");
    call || spaced && (field || reference || path)
}

#[cfg(test)]
mod tests;
