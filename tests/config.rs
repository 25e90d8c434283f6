//! The configuration: what is accepted, and how mistakes are told.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use mentord::config::{self, Config, Problems};

fn load(file: &Path, environment: &[(&str, &str)]) -> Result<Config, Problems> {
    let environment = environment.iter();
    config::load_with(
        file,
        environment.map(|(name, value)| (OsString::from(name), OsString::from(value))),
    )
}

#[test]
fn look() {
    for f in fs::read_dir("tests/config-mistakes").unwrap() {
        let f = f.unwrap().path();
        if f.extension().is_some_and(|e| e == "toml") {
            println!("==== {}", f.display());
            match load(&f, &[]) {
                Ok(c) => println!("{c:#?}"),
                Err(e) => println!("{e}"),
            }
        }
    }
}
