//! Certificates of clients. Input: DER.
#![no_main]

use countersign_chain::origin::Origin;
use countersign_fuzz::seeds;
use countersign_ledger::identity::peer::Peer;
use countersign_ledger::identity::uri;
use libfuzzer_sys::fuzz_target;

/// The part of a certificate that is ours: a URI as subject alternative name.
const URI: &str = "spiffe://ledger.example.com/prod/agent/db-prod-1";

/// Tag, length and contents.
fn der(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let len = u16::try_from(content.len()).expect("short").to_be_bytes();
    [&[tag, 0x82][..], &len, &content].concat()
}

/// A certificate in which only what is read is more than an empty shell (RFC 5280, section 4.1).
fn certificate(uris: &[&str]) -> Vec<u8> {
    let oid = |bytes: &[u8]| der(0x06, &[bytes.to_vec()]);
    let algorithm = der(0x30, &[oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
    let name = der(0x30, &[]);
    let time = |text: &str| der(0x17, &[text.as_bytes().to_vec()]);
    let key = der(0x30, &[algorithm.clone(), der(0x03, &[vec![0, 4, 1]])]);
    let names = uris.iter().map(|uri| der(0x86, &[uri.as_bytes().to_vec()]));
    let names = der(0x30, &names.collect::<Vec<_>>());
    let extension = der(0x30, &[oid(&[0x55, 0x1d, 0x11]), der(0x04, &[names])]);
    let fields = [
        der(0xa0, &[der(0x02, &[vec![2]])]),
        der(0x02, &[vec![0x0a, 0xbc]]),
        algorithm.clone(),
        name.clone(),
        der(0x30, &[time("260101000000Z"), time("270101000000Z")]),
        name,
        key,
        der(0xa3, &[der(0x30, &[extension])]),
    ];
    der(
        0x30,
        &[der(0x30, &fields), algorithm, der(0x03, &[vec![0, 1]])],
    )
}

fn plant() {
    let origin = Origin::parse("ledger.example.com/prod").expect("an origin");
    let peer = Peer::parse(&certificate(&[URI]), &origin).expect("a certificate");
    assert_eq!(
        (peer.principal.as_str(), peer.serial.as_str()),
        ("agent:db-prod-1", "0abc")
    );
    assert!(Peer::parse(&certificate(&[URI, URI]), &origin).is_err());
    seeds::plant([
        certificate(&[URI]),
        certificate(&[]),
        certificate(&[URI, URI]),
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let origin = Origin::parse("ledger.example.com/prod").expect("an origin");
    let Ok(peer) = Peer::parse(data, &origin) else {
        return;
    };
    let uri = uri::client(&origin, peer.role, peer.principal.name());
    assert_eq!(uri::parse_client(&uri, &origin), Ok((peer.role, peer.principal.clone())));
    let found = data.windows(uri.len()).any(|part| part == uri.as_bytes());
    assert!(found, "{} does not stand in the certificate", peer.principal);
    assert!(peer.is_expired(peer.not_after + 1) && !peer.is_expired(peer.not_after));
});
