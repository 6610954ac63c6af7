//! The checked-in code and descriptor set are what the `.proto` files say.
//!
//! protox reads the `.proto` files, so neither `protoc` nor a build script is needed to build the
//! crate. Set `COUNTERSIGN_REGENERATE=1` to write the files instead of comparing them.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;
use prost_types::FileDescriptorSet;

const COMMAND: &str = "COUNTERSIGN_REGENERATE=1 cargo test -p countersign-proto --test generated";

/// Messages with evidence.
const TOLD: [&str; 12] = [
    "Call",
    "AccessRequested",
    "ReviewRecorded",
    "RequestCancelled",
    "GrantRevoked",
    "GrantFinished",
    "ExtensionRequested",
    "BreakGlassInvoked",
    "RetroReviewRecorded",
    "ActionRefused",
    "FeedbackSubmitted",
    "DelegationChanged",
];

#[test]
fn generated_code_is_fresh() {
    let (code, _) = generate("code");
    settle("countersign.v1.rs", &code);
}

#[test]
fn descriptor_set_is_fresh() {
    let (_, descriptors) = generate("descriptors");
    settle("descriptor.bin", &descriptors);
}

/// Compares a checked-in file with what was generated, or writes it when asked to.
fn settle(name: &str, generated: &[u8]) {
    let path = crate_folder().join("src/gen").join(name);
    if std::env::var_os("COUNTERSIGN_REGENERATE").is_some_and(|value| value == "1") {
        fs::write(&path, generated).expect("the generated file can be written");
        return;
    }
    let checked_in = fs::read(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "proto/src/gen/{name} is not what the .proto files say ({} bytes, expected {}); run\n  \
         {COMMAND}\nand check in the result",
        checked_in.len(),
        generated.len(),
    );
}

/// Code and descriptor set of all `.proto` files. Each caller gets a folder of its own.
fn generate(folder: &str) -> (Vec<u8>, Vec<u8>) {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("generated-{folder}"));
    fs::create_dir_all(&out).expect("the folder for generated code can be made");
    let descriptors = compile();
    let told = TOLD.map(|name| format!(".countersign.v1.{name}.evidence"));
    let builder = tonic_prost_build::configure();
    // Most calls and events have none, so it does not weigh on all of them.
    let builder = told.iter().fold(builder, |it, path| it.boxed(path));
    builder
        .out_dir(&out)
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .bytes(".")
        .btree_map(".")
        .extern_path(".countersign.v1.Event", "crate::event::Event")
        .compile_fds(descriptors.clone())
        .expect("code can be generated");
    let code = fs::read(out.join("countersign.v1.rs")).expect("the package has its file");
    (code, descriptors.encode_to_vec())
}

/// All `.proto` files with what they import, and with their comments.
fn compile() -> FileDescriptorSet {
    let root = crate_folder();
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("countersign/v1"))
        .expect("the folder of the package can be listed")
        .map(|entry| entry.expect("the entry can be read").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "proto")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no .proto file in {}", root.display());
    protox::compile(&files, [&root]).expect("the .proto files compile")
}

fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
