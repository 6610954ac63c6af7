//! The token that comes with every activity: proof that Microsoft's connector sent it to this bot.
//!
//! It says nothing about who wrote the activity: that stands in the body, which TLS protects and
//! the connector vouches for. A body therefore counts only together with a token whose claims fit
//! it. There is no way to switch any of these checks off.

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;

use crate::clock::Clock;
use crate::limits::{TEAMS_SKEW_SECONDS, TEAMS_TOKEN};
use crate::teams::activity::Activity;
use crate::teams::keys::{KeyError, Keys};
use crate::teams::service::{self, ServiceHosts, ServiceUrl, ServiceUrlError};

/// The only channel that this bot is on.
pub const CHANNEL: &str = "msteams";

/// Why an activity is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No token.
    #[error("no token came with the activity")]
    Missing,
    /// Another scheme than Bearer.
    #[error("expected the scheme Bearer")]
    Scheme,
    /// Not a token, or longer than any of Microsoft's.
    #[error("token is not a signed JWT")]
    Form,
    /// Another algorithm than RS256.
    #[error("token is not signed with RS256")]
    Algorithm,
    /// No name of a key.
    #[error("token does not name its key")]
    NoKey,
    /// The key is not known, or not to be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature is not that of the key.
    #[error("signature of the token is wrong")]
    Signature,
    /// Claims of another form.
    #[error("claims of the token cannot be read")]
    Claims,
    /// Another issuer.
    #[error("token is from another issuer")]
    Issuer,
    /// For another bot.
    #[error("token is for another bot")]
    Audience,
    /// It would hold for ever.
    #[error("token has no end")]
    NoEnd,
    /// Its time is over.
    #[error("token has expired")]
    Expired,
    /// Its time has not come.
    #[error("token is not valid yet")]
    Early,
    /// Another channel than Teams.
    #[error("activity is of another channel than {CHANNEL}")]
    Channel,
    /// The key does not sign for Teams.
    #[error("key of the token is not endorsed for {CHANNEL}")]
    Endorsement,
    /// The token does not say where the connector is.
    #[error("token has no claim serviceurl")]
    NoServiceUrl,
    /// The token says another address than the activity.
    #[error("serviceUrl of the activity is not that of the token")]
    OtherServiceUrl,
    /// An address that no answer goes to.
    #[error(transparent)]
    ServiceUrl(#[from] ServiceUrlError),
    /// The activity does not say of which organisation it is.
    #[error("activity names no tenant")]
    NoTenant,
    /// The activity is of another organisation.
    #[error("activity is of another tenant")]
    Tenant,
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<String>,
    exp: Option<u64>,
    nbf: Option<u64>,
    // The connector writes it so.
    serviceurl: Option<String>,
}

/// A token that holds by itself; whether it is that of an activity is [asked next](Gate::admit).
#[derive(Debug)]
pub struct Proof {
    service: String,
    endorsed: bool,
}

/// Whom the bot believes.
#[derive(Debug)]
pub struct Gate {
    keys: Keys,
    issuer: String,
    audiences: [String; 3],
    tenant: String,
    hosts: ServiceHosts,
    clock: Clock,
}

impl Gate {
    pub(super) fn new(
        keys: Keys,
        issuer: &str,
        (app, tenant): (&str, &str),
        hosts: ServiceHosts,
        clock: Clock,
    ) -> Self {
        Self {
            keys,
            issuer: issuer.to_owned(),
            audiences: [
                app.to_owned(),
                format!("api://botid-{app}"),
                format!("api://{app}"),
            ],
            tenant: tenant.to_owned(),
            hosts,
            clock,
        }
    }

    /// Verifies the header `Authorization`.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn verify(&self, authorization: Option<&str>) -> Result<Proof, TokenError> {
        let token = bearer(authorization)?;
        let header = decode_header(token).map_err(|_ignored| TokenError::Form)?;
        if header.alg != Algorithm::RS256 {
            return Err(TokenError::Algorithm);
        }
        let kid = header.kid.filter(|kid| !kid.is_empty());
        let key = self.keys.key(&kid.ok_or(TokenError::NoKey)?).await?;
        // The crate would ask the machine's clock; times and all else are looked at below.
        let mut only_signature = Validation::new(Algorithm::RS256);
        only_signature.validate_exp = false;
        only_signature.validate_nbf = false;
        only_signature.validate_aud = false;
        only_signature.required_spec_claims.clear();
        let read = decode::<Claims>(token, &key.decoding, &only_signature);
        let claims = read.map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::Signature,
            _ => TokenError::Claims,
        })?;
        let service = self.judge(claims.claims)?;
        Ok(Proof {
            service,
            endorsed: key.endorsements.contains(CHANNEL),
        })
    }

    /// The claims by themselves; the address of the connector is what is left of them.
    fn judge(&self, claims: Claims) -> Result<String, TokenError> {
        if claims.iss.as_ref() != Some(&self.issuer) {
            return Err(TokenError::Issuer);
        }
        let audience = claims.aud.ok_or(TokenError::Audience)?;
        if !self.audiences.contains(&audience) {
            return Err(TokenError::Audience);
        }
        let now = self.clock.seconds();
        let end = claims.exp.ok_or(TokenError::NoEnd)?;
        if now >= end.saturating_add(TEAMS_SKEW_SECONDS) {
            return Err(TokenError::Expired);
        }
        let begin = claims.nbf.unwrap_or_default();
        if begin > now.saturating_add(TEAMS_SKEW_SECONDS) {
            return Err(TokenError::Early);
        }
        claims.serviceurl.ok_or(TokenError::NoServiceUrl)
    }

    /// Whether an activity is that of a token; where answers to it go.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn admit(&self, proof: &Proof, activity: &Activity) -> Result<ServiceUrl, TokenError> {
        if activity.channel != CHANNEL {
            return Err(TokenError::Channel);
        }
        if !proof.endorsed {
            return Err(TokenError::Endorsement);
        }
        if !service::same(&proof.service, &activity.service_url) {
            return Err(TokenError::OtherServiceUrl);
        }
        let service = self.hosts.admit(&activity.service_url)?;
        if activity.tenants.is_empty() {
            return Err(TokenError::NoTenant);
        }
        let ours = |tenant: &String| tenant.eq_ignore_ascii_case(&self.tenant);
        match activity.tenants.iter().all(ours) {
            true => Ok(service),
            false => Err(TokenError::Tenant),
        }
    }
}

fn bearer(authorization: Option<&str>) -> Result<&str, TokenError> {
    let value = authorization.ok_or(TokenError::Missing)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::Scheme);
    }
    match token.len() {
        0 => Err(TokenError::Missing),
        1..=TEAMS_TOKEN => Ok(token),
        _ => Err(TokenError::Form),
    }
}

#[cfg(test)]
mod tests;
