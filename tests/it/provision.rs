//! Access that is really made and removed: a ledger, PostgreSQL, OpenSSH, hooks and webhooks.

#[path = "provision/certificates.rs"]
mod certificates;
#[path = "provision/helpers.rs"]
mod helpers;
#[path = "provision/hooks.rs"]
mod hooks;
#[path = "provision/roles.rs"]
mod roles;
#[path = "provision/sessions.rs"]
mod sessions;
#[path = "provision/site.rs"]
mod site;
