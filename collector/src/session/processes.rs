//! The processes of a session, as /proc shows them.
//!
//! A process belongs to the session when the kernel says so (its session id is that of the
//! command), when one of its ancestors does, when it carries the session's mark in the
//! environment it was started with, or, for a recorder that adopts, when it lost its parent and
//! became a child of the recorder. A process that was started by somebody else on the user's
//! behalf (a daemon, cron, a container engine) is none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal, waitpid,
};

/// What happens to processes that lose their parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strays {
    /// They are known by their session id, their ancestors and the environment they were started
    /// with.
    #[default]
    Marked,
    /// They become children of this process, and are known by that too. For a process that records
    /// one session, and starts nothing else while it does.
    Adopted,
}

/// A line of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: u8,
    parent: u32,
    session: u32,
    /// Clock ticks since the machine was started.
    started: u64,
}

/// A process that is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    started: u64,
}

/// Finds the processes of one session.
#[derive(Debug, Clone)]
pub(crate) struct Hunt {
    leader: u32,
    /// When the leader was started; older processes are not asked.
    since: u64,
    marker: Vec<u8>,
    /// Children of this process that are none of the session; unset when it does not adopt.
    own_children: Option<BTreeSet<u32>>,
    me: u32,
}

/// Children of this process, before the session starts.
pub(crate) fn children() -> BTreeSet<u32> {
    let me = number(getpid());
    let stats = all().into_iter();
    stats
        .filter(|(_, stat)| stat.parent == me)
        .map(|(pid, _)| pid)
        .collect()
}

impl Hunt {
    /// For the session that this process leads. `own_children` is set for one that adopts.
    pub(crate) fn new(leader: u32, marker: &str, own_children: Option<BTreeSet<u32>>) -> Self {
        Self {
            leader,
            since: stat(leader).map_or(0, |stat| stat.started),
            marker: marker.as_bytes().to_vec(),
            own_children,
            me: number(getpid()),
        }
    }

    /// Every process of the session that is alive. Dead ones that were adopted are put away.
    pub(crate) fn look(&self) -> Vec<Member> {
        let stats = all();
        let mut members = BTreeSet::new();
        for (pid, stat) in &stats {
            if self.is_member(*pid, *stat) {
                members.insert(*pid);
            }
        }
        // Children are found by their parents, also when the parent has the higher number.
        loop {
            let before = members.len();
            for (pid, stat) in &stats {
                if members.contains(&stat.parent) && *pid != self.me {
                    members.insert(*pid);
                }
            }
            if members.len() == before {
                break;
            }
        }
        let alive = |pid: u32| {
            let stat = stats
                .get(&pid)
                .filter(|stat| !matches!(stat.state, b'Z' | b'X'))?;
            let started = stat.started;
            Some(Member { pid, started })
        };
        let found = members.iter().filter_map(|pid| alive(*pid)).collect();
        for pid in members {
            if alive(pid).is_none() && pid != self.leader && self.is_adopted(pid, &stats) {
                put_away(pid);
            }
        }
        found
    }

    fn is_member(&self, pid: u32, stat: Stat) -> bool {
        if pid == self.me || stat.started < self.since {
            return false;
        }
        let adopts = self.own_children.as_ref();
        stat.session == self.leader
            || pid == self.leader
            || adopts.is_some_and(|own| stat.parent == self.me && !own.contains(&pid))
            || self.is_marked(pid)
    }

    fn is_adopted(&self, pid: u32, stats: &BTreeMap<u32, Stat>) -> bool {
        let mine = stats.get(&pid).is_some_and(|stat| stat.parent == self.me);
        mine && self
            .own_children
            .as_ref()
            .is_some_and(|own| !own.contains(&pid))
    }

    fn is_marked(&self, pid: u32) -> bool {
        let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else {
            return false;
        };
        environ
            .split(|byte| *byte == 0)
            .any(|variable| variable == self.marker)
    }
}

/// Sends a signal to this very process; not to another one that got its number since.
pub(crate) fn signal(member: Member, signals: &[Signal]) {
    let Some(pid) = i32::try_from(member.pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    if stat(member.pid).is_none_or(|stat| stat.started != member.started) {
        return;
    }
    for signal in signals {
        if let Err(error) = pidfd_send_signal(&handle, *signal) {
            let pid = member.pid;
            tracing::debug!(%error, pid, ?signal, "a process of the session took no signal");
        }
    }
}

fn put_away(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        && let Err(error) = waitpid(Some(pid), WaitOptions::NOHANG)
    {
        tracing::debug!(%error, "an adopted process is gone already");
    }
}

fn all() -> BTreeMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else {
        tracing::warn!("cannot read /proc: processes of the session may go on");
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect()
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads `pid (name) state parent group session …`. The name may have brackets and spaces.
fn parse(line: &[u8]) -> Option<Stat> {
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    let text = str::from_utf8(line.get(name_end + 1..)?).ok()?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    Some(Stat {
        state: *fields.first()?.as_bytes().first()?,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn number(pid: Pid) -> u32 {
    u32::try_from(pid.as_raw_nonzero().get()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_hide_what_follows() {
        let line = b"42 (a) S 1 (b) R 7 42 9 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 777 1 2 3";
        let read = parse(line).unwrap();
        let expected = Stat {
            state: b'R',
            parent: 7,
            session: 9,
            started: 777,
        };
        assert_eq!(read, expected);
        for bad in [
            &b""[..],
            b"42",
            b"42 (x",
            b"42 (x) S",
            b"42 (x) S 1 2 -1 4 5 6 7 8 9 10",
        ] {
            assert_eq!(parse(bad), None);
        }
    }

    #[test]
    fn this_process_is_found_and_never_a_member() {
        let me = number(getpid());
        assert!(all().contains_key(&me));
        let hunt = Hunt::new(me, "NOTHING=1", None);
        assert!(hunt.look().iter().all(|member| member.pid != me));
    }
}
