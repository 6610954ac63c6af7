//! Identity from end to end: files of the CA, TLS handshakes, and the guard around gRPC calls.

#[path = "identity/calls.rs"]
mod calls;
#[path = "identity/certificates.rs"]
mod certificates;
#[path = "identity/guard.rs"]
mod guard;
#[path = "identity/handshakes.rs"]
mod handshakes;
#[path = "identity/world.rs"]
mod world;
