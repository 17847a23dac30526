//! This machine: processor, memory, disk, network, the busiest processes.

use super::Figures;
use serde_json::json;
use sysinfo::{Disks, Networks, Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

/// How many processes are told.
const PROCESSES_MAX: usize = 8;
/// Every how many looks the disk is asked how full it is.
const DISK_EVERY: u64 = 10;

/// This machine's name.
pub fn name() -> Option<String> {
    System::host_name()
}

/// What does not change, as JSON.
pub fn about() -> String {
    let mut system = System::new();
    system.refresh_cpu_usage();
    json!({
        "os": System::long_os_version().unwrap_or_default(),
        "kernel": System::kernel_version().unwrap_or_default(),
        "cores": system.cpus().len(),
        "processor": system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default(),
    })
    .to_string()
}

/// Looks at the machine.
pub struct Host {
    system: System,
    networks: Networks,
    disks: Disks,
    /// The gateway's process, where it is known.
    pid: Option<Pid>,
    looks: u64,
}

impl Host {
    /// The first look; rates are known from the second on.
    pub fn new(pid: Option<u32>) -> Host {
        let mut system = System::new();
        system.refresh_cpu_usage();
        let networks = Networks::new_with_refreshed_list();
        Host { system, networks, disks: Disks::new_with_refreshed_list(), pid: pid.map(Pid::from_u32), looks: 0 }
    }

    /// Looks again, `seconds` after the last look.
    pub fn sample(&mut self, seconds: f64) -> Figures {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        if self.looks.is_multiple_of(DISK_EVERY) {
            self.disks.refresh(false);
        }
        self.looks += 1;
        let rate = |bytes: fn(&sysinfo::NetworkData) -> u64| {
            // What this machine says to itself is no traffic.
            let outside = self.networks.iter().filter(|(name, _)| !name.starts_with("lo"));
            let bytes: u64 = outside.map(|(_, network)| bytes(network)).sum();
            format!("{:.0}", bytes as f64 / seconds)
        };
        let cores: Vec<String> = self.system.cpus().iter().map(|cpu| format!("{:.0}", cpu.cpu_usage())).collect();
        let mut figures = vec![
            ("cpu_percent", format!("{:.1}", self.system.global_cpu_usage())),
            ("cores_percent", cores.join(",")),
            ("load1", format!("{:.2}", System::load_average().one)),
            ("memory_used_bytes", self.system.used_memory().to_string()),
            ("memory_total_bytes", self.system.total_memory().to_string()),
            ("net_rx_bytes_per_s", rate(|network| network.received())),
            ("net_tx_bytes_per_s", rate(|network| network.transmitted())),
            ("uptime_s", System::uptime().to_string()),
        ];
        if let Some((used, total)) = self.disk() {
            figures.extend([("disk_used_bytes", used.to_string()), ("disk_total_bytes", total.to_string())]);
        }
        figures.extend(self.gateway());
        figures
    }

    /// The processes that had most of the processor since they were last listed, as JSON.
    pub fn processes(&mut self) -> String {
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
        let mut processes: Vec<&Process> = self.system.processes().values().collect();
        let order = |p: &Process| (p.cpu_usage(), p.memory());
        processes.sort_by(|a, b| order(b).partial_cmp(&order(a)).unwrap_or(std::cmp::Ordering::Equal));
        let row = |process: &&Process| {
            json!({
                "pid": process.pid().as_u32(),
                "name": process.name().to_string_lossy(),
                "cpu": (f64::from(process.cpu_usage()) * 10.0).round() / 10.0,
                "memory": process.memory(),
            })
        };
        serde_json::Value::from_iter(processes.iter().take(PROCESSES_MAX).map(row)).to_string()
    }

    /// How much of the disk that holds `/` is used, and its size.
    fn disk(&self) -> Option<(u64, u64)> {
        let root = self.disks.iter().find(|disk| disk.mount_point() == "/").or(self.disks.first())?;
        Some((root.total_space().saturating_sub(root.available_space()), root.total_space()))
    }

    fn gateway(&mut self) -> Figures {
        let Some(pid) = self.pid else { return Vec::new() };
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
        let Some(process) = self.system.process(pid) else { return Vec::new() };
        vec![
            ("gateway_cpu_percent", format!("{:.1}", process.cpu_usage())),
            ("gateway_memory_bytes", process.memory().to_string()),
        ]
    }
}
