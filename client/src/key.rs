//! Idempotency keys that nobody has used.

use std::cell::Cell;
use std::io;

use crate::limits::{KEY_BYTES, KEYS_DRAWN};

thread_local! {
    /// The next key of this thread, and how many are left of those that were drawn with it.
    static NEXT: Cell<(u128, u32)> = const { Cell::new((0, 0)) };
}

/// A random idempotency key: 32 hexadecimal digits.
///
/// # Errors
/// The operating system's, when it gives no random bytes.
pub fn random_key() -> io::Result<String> {
    draw().map(|key| format!("{key:032x}"))
}

/// An idempotency key that nobody has used: of a random number, or of one of those behind it. It
/// costs less than a random one, for those who need many.
///
/// # Errors
/// The operating system's, when it gives no random bytes.
pub(crate) fn next_key() -> io::Result<String> {
    let (key, left) = match NEXT.get() {
        (_, 0) => (draw()?, KEYS_DRAWN),
        drawn => drawn,
    };
    NEXT.set((key.wrapping_add(1), left - 1));
    Ok(format!("{key:032x}"))
}

fn draw() -> io::Result<u128> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_differ_and_fit() {
        let keys: BTreeSet<String> = (0..3 * KEYS_DRAWN).map(|_| next_key().unwrap()).collect();
        assert_eq!(keys.len(), 3 * usize::try_from(KEYS_DRAWN).unwrap());
        for key in &keys {
            assert_eq!(key.len(), 2 * KEY_BYTES);
            assert!(key.len() <= countersign_chain::limits::MAX_IDEM);
        }
        let other = std::thread::spawn(|| next_key().unwrap());
        assert!(!keys.contains(&other.join().unwrap()));
        let (one, two) = (random_key().unwrap(), random_key().unwrap());
        assert_ne!(
            one[..8],
            two[..8],
            "nothing of two is the same but by chance"
        );
    }
}
