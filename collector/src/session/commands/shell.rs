//! bash and zsh: start files that read the user's own and then install hooks.
//!
//! The hooks write to a pipe, each text ended by NUL, which no text of a shell can contain:
//!
//! ```text
//! B NUL directory NUL command NUL     a command begins
//! E NUL status NUL                    it ended
//! ```
//!
//! bash tells the command from its history, where one that spans lines is joined as bash joins it.
//! What the user keeps out of the history by a leading space, by HISTIGNORE or because it repeats
//! is told all the same, and then taken out of the history as the user wants it. A shell whose
//! history is switched off tells that a command ran, and not which. zsh tells the command as typed.

use std::ffi::OsString;

use crate::limits::{MAX_COMMAND, MAX_DIRECTORY};
use crate::session::commands::{Plan, Told};

const BASH: &str = include_str!("hooks.bash");
const ZSH_ENV: &str = include_str!("hooks.zshenv");
const ZSH_PROFILE: &str = include_str!("hooks.zprofile");
const ZSH_RC: &str = include_str!("hooks.zshrc");

/// How bash is started; `None` when it is not interactive, or not in a way that is known here.
pub(super) fn bash(arguments: &[OsString]) -> Option<Plan> {
    let mut plan = Plan::default();
    let (mut login, mut profile, mut rc) = (false, true, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str()? {
            "-i" => {}
            "-l" | "--login" | "-il" | "-li" => login = true,
            "--noprofile" => profile = false,
            "--norc" => rc = Some(OsString::new()),
            "--rcfile" | "--init-file" => rc = Some(arguments.next()?.clone()),
            other @ ("--posix" | "--noediting") => plan.arguments.push(other.into()),
            _ => return None,
        }
    }
    // A login shell reads no rc file, so ours reads what a login shell would.
    let start = match (login, profile) {
        (true, true) => "login",
        (true, false) => "nothing",
        (false, _) => "rc",
    };
    plan.arguments
        .extend(["--rcfile".into(), "@bashrc".into(), "-i".into()]);
    plan.env.push(("COUNTERSIGN_HOOKS", "@".into()));
    plan.env.push(("COUNTERSIGN_START", start.into()));
    let home = |home: OsString| {
        let mut path = home;
        path.push("/.bashrc");
        path
    };
    let rc = rc
        .or_else(|| std::env::var_os("HOME").map(home))
        .unwrap_or_default();
    plan.env.push(("COUNTERSIGN_RC", rc));
    plan.files.push(("bashrc", BASH.to_owned()));
    Some(plan)
}

/// How zsh is started; `None` as for [`bash`].
pub(super) fn zsh(arguments: &[OsString]) -> Option<Plan> {
    let known = ["-i", "-l", "--login", "-il", "-li"];
    let mut plan = Plan::default();
    for argument in arguments {
        if !known.contains(&argument.to_str()?) {
            return None;
        }
        plan.arguments.push(argument.clone());
    }
    plan.env.push(("COUNTERSIGN_HOOKS", "@".into()));
    let folder = std::env::var_os("ZDOTDIR").unwrap_or_default();
    plan.env.push(("COUNTERSIGN_ZDOTDIR", folder));
    plan.env.push(("ZDOTDIR", "@".into()));
    plan.files.push((".zshenv", ZSH_ENV.to_owned()));
    plan.files.push((".zprofile", ZSH_PROFILE.to_owned()));
    plan.files.push((".zshrc", ZSH_RC.to_owned()));
    Some(plan)
}

/// Reads what the hooks write. Anything may write to the pipe: what cannot be read is passed over,
/// and reading goes on with the next text that begins something.
#[derive(Debug, Default)]
pub(super) struct Reader {
    field: Vec<u8>,
    awaited: Awaited,
}

#[derive(Debug, Default)]
enum Awaited {
    #[default]
    Kind,
    Directory,
    Command(Vec<u8>),
    Status,
}

impl Reader {
    pub(super) fn push(&mut self, bytes: &[u8], told: &mut Vec<Told>) {
        for piece in bytes.split_inclusive(|byte| *byte == 0) {
            let (text, ended) = match piece.strip_suffix(b"\0") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            // One byte more than is kept, so that a text that is cut is seen to be.
            let room = (MAX_COMMAND.max(MAX_DIRECTORY) + 1).saturating_sub(self.field.len());
            self.field.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                let field = std::mem::take(&mut self.field);
                self.field(field, told);
            }
        }
    }

    fn field(&mut self, field: Vec<u8>, told: &mut Vec<Told>) {
        self.awaited = match (std::mem::take(&mut self.awaited), field.as_slice()) {
            (Awaited::Kind, b"B") => Awaited::Directory,
            (Awaited::Kind, b"E") => Awaited::Status,
            (Awaited::Kind, _) => Awaited::Kind,
            (Awaited::Directory, _) => Awaited::Command(field),
            (Awaited::Command(directory), _) => {
                let command = field;
                told.push(Told::Began { directory, command });
                Awaited::Kind
            }
            (Awaited::Status, text) => {
                let status = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                told.extend(status.map(Told::Ended));
                Awaited::Kind
            }
        };
    }
}
