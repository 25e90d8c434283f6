//! Microsoft 365 through Microsoft Graph.

mod auth;
mod client;
mod error;
mod zones;
