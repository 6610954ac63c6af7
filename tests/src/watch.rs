//! What a process uses, as Linux tells it, and how long calls take.

use std::fs;

/// Memory of a process in MiB: `VmRSS` now, `VmHWM` at its highest.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn memory(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(field));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    let kib: u64 = number
        .and_then(|number| number.parse().ok())
        .expect("Linux has this field");
    kib / 1_024
}

/// Starts `VmHWM` anew.
///
/// # Panics
/// When there is no such process.
pub fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("it is ours");
}

/// Open file descriptors of a process.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn descriptors(pid: u32) -> usize {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
    folder.count()
}

/// The value below which this part of the samples lies.
#[must_use]
pub fn quantile(samples: &mut [f64], part: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list of samples"
    )]
    let at = (samples.len().saturating_sub(1) as f64 * part) as usize;
    samples.get(at).copied().unwrap_or(f64::NAN)
}
