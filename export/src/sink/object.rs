//! A store of objects: S3, Google Cloud Storage, Azure Blob Storage, or a folder.
//!
//! A batch is an object of compressed lines. Its name says which day it is of and which entries it
//! holds, and where it ends is stored before it is written; so a try after a failure or a crash
//! writes the same object again.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, GetOptions, ObjectStore, PutOptions, PutPayload, RetryConfig,
};
use reqwest::Url;

use super::config::kinds::ObjectConfig;
use super::https::lines;
use super::open::Origin;
use super::parcel::{Parcel, end, first};
use super::{Cut, Outcome, Sink, store};

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
        let (store, prefix) = open(config, &url)?;
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
        let name = self.prefix.clone().join("countersign-probe");
        let asked = self
            .store
            .get_opts(&name, GetOptions::new().with_head(true))
            .await;
        match asked {
            Ok(_) | Err(Error::NotFound { .. }) => {
                Ok(format!("{} answers; nothing was written", self.place))
            }
            Err(Error::PermissionDenied { .. }) => Ok(format!(
                "{} answers, and does not allow to look; nothing was written",
                self.place
            )),
            Err(error) => Err(self.told(&error)),
        }
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

/// Tries are made again by the lane, which can tell of them.
fn once() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// Settings of a store by their names.
fn settings(config: &ObjectConfig) -> impl Iterator<Item = (&String, &str)> {
    let options = config
        .options
        .iter()
        .map(|(key, value)| (key, value.as_str()));
    let secrets = config.secrets.iter();
    options.chain(secrets.map(|(key, secret)| (key, secret.expose())))
}

/// How long one upload may take, as stores read it.
fn timeout(config: &ObjectConfig) -> String {
    format!("{}ms", config.timeout.get().as_millis())
}

/// The store, and the prefix in it.
fn open(config: &ObjectConfig, url: &Url) -> Result<(Arc<dyn ObjectStore>, String), String> {
    let bucket = url.host_str().unwrap_or_default();
    if bucket.is_empty() != (url.scheme() == "file") {
        return Err(format!(
            "expected object.url as in s3://bucket/prefix or file:///folder, got {:?}",
            config.url
        ));
    }
    let store = match url.scheme() {
        "s3" => s3(config, bucket)?,
        "gs" => google(config, bucket)?,
        "az" => azure(config, bucket)?,
        "file" => return folder(url).map(|store| (store, String::new())),
        other => {
            return Err(format!(
                "expected s3, gs, az or file in object.url, got {other:?}"
            ));
        }
    };
    Ok((store, url.path().to_owned()))
}

fn s3(config: &ObjectConfig, bucket: &str) -> Result<Arc<dyn ObjectStore>, String> {
    let builder = match config.use_environment {
        true => AmazonS3Builder::from_env(),
        false => AmazonS3Builder::new(),
    };
    let own = AmazonS3ConfigKey::Client(ClientConfigKey::Timeout);
    let mut builder = builder.with_config(own, timeout(config));
    for (name, value) in settings(config) {
        builder = builder.with_config(key::<AmazonS3ConfigKey>(name)?, value);
    }
    let builder = builder.with_bucket_name(bucket).with_retry(once());
    Ok(Arc::new(builder.build().map_err(|error| unusable(&error))?))
}

fn google(config: &ObjectConfig, bucket: &str) -> Result<Arc<dyn ObjectStore>, String> {
    let builder = match config.use_environment {
        true => GoogleCloudStorageBuilder::from_env(),
        false => GoogleCloudStorageBuilder::new(),
    };
    let own = GoogleConfigKey::Client(ClientConfigKey::Timeout);
    let mut builder = builder.with_config(own, timeout(config));
    for (name, value) in settings(config) {
        builder = builder.with_config(key::<GoogleConfigKey>(name)?, value);
    }
    let builder = builder.with_bucket_name(bucket).with_retry(once());
    Ok(Arc::new(builder.build().map_err(|error| unusable(&error))?))
}

fn azure(config: &ObjectConfig, container: &str) -> Result<Arc<dyn ObjectStore>, String> {
    let builder = match config.use_environment {
        true => MicrosoftAzureBuilder::from_env(),
        false => MicrosoftAzureBuilder::new(),
    };
    let own = AzureConfigKey::Client(ClientConfigKey::Timeout);
    let mut builder = builder.with_config(own, timeout(config));
    for (name, value) in settings(config) {
        builder = builder.with_config(key::<AzureConfigKey>(name)?, value);
    }
    let builder = builder.with_container_name(container).with_retry(once());
    Ok(Arc::new(builder.build().map_err(|error| unusable(&error))?))
}

fn unusable(error: &object_store::Error) -> String {
    format!("the object store cannot be used: {error}")
}

/// A folder of this machine; what is written is on the device before it counts.
fn folder(url: &Url) -> Result<Arc<dyn ObjectStore>, String> {
    let path = url.to_file_path();
    let path = path.map_err(|()| format!("expected a folder of this machine, got {url}"))?;
    let failed = |error: String| format!("cannot use {}: {error}", path.display());
    store::make_folder(&path).map_err(|error| failed(error.to_string()))?;
    let store =
        LocalFileSystem::new_with_prefix(&path).map_err(|error| failed(error.to_string()))?;
    Ok(Arc::new(store.with_fsync(true)))
}

/// A setting by its name.
fn key<K: std::str::FromStr>(name: &str) -> Result<K, String> {
    name.parse().map_err(|_unknown| {
        format!(
            "object.options or object.secrets: {name:?} is no setting of this store; docs/sinks.md \
             names the usual ones"
        )
    })
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
