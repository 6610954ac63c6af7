//! Bytes from the command to the user and back, each direction on a thread of its own: reads from a
//! pseudo-terminal cannot be waited for together with other things.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use tokio::sync::oneshot;

use crate::limits::PTY_READ;
use crate::session::queue::Queue;
use crate::session::screen::Screen;

/// Shows what the command shows, once the queue has it; the receiver hears when there is no more.
pub(crate) fn output(
    mut reader: Box<dyn Read + Send>,
    queue: Arc<Queue>,
    screen: Arc<Screen>,
) -> io::Result<oneshot::Receiver<()>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("output".to_owned())
        .spawn(move || {
            let mut buffer = vec![0; PTY_READ];
            loop {
                let count = match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => {
                        tracing::warn!(%error, "cannot read what the session shows");
                        break;
                    }
                };
                let bytes = &buffer[..count];
                if queue.output(bytes).is_err() {
                    break;
                }
                screen.show(bytes);
            }
            // Nobody waits for it when the session was given up.
            let (Ok(()) | Err(())) = sender.send(());
        })?;
    Ok(receiver)
}

/// Whether input is recorded too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    Recorded,
    Passed,
}

/// How input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputEnd {
    /// It was a file or a pipe, and is read to its end.
    EndOfFile,
    /// It was a terminal, and that is gone.
    Hangup,
    /// It is not wanted any more.
    Stopped,
}

/// What passes input on.
pub(crate) struct Input {
    pub(crate) from: OwnedFd,
    pub(crate) to: Box<dyn Write + Send>,
    /// Whether it comes from a terminal.
    pub(crate) is_terminal: bool,
    pub(crate) typed: Typed,
}

/// Stops the relay of input when it is dropped.
#[derive(Debug)]
pub(crate) struct StopInput {
    wake: Arc<OwnedFd>,
}

impl Drop for StopInput {
    fn drop(&mut self) {
        if let Err(error) = rustix::io::write(self.wake.as_ref(), &1_u64.to_ne_bytes()) {
            tracing::debug!(%error, "the relay of input goes on until the process ends");
        }
    }
}

/// Passes input on until it ends or the handle is dropped.
pub(crate) fn input(
    input: Input,
    queue: Arc<Queue>,
) -> io::Result<(StopInput, oneshot::Receiver<InputEnd>)> {
    let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
    let stop = StopInput {
        wake: Arc::clone(&wake),
    };
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            let mut input = input;
            let end = pass_on(&mut input, &queue, &wake);
            // Nobody waits for it when the session is over.
            let (Ok(()) | Err(_)) = sender.send(end);
            // The writer ends the input of the command when it is dropped, so it outlives the
            // session.
            wait_for(&mut input, &wake, end);
        })?;
    Ok((stop, receiver))
}

fn pass_on(input: &mut Input, queue: &Queue, wake: &OwnedFd) -> InputEnd {
    let mut buffer = [0; 4_096];
    let mut last = b'\n';
    loop {
        let mut fds = [
            PollFd::new(&input.from, PollFlags::IN),
            PollFd::new(wake, PollFlags::IN),
        ];
        if let Err(error) = poll(&mut fds, None)
            && error != Errno::INTR
        {
            return InputEnd::Hangup;
        }
        if !fds[1].revents().is_empty() || queue.wait_released().is_err() {
            return InputEnd::Stopped;
        }
        if fds[0].revents().is_empty() {
            continue;
        }
        let count = match rustix::io::read(&input.from, &mut buffer) {
            Ok(0) if input.is_terminal => return InputEnd::Hangup,
            Ok(0) => return end_of_file(input, last),
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(_) => return InputEnd::Hangup,
        };
        let bytes = &buffer[..count];
        last = bytes[count - 1];
        if input.typed == Typed::Recorded && queue.input(bytes).is_err() {
            return InputEnd::Stopped;
        }
        if input.to.write_all(bytes).is_err() {
            return InputEnd::Stopped;
        }
    }
}

/// Ctrl-D: at the beginning of a line it ends the input, within a line it sends what is there.
fn end_of_file(input: &mut Input, last: u8) -> InputEnd {
    let keys: &[u8] = if last == b'\n' { b"\x04" } else { b"\x04\x04" };
    match input.to.write_all(keys) {
        Ok(()) => InputEnd::EndOfFile,
        Err(_) => InputEnd::Stopped,
    }
}

/// Waits until the session is over. A shell that changes the mode of its terminal just then loses
/// the Ctrl-D, so it is said again while the command goes on.
fn wait_for(input: &mut Input, wake: &OwnedFd, end: InputEnd) {
    let again = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let again = (end == InputEnd::EndOfFile).then_some(&again);
    loop {
        let mut fds = [PollFd::from_borrowed_fd(wake.as_fd(), PollFlags::IN)];
        match poll(&mut fds, again) {
            Err(Errno::INTR) => {}
            // Whoever reads nothing any more is ending.
            Ok(0) if input.to.write_all(b"\x04").is_ok() => {}
            Ok(_) | Err(_) => return,
        }
    }
}
