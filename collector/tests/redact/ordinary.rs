//! Text without secrets: what is taken out of it is a mistake.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::canary::Random;
use super::redactor;

/// Files of this repository, which hold code, prose, checksums, settings and JSON. Those about
/// redaction hold what it looks for.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().into_owned());
        let text = ["rs", "md", "toml", "proto", "lock", "py"];
        let skipped = ["target", "tests", "redact"];
        if path.is_dir() && !name.starts_with('.') && !skipped.contains(&name.as_str()) {
            files(&path, found);
        } else if extension.is_some_and(|extension| text.contains(&extension.as_str()))
            && !name.contains("redact")
        {
            found.push(path);
        }
    }
}

fn hex(random: &mut Random, count: usize) -> String {
    (0..count)
        .map(|_| format!("{:x}", random.below(16)))
        .collect()
}

fn uuid(random: &mut Random) -> String {
    [8, 4, 4, 4, 12].map(|count| hex(random, count)).join("-")
}

/// Lines as programs near production write them, with numbers of their own.
fn logs(random: &mut Random) -> String {
    let mut text = String::new();
    for second in 0..600 {
        let time = format!("2026-11-26 10:{:02}:{:02}", second / 60, second % 60);
        let (a, b) = (random.below(100_000), random.next());
        let line = match second % 17 {
            0 => format!(
                "{time} status installed libssl3t64:amd64 3.5.{}-1~deb13u1",
                a % 10
            ),
            1 => format!(
                "{time} sshd[{a}]: Accepted publickey for ada from 10.0.0.{} port {a} ssh2: \
                          ED25519 SHA256:{}",
                a % 255,
                STANDARD.encode(b.to_le_bytes().repeat(4))
            ),
            2 => format!(
                "{time} sshd[{a}]: Failed password for invalid user eve from 10.0.0.9 port {a}"
            ),
            3 => format!(
                "{} Merge branch 'main' into fix-token-refresh",
                hex(random, 40)
            ),
            4 => format!("  {a} | {} | ada@example.org | {b} | t", uuid(random)),
            5 => format!("10.0.0.1 - - [{time}] \"GET /v1/items/{b}?page={a} HTTP/1.1\" 200 {a}"),
            6 => format!(
                "{time} INFO request_id={} trace_id={} took={a}us",
                uuid(random),
                hex(random, 32)
            ),
            7 => format!("digest: sha256:{} size: {a}", hex(random, 64)),
            8 => format!("ts={b} primary_key=items_pkey key=item-{a} tokens={a} max_tokens=4096"),
            9 => format!(
                "drwxr-xr-x {} root root {a} Nov 26 10:00 node_modules",
                a % 20
            ),
            10 => format!("{a} {b} {} {} {}", a * 7, a * 13, b / 3),
            11 => format!(
                "image: registry.internal:5000/shop/api@sha256:{}",
                hex(random, 64)
            ),
            12 => format!("{time} [sudo] password for ada: "),
            13 => format!("PWD=/srv/app-{a} OLDPWD=/root SSH_AUTH_SOCK=/tmp/agent.{a}"),
            14 => format!(
                "{time} WARN authorization: denied for ada on item-{a}, authorization level {b}"
            ),
            15 => format!("<label for=\"password\">Enter your password</label> <td>{a}</td>"),
            _ => format!(
                "https://docs.internal/a/b?utm_source=mail&id={a}#key-features user@host:22"
            ),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// An image as a page embeds it: base64 in one line, and in lines of 76 characters.
fn images(random: &mut Random) -> String {
    let bytes: Vec<u8> = (0..60_000)
        .map(|_| random.next().to_le_bytes()[3])
        .collect();
    let encoded = STANDARD.encode(&bytes);
    let mut text = format!("<img src=\"data:image/png;base64,{encoded}\">\n");
    for line in encoded.as_bytes().chunks(76) {
        text.push_str(std::str::from_utf8(line).expect("base64"));
        text.push('\n');
    }
    text
}

#[test]
fn ordinary_text_is_left_alone() {
    let redactor = redactor();
    let random = &mut Random::new(3);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut texts = vec![
        ("logs".to_owned(), logs(random)),
        ("images".to_owned(), images(random)),
    ];
    let mut paths = Vec::new();
    files(root, &mut paths);
    for path in paths {
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        texts.push((name, fs::read_to_string(&path).unwrap()));
    }
    let (mut bytes, mut wrong) = (0, Vec::new());
    for (name, text) in &texts {
        let redacted = redactor.text(text);
        bytes += text.len();
        if redacted.count == 0 {
            assert!(redacted.text == *text, "{name}");
            continue;
        }
        for (line, changed) in text.lines().zip(redacted.text.lines()) {
            if line != changed {
                wrong.push(format!("{name}: {line}\n    {changed}"));
            }
        }
        assert!(
            !matches!(name.as_str(), "logs" | "images"),
            "{}",
            wrong.join("\n")
        );
    }
    println!(
        "counted: ordinary text: {} texts of {bytes} bytes, {} lines with a false positive",
        texts.len(),
        wrong.len(),
    );
    assert!(
        texts.len() > 200 && bytes > 1_500_000,
        "{} {bytes}",
        texts.len()
    );
    // One line in 100,000 bytes.
    assert!(wrong.len() * 100_000 <= bytes, "{}", wrong.join("\n"));
}
