//! `countersign export` as people run it: a running ledger and its folder, who may, what happens
//! when it is killed, and what other programs read in the files.

mod export {
    pub(crate) mod folders;
    mod judges;
    mod kills;
    mod ledger;
}
