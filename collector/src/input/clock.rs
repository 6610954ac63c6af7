//! The wall clock of the inputs. Parsers get the time as an argument.

use jiff::Timestamp;

/// Now.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
