//! mentord knows, with evidence, whether a mentoring session took place.
#![forbid(unsafe_code)]

pub mod sandbox;
