//! What the fuzz targets share.
//!
//! **Does:** gives a target the corpus that it starts with ([`seeds`]), numbers and texts out of
//! the fuzzer's bytes ([`input`]), and right checksums and signatures around wrong content
//! ([`make`]), so that a target reaches what lies behind them; builds a good log ([`log`]).
//!
//! **Does not:** judge anything. What must hold of a parser stands in its target.
//!
//! **Elsewhere:** the targets are in `targets/`, one for each parser; `run` builds and starts them.
//!
//! Parsers that are private to their crate are compiled into their target from their own source
//! file, so that nothing becomes public for the fuzzers.

pub mod input;
pub mod log;
pub mod make;
pub mod model;
pub mod seeds;
