//! Signing in: by certificate, and by the consent of each person.

mod browser;
mod calls;
mod certificate;
mod consent;
mod given_up;
mod lapse;
mod mistakes;
mod pages;
#[path = "../providers/passed.rs"]
mod passed;
#[path = "../postgres/mod.rs"]
mod postgres;
mod program;
mod restored;
mod stage;
mod tokens;
