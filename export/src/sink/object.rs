//! A store of objects: S3, Google Cloud Storage, Azure Blob Storage, or a folder.
//!
//! A batch is an object of compressed lines. Its name says which day it is of and which entries it
//! holds, and where it ends is stored before it is written; so a try after a failure or a crash
//! writes the same object again.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use object_store::path::Path;
use object_store::{ObjectStore, PutOptions, PutPayload};
use reqwest::Url;
use tokio_stream::StreamExt as _;

use super::config::kinds::ObjectConfig;
use super::https::lines;
use super::open::Origin;
use super::parcel::{Parcel, end, first};
use super::{Cut, Outcome, Sink};

mod stores;

/// What S3 says of keys that are none, where other stores say that nobody is known.
const WRONG_KEYS: [&str; 3] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
];

/// Writes objects.
#[derive(Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    log: String,
    level: i32,
    secrets: Vec<String>,
    place: String,
}

impl Objects {
    pub(super) fn new(config: &ObjectConfig, origin: &Origin) -> Result<Self, String> {
        if !(1..=19).contains(&config.level) {
            return Err(format!(
                "expected 1 to 19 in object.level, got {}",
                config.level
            ));
        }
        let url = Url::parse(&config.url).map_err(|error| {
            format!(
                "expected object.url as in s3://bucket/prefix, got {:?}: {error}",
                config.url
            )
        })?;
        let (store, prefix) = stores::open(config, &url)?;
        let prefix = Path::from_url_path(prefix.trim_matches('/'));
        let secrets = config.secrets.values();
        Ok(Self {
            store,
            prefix: prefix.map_err(|error| format!("object.url: {error}"))?,
            log: origin.log.clone(),
            level: config.level,
            secrets: secrets.map(|secret| secret.expose().to_owned()).collect(),
            place: format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()),
        })
    }

    fn name(&self, parcels: &[Parcel]) -> Path {
        let time = parcels
            .first()
            .map_or(0, |parcel| parcel.entry().time().get());
        let name = name(&self.log, time, first(parcels), end(parcels));
        name.iter()
            .fold(self.prefix.clone(), |path, part| path.join(part.as_str()))
    }

    /// What a store says, without what is secret in it.
    fn told(&self, error: &object_store::Error) -> String {
        let text = error.to_string();
        let words = text.split(' ').map(|word| match word.split_once('?') {
            // What stands behind it may be a signature.
            Some((address, _)) if word.contains("://") => address,
            _ => word,
        });
        let text = words.collect::<Vec<_>>().join(" ");
        let secrets = self.secrets.iter();
        secrets.fold(text, |text, secret| text.replace(secret.as_str(), "…"))
    }
}

impl Sink for Objects {
    async fn deliver(&mut self, parcels: &[Parcel]) -> Outcome {
        let (text, level) = (lines(parcels), self.level);
        let packed =
            tokio::task::spawn_blocking(move || zstd::encode_all(text.as_slice(), level)).await;
        let packed = match packed {
            Ok(Ok(packed)) => packed,
            Ok(Err(error)) => return Outcome::later(format!("cannot compress: {error}")),
            Err(error) => return Outcome::later(format!("cannot compress: {error}")),
        };
        let name = self.name(parcels);
        let payload = PutPayload::from(packed);
        match self
            .store
            .put_opts(&name, payload, PutOptions::default())
            .await
        {
            Ok(_) => Outcome::done(),
            Err(error) => Outcome::later(self.told(&error)),
        }
    }

    async fn probe(&mut self) -> Result<String, String> {
        use object_store::Error;
        let place = &self.place;
        // One object is enough: a list of nothing says as well that the bucket is there.
        let found = self.store.list(Some(&self.prefix)).next().await;
        let Err(error) = found.transpose() else {
            return Ok(format!("{place} is there; nothing was written"));
        };
        let told = self.told(&error);
        // Of a list, the crate tells only in words what the status of the answer was.
        if matches!(error, Error::NotFound { .. }) || told.contains("status code: 404") {
            return Err(format!("{place} is not there, make it first: {told}"));
        }
        let denied =
            matches!(error, Error::PermissionDenied { .. }) || told.contains("status code: 403");
        if denied && !WRONG_KEYS.iter().any(|code| told.contains(code)) {
            return Ok(format!(
                "{place} answers, and does not allow to look what is there; nothing was written"
            ));
        }
        Err(told)
    }

    fn cut(&self) -> Cut {
        Cut::Days
    }
}

/// The two parts of a name below the prefix. Indexes have their digits filled up, so that names
/// sort.
fn name(log: &str, micros: u64, first: u64, end: u64) -> [String; 2] {
    let time = i64::try_from(micros).ok();
    let time = time.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let day = time.map_or_else(
        || "unknown".to_owned(),
        |time| time.to_zoned(TimeZone::UTC).date().to_string(),
    );
    [
        format!("day={day}"),
        format!("{log}-{first:019}-{end:019}.jsonl.zst"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_its_day_and_its_entries() {
        let [day, file] = name("main", 1_767_225_599_999_999, 5, 1_005);
        assert_eq!(day, "day=2025-12-31");
        assert_eq!(
            file,
            "main-0000000000000000005-0000000000000001005.jsonl.zst"
        );
        let [next, _] = name("main", 1_767_225_600_000_000, 5, 6);
        assert_eq!(next, "day=2026-01-01");
    }
}
