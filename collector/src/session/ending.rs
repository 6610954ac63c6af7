//! The end of a session, whatever its processes think of it.

use tokio::time::{Instant, sleep};

use crate::limits::{KILL_PATIENCE, PROCESS_POLL, TERM_PATIENCE};
use crate::session::processes::{Hunt, Member, signal};
use rustix::process::Signal;

/// Asks every process of the session to end, and ends those that do not. Returns the numbers of
/// those that are still there: a process in the middle of an uninterruptible call, or one that
/// this user may not end.
pub(crate) async fn end_all(hunt: &Hunt) -> Vec<u32> {
    // CONT wakes those that are stopped. HUP is what an interactive shell listens to; it comes
    // later, since whatever handles TERM may not expect it.
    let stages: [&[Signal]; 2] = [&[Signal::TERM, Signal::CONT], &[Signal::HUP]];
    let begun = Instant::now();
    let mut told: [Vec<Member>; 2] = [Vec::new(), Vec::new()];
    loop {
        let members = look(hunt).await;
        if members.is_empty() {
            return Vec::new();
        }
        if begun.elapsed() >= TERM_PATIENCE {
            break;
        }
        let late = usize::from(begun.elapsed() >= TERM_PATIENCE / 2);
        for (signals, told) in stages.iter().zip(&mut told).take(1 + late) {
            for member in &members {
                if !told.contains(member) {
                    signal(*member, signals);
                    told.push(*member);
                }
            }
        }
        sleep(PROCESS_POLL).await;
    }
    let begun = Instant::now();
    loop {
        let members = look(hunt).await;
        if members.is_empty() || begun.elapsed() >= KILL_PATIENCE {
            return members.into_iter().map(|member| member.pid).collect();
        }
        for member in members {
            signal(member, &[Signal::KILL]);
        }
        sleep(PROCESS_POLL).await;
    }
}

async fn look(hunt: &Hunt) -> Vec<Member> {
    let own = hunt.clone();
    match tokio::task::spawn_blocking(move || own.look()).await {
        Ok(members) => members,
        Err(error) => {
            tracing::warn!(%error, "looking at processes failed; trying again here");
            hunt.look()
        }
    }
}
