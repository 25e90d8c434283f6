//! Handing alerts to people: channels and templates.
