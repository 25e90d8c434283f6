//! Signing in: by certificate, and by the consent of each person.

mod certificate;
#[path = "../passed/mod.rs"]
mod passed;
