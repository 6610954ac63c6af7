//! Roles, and the URIs that carry identities in certificates. Input: mode, and a URI or, in odd
//! modes, what follows the trust domain in one.
#![no_main]

use countersign_chain::origin::Origin;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use countersign_ledger::identity::role::Role;
use countersign_ledger::identity::uri;
use libfuzzer_sys::fuzz_target;

fn plant() {
    seeds::plant_texts([
        "\0spiffe://ledger.example.com/prod/user/ada%40example.com",
        "\0spiffe://ledger.example.com/prod",
        "\u{1}agent/db-prod-1",
        "\u{1}user/%C3%A4",
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let origin = Origin::parse("ledger.example.com/prod").expect("an origin");
    let mut input = Input::new(data);
    let uri = match input.byte() % 2 {
        0 => input.text(),
        _ => format!("{}/{}", uri::authority(&origin), input.text()),
    };
    if let Ok((role, principal)) = uri::parse_client(&uri, &origin) {
        assert_eq!(uri::client(&origin, role, principal.name()), uri, "two spellings");
        assert_eq!(principal.role(), role.as_str());
        assert_eq!(Role::parse(principal.role()), Ok(role));
    }
    if let Some(origin) = uri::parse_authority(&uri) {
        assert_eq!(uri::authority(&origin), uri, "two spellings");
    }
});
