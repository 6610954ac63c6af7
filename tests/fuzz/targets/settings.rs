//! The settings file `countersign.toml`. Input: the file.
#![no_main]

use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

#[path = "../../../cli/src/config.rs"]
#[allow(dead_code, reason = "only the file is under test")]
mod config;
#[path = "../../../cli/src/files.rs"]
#[allow(dead_code, reason = "only reading is needed")]
mod files;

use config::Layer;

fn plant() {
    seeds::plant_texts([
        "server = \"https://a:1\"\nidentity = \"id\"\nremember = \"/r\"\n",
        "server = [\"https://a:1\", \"https://b:1\"]\nlog = 'main'\nkey = \"\"\"k\"\"\"\n",
        "server = []",
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let file = seeds::scratch().join("countersign.toml");
    std::fs::write(&file, data).expect("room");
    let layer = match Layer::from_file(&file) {
        Ok(layer) => layer,
        Err(error) => {
            assert!(format!("{error:#}").contains("countersign.toml"), "{error:#}");
            return;
        }
    };
    // Paths in the file start at its folder.
    let paths = [&layer.identity, &layer.remember];
    assert!(paths.into_iter().flatten().all(|path| path.is_absolute()));
    assert_eq!(layer.clone().or(Layer::default()), layer);
    assert_eq!(Layer::default().or(layer.clone()), layer);
});
