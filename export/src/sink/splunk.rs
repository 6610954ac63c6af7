//! The HTTP event collector of Splunk: one JSON object for each event, one after the other.
//!
//! Its answer has a code. Code 6 names the event that it could not read; those before are indexed.

use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::kinds::SplunkConfig;
use super::http::{Answer, Caller, Settings, header};
use super::open::Origin;
use super::parcel::Parcel;
use super::{Outcome, Sink, Which};

/// Posts events to Splunk.
#[derive(Debug)]
pub(super) struct Splunk {
    caller: Caller,
    is_json: bool,
    index: Option<String>,
    sourcetype: String,
    source: String,
    host: String,
}

/// What the collector says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    text: String,
    code: Option<u32>,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<usize>,
}

impl Splunk {
    pub(super) fn new(
        config: &SplunkConfig,
        is_json: bool,
        origin: &Origin,
    ) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        let token = format!("Splunk {}", config.token.expose());
        let (name, value) = header(AUTHORIZATION.as_str(), &token)?;
        headers.insert(name, value);
        let settings = Settings {
            url: &config.url,
            tls: &config.tls,
            timeout: config.timeout,
            compression: config.compression,
        };
        let source = || format!("countersign:{}", origin.origin);
        Ok(Self {
            caller: Caller::new(&settings, headers)?,
            is_json,
            index: config.index.clone(),
            sourcetype: config.sourcetype.clone(),
            source: config.source.clone().unwrap_or_else(source),
            host: config
                .host
                .clone()
                .unwrap_or_else(|| origin.host().to_owned()),
        })
    }

    /// One event. Its text goes in as it is when it is JSON.
    fn event(&self, parcel: &Parcel) -> String {
        let micros = parcel.entry().time().get();
        let seconds = micros.checked_div(1_000_000).unwrap_or(0);
        let rest = micros.checked_rem(1_000_000).unwrap_or(0);
        let text = Value::from(parcel.text());
        let event = if self.is_json {
            parcel.text().to_owned()
        } else {
            text.to_string()
        };
        let index = self.index.as_ref();
        let index = index.map_or_else(String::new, |index| format!("\"index\":{},", json!(index)));
        format!(
            "{{\"time\":{seconds}.{rest:06},{index}\"host\":{},\"source\":{},\"sourcetype\":{},\
             \"fields\":{{\"entry\":{}}},\"event\":{event}}}\n",
            json!(self.host),
            json!(self.source),
            json!(self.sourcetype),
            json!(parcel.index().to_string()),
        )
    }
}

impl Sink for Splunk {
    async fn deliver(&mut self, parcels: &[Parcel]) -> Outcome {
        let body: String = parcels.iter().map(|parcel| self.event(parcel)).collect();
        let posted = self
            .caller
            .post("application/json", HeaderMap::new(), body.into_bytes());
        match posted.await {
            Ok(answer) => outcome(&answer, parcels.len()),
            Err(why) => Outcome::later(why),
        }
    }

    async fn probe(&mut self) -> Result<String, String> {
        self.caller.probe().await
    }
}

/// What an answer means. Only codes that speak of an event are a refusal for good; a wrong token,
/// index or channel is mended there.
fn outcome(answer: &Answer, count: usize) -> Outcome {
    let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
    let why = match (said.code, answer.status.is_success()) {
        (Some(0), true) => return Outcome::done(),
        (Some(code), _) => format!("status {}, code {code}: {}", answer.status, said.text),
        (None, true) => format!(
            "expected the answer of an event collector, got {}",
            answer.told()
        ),
        (None, false) => answer.told(),
    };
    let too_large = answer.status == reqwest::StatusCode::PAYLOAD_TOO_LARGE;
    match (said.code, said.invalid.filter(|number| *number < count)) {
        (Some(6), Some(delivered)) => Outcome::Refused {
            delivered,
            which: Which::First,
            why,
        },
        // No data, invalid data, no event field, a blank one, bad indexed fields.
        (Some(5 | 6 | 12 | 13 | 15), _) => Outcome::Refused {
            delivered: 0,
            which: Which::Some,
            why,
        },
        _ if too_large => Outcome::Refused {
            delivered: 0,
            which: Which::Some,
            why,
        },
        _ => Outcome::later(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Outcome {
        let status = reqwest::StatusCode::from_u16(status).expect("a status");
        outcome(&Answer::of(status, body), 10)
    }

    #[test]
    fn answers_are_read_as_the_collector_means_them() {
        let refused = |outcome: &Outcome| match outcome {
            Outcome::Refused {
                delivered, which, ..
            } => Some((*delivered, *which)),
            Outcome::Delivered { .. } | Outcome::Later { .. } => None,
        };
        assert_eq!(
            judged(200, r#"{"text":"Success","code":0}"#),
            Outcome::done()
        );
        let sixth = r#"{"text":"Invalid data format","code":6,"invalid-event-number":6}"#;
        assert_eq!(refused(&judged(400, sixth)), Some((6, Which::First)));
        let beyond = r#"{"text":"Invalid data format","code":6,"invalid-event-number":10}"#;
        assert_eq!(refused(&judged(400, beyond)), Some((0, Which::Some)));
        for (status, body) in [
            (400, r#"{"text":"Event field is required","code":12}"#),
            (413, "too large"),
        ] {
            assert_eq!(
                refused(&judged(status, body)),
                Some((0, Which::Some)),
                "{body}"
            );
        }
        // Wrong settings and bad days are no reason to put anything aside.
        for (status, body) in [
            (400, r#"{"text":"Incorrect index","code":7}"#),
            (400, "no JSON"),
            (401, r#"{"text":"Token is required","code":2}"#),
            (403, r#"{"text":"Invalid token","code":4}"#),
            (503, r#"{"text":"Server is busy","code":9}"#),
            (200, "<html>a proxy</html>"),
            (200, r#"{"text":"No data","code":9}"#),
        ] {
            let outcome = judged(status, body);
            assert!(
                matches!(outcome, Outcome::Later { .. }),
                "{body}: {outcome:?}"
            );
        }
    }
}
