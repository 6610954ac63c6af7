//! Projections against a model, damaged, and following a log that grows.

mod damage;
mod following;
mod model;
mod samples;

/// sled's types stay in one file, so that it can be replaced there (ADR 1).
#[test]
fn the_engine_is_named_in_one_file() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let engine = concat!("sl", "ed::");
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains(engine)) {
                found.push(path.strip_prefix(&root).expect("below").to_owned());
            }
        }
    }
    assert_eq!(found, [std::path::Path::new("projections/db.rs")]);
}
