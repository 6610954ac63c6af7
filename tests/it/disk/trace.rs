//! What strace wrote about a process whose disk failed.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

/// The failing call and the end of the process.
#[derive(Debug)]
pub(crate) struct Trace {
    /// Offset and length of the write that failed, or whose sync did.
    written: (u64, u64),
    /// Whether it was the sync.
    synced: bool,
    /// From the failure to the end of the process.
    pub(crate) took: Duration,
}

impl Trace {
    /// Reads the lines `thread seconds call(…) = result`.
    pub(crate) fn read(log: &Path, call: &str) -> Self {
        let text = std::fs::read_to_string(log).expect("strace writes its log");
        let lines: Vec<&str> = text.lines().collect();
        let failed = lines.iter().position(|line| line.contains("(INJECTED)"));
        let failed = failed.unwrap_or_else(|| no_failure(&text));
        let (thread, since) = thread_and_time(lines[failed]);
        let before = lines[..=failed].iter().rev();
        let write = before
            .filter(|line| thread_and_time(line).0 == thread)
            .find(|line| line.contains("pwrite64("));
        let ended = lines.last().expect("it is not empty");
        assert!(ended.contains("+++ exited with 70 +++"), "{ended}");
        Self {
            written: length_and_offset(write.expect("a write before the sync")),
            synced: call == "fdatasync",
            took: thread_and_time(ended).1.saturating_sub(since),
        }
    }

    /// Index of the first entry of the commit whose sync failed.
    pub(crate) fn first_entry(&self, segment: &Path) -> Option<u64> {
        // docs/format.md, section 7: head of 12 bytes, nonce of 16, first index.
        const FIRST: u64 = 28;
        let file = std::fs::File::open(segment).expect("there");
        let mut index = [0; 8];
        file.read_exact_at(&mut index, self.written.1 + FIRST)
            .expect("there");
        self.synced.then(|| u64::from_be_bytes(index))
    }

    /// Takes the written bytes away, as a device does that never stored them.
    pub(crate) fn undo(&self, file: &Path) {
        let (len, offset) = self.written;
        let file = std::fs::File::options().write(true).open(file);
        let zeros = vec![0; usize::try_from(len).expect("small")];
        file.expect("there")
            .write_all_at(&zeros, offset)
            .expect("room");
    }
}

#[track_caller]
fn no_failure(text: &str) -> usize {
    assert!(text.contains("(INJECTED)"), "no call failed:\n{text}");
    0
}

fn thread_and_time(line: &str) -> (&str, Duration) {
    let mut words = line.split_whitespace();
    let thread = words.next().expect("a thread");
    let seconds = words.next().and_then(|word| word.parse().ok());
    (thread, Duration::from_secs_f64(seconds.expect("a time")))
}

/// The last two arguments of `pwrite64(fd, "…"..., length, offset)`.
fn length_and_offset(line: &str) -> (u64, u64) {
    let inside = line.rsplit_once(')').map_or(line, |(inside, _)| inside);
    let inside = inside.split(" = ").next().unwrap_or(inside);
    let mut numbers = inside.rsplit(", ");
    let mut number = || {
        let word = numbers.next().unwrap_or_default();
        word.trim_end_matches(')').parse().expect("a number")
    };
    let (offset, len) = (number(), number());
    (len, offset)
}
