//! The header behind the version, structured data and message of RFC 5424, section 6.

use jiff::Timestamp;

use super::message::{MessageError, put_message};
use crate::input::record::{Fields, Understood};

/// RFC 5424, section 6.3.2.
const MAX_SD_NAME: usize = 32;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads what follows `<PRI>1 `.
pub(super) fn read(rest: &[u8], understood: &mut Understood) -> Result<(), MessageError> {
    let (time, rest) = word(rest, "a time")?;
    understood.observed_at = timestamp(time)?;
    let fields = &mut understood.fields;
    let (name, rest) = word(rest, "a host name")?;
    fields.put_some("hostname", header(name, "a host name", 255)?);
    let (name, rest) = word(rest, "an application name")?;
    fields.put_some("app_name", header(name, "an application name", 48)?);
    let (name, rest) = word(rest, "a process id")?;
    fields.put_some("procid", header(name, "a process id", 128)?);
    let (name, rest) = word(rest, "a message id")?;
    fields.put_some("msgid", header(name, "a message id", 32)?);
    let rest = structured(rest, fields)?;
    let message = match rest {
        [] => return Ok(()),
        [b' ', message @ ..] => message,
        _ => return Err(MessageError::NoSpace),
    };
    let marked = message.strip_prefix(BOM);
    put_message(fields, marked.unwrap_or(message));
    if marked.is_some_and(|text| std::str::from_utf8(text).is_err()) {
        return Err(MessageError::NotUtf8);
    }
    Ok(())
}

/// The bytes up to the next space, and what is behind it.
fn word<'a>(rest: &'a [u8], name: &'static str) -> Result<(&'a [u8], &'a [u8]), MessageError> {
    let end = rest.iter().position(|byte| *byte == b' ');
    let (word, rest) = rest.split_at(end.ok_or(MessageError::Header(name))?);
    Ok((word, &rest[1..]))
}

/// A part of the header; `None` for the nil value.
fn header<'a>(
    word: &'a [u8],
    name: &'static str,
    max: usize,
) -> Result<Option<&'a str>, MessageError> {
    let visible = word.iter().all(u8::is_ascii_graphic);
    let text = std::str::from_utf8(word).ok();
    match text.filter(|text| visible && !text.is_empty() && text.len() <= max) {
        Some("-") => Ok(None),
        Some(text) => Ok(Some(text)),
        None => Err(MessageError::Name {
            name,
            max,
            got: word.len(),
        }),
    }
}

/// RFC 5424, section 6.2.3: RFC 3339 with upper-case letters, at most six digits behind the point,
/// no leap second.
fn timestamp(word: &[u8]) -> Result<Option<Timestamp>, MessageError> {
    if word == b"-" {
        return Ok(None);
    }
    let text = std::str::from_utf8(word).ok().ok_or(MessageError::Time)?;
    let (date, behind) = text.split_at_checked(19).ok_or(MessageError::Time)?;
    let is_date = date.bytes().zip("dddd-dd-ddTdd:dd:dd".bytes());
    let is_date = is_date.fold(true, |so_far, (byte, form)| {
        so_far && (byte == form || (form == b'd' && byte.is_ascii_digit()))
    });
    let zone = match behind.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            (1..=6).contains(&digits).then(|| &fraction[digits..])
        }
        None => Some(behind),
    };
    let is_zone = zone.is_some_and(|zone| {
        let bytes = zone.as_bytes();
        zone == "Z"
            || (zone.len() == 6
                && matches!(bytes[0], b'+' | b'-')
                && bytes[3] == b':'
                && [1, 2, 4, 5].iter().all(|at| bytes[*at].is_ascii_digit()))
    });
    if !is_date || !is_zone || date.ends_with(":60") {
        return Err(MessageError::Time);
    }
    let time = text.parse().ok().ok_or(MessageError::Time)?;
    Ok(Some(time))
}

/// Structured data; returns what is behind it.
fn structured<'a>(rest: &'a [u8], fields: &mut Fields) -> Result<&'a [u8], MessageError> {
    if let Some(rest) = rest.strip_prefix(b"-") {
        return Ok(rest);
    }
    if !rest.starts_with(b"[") {
        return Err(MessageError::Data("- or ["));
    }
    let mut rest = rest;
    while let Some(inside) = rest.strip_prefix(b"[") {
        rest = element(inside, fields)?;
    }
    Ok(rest)
}

/// One element behind its bracket; returns what is behind the closing one.
fn element<'a>(inside: &'a [u8], fields: &mut Fields) -> Result<&'a [u8], MessageError> {
    let (id, mut rest) = sd_name(inside)?;
    // An element without parameters says something by being there.
    if rest.starts_with(b"]") {
        fields.put(&format!("sd.{id}"), "");
    }
    loop {
        match rest {
            [b']', rest @ ..] => return Ok(rest),
            [b' ', inside @ ..] => {
                let (name, inside) = sd_name(inside)?;
                let inside = inside.strip_prefix(b"=\"");
                let inside = inside.ok_or(MessageError::Data("=\" behind a name"))?;
                let (value, behind) = sd_value(inside)?;
                fields.put(&format!("sd.{id}.{name}"), value);
                rest = behind;
            }
            _ => return Err(MessageError::Data("a space or ]")),
        }
    }
}

/// RFC 5424, section 6.3: 1 to 32 visible characters without `=`, space, `]` and `"`.
fn sd_name(rest: &[u8]) -> Result<(&str, &[u8]), MessageError> {
    let is_name = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"');
    let len = rest.iter().take_while(|byte| is_name(byte)).count();
    let (name, rest) = rest.split_at(len);
    match std::str::from_utf8(name) {
        Ok(name) if (1..=MAX_SD_NAME).contains(&name.len()) => Ok((name, rest)),
        Ok(_) | Err(_) => Err(MessageError::Data("a name of 1 to 32 characters")),
    }
}

/// A value up to its closing quote, and what is behind it. A backslash guards `"`, `\` and `]`; in
/// front of anything else it stands for itself.
fn sd_value(rest: &[u8]) -> Result<(String, &[u8]), MessageError> {
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match rest[at..] {
            [b'"', ..] => break,
            [b'\\', guarded @ (b'"' | b'\\' | b']'), ..] => {
                value.push(guarded);
                at += 2;
            }
            // RFC 5424, section 6.3.3: a bracket must be guarded.
            [b']', ..] => return Err(MessageError::Data("\\ before ] in a value")),
            [byte, ..] => {
                value.push(byte);
                at += 1;
            }
            [] => return Err(MessageError::Data("a closing quote")),
        }
    }
    let value = String::from_utf8(value);
    let value = value.ok().ok_or(MessageError::Data("UTF-8 in a value"))?;
    Ok((value, &rest[at + 1..]))
}
