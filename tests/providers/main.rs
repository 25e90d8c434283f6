//! The providers: each against scripted replies, both against the sandbox.

mod both;
mod google;
mod microsoft;
mod passed;
