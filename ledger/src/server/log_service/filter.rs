//! Filters of requests.

use countersign_chain::hash::{self, Hash};
use countersign_chain::kind::Kind;
use countersign_chain::principal::{Principal, PrincipalError};
use countersign_proto::convert::{TimeError, unix_micros_ceil};
use countersign_proto::v1::EntryFilter;

use crate::filter::Filter;

/// Why a filter cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::server) enum FilterError {
    /// The actor is no principal.
    #[error(transparent)]
    Actor(#[from] PrincipalError),
    /// A kind that no event can have.
    #[error("expected a kind of 1 to 159, got {got}")]
    Kind {
        /// Its position in the list.
        position: usize,
        /// The number.
        got: u32,
    },
    /// A time that is none.
    #[error("{error}")]
    Time {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        error: TimeError,
    },
    /// No entry can match.
    #[error(
        "expected since before until, got since {since} and until {until}, microseconds since 1970"
    )]
    Empty {
        /// First microsecond that is asked for.
        since: u64,
        /// First microsecond that is not.
        until: u64,
    },
}

/// The conditions of a request; none when it carries no filter. Kinds are sorted, so that the same
/// conditions are the same value.
pub(super) fn parse(filter: Option<EntryFilter>) -> Result<Filter, FilterError> {
    let EntryFilter {
        case,
        actor,
        kinds,
        since,
        until,
    } = filter.unwrap_or_default();
    let actor = if actor.is_empty() {
        None
    } else {
        Some(Principal::parse(&actor)?.as_str().to_owned())
    };
    let time = |field, value: Option<_>| {
        let micros = value.as_ref().map(unix_micros_ceil).transpose();
        micros
            .map(|micros| micros.map(|micros| micros.get()))
            .map_err(|error| FilterError::Time { field, error })
    };
    let mut numbers = kinds
        .into_iter()
        .enumerate()
        .map(|(position, got)| {
            let kind = u16::try_from(got)
                .ok()
                .and_then(|kind| Kind::new(kind).ok());
            kind.map(Kind::get)
                .ok_or(FilterError::Kind { position, got })
        })
        .collect::<Result<Vec<u16>, _>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    let (since, until) = (time("since", since)?, time("until", until)?);
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        return Err(FilterError::Empty { since, until });
    }
    Ok(Filter {
        case: (case != 0).then_some(case),
        actor,
        kinds: numbers,
        since,
        until,
    })
}

/// A digest of a question: two questions have the same one when they are the same.
pub(super) fn digest(log: &str, filter: &Filter) -> Hash {
    let Filter {
        case,
        actor,
        kinds,
        since,
        until,
    } = filter;
    let mut bytes = Vec::new();
    let mut text = |field: Option<&[u8]>| match field {
        Some(field) => {
            bytes.push(1);
            bytes.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(field);
        }
        None => bytes.push(0),
    };
    text(Some(log.as_bytes()));
    text(actor.as_deref().map(str::as_bytes));
    let kinds: Vec<u8> = kinds.iter().flat_map(|kind| kind.to_be_bytes()).collect();
    text(Some(&kinds));
    for number in [case, since, until] {
        text(
            number
                .map(u64::to_be_bytes)
                .as_ref()
                .map(|bytes| &bytes[..]),
        );
    }
    hash::digest(&bytes)
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    fn parsed(filter: EntryFilter) -> Result<Filter, FilterError> {
        parse(Some(filter))
    }

    #[test]
    fn an_empty_filter_has_no_conditions() {
        assert_eq!(parse(None), Ok(Filter::default()));
        assert_eq!(parsed(EntryFilter::default()), Ok(Filter::default()));
    }

    #[test]
    fn conditions_are_read_and_put_in_order() {
        let filter = parsed(EntryFilter {
            case: 7,
            actor: "agent:db".to_owned(),
            kinds: vec![143, 140, 143],
            since: Some(Timestamp {
                seconds: 1,
                nanos: 1,
            }),
            until: Some(Timestamp {
                seconds: 2,
                nanos: 0,
            }),
        });
        let expected = Filter {
            case: Some(7),
            actor: Some("agent:db".to_owned()),
            kinds: vec![140, 143],
            // The first microsecond that is not before the nanosecond.
            since: Some(1_000_001),
            until: Some(2_000_000),
        };
        assert_eq!(filter, Ok(expected));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let kinds = |kinds: &[u32]| {
            parsed(EntryFilter {
                kinds: kinds.to_vec(),
                ..EntryFilter::default()
            })
        };
        for got in [0, 160, 65_536 + 140] {
            assert_eq!(
                kinds(&[140, got]),
                Err(FilterError::Kind { position: 1, got })
            );
        }
        let actor = "ada".to_owned();
        let filter = EntryFilter {
            actor,
            ..EntryFilter::default()
        };
        assert!(matches!(parsed(filter), Err(FilterError::Actor(_))));
        let filter = EntryFilter {
            until: Some(Timestamp {
                seconds: -1,
                nanos: 0,
            }),
            ..EntryFilter::default()
        };
        assert!(matches!(
            parsed(filter),
            Err(FilterError::Time { field: "until", .. })
        ));
    }

    #[test]
    fn every_condition_and_the_log_change_the_digest() {
        let base = Filter::default();
        let with = |change: &dyn Fn(&mut Filter)| {
            let mut filter = base.clone();
            change(&mut filter);
            digest("main", &filter)
        };
        let digests = [
            digest("main", &base),
            digest("other", &base),
            with(&|filter| filter.case = Some(1)),
            with(&|filter| filter.since = Some(1)),
            with(&|filter| filter.until = Some(1)),
            with(&|filter| filter.kinds = vec![1]),
            with(&|filter| filter.kinds = vec![1, 2]),
            with(&|filter| filter.actor = Some("agent:a".to_owned())),
            with(&|filter| filter.actor = Some(String::new())),
        ];
        let distinct: std::collections::HashSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
        assert_eq!(digest("main", &base), digest("main", &base.clone()));
    }
}
