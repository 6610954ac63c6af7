//! Few descriptors: a ledger with many segments lives with them, and nobody without a certificate
//! takes them away.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_client::Filter;
use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign};

/// Descriptors that the server may have: fewer than it sets aside, so one connection is let in.
const DESCRIPTORS: u32 = 100;
/// Lines that are sent: with 600 bytes each they fill more segments, of some 350 KiB, than there
/// are descriptors.
const LINES: usize = 80_000;

fn serve(data: &DataFolder) -> Served {
    let mut shell = Command::new("bash");
    let script = format!("ulimit -n {DESCRIPTORS}; exec \"$@\"");
    shell.args(["-c", &script, "serve"]);
    Served::start_by(shell, &data.path(), &["--segment-bytes", "65536"]).expect("a server")
}

fn emit(server: &Served, agent: &Path) {
    let mut child = countersign(&["collector", "emit", "--server", &server.endpoint.grpc])
        .arg("--identity")
        .arg(agent)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let raw = "x".repeat(512);
    for _ in 0..LINES {
        writeln!(stdin, "{{\"raw\":\"{raw}\"}}").expect("it reads");
    }
    drop(stdin);
    assert!(child.wait().expect("it ran").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_may_have_more_segments_than_a_process_may_open_files() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let server = serve(&data);
    emit(&server, &agent);
    let segments = std::fs::read_dir(data.log().join("segments"));
    let segments = segments.expect("a folder").count();
    let allowed = usize::try_from(DESCRIPTORS).expect("small");
    assert!(segments > allowed, "{segments} segments prove nothing");
    assert!(server.stop().0.success());

    let server = serve(&data);
    let admin = data.connect(&server.endpoint.grpc, &data.admin()).await;
    // Whoever follows needs a second connection.
    let mut pages = admin.list(Filter::default());
    let mut read = 0;
    while let Some(page) = pages.next().await.expect("sound") {
        read += page.entries.len();
    }
    assert!(read >= LINES, "{read} entries");
    drop(pages);
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid()));
    let open = open.expect("a running process").count();
    println!("descriptors: {segments} segments, {open} files open after all were read");
    assert!(open < allowed, "{open} files are open");
    drop(admin);
    emit(&server, &agent);
    assert!(server.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_visitors_of_the_http_door_take_few_descriptors_and_leave() {
    let data = DataFolder::new().await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let address = server.endpoint.http.trim_start_matches("http://");
    let open = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid()));
        open.expect("a running process").count()
    };
    let before = open();
    let idle: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(address).expect("the kernel takes it"))
        .collect();
    // The first ones are let in, and sent away when their time is over.
    let mut first = &idle[0];
    let timeout = std::time::Duration::from_secs(60);
    first.set_read_timeout(Some(timeout)).expect("a socket");
    let read = first.read(&mut [0; 1]);
    let during = open();
    println!("HTTP door: 200 idle visitors, {before} files open before, {during} with them");
    assert!(matches!(read, Ok(0)), "closed by the server: {read:?}");
    assert!(during <= before + 17, "{before} files, then {during}");
    drop(idle);
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = "GET /healthz HTTP/1.0\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    assert!(answer.ends_with("ok\n"), "{answer}");
    assert!(server.stop().0.success());
}
