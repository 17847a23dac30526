//! What Linux tells of a process and of the kernel's memory, from `/proc`.

use anyhow::Context;
use std::fs;

/// An error unless the process is there and may be looked at.
pub fn check(pid: u32) -> anyhow::Result<()> {
    fs::metadata(format!("/proc/{pid}")).map_err(|_| anyhow::anyhow!("--server-pid {pid}: no such process"))?;
    pss_bytes(pid).map(|_| ())
}

/// Processor time of all the process's threads, in nanoseconds. Threads that have ended do not count.
pub fn cpu_ns(pid: u32) -> anyhow::Result<u64> {
    let tasks = format!("/proc/{pid}/task");
    let threads = fs::read_dir(&tasks).with_context(|| format!("process {pid} is gone"))?;
    let of_thread = |entry: fs::DirEntry| {
        // "time spent on the cpu (in nanoseconds)" is schedstat's first number.
        let text = fs::read_to_string(entry.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)
    };
    Ok(threads.flatten().map(of_thread).sum())
}

/// The process's proportional share of memory, in bytes.
pub fn pss_bytes(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("--server-pid {pid}: cannot read {path}"))?;
    Ok(kib_field(&text, "Pss:") * 1024)
}

/// What the kernel holds for sockets of this whole machine, in bytes: TCP buffers, and its own objects.
pub fn kernel_bytes() -> u64 {
    const PAGE: u64 = 4096;
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = sockets.lines().find(|line| line.starts_with("TCP:")).unwrap_or("");
    let pages = tcp.split(" mem ").nth(1).and_then(|n| n.trim().parse::<u64>().ok()).unwrap_or(0);
    let slab = kib_field(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "Slab:");
    pages * PAGE + slab * 1024
}

fn kib_field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_measured() {
        let pid = std::process::id();
        check(pid).unwrap();
        assert!(pss_bytes(pid).unwrap() > 100_000);
        assert!(cpu_ns(pid).unwrap() > 0);
        assert!(kernel_bytes() > 0);
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = check(u32::MAX).unwrap_err();
        assert_eq!(error.to_string(), "--server-pid 4294967295: no such process");
    }
}
