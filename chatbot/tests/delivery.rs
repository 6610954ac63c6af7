//! Who is told what, as far as it follows from the log alone.

#[path = "delivery/many.rs"]
mod many;
#[path = "delivery/outbox.rs"]
mod outbox;
#[path = "delivery/random.rs"]
mod random;
#[path = "delivery/table.rs"]
mod table;
#[path = "delivery/world.rs"]
mod world;
