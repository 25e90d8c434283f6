//! A new migration is built in, also when nothing else has changed.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
