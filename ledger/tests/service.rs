//! The services over a real connection, on a log in a folder.

#[path = "service/admin.rs"]
mod admin;
#[path = "service/append.rs"]
mod append;
#[path = "service/follow.rs"]
mod follow;
#[path = "service/read.rs"]
mod read;
#[path = "service/recording.rs"]
mod recording;
#[path = "service/sequence.rs"]
mod sequence;
#[path = "service/stream.rs"]
mod stream;
#[path = "service/world.rs"]
mod world;
