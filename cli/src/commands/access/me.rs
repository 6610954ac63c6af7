//! Who the caller is, out of the caller's own certificate.

use anyhow::Context as _;
use countersign_chain::origin::Origin;
use countersign_client::Client;
use countersign_ledger::identity::peer::Peer;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::MAIN;
use crate::connect::ConnectArgs;

/// The principal in the certificate of the identity, for example `user:ada@example.com`.
pub(super) fn principal(connect: &ConnectArgs, client: &Client) -> anyhow::Result<String> {
    let folder = connect.client_config()?.identity;
    let path = folder.join("cert.pem");
    let read = || {
        let pem = std::fs::read(&path)?;
        let der = CertificateDer::from_pem_slice(&pem)?;
        let peer = Peer::parse(&der, &trust_domain(client)?)?;
        anyhow::Ok(peer.principal.to_string())
    };
    read().with_context(|| format!("{} does not say who you are", path.display()))
}

/// The origin of `main`, which certificates name whatever log they are used for.
fn trust_domain(client: &Client) -> anyhow::Result<Origin> {
    let origin = client.key().origin();
    if client.log() == MAIN {
        return Ok(origin.clone());
    }
    let end = format!("/{}", client.log());
    let main = origin
        .as_str()
        .strip_suffix(&end)
        .unwrap_or(origin.as_str());
    Ok(Origin::parse(main)?)
}
