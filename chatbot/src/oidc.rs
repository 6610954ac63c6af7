//! Signing in with an OpenID provider: the authorization code flow, with PKCE, state and nonce.
//!
//! Nothing is kept while somebody is at the provider: the browser keeps a secret in a cookie, and
//! state, nonce and verifier are made of it and of a key of this process. So nobody who only asks
//! takes up memory, and an answer fits one browser only.

pub(crate) mod flow;
pub(crate) mod provider;
pub mod settings;
mod token;
