//! What must hold of every record, frame, tree and log, not only of those in `vectors/`.

#[path = "properties/chain.rs"]
mod chain;
#[path = "properties/codec.rs"]
mod codec;
#[path = "properties/samples.rs"]
mod samples;
#[path = "properties/tree.rs"]
mod tree;
