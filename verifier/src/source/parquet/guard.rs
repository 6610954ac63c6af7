//! Code of the Parquet reader on bytes from outside: where it panics on them, they are as damaged
//! as where it says so.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread becomes a finding.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs such code; a panic is an error in words.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let outside = INSIDE.replace(true);
    let caught = catch_unwind(AssertUnwindSafe(read));
    INSIDE.set(outside);
    caught.unwrap_or_else(|_panic| Err("the reader of Parquet gave up on it".to_owned()))
}

/// From now on panics that become findings are not told on stderr as well; others are told as they
/// were. For a program, at its start.
pub(crate) fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            if !INSIDE.get() {
                told(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Panics of this test's thread that were told.
    static TOLD: AtomicU32 = AtomicU32::new(0);

    #[test]
    fn a_panic_that_becomes_a_finding_is_told_once() {
        let broken = || -> Result<(), String> { panic!("damaged") };
        let here = std::thread::current().id();
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if std::thread::current().id() == here {
                TOLD.fetch_add(1, Ordering::Relaxed);
            } else {
                before(panic);
            }
        }));
        quiet();
        assert_eq!(guarded(|| Ok(1)), Ok(1));
        assert!(guarded(broken).is_err());
        assert!(guarded(|| guarded(broken)).is_err());
        assert_eq!(TOLD.load(Ordering::Relaxed), 0);
        assert!(catch_unwind(broken).is_err());
        assert_eq!(TOLD.load(Ordering::Relaxed), 1);
    }
}
