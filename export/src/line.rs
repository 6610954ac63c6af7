//! An entry as one line of text: native JSON, CEF and RFC 5424. Pure, and one line whatever the
//! texts hold.

mod cef;
mod fields;
mod native;
mod syslog;

pub use self::cef::cef;
pub use self::native::{Native, native};
pub use self::syslog::{FACILITY, syslog};
