//! Every limit of this crate, with its arithmetic.
