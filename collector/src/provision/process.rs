//! Other programs: with a time limit, bounded output, and nothing left behind.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::provision::credential::Secret;
use crate::provision::text::told;

/// Programs get this and nothing else of the agent's environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Bytes of the error output that are kept.
const ERROR_BYTES: usize = 2_000;

/// What is run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) command: Vec<String>,
    pub(crate) limit: Duration,
    pub(crate) max_output: usize,
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error("expected a program, got an empty list")]
    Empty,
    #[error("cannot run {}: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("{program} did not end within {limit:?} and was killed")]
    Limit { program: String, limit: Duration },
    #[error("{program} said more than {max} bytes and was killed")]
    Output { program: String, max: usize },
    #[error("{program} failed with {status}: {said}")]
    Failed {
        program: String,
        status: ExitStatus,
        said: String,
    },
    #[error("cannot talk to {program}: {source}")]
    Pipe { program: String, source: io::Error },
}

/// Ends the process group of a program, also when its run is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // Usually nothing is left of it.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

impl Program {
    pub(crate) fn new(program: impl AsRef<Path>, arguments: &[&str], limit: Duration) -> Self {
        let program = program.as_ref().to_string_lossy().into_owned();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        Self {
            command: std::iter::once(program).chain(arguments).collect(),
            limit,
            max_output: 65_536,
        }
    }

    /// Whether there is such a program, which is not run.
    pub(crate) fn check(&self) -> Result<(), ProgramError> {
        let program = self.command.first().ok_or(ProgramError::Empty)?;
        let is_program = |path: &Path| {
            let facts = std::fs::metadata(path)?;
            if facts.is_file() && facts.permissions().mode() & 0o111 != 0 {
                return Ok(());
            }
            Err(io::Error::other("it is no program that can be run"))
        };
        let found = if program.contains('/') {
            // It is run in the root.
            is_program(&Path::new("/").join(program))
        } else {
            let mut folders = PATH
                .split(':')
                .map(|folder| Path::new(folder).join(program));
            let why = || io::Error::other(format!("it is in none of {PATH}"));
            let found = folders.any(|path| is_program(&path).is_ok());
            found.then_some(()).ok_or_else(why)
        };
        found.map_err(|source| ProgramError::Start {
            program: program.into(),
            source,
        })
    }

    fn name(&self) -> String {
        self.command.first().cloned().unwrap_or_default()
    }

    /// Runs it with this input. What it says belongs to the caller; what it leaves running is
    /// ended.
    pub(crate) async fn run(&self, input: &[u8]) -> Result<Secret, ProgramError> {
        let (program, arguments) = self.command.split_first().ok_or(ProgramError::Empty)?;
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs([("PATH", PATH), ("LC_ALL", "C"), ("TZ", "UTC")])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| ProgramError::Start {
                program: program.into(),
                source,
            })?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let _group = Group(pid.and_then(Pid::from_raw));
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            let write = async {
                let Some(mut stdin) = stdin else {
                    return Ok(());
                };
                match stdin.write_all(input).await {
                    // It need not read what it is told.
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
                    Ok(()) | Err(_) => Ok(()),
                }
            };
            let read = read_some(stdout, self.max_output);
            let complain = read_some(stderr, ERROR_BYTES);
            let ((), said, complained) = tokio::try_join!(write, read, complain)?;
            Ok((said, complained, child.wait().await?))
        };
        let pipe = |source| ProgramError::Pipe {
            program: self.name(),
            source,
        };
        let ((said, more), (complained, _), status) =
            match tokio::time::timeout(self.limit, talk).await {
                Ok(talked) => talked.map_err(pipe)?,
                Err(_) => {
                    return Err(ProgramError::Limit {
                        program: self.name(),
                        limit: self.limit,
                    });
                }
            };
        if more {
            return Err(ProgramError::Output {
                program: self.name(),
                max: self.max_output,
            });
        }
        if !status.success() {
            return Err(ProgramError::Failed {
                program: self.name(),
                status,
                said: told(&String::from_utf8_lossy(complained.expose())),
            });
        }
        Ok(said)
    }
}

/// The beginning of what comes, and whether there was more. All of it is taken, so that nobody
/// blocks.
async fn read_some(from: Option<impl AsyncRead + Unpin>, max: usize) -> io::Result<(Secret, bool)> {
    let Some(mut from) = from else {
        return Ok((Secret::new(Vec::new()), false));
    };
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    let mut kept = Vec::new();
    (&mut from).take(limit).read_to_end(&mut kept).await?;
    let rest = tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok((Secret::new(kept), rest > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::new("/bin/sh", &["-c", script], Duration::from_secs(20))
    }

    #[tokio::test]
    async fn a_program_gets_its_input_and_no_environment() {
        let said = shell("cat; env | sort | grep -v ^PWD= | grep -v ^_=")
            .run(b"in\n")
            .await;
        let said = String::from_utf8(said.unwrap().expose().to_vec()).unwrap();
        assert_eq!(said, format!("in\nLC_ALL=C\nPATH={PATH}\nTZ=UTC\n"));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told() {
        let failed = shell("echo oh >&2; exit 3").run(b"").await.unwrap_err();
        assert!(
            failed.to_string().contains("exit status: 3: oh"),
            "{failed}"
        );
        let mut loud = shell("echo 12345678");
        loud.max_output = 5;
        let failed = loud.run(b"").await.unwrap_err();
        assert!(failed.to_string().contains("more than 5 bytes"), "{failed}");
        let none = Program::new("/no/such/program", &[], Duration::from_secs(1));
        assert!(matches!(
            none.run(b"").await,
            Err(ProgramError::Start { .. })
        ));
        let unread = shell("exec true").run(&vec![0; 1 << 20]).await;
        assert!(unread.is_ok(), "nobody has to read");
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let mut hanging = shell(&script);
        hanging.limit = Duration::from_millis(500);
        let failed = hanging.run(b"").await.unwrap_err();
        assert!(matches!(failed, ProgramError::Limit { .. }), "{failed}");
        let pid = std::fs::read_to_string(pid).unwrap();
        let child = PathBuf::from("/proc").join(pid.trim()).join("stat");
        // Killed; a zombie until somebody waits for it.
        let gone = || std::fs::read_to_string(&child).map_or(true, |stat| stat.contains(") Z"));
        while !gone() {
            tokio::task::yield_now().await;
        }
    }
}
