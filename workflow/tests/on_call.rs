//! Who is on call.

#[path = "on_call/feeds.rs"]
mod feeds;
#[path = "on_call/moments.rs"]
mod moments;
#[path = "on_call/problems.rs"]
mod problems;
#[path = "on_call/world.rs"]
mod world;
