//! The app package that an administrator uploads to Teams: a manifest and two icons in a ZIP file.

mod icon;

use std::io::{Cursor, Write as _};

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::teams::settings::is_guid;

/// Version of the manifest's schema.
const SCHEMA: &str = "1.25";
/// Blue, as the icons have it.
const ACCENT: [u8; 3] = [0x1f, 0x3a, 0x5f];

/// What the package says.
#[derive(Debug, Clone)]
pub struct Package {
    /// Id of the bot's app registration; the app has the same.
    pub app_id: String,
    /// Name of whoever runs the bot.
    pub developer: String,
    /// Their page, which tells about the bot; `https`.
    pub website: String,
    /// Their privacy statement; `https`.
    pub privacy: String,
    /// Their terms of use; `https`.
    pub terms: String,
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Not an id.
    #[error("expected the id of an app registration, got {0:?}")]
    App(String),
    /// Too long, or empty.
    #[error("expected a name of 1 to 32 characters, got {0:?}")]
    Name(String),
    /// Not an address, or longer than Teams takes.
    #[error("expected an address that begins with https:// and has at most 2048 bytes, got {0:?}")]
    Address(String),
    /// The file could not be made.
    #[error("cannot make the package: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The file could not be made.
    #[error("cannot make the package: {0}")]
    Io(#[from] std::io::Error),
}

impl Package {
    /// The ZIP file; the same bytes for the same words.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn zip(&self) -> Result<Vec<u8>, PackageError> {
        let manifest = serde_json::to_vec_pretty(&self.manifest()?);
        let manifest = manifest.map_err(std::io::Error::from)?;
        let files = [
            ("manifest.json", manifest),
            ("color.png", icon::color(ACCENT)?),
            ("outline.png", icon::outline()?),
        ];
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, bytes) in files {
            zip.start_file(name, plain)?;
            zip.write_all(&bytes)?;
        }
        Ok(zip.finish()?.into_inner())
    }

    /// The manifest.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn manifest(&self) -> Result<Value, PackageError> {
        if !is_guid(&self.app_id) {
            return Err(PackageError::App(self.app_id.clone()));
        }
        let name = self.developer.trim();
        if name.is_empty() || name.chars().count() > 32 {
            return Err(PackageError::Name(self.developer.clone()));
        }
        for address in [&self.website, &self.privacy, &self.terms] {
            if !address.starts_with("https://") || address.len() > 2_048 {
                return Err(PackageError::Address(address.clone()));
            }
        }
        let [red, green, blue] = ACCENT;
        Ok(json!({
            "$schema": format!(
                "https://developer.microsoft.com/json-schemas/teams/v{SCHEMA}/\
                 MicrosoftTeams.schema.json"
            ),
            "manifestVersion": SCHEMA,
            "version": env!("CARGO_PKG_VERSION"),
            "id": self.app_id,
            "developer": {
                "name": name,
                "websiteUrl": self.website,
                "privacyUrl": self.privacy,
                "termsOfUseUrl": self.terms,
            },
            "name": {"short": "Countersign", "full": "Countersign: access that is asked for"},
            "description": {
                "short": "Ask for production access, and decide on it.",
                "full": "Ask for production access, decide on the requests of others, finish early \
                         and say how it was. Every step is an entry of an append-only ledger.",
            },
            "icons": {"color": "color.png", "outline": "outline.png"},
            "accentColor": format!("#{red:02X}{green:02X}{blue:02X}"),
            "bots": [{
                "botId": self.app_id,
                "scopes": ["personal", "team", "groupChat"],
                "isNotificationOnly": false,
                "supportsFiles": false,
                "commandLists": [{"scopes": ["personal"], "commands": commands()}],
            }],
            "permissions": ["identity", "messageTeamMembers"],
            "validDomains": [],
        }))
    }
}

fn commands() -> Value {
    let all = [
        ("request", "Ask for access"),
        ("break-glass", "Take access at once, in an emergency"),
        ("list", "Your cases, and those that wait for you"),
        ("help", "What there is"),
    ];
    let all = all.map(|(title, words)| json!({"title": title, "description": words}));
    Value::from(all.to_vec())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn package() -> Package {
        Package {
            app_id: "66666666-7777-8888-9999-000000000000".to_owned(),
            developer: "Operations".to_owned(),
            website: "https://access.example.com".to_owned(),
            privacy: "https://access.example.com/privacy".to_owned(),
            terms: "https://access.example.com/terms".to_owned(),
        }
    }

    #[test]
    fn a_package_has_a_manifest_and_two_icons() {
        let bytes = package().zip().unwrap();
        assert_eq!(
            bytes,
            package().zip().unwrap(),
            "the same words, the same bytes"
        );
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let names = zip.file_names().map(|name| name.unwrap().into_owned());
        let names: Vec<String> = names.collect();
        assert_eq!(names, ["manifest.json", "color.png", "outline.png"]);
        let mut text = String::new();
        zip.by_name("manifest.json")
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(manifest["bots"][0]["botId"], package().app_id);
        for (name, size) in [("color.png", 192_u32), ("outline.png", 32)] {
            let mut bytes = Vec::new();
            zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n", "{name}");
            let side = size.to_be_bytes();
            assert_eq!(bytes[16..24], [side, side].concat(), "{name}");
        }
    }

    #[test]
    fn what_teams_would_refuse_is_refused_here() {
        for change in [
            |p: &mut Package| p.app_id = "bot".to_owned(),
            |p: &mut Package| p.developer = " ".to_owned(),
            |p: &mut Package| p.developer = "x".repeat(33),
            |p: &mut Package| p.website = "http://a.example".to_owned(),
            |p: &mut Package| p.terms = format!("https://{}", "x".repeat(2_048)),
        ] {
            let mut package = package();
            change(&mut package);
            assert!(package.zip().is_err(), "{package:?}");
        }
    }
}
