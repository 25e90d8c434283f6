//! People who consented one by one, as in the stories about that.

#[path = "../signing/browser.rs"]
pub mod browser;
#[path = "../signing/stage.rs"]
pub mod stage;
