//! Idempotency keys that nobody has used.

use std::io;

use crate::limits::KEY_BYTES;

/// A random idempotency key: 32 hexadecimal digits.
///
/// # Errors
/// The operating system's, when it gives no random bytes.
pub fn random_key() -> io::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_fit() {
        let (one, two) = (random_key().unwrap(), random_key().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 2 * KEY_BYTES);
        assert!(one.len() <= countersign_chain::limits::MAX_IDEM);
    }
}
