//! How much of the processor's time something has taken, in user mode and in the kernel together:
//! unlike the time on the clock, it says little about what else the machine does meanwhile.

use std::collections::HashMap;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use std::{fs, io};

/// What running a program has cost.
pub struct Cost {
    pub cpu: Duration,
    pub wall: Duration,
    pub output: Output,
}

/// Runs a program to its end. Nothing else may be run by this process meanwhile.
pub fn run(command: &mut Command) -> io::Result<Cost> {
    let (before, began) = (Times::read("self")?, Instant::now());
    let output = command.output()?;
    let after = Times::read("self")?;
    Ok(Cost { cpu: ticks(after.children - before.children), wall: began.elapsed(), output })
}

/// A process in `/proc`; times in ticks.
struct Times {
    parent: u32,
    own: u64,
    /// Of those of its children that have ended and were waited for.
    children: u64,
}

impl Times {
    fn read(process: &str) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name stands in brackets and may hold anything.
        let (_, rest) = text.rsplit_once(')').unwrap_or_default();
        let fields: Vec<u64> = rest.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        Ok(Self {
            parent: u32::try_from(field(1)).unwrap_or_default(),
            own: field(11) + field(12),
            children: field(13) + field(14),
        })
    }
}

/// Linux tells programs of hundredths of a second on every machine.
fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 10)
}

/// What a process and all below it have taken since they began.
pub fn of_tree(root: u32) -> io::Result<Duration> {
    let mut processes = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        // One that ends meanwhile is counted with its parent.
        if let (Ok(id), Ok(times)) = (name.parse::<u32>(), Times::read(&name)) {
            processes.insert(id, times);
        }
    }
    let below = |id: u32| {
        let mut at = id;
        while at != root {
            match processes.get(&at) {
                Some(times) => at = times.parent,
                None => return false,
            }
        }
        true
    };
    let of = |(id, times): (&u32, &Times)| if below(*id) { times.own + times.children } else { 0 };
    Ok(ticks(processes.iter().map(of).sum()))
}
