//! From settings to a store of objects.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use reqwest::Url;

use crate::sink::config::kinds::ObjectConfig;
use crate::sink::store;

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
pub(super) fn open(
    config: &ObjectConfig,
    url: &Url,
) -> Result<(Arc<dyn ObjectStore>, String), String> {
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
    use AmazonS3ConfigKey as Key;
    let builder = match config.use_environment {
        true => AmazonS3Builder::from_env(),
        false => AmazonS3Builder::new(),
    };
    let mut builder = builder.with_config(Key::Client(ClientConfigKey::Timeout), timeout(config));
    let given = keys::<Key>(config)?;
    must_have_keys(
        config,
        &given,
        "access_key_id and secret_access_key",
        |key| {
            matches!(
                key,
                Key::AccessKeyId
                    | Key::SkipSignature
                    | Key::ContainerCredentialsRelativeUri
                    | Key::ContainerCredentialsFullUri
                    | Key::WebIdentityTokenFile
                    | Key::MetadataEndpoint
            )
        },
    )?;
    for (key, value) in given {
        builder = builder.with_config(key, value);
    }
    let endpoint = builder.get_config_value(&Key::Endpoint);
    let open = builder.get_config_value(&Key::Client(ClientConfigKey::AllowHttp));
    if endpoint.is_some_and(|it| it.starts_with("http://")) && open.as_deref() != Some("true") {
        return Err(
            "the endpoint is http://, over which entries travel in the clear: give one with \
             https://, or object.options.allow_http = \"true\" where the network is trusted"
                .to_owned(),
        );
    }
    let builder = builder.with_bucket_name(bucket).with_retry(once());
    Ok(Arc::new(builder.build().map_err(|error| unusable(&error))?))
}

fn google(config: &ObjectConfig, bucket: &str) -> Result<Arc<dyn ObjectStore>, String> {
    use GoogleConfigKey as Key;
    let builder = match config.use_environment {
        true => GoogleCloudStorageBuilder::from_env(),
        false => GoogleCloudStorageBuilder::new(),
    };
    let mut builder = builder.with_config(Key::Client(ClientConfigKey::Timeout), timeout(config));
    let given = keys::<Key>(config)?;
    must_have_keys(
        config,
        &given,
        "service_account or service_account_key",
        |key| {
            matches!(
                key,
                Key::ServiceAccount
                    | Key::ServiceAccountKey
                    | Key::ApplicationCredentials
                    | Key::SkipSignature
            )
        },
    )?;
    for (key, value) in given {
        builder = builder.with_config(key, value);
    }
    let builder = builder.with_bucket_name(bucket).with_retry(once());
    Ok(Arc::new(builder.build().map_err(|error| unusable(&error))?))
}

fn azure(config: &ObjectConfig, container: &str) -> Result<Arc<dyn ObjectStore>, String> {
    use AzureConfigKey as Key;
    let builder = match config.use_environment {
        true => MicrosoftAzureBuilder::from_env(),
        false => MicrosoftAzureBuilder::new(),
    };
    let mut builder = builder.with_config(Key::Client(ClientConfigKey::Timeout), timeout(config));
    let given = keys::<Key>(config)?;
    must_have_keys(config, &given, "access_key or sas_key", |key| {
        matches!(
            key,
            Key::AccessKey
                | Key::SasKey
                | Key::Token
                | Key::ClientSecret
                | Key::FederatedTokenFile
                | Key::MsiEndpoint
                | Key::UseAzureCli
                | Key::UseEmulator
                | Key::SkipSignature
        )
    })?;
    for (key, value) in given {
        builder = builder.with_config(key, value);
    }
    let builder = builder.with_container_name(container).with_retry(once());
    Ok(Arc::new(builder.build().map_err(|error| unusable(&error))?))
}

/// Settings by the keys of their store.
fn keys<K: std::str::FromStr>(config: &ObjectConfig) -> Result<Vec<(K, &str)>, String> {
    let settings = settings(config);
    let keys = settings.map(|(name, value)| Ok((key::<K>(name)?, value)));
    keys.collect()
}

/// Without keys a store would be asked in the name of this machine, which takes the word of the
/// settings.
fn must_have_keys<K>(
    config: &ObjectConfig,
    given: &[(K, &str)],
    usual: &str,
    is_one: impl Fn(&K) -> bool,
) -> Result<(), String> {
    if config.use_environment || given.iter().any(|(key, _)| is_one(key)) {
        return Ok(());
    }
    Err(format!(
        "no keys of the store are set: give {usual} in object.options and object.secrets, or \
         object.use_environment = true for those of the environment and of the machine"
    ))
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

    fn opened(settings: &str) -> Result<(), String> {
        let config: ObjectConfig = toml::from_str(settings).expect("TOML");
        let url = Url::parse(&config.url).expect("an address");
        open(&config, &url).map(|_store| ())
    }

    #[test]
    fn without_keys_nothing_is_asked_for_the_role_of_the_machine() {
        for (url, usual) in [
            ("s3://b/p", "secret_access_key"),
            ("gs://b/p", "service_account_key"),
            ("az://c/p", "sas_key"),
        ] {
            let error = opened(&format!("url = \"{url}\"")).expect_err(url);
            assert!(
                error.contains(usual) && error.contains("use_environment = true"),
                "{error}"
            );
        }
        let keys = "options = { region = \"r\", access_key_id = \"a\", secret_access_key = \"b\" }";
        opened(&format!("url = \"s3://b/p\"\n{keys}")).expect("keys");
        let anonymous = "options = { region = \"r\", skip_signature = \"true\" }";
        opened(&format!("url = \"s3://b/p\"\n{anonymous}")).expect("nobody");
        let account = "options = { account_name = \"a\", access_key = \"YQ==\" }";
        opened(&format!("url = \"az://c/p\"\n{account}")).expect("keys");
    }

    #[test]
    fn an_endpoint_in_the_clear_takes_a_word_for_it() {
        let keys = "region = \"r\", access_key_id = \"a\", secret_access_key = \"b\"";
        let of = |more: &str| opened(&format!("url = \"s3://b\"\noptions = {{ {keys}{more} }}"));
        let error = of(", endpoint = \"http://127.0.0.1:9000\"").expect_err("in the clear");
        assert!(error.contains("allow_http = \"true\""), "{error}");
        of(", endpoint = \"http://127.0.0.1:9000\", allow_http = \"true\"").expect("said so");
        of(", endpoint = \"https://127.0.0.1:9000\"").expect("encrypted");
    }
}
