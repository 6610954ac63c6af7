//! Policies as their users meet them: bundles, obligations, judgements, findings.

mod policy {
    mod bundle;
    mod check;
    mod docs;
    mod obligations;
    mod starter;
    mod strictest;
    mod world;
}
