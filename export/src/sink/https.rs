//! A web service of any kind: a JSON array or lines, signed.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::clock::Clock;
use super::config::kinds::{Body, HttpsConfig};
use super::config::secret::Secret;
use super::http::{Answer, Caller, Settings, header};
use super::open::Origin;
use super::parcel::{Parcel, end, first};
use super::sign::Signer;
use super::{Outcome, Sink, Which};

/// Posts batches to a web service.
#[derive(Debug)]
pub(super) struct Https {
    caller: Caller,
    signer: Option<Signer>,
    body: Body,
    log: String,
    clock: Clock,
}

impl Https {
    pub(super) fn new(
        config: &HttpsConfig,
        is_json: bool,
        origin: &Origin,
        clock: &Clock,
    ) -> Result<Self, String> {
        if config.body == Body::Array && !is_json {
            return Err(
                "entries in this encoding do not fit into a JSON array; choose https.body = \
                 \"lines\", or the encoding json"
                    .to_owned(),
            );
        }
        let settings = Settings {
            url: &config.url,
            tls: &config.tls,
            timeout: config.timeout,
            compression: config.compression,
        };
        let headers = headers(&config.headers, config.bearer_token.as_ref())?;
        let secret = config.signing_secret.as_ref().map(Secret::expose);
        Ok(Self {
            caller: Caller::new(&settings, headers)?,
            signer: secret.map(Signer::parse).transpose()?,
            body: config.body,
            log: origin.log.clone(),
            clock: clock.clone(),
        })
    }

    async fn post(&self, parcels: &[Parcel]) -> Result<Answer, String> {
        let (content_type, body) = match self.body {
            Body::Array => ("application/json", array(parcels)),
            Body::Lines => ("application/x-ndjson", lines(parcels)),
        };
        // The same for the same entries, so that a receiver knows a batch that comes twice.
        let id = format!("{}-{}-{}", self.log, first(parcels), end(parcels));
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, text: &str| -> Result<(), String> {
            let value = HeaderValue::from_str(text).map_err(|error| error.to_string())?;
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        put("webhook-id", &id)?;
        if let Some(signer) = &self.signer {
            let now = self.clock.now().seconds();
            put("webhook-timestamp", &now.to_string())?;
            put("webhook-signature", &signer.sign(&id, now, &body)?)?;
        }
        self.caller.post(content_type, headers, body).await
    }
}

impl Sink for Https {
    async fn deliver(&mut self, parcels: &[Parcel]) -> Outcome {
        match self.post(parcels).await {
            Ok(answer) => outcome(&answer, &self.clock),
            Err(why) => Outcome::later(why),
        }
    }

    async fn probe(&mut self) -> Result<String, String> {
        self.caller.probe().await
    }
}

/// Headers of every call.
pub(super) fn headers(
    others: &BTreeMap<String, String>,
    bearer: Option<&Secret>,
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in others {
        let (name, value) = header(name, value)?;
        headers.insert(name, value);
    }
    if let Some(token) = bearer {
        let (name, value) = header(
            AUTHORIZATION.as_str(),
            &format!("Bearer {}", token.expose()),
        )?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// What a status means. Only those that speak of the body itself are a refusal for good: one that
/// speaks of the caller, or of the address, may be mended there.
fn outcome(answer: &Answer, clock: &Clock) -> Outcome {
    match answer.status {
        status if status.is_success() => Outcome::done(),
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => Outcome::Refused {
            delivered: 0,
            which: Which::Some,
            why: answer.told(),
        },
        _ => Outcome::Later {
            delivered: 0,
            why: answer.told(),
            after: answer.retry_after(clock),
        },
    }
}

fn array(parcels: &[Parcel]) -> Vec<u8> {
    let mut body = room(parcels);
    body.push(b'[');
    for (position, parcel) in parcels.iter().enumerate() {
        if position > 0 {
            body.extend_from_slice(b",\n");
        }
        body.extend_from_slice(parcel.text().as_bytes());
    }
    body.push(b']');
    body
}

/// Room for parcels, and two bytes between each.
fn room(parcels: &[Parcel]) -> Vec<u8> {
    let lens = parcels.iter().map(|parcel| parcel.text().len());
    let lens = lens.map(|len| len.saturating_add(2));
    Vec::with_capacity(lens.fold(2, usize::saturating_add))
}

/// One line each.
pub(super) fn lines(parcels: &[Parcel]) -> Vec<u8> {
    let mut body = room(parcels);
    for parcel in parcels {
        body.extend_from_slice(parcel.text().as_bytes());
        body.push(b'\n');
    }
    body
}

#[cfg(test)]
mod tests {
    use countersign_chain::time::UnixMicros;

    use super::*;

    #[test]
    fn only_what_speaks_of_the_body_is_a_refusal_for_good() {
        let clock = Clock::new(|| UnixMicros::EPOCH);
        let judged = |status| {
            let status = StatusCode::from_u16(status).expect("a status");
            outcome(&Answer::of(status, "said"), &clock)
        };
        for taken in [200, 201, 202, 204] {
            assert_eq!(judged(taken), Outcome::done(), "{taken}");
        }
        for refused in [400, 413, 422] {
            assert!(
                matches!(judged(refused), Outcome::Refused { .. }),
                "{refused}"
            );
        }
        for later in [
            301, 302, 401, 403, 404, 405, 408, 409, 415, 425, 429, 500, 502, 503, 504,
        ] {
            assert!(matches!(judged(later), Outcome::Later { .. }), "{later}");
        }
    }
}
