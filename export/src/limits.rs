//! Every limit of exports, with its arithmetic.
