//! A disk that is so small that it can be filled.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own at a folder. Dropping it takes it away.
pub struct SmallDisk {
    at: PathBuf,
}

fn as_root(program: &str, args: &[&str]) -> Result<(), String> {
    let own_id = Command::new("id").arg("-u").output().map_err(|error| error.to_string())?;
    let mut command = match own_id.stdout == b"0\n" {
        true => Command::new(program),
        false => {
            let mut command = Command::new("sudo");
            command.args(["-n", program]);
            command
        }
    };
    let output = command.args(args).output().map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

impl SmallDisk {
    /// Makes the folder; an error tells why file systems cannot be mounted here.
    pub fn mount(at: &Path) -> Result<Self, String> {
        std::fs::create_dir(at).map_err(|error| error.to_string())?;
        let place = at.to_str().expect("a name in UTF-8");
        as_root("mount", &["-t", "tmpfs", "-o", "size=12m,mode=0777", "tmpfs", place])?;
        Ok(Self { at: at.to_owned() })
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    /// Leaves no room at all.
    pub fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        while file.write_all(&[0]).is_ok() {}
    }

    pub fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a service that still has files there must not keep it.
        if let Err(error) = as_root("umount", &["--lazy", self.at.to_str().expect("a name in UTF-8")]) {
            eprintln!("{} stays mounted: {error}", self.at.display());
        }
    }
}
