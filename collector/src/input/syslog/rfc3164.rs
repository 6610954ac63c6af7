//! What programs send that follow RFC 3164: a time without year or zone, perhaps a host, a tag.
//!
//! RFC 3164 describes what was seen, and asks nothing. Taken are the forms of `syslog(3)` and
//! `logger` on a local socket (no host), of the forwarding of rsyslog with the old and with the RFC
//! 3339 time, and anything else as a message without parts.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::message::{Arrival, MessageError, put_message};
use crate::input::record::{Fields, Understood};

/// Bytes of `Mmm dd hh:mm:ss`.
const OLD_TIME: usize = 15;
/// RFC 3164, section 4.1.3, speaks of 32 characters; units of systemd have longer names.
const MAX_TAG: usize = 255;
const MAX_HOST: usize = 255;

/// Reads what follows `<PRI>`.
pub(super) fn read(
    rest: &[u8],
    arrival: Arrival<'_>,
    understood: &mut Understood,
) -> Result<(), MessageError> {
    let (time, rest) = time(rest, arrival);
    understood.observed_at = time;
    let text = std::str::from_utf8(rest);
    let content = match text {
        Ok(text) if time.is_some() => header(text, &mut understood.fields),
        // Without a time nothing says that the first words are a host and a tag.
        Ok(text) => tag(text, &mut understood.fields).unwrap_or(text),
        Err(_) => {
            put_message(&mut understood.fields, rest);
            return Err(MessageError::NotText);
        }
    };
    put_message(&mut understood.fields, content.as_bytes());
    Ok(())
}

/// The time at the beginning, and what is behind it and a space.
fn time<'a>(rest: &'a [u8], arrival: Arrival<'_>) -> (Option<Timestamp>, &'a [u8]) {
    let found = old_time(rest, arrival).or_else(|| new_time(rest));
    match found {
        Some((time, rest)) => (Some(time), rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (None, rest),
    }
}

/// `Nov 27 02:30:00` in the zone of the arrival, in the year that brings it next to the arrival.
fn old_time<'a>(rest: &'a [u8], arrival: Arrival<'_>) -> Option<(Timestamp, &'a [u8])> {
    let (word, rest) = rest.split_at_checked(OLD_TIME)?;
    if !(rest.is_empty() || rest.starts_with(b" ")) {
        return None;
    }
    let word = std::str::from_utf8(word).ok()?;
    let year = arrival.received.to_zoned(arrival.zone.clone()).year();
    let distance = |time: &Timestamp| arrival.received.duration_since(*time).abs();
    let times = [year - 1, year, year + 1].into_iter();
    let times = times.filter_map(|year| in_year(word, year, arrival.zone));
    let time = times.min_by_key(distance)?;
    // February 29 may be years away; half a year is as far as the nearest year can be.
    let near = distance(&time) <= SignedDuration::from_hours(24 * 184);
    near.then_some((time, rest))
}

fn in_year(word: &str, year: i16, zone: &TimeZone) -> Option<Timestamp> {
    let local = DateTime::strptime("%Y %b %e %H:%M:%S", format!("{year} {word}")).ok()?;
    local.to_zoned(zone.clone()).ok().map(|at| at.timestamp())
}

/// `2026-11-27T02:30:00.123456+01:00`, as rsyslog forwards.
fn new_time(rest: &[u8]) -> Option<(Timestamp, &[u8])> {
    let end = rest.iter().position(|byte| *byte == b' ')?;
    let (word, rest) = rest.split_at(end);
    let word = std::str::from_utf8(word).ok()?;
    let is_time = word.len() >= 20 && word.as_bytes()[10] == b'T';
    let time = word.parse().ok().filter(|_| is_time)?;
    Some((time, rest))
}

/// `host tag[pid]: content` or `tag[pid]: content`; returns the content.
fn header<'a>(text: &'a str, fields: &mut Fields) -> &'a str {
    if let Some(content) = tag(text, fields) {
        return content;
    }
    let Some((host, rest)) = text.split_once(' ') else {
        return text;
    };
    let is_host = !host.is_empty()
        && host.len() <= MAX_HOST
        && host.bytes().all(|byte| byte.is_ascii_graphic())
        && !host.contains([':', '[', '(', '<', '"'])
        || host.parse::<std::net::IpAddr>().is_ok();
    if !is_host {
        return text;
    }
    fields.put("hostname", host);
    tag(rest, fields).unwrap_or(rest)
}

/// `tag:` or `tag[pid]:` at the beginning; returns what is behind it.
fn tag<'a>(text: &'a str, fields: &mut Fields) -> Option<&'a str> {
    let (word, content) = match text.split_once(": ") {
        Some(parts) => parts,
        None => (text.strip_suffix(':')?, ""),
    };
    let (name, pid) = match word.strip_suffix(']') {
        Some(open) => {
            let (name, pid) = open.split_once('[')?;
            (name, Some(pid))
        }
        None => (word, None),
    };
    let is_name = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'[' | b']' | b':' | b'<');
    let good = (1..=MAX_TAG).contains(&name.len()) && name.bytes().all(is_name);
    let good_pid = pid.is_none_or(|pid| pid.bytes().all(|byte| byte.is_ascii_graphic()));
    if !good || !good_pid {
        return None;
    }
    fields.put("app_name", name).put_some("procid", pid);
    Some(content)
}
