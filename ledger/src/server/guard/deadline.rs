//! Deadlines of calls: the `grpc-timeout` header (gRPC over HTTP/2, "Timeout").

use std::time::Duration;

use countersign_proto::reason::{Reason, refusal};
use http::HeaderMap;
use tonic::Status;

use crate::identity::role::Deadline;
use crate::limits::MAX_UNARY_DEADLINE;

const HEADER: &str = "grpc-timeout";

/// How long the caller waits; `None` when it does not say and need not.
pub(super) fn of(headers: &HeaderMap, rule: Deadline) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(HEADER) else {
        return match rule {
            Deadline::Optional => Ok(None),
            Deadline::Required => Err(missing("the call carries no grpc-timeout")),
        };
    };
    let wait = value.to_str().ok().and_then(parse).ok_or_else(|| {
        missing("grpc-timeout does not parse; expected 1 to 8 digits and one of H, M, S, m, u, n")
    })?;
    if rule == Deadline::Required && wait > MAX_UNARY_DEADLINE {
        return Err(refusal(
            Reason::DeadlineTooLong,
            format!("grpc-timeout is {wait:?}; expected at most {MAX_UNARY_DEADLINE:?}"),
            "set a deadline of an hour or less",
        ));
    }
    Ok(Some(wait))
}

fn missing(message: &str) -> Status {
    refusal(
        Reason::DeadlineMissing,
        message,
        "set a deadline on every unary call",
    )
}

fn parse(text: &str) -> Option<Duration> {
    let unit = text.char_indices().next_back()?;
    let digits = text.get(..unit.0)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match unit.1 {
        'H' => Some(Duration::from_secs(value * 3_600)),
        'M' => Some(Duration::from_secs(value * 60)),
        'S' => Some(Duration::from_secs(value)),
        'm' => Some(Duration::from_millis(value)),
        'u' => Some(Duration::from_micros(value)),
        'n' => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::reason::reason_of;
    use http::HeaderValue;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), value)])
    }

    #[test]
    fn every_unit_is_read() {
        let cases = [
            ("1H", Duration::from_secs(3_600)),
            ("60M", Duration::from_secs(3_600)),
            ("3600S", Duration::from_secs(3_600)),
            ("99999999m", Duration::from_millis(99_999_999)),
            ("0S", Duration::ZERO),
            ("7u", Duration::from_micros(7)),
            ("99999999n", Duration::from_nanos(99_999_999)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_counts_as_missing() {
        for text in [
            "",
            "S",
            "5",
            "-1S",
            "+1S",
            "1s",
            "1 S",
            "123456789S",
            "1.5S",
            "5é",
        ] {
            for rule in [Deadline::Required, Deadline::Optional] {
                let status = of(&headers(text), rule).expect_err(text);
                assert_eq!(reason_of(&status), Some(Reason::DeadlineMissing), "{text}");
            }
        }
    }

    #[test]
    fn unary_calls_need_one_of_at_most_an_hour() {
        let none = of(&HeaderMap::new(), Deadline::Required).expect_err("no deadline");
        assert_eq!(reason_of(&none), Some(Reason::DeadlineMissing));
        let long = of(&headers("3601S"), Deadline::Required).expect_err("too long");
        assert_eq!(reason_of(&long), Some(Reason::DeadlineTooLong));
        let hour = of(&headers("1H"), Deadline::Required).expect("an hour is fine");
        assert_eq!(hour, Some(Duration::from_secs(3_600)));
    }

    #[test]
    fn streams_may_go_without_or_longer() {
        assert_eq!(
            of(&HeaderMap::new(), Deadline::Optional).expect("none is fine"),
            None
        );
        let day = of(&headers("24H"), Deadline::Optional).expect("a day is fine");
        assert_eq!(day, Some(Duration::from_secs(86_400)));
    }
}
