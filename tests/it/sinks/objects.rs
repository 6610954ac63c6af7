//! Objects in a folder, and in an S3 server that is not ours.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_tests::process::{free_port, tool};
use serde_json::Value;

use crate::site::{HURRY, Site, until};
use countersign_tests::random::Random;

fn sink(object: &str) -> String {
    format!(
        "[[sink]]\nname = \"lake\"\n{HURRY}batch = {{ entries = 40, wait = \"20ms\" }}\n\
         [sink.object]\n{object}\n"
    )
}

/// Names of objects below a folder, with the lines in them.
fn objects(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Ok(days) = std::fs::read_dir(folder) else {
        return found;
    };
    for day in days.map(|day| day.expect("readable")) {
        for object in std::fs::read_dir(day.path()).expect("a folder") {
            let path = object.expect("readable").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            // A write that was cut off leaves a name that no object has.
            if name.ends_with(".jsonl.zst") {
                let packed = std::fs::read(&path).expect("there");
                let text = zstd::decode_all(packed.as_slice()).expect("whole");
                let day = day.file_name().to_string_lossy().into_owned();
                found.push((
                    format!("{day}/{name}"),
                    String::from_utf8(text).expect("text"),
                ));
            }
        }
    }
    found.sort();
    found
}

/// Indexes of all objects, whose names say which they hold.
fn indexes(objects: &[(String, String)]) -> Vec<u64> {
    let mut all = Vec::new();
    for (name, text) in objects {
        let lines = text.lines().map(|line| {
            let value: Value = serde_json::from_str(line).expect("JSON");
            let day = value["time"].as_str().expect("a time")[..10].to_owned();
            assert!(name.starts_with(&format!("day={day}/")), "{name}");
            value["index"].as_u64().expect("a number")
        });
        let lines: Vec<u64> = lines.collect();
        let (first, end) = (lines[0], lines[lines.len() - 1] + 1);
        assert!(
            name.ends_with(&format!("/main-{first:019}-{end:019}.jsonl.zst")),
            "{name}"
        );
        all.extend(lines);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_in_a_folder_hold_each_entry_once_through_kills() {
    const KILLS: usize = 30;
    let site = Site::start().await;
    let folder = site.folder().join("lake");
    let config = site.config(
        "lake",
        &sink(&format!("url = \"file://{}\"", folder.display())),
    );
    let mut end = site.append(1_200).await;
    let mut random = Random::new(4);
    for kill in 0..KILLS {
        let before = objects(&folder).len();
        let running = site.run(&config);
        if kill % 2 == 0 {
            until("it works", || objects(&folder).len() > before).await;
        }
        tokio::time::sleep(Duration::from_micros(random.below(60_000))).await;
        running.kill();
        end = site.append(50).await;
    }
    let running = site.run(&config);
    let count = usize::try_from(end).expect("few");
    until("everything is there", || {
        indexes(&objects(&folder)).len() >= count
    })
    .await;
    running.stop();
    let objects = objects(&folder);
    println!(
        "counted: sink into objects: {KILLS} kills: {end} entries in {} objects, each once",
        objects.len()
    );
    assert_eq!(indexes(&objects), (0..end).collect::<Vec<_>>());
}

/// The S3 server of moto.
struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    async fn start() -> Self {
        let port = free_port();
        let child = Command::new(tool("COUNTERSIGN_TEST_PYTHON"))
            .args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &port.to_string(),
            ])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.expect("python starts");
        let moto = Self { child, port };
        until("it listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
        moto
    }

    /// Asks boto3 for what is in the bucket.
    fn boto(&self, program: &str) -> String {
        let start = format!(
            "import boto3\ns3 = boto3.client('s3', endpoint_url='http://127.0.0.1:{}', \
             region_name='eu-central-1', aws_access_key_id='k', aws_secret_access_key='s')\n",
            self.port
        );
        let output = Command::new(tool("COUNTERSIGN_TEST_PYTHON"))
            .args(["-c", &(start + program)])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .expect("python starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_in_s3_are_what_boto3_reads() {
    let site = Site::start().await;
    let moto = Moto::start().await;
    moto.boto(
        "s3.create_bucket(Bucket='audit', CreateBucketConfiguration={'LocationConstraint': \
         'eu-central-1'})",
    );
    std::fs::write(site.folder().join("s3-key"), "sekret-of-s3\n").expect("room");
    let end = site.append(500).await;
    let object = format!(
        "url = \"s3://audit/ledger/main\"\noptions = {{ region = \"eu-central-1\", endpoint = \
         \"http://127.0.0.1:{}\", allow_http = \"true\", access_key_id = \"key\" }}\nsecrets = {{ \
         secret_access_key = {{ file = \"s3-key\" }} }}",
        moto.port
    );
    let config = site.config("s3", &sink(&object));
    let checked = site.ask(&["check", crate::site::text(&config)]);
    assert!(checked.status.success(), "{checked:?}");
    let gone = site.config("gone", &sink(&object.replace("s3://audit", "s3://nothing")));
    let checked = site.ask(&["check", crate::site::text(&gone)]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("s3://nothing is not there"), "{said}");
    let running = site.run(&config);
    let cursor = site.folder().join("s3-state/lake/cursor.json");
    until("everything is there", || {
        let text = std::fs::read_to_string(&cursor).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok_and(|it| it["next"] == end)
    })
    .await;
    running.stop();
    let listing = moto.boto(
        "import base64\nfor it in s3.list_objects_v2(Bucket='audit')['Contents']:\n  body = \
         s3.get_object(Bucket='audit', Key=it['Key'])['Body'].read()\n  print(it['Key'], \
         base64.b64encode(body).decode())",
    );
    let objects: Vec<(String, String)> = listing
        .lines()
        .map(|line| {
            use base64::Engine as _;
            let (name, packed) = line.split_once(' ').expect("two words");
            let packed = base64::engine::general_purpose::STANDARD.decode(packed);
            let text = zstd::decode_all(packed.expect("base64").as_slice()).expect("whole");
            let name = name.strip_prefix("ledger/main/").expect("the prefix");
            (name.to_owned(), String::from_utf8(text).expect("text"))
        })
        .collect();
    println!(
        "counted: sink into S3: {end} entries in {} objects, each once",
        objects.len()
    );
    assert_eq!(indexes(&objects), (0..end).collect::<Vec<_>>());
}
