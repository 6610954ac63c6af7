//! A packed policy bundle as an entry carries it: whatever unpacks packs to the same files.

#![no_main]

use countersign_workflow::policy::Bundle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(bundle) = Bundle::decode(data) {
        assert_eq!(bundle.encode(), data);
    }
    if let Ok(bundle) = Bundle::unpack(data) {
        let packed = bundle.pack().expect("it came out of a packed one");
        assert_eq!(
            Bundle::unpack(&packed).expect("just packed").digest(),
            bundle.digest()
        );
    }
});
